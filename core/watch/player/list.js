// list.js: the tape as a table, for those who read better than they look, and for paper.
'use strict';

const list = { rows: [], from: 0, most: 250 };

function briefValue(value) {
    const elements = elementsOf(value);
    if (elements && elements.length === 1) return numberAsText(elements[0]);
    const s = statisticsOf(value);
    return s ? numberAsText(s.min, 3) + ' … ' + numberAsText(s.max, 3) + (s.bad ? ' · ' + say('bad', { n: s.bad }) : '') : '–';
}

function listRow(n) {
    const node = run.nodes[n], result = node.outputs[0], place = [moduleOf(n), model.step[n] >= 0 ? 't=' + model.step[n] : ''].filter((text) => text).join(' ');
    return element('tr', { 'data-node': n, tabindex: -1 }, element('td', {}, '%' + n), element('td', {}, node.op), element('td', {}, place),
        element('td', { class: 'wide' }, inputNames(n).join(', ')), element('td', {}, node.outputs.length > 1 ? '×' + node.outputs.length : shapeAsText(result.shape)),
        element('td', {}, briefValue(result.value)), element('td', {}, briefValue(result.grad)), element('td', {}, placeText(n)));
}

function listTable(nodes) {
    const head = element('tr', {}, ...['index', 'op', 'module', 'reads', 'shape', 'value', 'gradient', 'where'].map((key) => element('th', { scope: 'col' }, say(key))));
    return element('table', { class: 'tape' }, element('thead', {}, head), element('tbody', {}, ...nodes));
}

// A page of rows, the one that has this node.
function fillList(node) {
    const box = document.getElementById('list'), from = Math.floor(node / list.most) * list.most, to = Math.min(nodeCount, from + list.most);
    list.from = from;
    list.rows = run.nodes.slice(from, to).map((_, i) => listRow(from + i));
    const table = listTable(list.rows);
    table.setAttribute('aria-rowcount', nodeCount + 1);
    list.rows.forEach((row, i) => row.setAttribute('aria-rowindex', from + i + 2));
    const turn = (key, to) => element('button', { onclick: () => fillList(to) }, say(key));
    box.replaceChildren(...(from ? [turn('earlier', from - 1)] : []), table, ...(to < nodeCount ? [turn('later', to)] : []));
    box.scrollTop = 0;
}

function markListRow() {
    const box = document.getElementById('list');
    if (box.hidden) return;
    for (const row of list.rows) row.removeAttribute('aria-current');
    const node = eventAt(app.position).node;
    if (node === undefined) return;
    if (node < list.from || node >= list.from + list.rows.length) fillList(node);
    const row = list.rows[node - list.from];
    row.setAttribute('aria-current', 'step');
    row.scrollIntoView({ block: 'nearest' });
}

function showList(isShown) {
    const box = document.getElementById('list'), event = eventAt(app.position);
    box.hidden = !isShown;
    document.getElementById('show-list').setAttribute('aria-pressed', String(isShown));
    if (!isShown) return box.replaceChildren();
    fillList(event.node || 0);
    return markListRow();
}

// Paper has the picture as it is on the screen, what is selected, and the first part of the tape as a table.
function preparePrint() {
    const most = 400, box = document.getElementById('printed');
    const nodes = run.nodes.slice(0, most).map((_, n) => listRow(n));
    box.replaceChildren(element('h2', {}, say('printed')), listTable(nodes));
    if (nodeCount > most) box.append(faint(say('more', { n: nodeCount - most })));
}

function listenToList() {
    document.getElementById('list').addEventListener('click', (event) => {
        const row = event.target.closest('tr[data-node]');
        if (row) selectSlot('n' + row.dataset.node + '.0', true);
    });
}
