// tree.js: the tape's nodes in the order of the program, grouped: modules hold what was computed in them, a loop over time
// is a region with a column for each step. Columns of a region share one template, so that the same line of the loop's
// body has the same height in each.
//
// An entry is {kind: 'node', columns: [[node] or []]}, {kind: 'module', key, name, place, columns, entries} or
// {kind: 'region', steps, entries}; `columns` has the entry's nodes in each column, one column outside of regions.
'use strict';

const tree = { root: null, containers: new Map() };   // containers: module key -> entry, of those outside of regions

function moduleKey(node, depth) {
    let key = '';
    for (let d = 0; d <= depth; d++) key += '/' + pathName(node, d);
    return key;
}

// How many of their outermost places nodes have in common; by name, two calls of one module are the same place.
function commonDepth(nodes, byName) {
    const first = model.path[nodes[0]];
    let depth = first.length;
    for (const n of nodes) {
        let d = 0;
        while (d < depth && d < model.path[n].length && (byName ? pathName(n, d) === pathName(nodes[0], d) : model.path[n][d] === first[d])) d++;
        depth = d;
    }
    return depth;
}

// Where the run of steps that begins at list[from] ends: steps go up, or down, and do not begin anew.
function endOfSteps(list, from) {
    let direction = 0, end = from + 1;
    for (; end < list.length && model.step[list[end]] >= 0; end++) {
        const change = Math.sign(model.step[list[end]] - model.step[list[end - 1]]);
        if (change && direction && change !== direction) break;
        direction = change || direction;
    }
    return end;
}

function regionOf(nodes, depth) {
    const steps = [], columns = [];
    for (const n of nodes) {
        if (!steps.length || steps[steps.length - 1] !== model.step[n]) {
            steps.push(model.step[n]);
            columns.push([]);
        }
        columns[columns.length - 1].push(n);
    }
    return { kind: 'region', steps, columns, entries: entriesOf(columns, depth, true) };
}

// One column's nodes, cut into {key, kind, nodes} at depth.
function cutColumn(list, depth, inRegion) {
    const pieces = [], seen = new Map();
    const named = (name) => {
        const count = seen.get(name) || 0;
        seen.set(name, count + 1);
        return name + '#' + count;
    };
    for (let i = 0; i < list.length;) {
        const n = list[i];
        if (!inRegion && model.step[n] >= 0) {
            const end = endOfSteps(list, i), nodes = list.slice(i, end);
            if (commonDepth(nodes, false) <= depth && new Set(nodes.map((node) => model.step[node])).size > 1) {
                pieces.push({ key: named('region'), kind: 'region', nodes });
                i = end;
                continue;
            }
        }
        if (model.path[n].length <= depth) {
            pieces.push({ key: named(run.nodes[n].op + '@' + run.nodes[n].source + ':' + run.nodes[n].line), kind: 'node', nodes: [n] });
            i++;
            continue;
        }
        const name = pathName(n, depth), place = model.path[n][depth];
        let end = i + 1;
        while (end < list.length && model.path[list[end]].length > depth && pathName(list[end], depth) === name &&
            (inRegion || model.path[list[end]][depth] === place)) end++;
        pieces.push({ key: named('m' + name), kind: 'module', nodes: list.slice(i, end) });
        i = end;
    }
    return pieces;
}

// Pieces of all columns, the same key being the same entry, in an order that is each column's.
function mergeColumns(cut) {
    const merged = [];
    cut.forEach((pieces, c) => {
        let at = -1;
        for (const piece of pieces) {
            let found = at + 1 < merged.length && merged[at + 1].key === piece.key ? at + 1 : merged.findIndex((m) => m.key === piece.key);
            if (found < 0) {
                found = at + 1;
                merged.splice(found, 0, { key: piece.key, kind: piece.kind, columns: cut.map(() => []) });
            }
            merged[found].columns[c] = piece.nodes;
            at = Math.max(at, found);
        }
    });
    return merged;
}

function entriesOf(columns, depth, inRegion) {
    return mergeColumns(columns.map((list) => cutColumn(list, depth, inRegion))).map((piece) => {
        const first = piece.columns.find((list) => list.length);
        if (piece.kind === 'region') return regionOf(first, depth);
        if (piece.kind === 'node') return { kind: 'node', columns: piece.columns, caption: '' };
        const entries = entriesOf(piece.columns, depth + 1, inRegion);
        const place = model.path[first[0]][depth], name = shortPlace(first[0], depth);
        if (entries.length === 1 && entries[0].kind === 'node')
            return { ...entries[0], caption: name + (entries[0].caption ? '.' + entries[0].caption : '') };
        const module = { kind: 'module', key: moduleKey(first[0], depth), name, type: run.places[place].kind, columns: piece.columns,
            entries };
        if (!inRegion && !tree.containers.has(module.key)) tree.containers.set(module.key, module);
        return module;
    });
}

// The innermost container around all readers of a leaf or constant; a leaf that nobody reads is shown, too.
function containerOf(key) {
    const readers = (model.readers.get(key) || []).map((reader) => reader.node);
    if (!readers.length) return key[0] === 'l' ? tree.root : null;
    for (let depth = commonDepth(readers, true); depth > 0; depth--) {
        const container = tree.containers.get(moduleKey(readers[0], depth - 1));
        if (container) return container;
    }
    return tree.root;
}

// Leaves get cards at the top of the container that reads them; constants too, where there are few.
function addCards(kind, list) {
    list.forEach((_, i) => {
        const container = containerOf(kind[0] + i);
        if (container) (container.cards = container.cards || []).push({ kind, index: i });
    });
}

function growTree() {
    tree.root = { kind: 'module', key: '', entries: entriesOf([run.nodes.map((_, n) => n)], 0, false) };
    addCards('leaf', run.leaves);
    if (nodeCount <= 60) addCards('constant', run.constants);
}

growTree();

// Keys of all modules, with how deep they lie.
function moduleKeys(entries = tree.root.entries, depth = 0, keys = new Map()) {
    for (const entry of entries) {
        if (entry.kind === 'module') keys.set(entry.key, depth);
        if (entry.entries) moduleKeys(entry.entries, depth + (entry.kind === 'module' ? 1 : 0), keys);
    }
    return keys;
}
