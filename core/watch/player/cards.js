// cards.js: one thing on the tape's canvas: a node, a folded module, a leaf, with their numbers and gradients as they are at
// the reader's position.
'use strict';

const glyphs = { parameter: '◆', leaf: '●', constant: '■', node: '▭' };
const fonts = { bold: '600 12px system-ui, "DejaVu Sans", sans-serif', plain: '11px system-ui, "DejaVu Sans", sans-serif',
    mono: '11px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace' };

function roleOf(reference) {
    if (reference[0] === 'n') return 'node';
    return reference[0] === 'c' ? 'constant' : run.leaves[reference[1]].role === 'parameter' ? 'parameter' : 'leaf';
}

function slotOfItem(item) { return item.slot || 'n' + item.node + '.0'; }

const fitted = new Map(), widths = new Map();

function textWidth(context, text, font) {
    const key = font + text;
    if (!widths.has(key)) {
        context.font = font;
        widths.set(key, context.measureText(text).width);
    }
    return widths.get(key);
}

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
        writeText(context, numberAsText(elements[0], 4), x, y + h - 3, fonts.mono, Number.isFinite(elements[0]) ? isGradient ? c.backward : c.ink : c.bad, w);
        return;
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(knownPicture(value, shape, isGradient), x, y, w, h);
    const bad = statisticsOf(value).bad;
    if (bad) writeText(context, '!', x + w - 5, y + h - 2, fonts.bold, c.ink);
}

// The picture of what has come so far, made anew when more has.
const partialSums = { pictures: new Map(), version: 0 };

function partialPicture(key, k, shape) {
    if (partialSums.version !== theme.version || partialSums.pictures.size > 4000) Object.assign(partialSums, { pictures: new Map(), version: theme.version });
    const name = key + ' ' + k;
    if (!partialSums.pictures.has(name)) {
        const sum = sumOfCells(contributionsTo(key).slice(0, k).map((one) => one.value), shape);
        partialSums.pictures.set(name, sum && pictureOf(sum, true));
    }
    return partialSums.pictures.get(name);
}

// So far: the sum, and how many of its terms it has.
function drawPartialSum(context, key, list, k, tensor, x, y, w, h) {
    const c = theme.colors, counted = list.length > 1 && w > 50 ? k + '/' + list.length : '';
    const one = countOf(tensor.shape) === 1 ? sumOfCells(list.slice(0, k).map((term) => term.value), tensor.shape) : null;
    const picture = one ? null : partialPicture(key, k, tensor.shape);
    context.imageSmoothingEnabled = false;
    if (picture) context.drawImage(picture, x + 1, y + 1, counted ? w - 26 : w - 2, h - 2);
    else {
        context.globalAlpha *= 0.35;
        context.fillStyle = c.backward;
        context.fillRect(x, y, w * k / list.length, h);
        context.globalAlpha /= 0.35;
    }
    if (one) writeText(context, numberAsText(one.cells[0], 4) + '  ' + counted, x + 4, y + h - 3, fonts.mono, c.ink, w - 6);
    else writeText(context, counted, x + w - 23, y + h - 3, '9px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace', c.ink, 24);
}

// Of a node with several outputs: how much of all their gradients has come.
function drawSlots(context, node, x, y, w, h) {
    let k = 0, n = 0;
    run.nodes[node].outputs.forEach((_, o) => {
        const key = 'n' + node + '.' + o;
        k += arrivedAt(key, app.position);
        n += contributionsTo(key).length;
    });
    if (!n) return;
    context.fillStyle = context.strokeStyle = theme.colors.backward;
    context.globalAlpha *= 0.35;
    context.fillRect(x, y, w * k / n, h);
    context.globalAlpha /= 0.35;
    context.lineWidth = 1;
    context.setLineDash(app.position >= model.visitAt[node] ? [] : [3, 2]);
    context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    context.setLineDash([]);
    writeText(context, k + '/' + n, x + 4, y + h - 3, fonts.mono, theme.colors.ink, w - 6);
}

// The place where a gradient adds up: dashed while more may come, then the gradient.
function drawSlot(context, key, tensor, x, y, w, h) {
    const list = contributionsTo(key), k = arrivedAt(key, app.position), complete = isComplete(key, app.position);
    context.lineWidth = 1;
    context.setLineDash(complete ? [] : [3, 2]);
    context.strokeStyle = theme.colors.backward;
    if (complete && tensor.grad) drawValue(context, tensor.grad, tensor.shape, true, x + 1, y + 1, w - 2, h - 2);
    else if (k) drawPartialSum(context, key, list, k, tensor, x, y, w, h);
    if (!complete || oneNumber(tensor.grad) === null) context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    context.setLineDash([]);
}

// What a card's border says: {color, width, dash, alpha}.
function stateOf(item, event) {
    const c = theme.colors, p = app.position;
    const isCurrent = item === view.current;
    const color = event.kind === 'forward' ? c.forward : c.backward;
    if (isCurrent) return { color, width: 3, dash: [], alpha: 1 };
    if (item.kind === 'leaf' || item.kind === 'constant')
        return { color: c[roleOf([item.kind[0], item.index])], width: 1.5, dash: item.kind === 'constant' ? [2, 2] : [],
            alpha: model.readers.has(item.slot) ? 1 : 0.45 };
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
    const name = (result.name ? result.name + ' = ' : '') + (item.caption ? item.caption + ' ' : '') + node.op;
    const shape = node.outputs.length > 1 ? '×' + node.outputs.length : result.shape.length ? shapeAsText(result.shape).replace(/ /g, '') : '';
    // A shape is there whole or not at all: the name is cut for it, if enough of the name is left.
    const shapeWidth = textWidth(context, shape, fonts.plain), room = item.w - 24 - shapeWidth, isShown = shape && room >= Math.min(textWidth(context, name, fonts.bold), 72);
    writeText(context, name, item.x + 8, item.y + 17, fonts.bold, c.ink, isShown ? room : item.w - 14);
    if (isShown) writeText(context, shape, item.x + item.w - 8 - shapeWidth, item.y + 17, fonts.plain, c.faint);
    if (isComputed(item.node, app.position) && result.value) drawValue(context, result.value, result.shape, false, item.x + 8, item.y + 25, 78, 14);
    const slot = [item.x + item.w - 86, item.y + 25, 78, 14];
    if (app.position > nodeCount && node.outputs.length > 1) drawSlots(context, item.node, ...slot);
    else if (app.position > nodeCount && contributionsTo(key).length) drawSlot(context, key, result, ...slot);
    if (isComputed(item.node, app.position) && node.outputs.some((_, o) => model.keepers.has('n' + item.node + '.' + o)))
        drawSaved(context, item.x + item.w - 0.5, item.y + 0.5);
    drawChips(context, item, node);
}

// A corner: some node has saved it.
function drawSaved(context, x, y) {
    context.fillStyle = theme.colors.saved;
    context.beginPath();
    context.moveTo(x - 11, y);
    context.lineTo(x, y);
    context.lineTo(x, y + 11);
    context.fill();
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
    writeText(context, sayCount('oneNode', 'nodesIn', nodes.length), item.x + 8, item.y + 36, fonts.plain, c.faint, 70);
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
    const name = tensor.name ? slotName(item.slot).split('.').slice(-2).join('.') : shapeAsText(tensor.shape).replace(/ /g, '');
    // A number without a name is all there is to say.
    if (item.kind === 'constant' && !tensor.name && oneNumber(tensor.value) !== null) {
        writeText(context, glyphs[role], item.x + 8, item.y + 19, fonts.plain, c[role]);
        writeText(context, numberAsText(oneNumber(tensor.value)), item.x + 23, item.y + 19, fonts.bold, c.ink, item.w - 30);
        return;
    }
    writeText(context, glyphs[role], item.x + 8, item.y + 13, fonts.plain, c[role]);
    writeText(context, name, item.x + 21, item.y + 13, fonts.bold, c.ink, item.w - 30);
    if (tensor.value) drawValue(context, tensor.value, tensor.shape, false, item.x + 9, item.y + 16, item.kind === 'leaf' ? 46 : 92, 11);
    if (model.keepers.has(item.slot)) drawSaved(context, item.x + item.w - 9, item.y + 4);
    if (item.kind === 'leaf' && app.position > nodeCount && contributionsTo(item.slot).length)
        drawSlot(context, item.slot, tensor, item.x + 61, item.y + 16, 48, 11);
}
