// search.js: nodes and leaves by name, op, module, or place in the source.
'use strict';

const search = { text: '', hits: [], at: -1 };

function textOfNode(n) {
    const node = run.nodes[n];
    return ['%' + n, node.op, moduleOf(n), placeText(n), model.step[n] >= 0 ? 't=' + model.step[n] : '', ...node.outputs.map((output) => output.name || '')]
        .join(' ').toLowerCase();
}

function hitsOf(text) {
    const wanted = text.toLowerCase().split(/\s+/).filter((word) => word), hits = [];
    if (!wanted.length) return hits;
    const matches = (whole) => wanted.every((word) => whole.includes(word));
    run.leaves.forEach((leaf, i) => { if (matches(((leaf.name || '') + ' ' + (leaf.where || '') + ' ' + leaf.role).toLowerCase())) hits.push('l' + i); });
    run.nodes.forEach((_, n) => { if (matches(textOfNode(n))) hits.push('n' + n + '.0'); });
    return hits;
}

function searchFor(text, forward = true) {
    if (text !== search.text) Object.assign(search, { text, hits: hitsOf(text), at: -1 });
    const count = search.hits.length, found = document.getElementById('found');
    app.found = null;
    if (count) {
        search.at = (search.at + (forward ? 1 : count - 1) + (search.at < 0 && !forward ? 1 : 0)) % count;
        selectSlot(search.hits[search.at], true);
        markFound();
    }
    found.textContent = !text ? '' : count ? say('found', { n: search.at + 1, count }) : say('nothingFound');
    redraw();
}

function markFound() {
    app.found = search.hits.length ? new Set(search.hits.map((key) => itemOf(slotReference(key)))) : null;
}
