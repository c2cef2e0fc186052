// colors.js: the page's colours, and heat maps as little pictures. Values are drawn from dark to light, gradients from
// blue through nothing to orange; both can be told apart by those who see no red or no green.
'use strict';

const scales = {
    // Lightness rises evenly; see core/show/matrix.c.
    value: [[52, 1, 86], [48, 29, 140], [1, 75, 156], [5, 111, 149], [8, 141, 156], [13, 173, 157], [26, 207, 134],
        [153, 225, 105], [236, 238, 85]],
    gradient: {
        light: [[5, 48, 97], [33, 102, 172], [87, 151, 204], [168, 206, 229], [246, 246, 244], [253, 209, 154],
            [244, 147, 55], [200, 84, 12], [120, 45, 4]],
        dark: [[158, 209, 250], [92, 164, 224], [46, 115, 180], [32, 70, 112], [44, 44, 48], [110, 62, 20], [176, 92, 18],
            [236, 136, 38], [255, 200, 130]],
    },
    bad: [230, 0, 150],
};

const theme = { name: 'light', colors: {}, version: 0 };

// The colours of the style sheet, for what is drawn on canvases.
function readTheme() {
    const style = getComputedStyle(document.documentElement);
    theme.name = style.getPropertyValue('--name').trim() || 'light';
    for (const name of ['paper', 'ground', 'ink', 'faint', 'line', 'edge', 'card', 'forward', 'backward', 'parameter', 'leaf',
        'constant', 'saved', 'box', 'found', 'bad'])
        theme.colors[name] = style.getPropertyValue('--' + name).trim();
    theme.version++;
}

function scaleColor(scale, share) {
    const at = Math.min(Math.max(share, 0), 1) * (scale.length - 1);
    const i = Math.min(Math.floor(at), scale.length - 2), rest = at - i;
    return [0, 1, 2].map((c) => Math.round(scale[i][c] + (scale[i + 1][c] - scale[i][c]) * rest));
}

// {low, high} that the colours span: a gradient's are even on both sides of 0.
function rangeOf(drawn, isGradient) {
    if (isGradient) {
        const largest = largestOf(drawn) || 1;
        return { low: -largest, high: largest };
    }
    let low = Infinity, high = -Infinity;
    for (const x of drawn.cells) {
        if (!Number.isFinite(x)) continue;
        if (x < low) low = x;
        if (x > high) high = x;
    }
    return low <= high ? { low, high } : { low: 0, high: 1 };
}

function colorOf(x, isGradient, range) {
    if (!Number.isFinite(x)) return scales.bad;
    const width = range.high - range.low;
    const share = width > 0 ? (x - range.low) / width : 0.5;
    return scaleColor(isGradient ? scales.gradient[theme.name] || scales.gradient.light : scales.value, share);
}

// A picture of one pixel a cell, of the first maps in so many rows, `across` of them in one, a pixel between them.
function pictureOf(drawn, isGradient, range = rangeOf(drawn, isGradient), across = Math.min(drawn.maps, 4), down = 1) {
    const picture = document.createElement('canvas'), columns = Math.max(drawn.columns, 1), rows = Math.max(drawn.rows, 1);
    picture.width = Math.max(across, 1) * (columns + 1) - 1;
    picture.height = down * (rows + 1) - 1;
    const context = picture.getContext('2d');
    const pixels = context.createImageData(picture.width, picture.height);
    const shown = Math.min(drawn.cells.length, across * down * columns * rows);
    for (let i = 0; i < shown; i++) {
        const [r, g, b] = colorOf(drawn.cells[i], isGradient, range);
        const map = Math.floor(i / (columns * rows)), y = Math.floor(map / across) * (rows + 1) + Math.floor(i / columns) % rows;
        pixels.data.set([r, g, b, 255], (y * picture.width + map % across * (columns + 1) + i % columns) * 4);
    }
    context.putImageData(pixels, 0, 0);
    return picture;
}

const pictures = { of: new WeakMap(), version: 0 };

// The same, remembered.
function knownPicture(value, shape, isGradient) {
    if (pictures.version !== theme.version) {
        pictures.of = new WeakMap();
        pictures.version = theme.version;
    }
    let known = pictures.of.get(value);
    if (!known) pictures.of.set(value, known = {});
    const kind = isGradient ? 'gradient' : 'value';
    if (!known[kind]) known[kind] = pictureOf(cellsOf(value, shape), isGradient);
    return known[kind];
}
