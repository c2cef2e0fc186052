// layout.js: where everything lies. Rows are read like a text: what stands later on the tape never stands above what came
// before it, and what reads a result stands below it. Sizes are in units of one pixel at a zoom of 1.
'use strict';

const size = { card: { w: 184, h: 46 }, leaf: { w: 118, h: 30 }, gap: { x: 18, y: 24 }, pad: 12, header: 22, column: 46 };

const layout = {
    folded: new Set(),   // module keys
    items: [],           // cards: {kind: 'node' | 'fold' | 'leaf' | 'constant', x, y, w, h, ...}
    boxes: [],           // behind them: {kind: 'module' | 'step', x, y, w, h, ...}
    edges: [],           // {from, to: items, node, input, quiet}
    ofNode: [],          // node -> the item that shows it, itself or a folded module
    ofCard: new Map(),   // 'l3', 'c1' -> item
    w: 0, h: 0,
};

// ---- rows ----

// Which entries of a sequence each one reads, by their numbers.
function dependencies(entries) {
    const owner = new Map();
    entries.forEach((entry, e) => entry.columns.forEach((list) => list.forEach((n) => owner.set(n, e))));
    return entries.map((entry, e) => {
        const before = new Set();
        for (const list of entry.columns)
            for (const n of list)
                for (const input of run.nodes[n].inputs) {
                    const from = input && input[0] === 'n' ? owner.get(input[1]) : undefined;
                    if (from !== undefined && from < e) before.add(from);
                }
        return before;
    });
}

function lineOf(entry) {
    const list = entry.columns.find((nodes) => nodes.length);
    const node = run.nodes[list[0]];
    return node.source + ':' + node.line;
}

function isCard(entry) { return entry.kind === 'node' || (entry.kind === 'module' && layout.folded.has(entry.key)); }

// Cards share a row while none reads another one of it; in a loop's body also only those of one line of the source.
function rowsOf(entries, lanes, byLine) {
    const before = dependencies(entries), rowOf = [], rows = [];
    let open = null;
    entries.forEach((entry, e) => {
        let least = 0;
        for (const from of before[e]) least = Math.max(least, rowOf[from] + 1);
        const line = byLine && isCard(entry) ? lineOf(entry) : null;
        const joins = open && isCard(entry) && open.list.length < lanes && least < rows.length && (!byLine || open.line === line);
        if (!joins) rows.push({ list: [], line });
        rows[rows.length - 1].list.push(entry);
        open = isCard(entry) ? rows[rows.length - 1] : null;
        rowOf[e] = rows.length - 1;
    });
    return rows.map((row) => row.list);
}

function rowsOfCards(container, width) {
    const cards = (container.cards || []).map((card) => ({ ...card, w: size.leaf.w, h: size.leaf.h }));
    const lanes = Math.max(4, Math.min(14, Math.floor(width / (size.leaf.w + size.gap.x))));
    const rows = [];
    for (let i = 0; i < cards.length; i += lanes) rows.push(cards.slice(i, i + lanes));
    return rows;
}

// ---- sizes ----

// Gives an entry its w and h, and those in it their places in it.
function measure(entry, inRegion) {
    if (isCard(entry)) return Object.assign(entry, size.card);
    if (entry.kind === 'region') {
        const inside = measureSequence(entry, true);
        entry.pitch = inside.w + size.column;
        return Object.assign(entry, { w: entry.steps.length * entry.pitch - size.column + 2 * size.pad, h: inside.h + size.header + size.pad });
    }
    const inside = measureSequence(entry, inRegion);
    return Object.assign(entry, { w: inside.w + 2 * size.pad, h: inside.h + size.header + size.pad });
}

function rowWidth(row) { return row.reduce((sum, entry) => sum + entry.w + size.gap.x, -size.gap.x); }

function measureSequence(container, inRegion) {
    for (const entry of container.entries) measure(entry, inRegion);
    const few = nodeCount <= 60 && !inRegion;
    const rows = rowsOf(container.entries, inRegion ? 2 : few ? 4 : 3, inRegion);
    let width = Math.max(0, ...rows.map(rowWidth));
    const cards = inRegion ? [] : rowsOfCards(container, width);
    width = Math.max(width, ...cards.map(rowWidth));
    // Beside a wide loop what comes before it stands at its beginning, what comes after it at its end.
    let y = 0, wide = false;
    for (const row of [...cards, ...rows]) {
        const isWide = row.some((entry) => entry.kind === 'region' || entry.wide);
        const own = rowWidth(row);
        let x = width < 1200 ? (width - own) / 2 : wide && !isWide ? width - own : 0;
        const height = Math.max(...row.map((entry) => entry.h));
        for (const entry of row) {
            entry.x = x;
            entry.y = y + (height - entry.h) / 2;
            x += entry.w + size.gap.x;
        }
        wide = wide || isWide;
        y += height + (cards.includes(row) && cards.indexOf(row) < cards.length - 1 ? 8 : size.gap.y);
    }
    container.wide = wide && width >= 1200;
    container.rows = [...cards, ...rows];
    return { w: width, h: Math.max(0, y - size.gap.y) };
}

// ---- places ----

function emitCard(entry, x, y, column) {
    const nodes = entry.columns[column];
    const box = { x, y, w: entry.w, h: entry.h };
    const item = entry.kind === 'node' ? { kind: 'node', node: nodes[0], caption: entry.caption, ...box }
        : { kind: 'fold', nodes, node: nodes[0], caption: entry.name, type: entry.type, key: entry.key, ...box };
    layout.items.push(item);
    for (const n of nodes) layout.ofNode[n] = item;
}

function emitLeaf(card, x, y) {
    const item = { kind: card.kind, index: card.index, slot: card.kind[0] + card.index, x, y, w: card.w, h: card.h };
    layout.items.push(item);
    layout.ofCard.set(item.slot, item);
}

function emitSequence(container, x, y, column, depth) {
    for (const row of container.rows)
        for (const entry of row) {
            if (entry.index !== undefined) emitLeaf(entry, x + entry.x, y + entry.y);
            else if (entry.kind === 'region') emitRegion(entry, x + entry.x, y + entry.y, depth);
            else if (!entry.columns[column].length) continue;
            else if (isCard(entry)) emitCard(entry, x + entry.x, y + entry.y, column);
            else {
                layout.boxes.push({ kind: 'module', key: entry.key, caption: entry.name, type: entry.type, depth, nodes: entry.columns[column],
                    x: x + entry.x, y: y + entry.y, w: entry.w, h: entry.h });
                emitSequence(entry, x + entry.x + size.pad, y + entry.y + size.header, column, depth + 1);
            }
        }
}

function emitRegion(region, x, y, depth) {
    region.steps.forEach((step, c) => {
        const left = x + size.pad + c * region.pitch;
        layout.boxes.push({ kind: 'step', step, depth, x: left - size.pad, y, w: region.pitch - size.column + 2 * size.pad, h: region.h });
        emitSequence(region, left, y + size.header, c, depth + 1);
    });
}

// ---- edges ----

function itemOf(reference) {
    if (reference[0] === 'n') return layout.ofNode[reference[1]];
    return layout.ofCard.get(slotKey(reference)) || cardOfFold(slotKey(reference));
}

// A leaf whose module is folded is shown by that module.
function cardOfFold(key) {
    const readers = model.readers.get(key) || [];
    const items = new Set(readers.map((reader) => layout.ofNode[reader.node]));
    const [only] = items;
    return items.size === 1 && only.kind === 'fold' ? only : null;
}

function connect() {
    const seen = new Set();
    run.nodes.forEach((node, n) => {
        const to = layout.ofNode[n];
        node.inputs.forEach((input, i) => {
            const from = input && itemOf(input);
            if (!from || from === to) return;
            const isFold = from.kind === 'fold' || to.kind === 'fold';
            const key = isFold ? from.id + '>' + to.id : null;
            if (key && seen.has(key)) return;
            if (key) seen.add(key);
            const quiet = input[0] !== 'n' && (model.readers.get(slotKey(input)) || []).length > 4;
            const share = (i + 1) / (node.inputs.length + 1);
            layout.edges.push({ from, to, node: n, input: i, quiet, ...curve(from, to, share) });
        });
    });
}

// A Bezier curve from the lower edge of one card to the upper edge of another; beside cards that lie between them, and
// from side to side where the reader's column is the next one.
function curve(from, to, share) {
    const start = { x: from.x + from.w / 2, y: from.y + from.h }, end = { x: to.x + to.w * share, y: to.y };
    const apart = to.x - (from.x + from.w);
    if (end.y < start.y + 6 || apart > size.column / 2 && apart < 2 * size.column && Math.abs(start.y - end.y) > 120) {
        const left = { x: from.x + from.w, y: from.y + from.h * 0.5 }, right = { x: to.x, y: to.y + to.h * 0.5 };
        if (right.x > left.x) {
            const bend = Math.min((right.x - left.x) * 0.9, 160);
            return { points: [left.x, left.y, left.x + bend, left.y, right.x - bend, right.y, right.x, right.y] };
        }
    }
    const down = end.y - start.y, side = Math.abs(end.x - start.x);
    if (down > size.card.h + 1.5 * size.gap.y && side < size.card.w) {
        // Such a curve goes three quarters of the way to its middle points.
        const middle = (start.x + end.x) / 2, edge = Math.max(from.x + from.w, to.x + to.w) + 10 + Math.min(down / 30, 24);
        const out = middle + (edge - middle) / 0.75;
        return { points: [start.x, start.y, out, start.y + Math.min(down * 0.2, 60), out, end.y - Math.min(down * 0.2, 60), end.x, end.y] };
    }
    const bend = Math.min(Math.max(down * 0.5, 14), 120);
    return { points: [start.x, start.y, start.x, start.y + bend, end.x, end.y - bend, end.x, end.y] };
}

function layOut() {
    Object.assign(layout, { items: [], boxes: [], edges: [], ofNode: new Array(nodeCount), ofCard: new Map() });
    const inside = measureSequence(tree.root, false);
    emitSequence(tree.root, 0, 0, 0, 0);
    layout.items.forEach((item, i) => { item.id = i; });
    connect();
    layout.w = inside.w;
    layout.h = inside.h;
}

// At first so many modules are folded that what is left can be looked at. Steps in time are columns, which are looked at
// one after the other however many there are.
function foldAtFirst() {
    const most = model.step.some((step) => step >= 0) ? 8000 : 600;
    const keys = moduleKeys();
    for (let depth = Math.max(0, ...keys.values()); ; depth--) {
        layOut();
        if (layout.items.length <= most || depth < 1) return;
        for (const [key, at] of keys) if (at >= depth) layout.folded.add(key);
    }
}

function setFolded(key, isFolded) {
    if (isFolded) layout.folded.add(key);
    else layout.folded.delete(key);
    layOut();
}

// Unfolds what hides a node.
function unfoldTo(node) {
    let changed = false;
    for (let depth = 0; depth < model.path[node].length; depth++)
        changed = layout.folded.delete(moduleKey(node, depth)) || changed;
    if (changed) layOut();
    return changed;
}
