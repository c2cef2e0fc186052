// tape.js: the tape on its canvas: what is in view is drawn, at the position that the reader is at. A frame is drawn only
// when something changed.
'use strict';

const view = { x: 0, y: 0, zoom: 1, w: 0, h: 0, pixels: 1, frame: 0, context: null, canvas: null, move: null, spark: null, fits: false };
const app = { position: 0, selected: null, lit: null, follow: true, pinned: false, playing: false, element: 0, map: 0, notesRead: false };

const calm = matchMedia('(prefers-reduced-motion: reduce)');

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
    if (view.fits) fitAll(true);
    if (layout.items.length) drawFrame(performance.now());   // at once: a canvas of a new size is empty
}

function moveTo(x, y, zoom = view.zoom, atOnce = false) {
    view.fits = false;
    if (atOnce || calm.matches) {
        Object.assign(view, { x, y, zoom, move: null });
    } else {
        view.move = { from: { x: view.x, y: view.y, zoom: view.zoom }, to: { x, y, zoom }, begun: performance.now(), lasts: 220 };
    }
    redraw();
}

// What lies over the edges of the canvas: buttons above, the legend below. In pixels.
const edges = { x: 28, top: 44, bottom: 60 };

function fitAll(atOnce = false) {
    const zoom = Math.min(1.25, (view.w - 2 * edges.x) / Math.max(layout.w, 1), (view.h - edges.top - edges.bottom) / Math.max(layout.h, 1));
    const place = keptOnTape(0, 0, zoom);
    moveTo(place.x, place.y, zoom, atOnce);
    view.fits = true;   // until the reader moves it
}

// A place for the view that shows no more of nothing than it must: a tape that fits whole is in the middle.
function keptOnTape(x, y, zoom) {
    const kept = (at, size, room, before, after) => {
        const least = -before / zoom, most = size - (room - after) / zoom;
        return most <= least ? (least + most) / 2 : Math.min(most, Math.max(least, at));
    };
    return { x: kept(x, layout.w, view.w, edges.x, edges.x), y: kept(y, layout.h, view.h, edges.top, edges.bottom) };
}

function zoomBy(factor, cx = view.w / 2, cy = view.h / 2) {
    const zoom = Math.min(3, Math.max(0.02, view.zoom * factor));
    const x = view.x + cx / view.zoom - cx / zoom, y = view.y + cy / view.zoom - cy / zoom;
    moveTo(x, y, zoom, true);
}

// The box around an item and another one, if both can be seen at once, else around the first.
function boxOfBoth(item, other, w, h) {
    if (!other) return item;
    const x = Math.min(item.x, other.x), y = Math.min(item.y, other.y);
    const both = { x, y, w: Math.max(item.x + item.w, other.x + other.w) - x, h: Math.max(item.y + item.h, other.y + other.h) - y };
    return both.w <= w && both.h <= h ? both : item;
}

// Moves the view only if the item is not in it, or is too small to be read; with it what receives something from it.
function bringIntoView(item, atOnce = false, other = null) {
    if (!item) return;
    const target = view.move ? view.move.to : view, zoom = target.zoom < 0.4 && layout.items.length > 60 ? 0.85 : target.zoom;
    const w = view.w / zoom, h = view.h / zoom, box = boxOfBoth(item, other, w - 2 * edges.x / zoom, h - (edges.top + edges.bottom) / zoom);
    const margin = { x: Math.min(90 / zoom, (w - box.w) / 2), y: Math.min(70 / zoom, (h - box.h) / 2) };
    const isWithin = (left, top, more) => box.x >= target.x + left && box.x + box.w <= target.x + w - left &&
        box.y >= target.y + top && box.y + box.h <= target.y + h - more;
    const whole = layout.w <= w && layout.h <= h && isWithin(0, edges.top / zoom, 0);
    if (zoom === target.zoom && (whole || isWithin(margin.x, margin.y, margin.y))) return;
    const place = keptOnTape(box.x + box.w / 2 - w / 2, box.y + box.h / 2 - h / 2, zoom);
    if (zoom !== target.zoom || place.x !== target.x || place.y !== target.y) moveTo(place.x, place.y, zoom, atOnce || app.playing);
}

function itemAt(px, py) {
    const x = view.x + px / view.zoom, y = view.y + py / view.zoom;
    const inside = (item) => x >= item.x && x <= item.x + item.w && y >= item.y && y <= item.y + item.h;
    return layout.items.find(inside) || layout.boxes.find((box) => box.kind === 'module' && inside(box) && y < box.y + size.header) || null;
}

// ---- drawing ----

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

// The edges along which something goes at this position.
function currentEdges(event) {
    if (event.kind === 'edge') return layout.edges.filter((edge) => edge.node === event.node && edge.input === event.input);
    return event.kind === 'forward' ? layout.edges.filter((edge) => edge.node === event.node) : [];
}

function drawCurrentEdges(context, event, edges) {
    context.strokeStyle = event.kind === 'forward' ? theme.colors.forward : theme.colors.backward;
    context.lineWidth = Math.max(3, 1.4 / view.zoom);
    context.beginPath();
    for (const edge of edges) pathOf(context, edge.points);
    context.stroke();
}

// A dot that goes along them when the reader steps, above the cards.
function drawSpark(context, event, edges, now) {
    const isForward = event.kind === 'forward';
    const share = view.spark ? Math.min(1, (now - view.spark.begun) / view.spark.lasts) : 1;
    if (share >= 1) view.spark = null;
    else redraw();
    context.fillStyle = isForward ? theme.colors.forward : theme.colors.backward;
    for (const edge of edges) {
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

// Who receives what a node hands over.
function receiverOf(event) { return event.kind === 'edge' ? itemOf(event.to) : null; }

// One that is not in view is named at the edge where it lies.
function drawReceiver(context, event) {
    const item = receiverOf(event);
    if (!item) return;
    const x = (item.x + item.w / 2 - view.x) * view.zoom, y = (item.y + item.h / 2 - view.y) * view.zoom;
    if (x > 0 && x < view.w && y > 0 && y < view.h) return;
    const sign = y < 0 ? '↑' : y > view.h ? '↓' : x < 0 ? '←' : '→', text = sign + ' ' + slotName(slotKey(event.to)), w = textWidth(context, text, fonts.bold) + 16;
    const left = Math.min(Math.max(x - w / 2, 8), view.w - w - 8), top = Math.min(Math.max(y - 12, edges.top), view.h - edges.bottom - 24);
    context.setTransform(view.pixels, 0, 0, view.pixels, 0, 0);
    roundBox(context, left, top, w, 24, 6);
    context.fillStyle = theme.colors.card;
    context.fill();
    context.strokeStyle = theme.colors.backward;
    context.lineWidth = 2;
    context.stroke();
    writeText(context, text, left + 8, top + 16, fonts.bold, theme.colors.backward);
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
    const flows = currentEdges(event);
    drawCurrentEdges(context, event, flows);
    for (const item of layout.items) if (seen(item)) drawItem(context, item, event);
    drawSpark(context, event, flows, now);
    drawReceiver(context, event);
    drawOverview(event);
}

// ---- the whole tape, small ----

// A tape of many steps is long and flat: the overview is higher than it would be in proportion.
const overview = { canvas: null, picture: null, across: 1, down: 1, of: null, version: -1 };

function drawOverview(event) {
    const fits = layout.w * view.zoom <= view.w && layout.h * view.zoom <= view.h;
    overview.canvas.hidden = fits;
    if (fits) return;
    if (overview.of !== layout.items || overview.version !== theme.version) makeOverview();
    const context = overview.canvas.getContext('2d'), { across, down } = overview, c = theme.colors;
    context.clearRect(0, 0, overview.canvas.width, overview.canvas.height);
    context.drawImage(overview.picture, 0, 0);
    if (view.current) {
        context.fillStyle = event.kind === 'forward' ? c.forward : c.backward;
        context.fillRect(view.current.x * across - 2, view.current.y * down - 2, Math.max(5, view.current.w * across), Math.max(5, view.current.h * down));
    }
    context.strokeStyle = c.ink;
    context.lineWidth = 1.5;
    context.strokeRect(view.x * across, view.y * down, Math.max(3, view.w / view.zoom * across), Math.max(3, view.h / view.zoom * down));
}

function makeOverview() {
    const scale = Math.min(230 / Math.max(layout.w, 1), 140 / Math.max(layout.h, 1));
    const w = Math.max(36, Math.ceil(layout.w * scale)), h = Math.max(48, Math.ceil(layout.h * scale));
    const across = w / Math.max(layout.w, 1), down = h / Math.max(layout.h, 1);
    Object.assign(overview, { across, down, of: layout.items, version: theme.version, picture: document.createElement('canvas') });
    for (const canvas of [overview.canvas, overview.picture]) Object.assign(canvas, { width: w, height: h });
    const context = overview.picture.getContext('2d'), c = theme.colors;
    context.fillStyle = c.box;
    for (const box of layout.boxes) context.fillRect(box.x * across, box.y * down, box.w * across, box.h * down);
    for (const item of layout.items) {
        context.fillStyle = item.slot ? c[roleOf([item.kind[0], item.index])] : c.edge;
        context.fillRect(item.x * across, item.y * down, Math.max(0.8, item.w * across), Math.max(0.8, item.h * down));
    }
}
