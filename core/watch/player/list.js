// list.js: the tape as a table, for those who read better than they look, and for paper.
'use strict';

const list = { rows: [], current: null };

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

function fillList() {
    const box = document.getElementById('list');
    list.rows = run.nodes.map((_, n) => listRow(n));
    list.current = null;
    box.replaceChildren(listTable(list.rows));
    markListRow();
}

function markListRow() {
    const box = document.getElementById('list');
    if (box.hidden) return;
    if (list.current) list.current.removeAttribute('aria-current');
    const event = eventAt(app.position);
    list.current = event.node === undefined ? null : list.rows[event.node];
    if (!list.current) return;
    list.current.setAttribute('aria-current', 'step');
    list.current.scrollIntoView({ block: 'nearest' });
}

function showList(isShown) {
    const box = document.getElementById('list');
    box.hidden = !isShown;
    document.getElementById('show-list').setAttribute('aria-pressed', String(isShown));
    if (isShown) fillList();
    else box.replaceChildren();
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
