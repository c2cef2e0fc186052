// values.js: a value in the panel: its numbers, or heat maps with what they span. The last two dimensions are a matrix; of
// several, heads or channels, one is shown large, and all of them small in a strip.
'use strict';

// Black or white, whichever is easier to read on a colour (WCAG's relative luminance).
function inkOn(rgb) {
    const [r, g, b] = rgb.map((x) => (x <= 10 ? x / 3294 : ((x / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
}

function numberCell(drawn, i, isGradient, range, options) {
    const x = drawn.cells[i], color = colorOf(x, isGradient, range);
    const cell = element('td', { title: wholeText(x, options.dtype), class: !Number.isFinite(x) ? 'bad' : null, 'data-value': String(x) }, numberAsText(x));
    cell.style.background = `rgb(${color.join(',')})`;
    cell.style.color = inkOn(color);
    if (options.at === i) cell.classList.add('at');
    if (options.pick) cell.addEventListener('click', () => options.pick(i));
    return cell;
}

// Matrices one below the other, each under its index; a row alone is cut into several.
function numbersTable(drawn, isGradient, options) {
    const range = options.range || rangeOf(drawn, isGradient), table = element('table', { class: 'numbers' }), body = element('tbody');
    const columns = Math.max(drawn.columns, 1), perRow = drawn.rows === 1 && drawn.maps === 1 ? Math.min(columns, 8) : columns;
    for (let i = 0; i < drawn.cells.length; i += perRow) {
        const row = element('tr');
        if (drawn.maps > 1 && i % (drawn.rows * columns) === 0)
            body.append(element('tr', {}, element('th', { colspan: columns }, mapAddress(i / (drawn.rows * columns), options.shape))));
        for (let j = i; j < Math.min(i + perRow, drawn.cells.length); j++) row.append(numberCell(drawn, j, isGradient, range, options));
        body.append(row);
    }
    table.append(body);
    return table;
}

function statisticsLine(value) {
    const s = statisticsOf(value);
    const line = element('p', { class: 'stats' }, say('statistics', { min: numberAsText(s.min), mean: numberAsText(s.mean), max: numberAsText(s.max) }));
    line.title = [s.min, s.mean, s.max].map((x) => (x === null ? '–' : String(x))).join('  ');
    if (s.bad) line.append(' ', element('span', { class: 'bad' }, say('bad', { n: s.bad })));
    return line;
}

// What rows and columns are, where a shape has both.
function axesText(shape) {
    const n = shape.length;
    return n < 2 ? '' : say('axes', { r: n - 2, rows: shape[n - 2], c: n - 1, columns: shape[n - 1] });
}

// "[1, 3, :, :]": which matrix of a tensor.
function mapAddress(map, shape) {
    const before = shape.slice(0, -2);
    return '[' + [...addressOf(map, before), ':', ':'].join(', ') + ']';
}

function addressOf(index, shape) {
    const at = [];
    for (let d = shape.length - 1, rest = index; d >= 0; rest = Math.floor(rest / shape[d]), d--) at.unshift(rest % shape[d]);
    return at;
}

function heatMap(drawn, isGradient, range, shape) {
    const w = Math.min(220, Math.max(112, 28 * drawn.columns)), picture = pictureOf(drawn, isGradient, range), text = [say('heat'), axesText(shape)].filter((part) => part).join('; ');
    const h = Math.max(14, Math.min(w, Math.round(w * drawn.rows / Math.max(drawn.columns, 1) * (drawn.rows > 1 ? 0.75 : 1))));
    picture.className = 'heat';
    picture.style.width = w + 'px';
    picture.style.height = h + 'px';
    picture.setAttribute('role', 'img');
    picture.setAttribute('aria-label', text);
    picture.title = text;
    return picture;
}

// The map that is shown of so many, here and everywhere; the button that was pressed stays under the finger.
function chooseMap(map) {
    const buttons = () => [...document.querySelectorAll('#panel .which button')], pressed = buttons().indexOf(document.activeElement);
    app.map = map;
    showPanel();
    if (pressed >= 0) buttons()[pressed].focus();
}

function chosenMap(drawn) { return Math.min(app.map, drawn.maps - 1); }

function mapChooser(drawn, shape) {
    const map = chosenMap(drawn), turn = (sign, to, key) => element('button', { onclick: () => chooseMap(to), 'aria-label': say(key), title: say(key) }, sign);
    const all = matricesOf(shape).maps;
    return element('p', { class: 'which' }, turn('‹', (map + drawn.maps - 1) % drawn.maps, 'mapBefore'), element('span', {}, mapAddress(map, shape)),
        turn('›', (map + 1) % drawn.maps, 'mapAfter'), element('span', { class: 'faint' }, say(all > drawn.maps ? 'mapsOf' : 'maps', { n: drawn.maps, all })));
}

// All maps small, the last of the dimensions before them to the right if it has at most eight.
function mapStrip(drawn, isGradient, range, shape) {
    const before = shape.slice(0, -2), last = before[before.length - 1];
    const across = Math.min(drawn.maps, before.length > 1 && last > 1 && last <= 8 ? last : 8), down = Math.ceil(drawn.maps / across);
    const picture = pictureOf(drawn, isGradient, range, across, down), w = Math.min(54, 232 / across);
    const h = Math.max(6, Math.min(w, w * (drawn.rows + 1) / (drawn.columns + 1))), map = chosenMap(drawn), mark = element('i');
    picture.style.width = w * across + 'px';
    picture.style.height = h * down + 'px';
    Object.assign(mark.style, { left: map % across * w + 'px', top: Math.floor(map / across) * h + 'px', width: w - w / (drawn.columns + 1) + 'px', height: h - h / (drawn.rows + 1) + 'px' });
    const mapAt = (event) => Math.min(across - 1, Math.floor(event.offsetX / w)) + across * Math.min(down - 1, Math.floor(event.offsetY / h));
    picture.addEventListener('pointermove', (event) => { picture.title = mapAt(event) < drawn.maps ? mapAddress(mapAt(event), shape) : ''; });
    picture.addEventListener('click', (event) => { if (mapAt(event) < drawn.maps) chooseMap(mapAt(event)); });
    return element('div', { class: 'strip', 'aria-hidden': 'true' }, picture, mark);
}

function heatMaps(drawn, isGradient, options) {
    const range = options.range || rangeOf(drawn, isGradient), shape = options.shape, axes = axesText(shape);
    const one = heatMap(drawn.maps > 1 ? mapOf(drawn, chosenMap(drawn)) : drawn, isGradient, range, shape);
    return [...(drawn.maps > 1 ? [mapChooser(drawn, shape)] : []), one, ...(drawn.maps > 1 ? [mapStrip(drawn, isGradient, range, shape)] : []),
        ...(axes ? [element('p', { class: 'axes' }, axes)] : [])];
}

// As numbers if there are few, else as heat maps with what they span.
function showValue(value, tensor, isGradient, options = {}) {
    if (!value) return [faint(say('notKept'))];
    const drawn = cellsOf(value, tensor.shape), all = { dtype: tensor.dtype, shape: tensor.shape, ...options };
    return drawn.exact ? showCells(drawn, isGradient, all) : [...heatMaps(drawn, isGradient, all), statisticsLine(value)];
}

function showCells(drawn, isGradient, options) {
    if (!drawn.exact) return heatMaps(drawn, isGradient, options);
    if (drawn.cells.length === 1) {
        const x = drawn.cells[0];
        return [element('span', { class: 'scalar' + (Number.isFinite(x) ? '' : ' bad'), title: wholeText(x, options.dtype), 'data-value': String(x) }, numberAsText(x))];
    }
    return [numbersTable(drawn, isGradient, options)];
}
