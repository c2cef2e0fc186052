// panel.js: what is selected, in words and numbers, as it is at this position.
'use strict';

// element('p', {class: 'faint', title: '...'}, 'text', child, ...)
function element(tag, attributes = {}, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === false || value === null || value === undefined) continue;
        if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
        else e.setAttribute(name, value === true ? '' : value);
    }
    e.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return e;
}

function heading(key) { return element('h3', {}, say(key)); }
function faint(text) { return element('p', { class: 'faint' }, text); }

function goTo(key, text = slotName(key)) {
    return element('button', { class: 'go', 'data-slot': key, onclick: () => selectSlot(key, true) }, text);
}

// ---- parts of the panel ----

function roleGlyph(reference) {
    const role = roleOf(reference), sign = element('span', { class: 'glyph', title: say(role) }, glyphs[role] + ' ');
    sign.style.color = role === 'node' ? 'var(--faint)' : `var(--${role})`;
    return sign;
}

function showTitle(key) {
    const reference = slotReference(key), tensor = tensorOf(reference), parts = [say(roleOf(reference))];
    parts.push(shapeAsText(tensor.shape) + ' ' + tensor.dtype);
    let where = tensor.where || '';
    if (reference[0] === 'n') {
        const n = reference[1];
        if (moduleOf(n)) parts.push(moduleOf(n));
        if (model.step[n] >= 0) parts.push(say('step', { t: model.step[n] }));
        where = placeText(n);
    }
    const title = element('h2', { class: 'title', 'data-slot': key }, roleGlyph(reference), slotName(key));
    return [title, faint(parts.join(' · ')), where ? faint(say('madeAt') + ' ' + where) : null];
}

function showPaths(key) {
    if (key[0] === 'c') return [];
    const paths = countPaths(key), nodes = app.lit && app.lit.key === key ? app.lit.nodes.size : 0;
    const text = say(paths === 0 ? 'noPath' : paths === 1 ? 'onePath' : 'paths', { n: countText(paths) });
    return [faint(text + (nodes ? '; ' + say('onPaths', { n: nodes }) : ''))];
}

// A formula, and under it the same with the numbers of one element; `shape` is that of what it computes.
function formulaLine(part, node, shape, index, result, isBackward) {
    const line = element('p', { class: 'formula' + (isBackward ? ' back' : '') }, formulaText(part));
    const product = part.tree ? null : filledProduct(part, node, shape, index, result);
    const filled = product === null ? filledIn(part, node, index) : product;
    if (filled === null) return line;
    const left = part.left && part.left + (countOf(shape) > 1 ? elementAddress(index, shape) : '') + ' = ';
    line.append(element('br'), element('span', { class: 'numbers' }, left + filled + (result === null || result === undefined || filled === numberAsText(result) ? '' : ' = ' + numberAsText(result))));
    return line;
}

function elementAddress(index, shape) { return '[' + addressOf(index, shape).join(', ') + ']'; }

function showFormula(node, index) {
    const n = run.nodes[node], op = run.ops[n.op] || {}, lines = [heading('formula')];
    const result = elementsOf(n.outputs[0].value);
    for (const part of readFormula(op.formula)) lines.push(formulaLine(part, node, n.outputs[0].shape, index, result ? result[index] : null, false));
    if (op.doc) lines.push(faint(op.doc));
    if (n.attributes) lines.push(faint(say('attributes') + ': ' + n.attributes));
    return lines;
}

function showInputs(node) {
    const lines = [heading('inputs')];
    for (const input of run.nodes[node].inputs.slice(0, 12)) {
        if (!input) continue;
        const key = slotKey(input), tensor = tensorOf(input);
        lines.push(element('div', { class: 'item ' + roleOf(input) }, roleGlyph(input), goTo(key), element('span', { class: 'faint' }, ' ' + shapeAsText(tensor.shape)),
            ...showValue(tensor.value, tensor, false)));
    }
    const more = run.nodes[node].inputs.length - 12;
    if (more > 0) lines.push(faint(say('more', { n: more })));
    return lines;
}

function contributionItem(c, tensor, position) {
    const from = c.node < 0 ? say('given') : null;
    const isNew = c.at === position, waits = c.at > position;
    const step = c.node >= 0 && model.step[c.node] >= 0 ? ' · ' + say('step', { t: model.step[c.node] }) : '';
    return element('div', { class: 'item' + (waits ? ' waits' : isNew ? ' new' : ''), 'data-contribution': c.at }, from || say('from') + ' ', c.node < 0 ? null : goTo('n' + c.node + '.0'), step,
        ...(waits ? [faint(say('toCome'))] : showValue(c.value, tensor, true)));
}

// What has come of a gradient so far, and what it adds up to.
function showGradient(key, position) {
    const reference = slotReference(key), tensor = tensorOf(reference), list = contributionsTo(key);
    const lines = [heading('gradientOf')];
    if (!list.length) return [...lines, faint(say(reference[0] === 'n' && model.visitAt[reference[1]] === Infinity ? 'notReached' : 'noGradient'))];
    const arrived = arrivedAt(key, position), complete = isComplete(key, position);
    lines.push(faint(say('contributions', { arrived, n: list.length })));
    const items = list.length <= 6 ? list.map((c) => contributionItem(c, tensor, position)) : [];
    lines.push(...items);
    if (list.some((c) => c.chain)) lines.push(faint(say('chainNote')));
    // One contribution is the sum, and is not shown twice.
    if (complete && list.length === 1 && list[0].value === tensor.grad) items[0].classList.add('sum');
    else if (complete || arrived) lines.push(element('div', { class: 'item sum', 'data-sum': key },
        element('span', {}, say(complete ? 'sum' : 'sumSoFar') + ' ', element('span', { class: 'faint' }, complete ? sumNumbers(list, tensor.grad) : '')),
        ...(complete ? showValue(tensor.grad, tensor, true) : showPartialSum(list.slice(0, arrived), tensor))));
    if (reference[0] === 'l' && tensor.before) lines.push(element('div', { class: 'item' }, say('before'), ...showValue(tensor.before, tensor, true)));
    return list.length > 1 ? [...lines, ...showMultiples(key, list, tensor, position)] : lines;
}

function showPartialSum(contributions, tensor) {
    const sum = sumOfCells(contributions.map((c) => c.value), tensor.shape);
    return sum ? showCells(sum, true, { dtype: 'float64', shape: tensor.shape }) : [];
}

// Every contribution as a small picture, all in one scale, in the order of time; a bar has its largest magnitude. They stay
// while the reader steps: there may be hundreds.
const multiples = { of: null, parts: [], buttons: [] };

function showMultiples(key, list, tensor, position) {
    const of = [key, theme.version, language, app.map].join(' ');
    if (multiples.of !== of) Object.assign(multiples, { of, ...makeMultiples(list, tensor) });
    for (const { button, at } of multiples.buttons) {
        button.classList.toggle('waits', at > position);
        if (at === position) button.setAttribute('aria-current', 'step');
        else button.removeAttribute('aria-current');
    }
    return multiples.parts;
}

function makeMultiples(list, tensor) {
    const chosen = (cells) => (cells.exact ? cells : mapOf(cells, chosenMap(cells)));
    const drawn = list.filter((c) => c.node >= 0 && c.value).map((c) => ({ c, cells: chosen(cellsOf(c.value, tensor.shape)) }));
    if (drawn.length < 2 || (drawn[0].cells.cells.length === 1 && drawn.length < 3)) return { parts: [], buttons: [] };
    const withTime = drawn.some((one) => model.step[one.c.node] >= 0);
    if (withTime) drawn.sort((a, b) => model.step[a.c.node] - model.step[b.c.node] || a.c.node - b.c.node);
    const most = Math.max(...drawn.map((one) => largestOf(one.cells))), range = { low: -most || -1, high: most || 1 };
    const buttons = drawn.slice(0, 400).map(({ c, cells }) => ({ at: c.at, button: oneMultiple(c, cells, range, withTime) }));
    const row = element('div', { class: 'multiples' }, ...buttons.map((one) => one.button));
    return { parts: [heading('overTime'), row, faint(say('scaleNote', { most: numberAsText(most) }))], buttons };
}

function oneMultiple(c, cells, range, withTime) {
    const picture = pictureOf(cells, true, range), largest = largestOf(cells), bar = element('i');
    picture.style.width = '44px';
    picture.style.height = Math.max(10, Math.min(44, 44 * cells.rows / Math.max(cells.columns, 1))) + 'px';
    bar.style.width = 100 * largest / range.high + '%';
    return element('button', { title: slotName('n' + c.node + '.0') + '\n' + say('largest') + ' ' + numberAsText(largest),
        onclick: () => setPosition(c.at, { keep: true }) }, picture, element('span', { class: 'bar' }, bar),
        withTime ? 't=' + model.step[c.node] : '%' + c.node);
}

function showHandedOver(node, index, position) {
    const n = run.nodes[node], parts = readFormula((run.ops[n.op] || {}).gradient), lines = [heading('handsOver')];
    n.inputs.forEach((input, i) => {
        const at = edgeTime(node, i);
        if (!input || at === Infinity) return;
        const event = run.walk[at - nodeCount - 1], tensor = tensorOf(input), elements = elementsOf(event[3]);
        const own = Math.min(index, Math.max(0, countOf(tensor.shape) - 1));
        lines.push(element('div', { class: 'item ' + roleOf(input) + (at > position ? ' waits' : at === position ? ' new' : '') }, roleGlyph(input), goTo(slotKey(input)),
            parts[i] ? handedFormula(parts[i], node, tensor, own, elements) : null,
            ...(at > position ? [faint(say('toCome'))] : showValue(event[3], tensor, true))));
    });
    if (parts.length && n.inputs.length > parts.length) lines.push(element('p', { class: 'formula' }, run.ops[n.op].gradient));
    return lines.length > 1 ? lines : [];
}

// A pointwise formula is filled in only where nothing was broadcast: there every element has terms of its own.
function handedFormula(part, node, tensor, index, elements) {
    const isWhole = !part.tree || countOf(tensor.shape) === countOf(run.nodes[node].outputs[0].shape);
    return isWhole ? formulaLine(part, node, tensor.shape, index, elements ? elements[index] : null, true)
        : element('p', { class: 'formula back' }, formulaText(part));
}

function showSaved(node) {
    const saved = run.nodes[node].saved || [];
    if (!saved.length) return [];
    const list = saved.map((one) => {
        const tensor = one.what ? tensorOf(one.what) : one, bytes = one.what ? bytesOf(tensor) : one.bytes;
        return element('p', {}, '▲ ', one.what ? goTo(slotKey(one.what)) : say('ownTensor'),
            element('span', { class: 'faint' }, ' ' + shapeAsText(tensor.shape) + ' · ' + bytesAsText(bytes)));
    });
    return [heading('saves'), ...list];
}

function showUsers(key) {
    const users = (model.readers.get(key) || []).map((reader) => reader.node), kept = model.keepers.get(key) || [], lines = [];
    if (users.length) {
        const shown = users.slice(0, 8).map((n) => element('p', {}, goTo('n' + n + '.0'), model.step[n] >= 0 ? ' · ' + say('step', { t: model.step[n] }) : ''));
        lines.push(heading('readBy'), ...shown, users.length > 8 ? faint(say('more', { n: users.length - 8 })) : null);
    }
    if (kept.length) lines.push(faint('▲ ' + say('kept', { n: kept.length })));
    return lines;
}

// ---- all of it ----

function showFold(item) {
    const button = element('button', { onclick: () => toggleFold(item.key) }, say('unfold'));
    return [faint(item.caption + ' · ' + say('module') + (item.type ? ' · ' + item.type : '') + ' · ' + sayCount('oneNode', 'nodesIn', item.nodes.length)), button];
}

function showPanel() {
    const panel = document.getElementById('panel'), key = app.selected, position = app.position;
    if (!key) {
        panel.replaceChildren(faint(say('selectHint')));
        return;
    }
    const reference = slotReference(key), tensor = tensorOf(reference), isNode = reference[0] === 'n';
    const parts = [...showTitle(key), ...showPaths(key)];
    const count = countOf(tensor.shape), index = Math.min(app.element, Math.max(0, count - 1));
    const computed = !isNode || isComputed(reference[1], position);
    if (isNode) parts.push(...showFormula(reference[1], index));
    parts.push(heading(isNode ? 'result' : 'value'));
    const pick = (i) => { app.element = i; showPanel(); };
    parts.push(...(computed ? showValue(tensor.value, tensor, false, { at: isNode && count > 1 ? index : -1, pick }) : [faint(say('notComputed'))]));
    if (isNode && run.nodes[reference[1]].outputs.length > 1) parts.push(showOutputs(reference));
    if (reference[0] !== 'c' && position > nodeCount) parts.push(...showGradient(key, position));
    if (isNode && position > nodeCount) parts.push(...showHandedOver(reference[1], index, position));
    if (isNode) parts.push(...showInputs(reference[1]), ...showSaved(reference[1]));
    parts.push(...showUsers(key));
    const folded = isNode && layout.ofNode[reference[1]];
    if (folded && folded.kind === 'fold') parts.unshift(...showFold(folded));
    panel.replaceChildren(...parts.filter((part) => part));
}

function showOutputs(reference) {
    const row = element('p');
    run.nodes[reference[1]].outputs.forEach((output, i) => row.append(goTo('n' + reference[1] + '.' + i, '.' + i + ' ' + shapeAsText(output.shape)), ' '));
    return row;
}
