// tape.js: the tape on its canvas: what is in view is drawn, at the position that the reader is at. A frame is drawn only
// when something changed.
'use strict';

const view = { x: 0, y: 0, zoom: 1, w: 0, h: 0, pixels: 1, frame: 0, context: null, canvas: null, move: null, spark: null };
const app = { position: 0, selected: null, lit: null, follow: true, pinned: false, playing: false, element: 0, fresh: true };

const glyphs = { parameter: '◆', leaf: '●', constant: '■', node: '▭' };
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const fonts = { bold: '600 12px system-ui, "DejaVu Sans", sans-serif', plain: '11px system-ui, "DejaVu Sans", sans-serif',
    mono: '11px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace' };

function roleOf(reference) {
    if (reference[0] === 'n') return 'node';
    return reference[0] === 'c' ? 'constant' : run.leaves[reference[1]].role === 'parameter' ? 'parameter' : 'leaf';
}

function redraw() {
    if (!view.frame) view.frame = requestAnimationFrame(drawFrame);
}

// ---- where the view is ----

function resizeView() {
    const box = view.canvas.parentElement.getBoundingClientRect();
    view.pixels = window.devicePixelRatio || 1;
    view.w = box.width;
    view.h = box.height;
    view.canvas.width = Math.max(1, Math.round(box.width * view.pixels));
    view.canvas.height = Math.max(1, Math.round(box.height * view.pixels));
    redraw();
}

function moveTo(x, y, zoom = view.zoom, atOnce = false) {
    if (atOnce || calm.matches) {
        Object.assign(view, { x, y, zoom, move: null });
    } else {
        view.move = { from: { x: view.x, y: view.y, zoom: view.zoom }, to: { x, y, zoom }, begun: performance.now(), lasts: 220 };
    }
    redraw();
}

function fitAll(atOnce = false) {
    const margin = 28, bottom = 60;
    const zoom = Math.min(1.25, (view.w - 2 * margin) / Math.max(layout.w, 1), (view.h - margin - bottom) / Math.max(layout.h, 1));
    moveTo((layout.w - view.w / zoom) / 2, (layout.h - (view.h - bottom + margin) / zoom) / 2, zoom, atOnce);
}

function zoomBy(factor, cx = view.w / 2, cy = view.h / 2) {
    const zoom = Math.min(3, Math.max(0.02, view.zoom * factor));
    const x = view.x + cx / view.zoom - cx / zoom, y = view.y + cy / view.zoom - cy / zoom;
    moveTo(x, y, zoom, true);
}

// Moves the view only if the item is not in it, or is too small to be read.
function bringIntoView(item, atOnce = false) {
    if (!item) return;
    const target = view.move ? view.move.to : view, zoom = target.zoom < 0.4 && layout.items.length > 60 ? 0.85 : target.zoom;
    const margin = { x: Math.min(90, view.w / 5) / zoom, y: Math.min(70, view.h / 5) / zoom };
    const w = view.w / zoom, h = view.h / zoom;
    const inside = zoom === target.zoom && item.x > target.x + margin.x && item.x + item.w < target.x + w - margin.x &&
        item.y > target.y + margin.y && item.y + item.h < target.y + h - margin.y;
    if (!inside) moveTo(item.x + item.w / 2 - w / 2, item.y + item.h / 2 - h / 2, zoom, atOnce || app.playing);
}

function itemAt(px, py) {
    const x = view.x + px / view.zoom, y = view.y + py / view.zoom;
    const inside = (item) => x >= item.x && x <= item.x + item.w && y >= item.y && y <= item.y + item.h;
    return layout.items.find(inside) || layout.boxes.find((box) => box.kind === 'module' && inside(box) && y < box.y + size.header) || null;
}

function slotOfItem(item) { return item.slot || 'n' + item.node + '.0'; }

// ---- drawing ----

const fitted = new Map();

function fitText(context, text, font, width) {
    const key = font + width + text;
    let known = fitted.get(key);
    if (known !== undefined) return known;
    context.font = font;
    known = text;
    if (context.measureText(text).width > width) {
        let keep = text.length;
        while (keep > 0 && context.measureText(text.slice(0, keep) + '…').width > width) keep--;
        known = text.slice(0, keep) + '…';
    }
    if (fitted.size > 20000) fitted.clear();
    fitted.set(key, known);
    return known;
}

function writeText(context, text, x, y, font, color, width = 1e9) {
    context.font = font;
    context.fillStyle = color;
    context.fillText(width < 1e9 ? fitText(context, text, font, width) : text, x, y);
}

function roundBox(context, x, y, w, h, r) {
    const c = Math.min(r, w / 2, h / 2);
    context.beginPath();
    context.moveTo(x + c, y);
    context.arcTo(x + w, y, x + w, y + h, c);
    context.arcTo(x + w, y + h, x, y + h, c);
    context.arcTo(x, y + h, x, y, c);
    context.arcTo(x, y, x + w, y, c);
    context.closePath();
}

// A parameter has cut corners, another leaf is round, a constant is dotted, a node is a card.
function outline(context, item) {
    const { x, y, w, h } = item;
    if (item.kind === 'leaf' && run.leaves[item.index].role === 'parameter') {
        const c = 9;
        context.beginPath();
        context.moveTo(x + c, y);
        for (const [px, py] of [[x + w - c, y], [x + w, y + c], [x + w, y + h - c], [x + w - c, y + h], [x + c, y + h], [x, y + h - c],
            [x, y + c]]) context.lineTo(px, py);
        context.closePath();
    } else roundBox(context, x, y, w, h, item.kind === 'leaf' ? h / 2 : item.kind === 'constant' ? 2 : 7);
}

// A value in a small place: a number if it is one, else its picture.
function drawValue(context, value, shape, isGradient, x, y, w, h) {
    const elements = elementsOf(value), c = theme.colors;
    if (elements && elements.length === 1) {
        writeText(context, numberAsText(elements[0], 4), x, y + h - 3, fonts.mono, Number.isFinite(elements[0]) ? c.ink : c.bad, w);
        return;
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(knownPicture(value, shape, isGradient), x, y, w, h);
    const bad = statisticsOf(value).bad;
    if (bad) writeText(context, '!', x + w - 5, y + h - 2, fonts.bold, c.ink);
}

// The place where a gradient adds up: dashed while empty, filling as contributions come, then the gradient.
function drawSlot(context, key, tensor, x, y, w, h) {
    const list = contributionsTo(key), k = arrivedAt(key, app.position), c = theme.colors;
    const complete = isComplete(key, app.position);
    context.lineWidth = 1;
    context.setLineDash(complete ? [] : [3, 2]);
    context.strokeStyle = c.backward;
    if (complete && tensor.grad) drawValue(context, tensor.grad, tensor.shape, true, x + 1, y + 1, w - 2, h - 2);
    else if (k) {
        context.globalAlpha *= 0.35;
        context.fillStyle = c.backward;
        context.fillRect(x, y, w * k / list.length, h);
        context.globalAlpha /= 0.35;
        writeText(context, k + '/' + list.length, x + 4, y + h - 3, fonts.mono, c.ink, w - 6);
    }
    if (!complete || !oneNumber(tensor.grad)) context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    context.setLineDash([]);
}

// What a card's border says: {color, width, dash, alpha}.
function stateOf(item, event) {
    const c = theme.colors, p = app.position;
    const isCurrent = item === view.current;
    const color = event.kind === 'forward' ? c.forward : c.backward;
    if (isCurrent) return { color, width: 3, dash: [], alpha: 1 };
    if (item.kind === 'leaf' || item.kind === 'constant')
        return { color: c[roleOf([item.kind[0], item.index])], width: 1.5, dash: item.kind === 'constant' ? [2, 2] : [], alpha: 1 };
    const nodes = item.nodes || [item.node];
    if (!isComputed(nodes[0], p)) return { color: c.edge, width: 1, dash: [4, 3], alpha: 0.5 };
    if (p <= nodeCount) return { color: c.edge, width: 1, dash: [], alpha: 1 };
    const state = backwardState(item.node, p);
    if (item.kind === 'node' && state === 'open') return { color: c.backward, width: 2, dash: [], alpha: 1 };
    if (item.kind === 'node' && state === 'done') return { color: c.backward, width: 1.2, dash: [], alpha: 0.85 };
    return { color: c.edge, width: 1, dash: [], alpha: item.kind === 'node' && state === 'none' ? 0.45 : 1 };
}

function isDimmed(item) {
    if (!app.lit) return false;
    if (slotOfItem(item) === app.lit.key) return false;
    return !(item.nodes || [item.node]).some((n) => app.lit.nodes.has(n));
}

function drawItem(context, item, event) {
    const c = theme.colors, state = stateOf(item, event);
    context.globalAlpha = isDimmed(item) ? 0.2 : state.alpha;
    outline(context, item);
    context.fillStyle = c.card;
    context.fill();
    if (app.found && app.found.has(item)) {
        context.fillStyle = c.found;
        context.fill();
    }
    context.setLineDash(state.dash);
    context.lineWidth = state.width;
    context.strokeStyle = state.color;
    context.stroke();
    context.setLineDash([]);
    if (slotOfItem(item) === app.selected || (item.kind === 'fold' && app.selected && item.nodes.includes(slotReference(app.selected)[1]))) {
        outline(context, { ...item, x: item.x - 4, y: item.y - 4, w: item.w + 8, h: item.h + 8 });
        context.lineWidth = 1.5;
        context.strokeStyle = c.ink;
        context.stroke();
    }
    if (view.zoom > 0.38) {
        if (item.kind === 'node') drawNode(context, item);
        else if (item.kind === 'fold') drawFold(context, item);
        else drawLeaf(context, item);
    } else if (view.zoom > 0.16) {
        const text = item.caption || (item.slot ? slotName(item.slot).replace(/^.*\./, '') : run.nodes[item.node].op);
        writeText(context, text, item.x + 8, item.y + item.h * 0.68, '600 22px system-ui, sans-serif', c.ink, item.w - 12);
    }
    context.globalAlpha = 1;
}

function drawNode(context, item) {
    const c = theme.colors, node = run.nodes[item.node], result = node.outputs[0], key = 'n' + item.node + '.0';
    const name = item.caption ? item.caption + ' ' + node.op : node.op;
    const shape = node.outputs.length > 1 ? '×' + node.outputs.length : result.shape.length ? shapeAsText(result.shape).replace(/ /g, '') : '';
    context.font = fonts.plain;
    const shapeWidth = shape ? Math.min(context.measureText(shape).width, 64) : 0;
    writeText(context, name, item.x + 8, item.y + 17, fonts.bold, c.ink, item.w - shapeWidth - 20);
    if (shape) writeText(context, shape, item.x + item.w - 8 - shapeWidth, item.y + 17, fonts.plain, c.faint, 64);
    if (isComputed(item.node, app.position) && result.value) drawValue(context, result.value, result.shape, false, item.x + 8, item.y + 25, 62, 14);
    if (app.position > nodeCount && contributionsTo(key).length) drawSlot(context, key, result, item.x + item.w - 70, item.y + 25, 62, 14);
    if (model.keepers.has(key) && isComputed(item.node, app.position)) {
        context.fillStyle = c.saved;
        context.beginPath();
        context.moveTo(item.x + item.w - 11, item.y + 0.5);
        context.lineTo(item.x + item.w - 0.5, item.y + 0.5);
        context.lineTo(item.x + item.w - 0.5, item.y + 11);
        context.fill();
    }
    drawChips(context, item, node);
}

// Inputs whose edges are not drawn are told by small signs on the upper edge.
function drawChips(context, item, node) {
    node.inputs.forEach((input, i) => {
        if (!input || input[0] === 'n') return;
        const key = slotKey(input);
        if (layout.ofCard.has(key) && model.readers.get(key).length <= 4) return;
        const role = roleOf(input), x = item.x + item.w * (i + 1) / (node.inputs.length + 1);
        writeText(context, glyphs[role], x - 4, item.y + 4, '10px system-ui, "DejaVu Sans", sans-serif', theme.colors[role]);
    });
}

function drawFold(context, item) {
    const c = theme.colors, nodes = item.nodes, p = app.position;
    writeText(context, item.caption + (item.type && item.type !== item.caption ? ' ' + item.type : ''), item.x + 8, item.y + 17, fonts.bold, c.ink, item.w - 30);
    writeText(context, '⊞', item.x + item.w - 18, item.y + 17, fonts.bold, c.faint);
    writeText(context, say('nodesIn', { n: nodes.length }), item.x + 8, item.y + 36, fonts.plain, c.faint, 70);
    let computed = 0, done = 0;
    for (const n of nodes) {
        if (isComputed(n, p)) computed++;
        if (model.doneAt[n] <= p) done++;
    }
    const x = item.x + 80, w = item.w - 90;
    context.fillStyle = c.line;
    context.fillRect(x, item.y + 27, w, 4);
    context.fillRect(x, item.y + 34, w, 4);
    context.fillStyle = c.forward;
    context.fillRect(x, item.y + 27, w * computed / nodes.length, 4);
    context.fillStyle = c.backward;
    context.fillRect(x, item.y + 34, w * done / nodes.length, 4);
}

function drawLeaf(context, item) {
    const c = theme.colors, reference = [item.kind[0], item.index], tensor = tensorOf(reference), role = roleOf(reference);
    const name = tensor.name ? tensor.name.split('.').slice(-2).join('.') : shapeAsText(tensor.shape);
    writeText(context, glyphs[role], item.x + 8, item.y + 13, fonts.plain, c[role]);
    writeText(context, name, item.x + 21, item.y + 13, fonts.bold, c.ink, item.w - 30);
    if (tensor.value) drawValue(context, tensor.value, tensor.shape, false, item.x + 9, item.y + 16, item.kind === 'leaf' ? 46 : 92, 11);
    if (item.kind === 'leaf' && app.position > nodeCount && contributionsTo(item.slot).length)
        drawSlot(context, item.slot, tensor, item.x + 61, item.y + 16, 48, 11);
}

function drawBoxes(context, seen) {
    const c = theme.colors;
    for (const box of layout.boxes) {
        if (!seen(box)) continue;
        roundBox(context, box.x, box.y, box.w, box.h, 10);
        if (box.kind === 'module') {
            context.fillStyle = c.box;
            context.fill();
        }
        context.strokeStyle = c.line;
        context.lineWidth = 1;
        context.setLineDash(box.kind === 'step' ? [2, 4] : []);
        context.stroke();
        context.setLineDash([]);
        if (view.zoom < 0.3) continue;
        if (box.kind === 'step') writeText(context, 't = ' + box.step, box.x + 10, box.y + 16, fonts.bold, c.faint);
        else writeText(context, '⊟ ' + box.caption + (box.type && box.type !== box.caption ? '  ' + box.type : ''), box.x + 8, box.y + 15, fonts.bold, c.faint, box.w - 16);
    }
}

// Edges in groups, each one stroke: not computed yet, computed, gradient has flowed, on the lit paths.
function edgeGroup(edge, position) {
    const input = run.nodes[edge.node].inputs[edge.input];
    if (app.lit && (app.lit.nodes.has(edge.node) && (slotKey(input) === app.lit.key || (input[0] === 'n' && app.lit.nodes.has(input[1]))))) return 'lit';
    const isSelected = app.selected && (edge.from.slot === app.selected || slotOfItem(edge.to) === app.selected);
    if (edge.quiet && !isSelected) return null;
    const at = edgeTime(edge.node, edge.input);
    if (at <= position) return 'flowed';
    return isComputed(edge.node, position) ? 'computed' : 'waits';
}

const edgeTimes = new Map();

function edgeTime(node, input) {
    if (!edgeTimes.size)
        run.walk.forEach((event, w) => { if (event[0] === 'e') edgeTimes.set(event[1] * 4096 + event[2], nodeCount + 1 + w); });
    const at = edgeTimes.get(node * 4096 + input);
    return at === undefined ? Infinity : at;
}

function pathOf(context, p) {
    context.moveTo(p[0], p[1]);
    context.bezierCurveTo(p[2], p[3], p[4], p[5], p[6], p[7]);
}

function drawEdges(context, seen) {
    const c = theme.colors, groups = { waits: [], computed: [], flowed: [], lit: [] };
    if (view.zoom < 0.1 && !app.lit) return;
    for (const edge of layout.edges) {
        if (!seen(edge.box || (edge.box = boxAround(edge.points)))) continue;
        const group = edgeGroup(edge, app.position);
        if (group) groups[group].push(edge);
    }
    const looks = { waits: [c.line, 1.2], computed: [c.edge, 1.3], flowed: [c.backward, 1.6], lit: [c.leaf, 3] };
    for (const name of Object.keys(groups)) {
        context.globalAlpha = app.lit && name !== 'lit' ? 0.25 : name === 'lit' ? 1 : 0.8;
        [context.strokeStyle, context.lineWidth] = looks[name];
        context.lineWidth = Math.max(context.lineWidth, 0.7 / view.zoom);
        context.beginPath();
        for (const edge of groups[name]) pathOf(context, edge.points);
        context.stroke();
    }
    context.globalAlpha = 1;
}

function boxAround(p) {
    const x = Math.min(p[0], p[2], p[4], p[6]), y = Math.min(p[1], p[3], p[5], p[7]);
    return { x, y, w: Math.max(p[0], p[2], p[4], p[6]) - x, h: Math.max(p[1], p[3], p[5], p[7]) - y };
}

function curvePoint(p, s) {
    const r = 1 - s, a = r * r * r, b = 3 * r * r * s, d = 3 * r * s * s, e = s * s * s;
    return { x: a * p[0] + b * p[2] + d * p[4] + e * p[6], y: a * p[1] + b * p[3] + d * p[5] + e * p[7] };
}

// The edge along which something goes at this position, drawn above the cards.
function drawCurrent(context, event, now) {
    const c = theme.colors;
    const edges = event.kind === 'edge' ? layout.edges.filter((edge) => edge.node === event.node && edge.input === event.input)
        : event.kind === 'forward' ? layout.edges.filter((edge) => edge.node === event.node) : [];
    const isForward = event.kind === 'forward';
    let share = 1;
    if (view.spark) {
        share = Math.min(1, (now - view.spark.begun) / view.spark.lasts);
        if (share >= 1) view.spark = null;
        else redraw();
    }
    context.strokeStyle = context.fillStyle = isForward ? c.forward : c.backward;
    context.lineWidth = Math.max(2.5, 1.2 / view.zoom);
    for (const edge of edges) {
        context.beginPath();
        pathOf(context, edge.points);
        context.stroke();
        const at = curvePoint(edge.points, isForward ? share : 1 - share);
        context.beginPath();
        context.arc(at.x, at.y, Math.max(5, 3 / view.zoom), 0, 7);
        context.fill();
    }
}

function currentItem(event) {
    if (event.kind === 'start') return null;
    return event.kind === 'ready' ? itemOf(['l', event.leaf]) : layout.ofNode[event.node];
}

function drawFrame(now) {
    view.frame = 0;
    if (view.move) {
        const share = Math.min(1, (now - view.move.begun) / view.move.lasts), eased = 1 - (1 - share) ** 3;
        for (const name of ['x', 'y', 'zoom']) view[name] = view.move.from[name] + (view.move.to[name] - view.move.from[name]) * eased;
        if (share >= 1) view.move = null;
        else redraw();
    }
    const context = view.context, scale = view.zoom * view.pixels, event = eventAt(app.position);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, view.canvas.width, view.canvas.height);
    context.setTransform(scale, 0, 0, scale, -view.x * scale, -view.y * scale);
    const right = view.x + view.w / view.zoom, bottom = view.y + view.h / view.zoom;
    const seen = (box) => box.x + box.w >= view.x - 8 && box.x <= right + 8 && box.y + box.h >= view.y - 8 && box.y <= bottom + 8;
    view.current = currentItem(event);
    drawBoxes(context, seen);
    drawEdges(context, seen);
    for (const item of layout.items) if (seen(item)) drawItem(context, item, event);
    drawCurrent(context, event, now);
    drawOverview(event);
}

// ---- the whole tape, small ----

const overview = { canvas: null, picture: null, scale: 1, of: null, version: -1 };

function drawOverview(event) {
    const fits = layout.w * view.zoom <= view.w && layout.h * view.zoom <= view.h;
    overview.canvas.hidden = fits;
    if (fits) return;
    if (overview.of !== layout.items || overview.version !== theme.version) makeOverview();
    const context = overview.canvas.getContext('2d'), s = overview.scale, c = theme.colors;
    context.clearRect(0, 0, overview.canvas.width, overview.canvas.height);
    context.drawImage(overview.picture, 0, 0);
    if (view.current) {
        context.fillStyle = event.kind === 'forward' ? c.forward : c.backward;
        context.fillRect(view.current.x * s - 2, view.current.y * s - 2, Math.max(5, view.current.w * s), Math.max(5, view.current.h * s));
    }
    context.strokeStyle = c.ink;
    context.lineWidth = 1.5;
    context.strokeRect(view.x * s, view.y * s, Math.max(3, view.w / view.zoom * s), Math.max(3, view.h / view.zoom * s));
}

function makeOverview() {
    const s = Math.min(230 / Math.max(layout.w, 1), 130 / Math.max(layout.h, 1));
    const w = Math.max(24, Math.ceil(layout.w * s)), h = Math.max(24, Math.ceil(layout.h * s));
    Object.assign(overview, { scale: s, of: layout.items, version: theme.version, picture: document.createElement('canvas') });
    for (const canvas of [overview.canvas, overview.picture]) Object.assign(canvas, { width: w, height: h });
    const context = overview.picture.getContext('2d'), c = theme.colors;
    context.fillStyle = c.box;
    for (const box of layout.boxes) context.fillRect(box.x * s, box.y * s, box.w * s, box.h * s);
    for (const item of layout.items) {
        context.fillStyle = item.slot ? c[roleOf([item.kind[0], item.index])] : c.edge;
        context.fillRect(item.x * s, item.y * s, Math.max(0.8, item.w * s), Math.max(0.8, item.h * s));
    }
}
