// run.js: the run as the page has it, and what is true of it at each position. Position 0 is before everything; at 1 to
// `nodes` the forward pass has computed so many nodes; from there on each event of the walk is one position. All is found
// by looking up when things happen, so that any position costs the same.
'use strict';

const run = JSON.parse(document.getElementById('run').textContent);

// What refers to a value by its place in the list becomes that value.
function resolveValues() {
    const resolve = (of, keys) => { for (const key of keys) if (typeof of[key] === 'number') of[key] = run.values[of[key]]; };
    for (const leaf of run.leaves) resolve(leaf, ['value', 'grad', 'before']);
    for (const constant of run.constants) resolve(constant, ['value']);
    for (const node of run.nodes) for (const output of node.outputs) resolve(output, ['value', 'grad']);
    for (const event of run.walk) resolve(event, event[0] === 'e' ? [3] : event[0] === 'r' ? [2] : []);
}
resolveValues();

const nodeCount = run.nodes.length;
const lastPosition = nodeCount + run.walk.length;

// A slot is where gradients of one tensor add up: 'n3.0' of a node's output, 'l2' of a leaf; 'c1' is a constant, without.
function slotKey(reference) { return reference[0] === 'n' ? 'n' + reference[1] + '.' + reference[2] : reference[0] + reference[1]; }

function slotReference(key) {
    if (key[0] !== 'n') return [key[0], Number(key.slice(1))];
    const dot = key.indexOf('.');
    return ['n', Number(key.slice(1, dot)), Number(key.slice(dot + 1))];
}

const model = {
    readers: new Map(),        // slot -> [{node, input}]: who reads that tensor
    contributions: new Map(),  // slot -> [{at, node, input, value, chain}] in the order of the walk
    keepers: new Map(),        // slot -> [node]: who saved it
    visitAt: new Float64Array(nodeCount).fill(Infinity),
    doneAt: new Float64Array(nodeCount).fill(Infinity),
    readyAt: new Float64Array(run.leaves.length).fill(Infinity),
    aboutNode: new Map(),      // node -> positions at which something happens to it
    step: new Int32Array(nodeCount),
    path: [],                  // node -> places around it that are no steps, the outermost first
};

function pushTo(map, key, value) {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
}

function placesAround(place) {
    const around = [];
    let step = -1;
    for (let p = place; p >= 0; p = run.places[p].outer) {
        if (run.places[p].step === undefined || run.places[p].step === null) around.unshift(p);
        else if (step < 0) step = run.places[p].step;
    }
    return { around, step };
}

function readNodes() {
    const known = new Map();
    run.nodes.forEach((node, n) => {
        if (!known.has(node.place)) known.set(node.place, placesAround(node.place));
        const place = known.get(node.place);
        model.path.push(place.around);
        model.step[n] = node.step >= 0 ? node.step : place.step;
        node.inputs.forEach((input, i) => { if (input) pushTo(model.readers, slotKey(input), { node: n, input: i }); });
        for (const kept of node.saved || []) if (kept.what) pushTo(model.keepers, slotKey(kept.what), n);
    });
}

function readWalk() {
    if (!nodeCount) return;
    pushTo(model.contributions, slotKey(['n', run.root[0], run.root[1]]),
        { at: nodeCount + 1, node: -1, input: 0, value: outputOf(run.root[0], run.root[1]).grad, chain: 0 });
    run.walk.forEach((event, w) => {
        const at = nodeCount + 1 + w;
        if (event[0] === 'v') model.visitAt[event[1]] = at;
        else if (event[0] === 'd') model.doneAt[event[1]] = at;
        else if (event[0] === 'r') model.readyAt[event[1]] = at;
        else {
            const to = run.nodes[event[1]].inputs[event[2]];
            pushTo(model.contributions, slotKey(to), { at, node: event[1], input: event[2], value: event[3], chain: event[4] });
        }
    });
}

function outputOf(node, output) { return run.nodes[node].outputs[output]; }

// {shape, dtype, name, value, grad, role} of any tensor.
function tensorOf(reference) {
    if (reference[0] === 'n') return outputOf(reference[1], reference[2]);
    return reference[0] === 'l' ? run.leaves[reference[1]] : run.constants[reference[1]];
}

function contributionsTo(key) { return model.contributions.get(key) || []; }

// How many contributions have arrived.
function arrivedAt(key, position) {
    const list = contributionsTo(key);
    let low = 0, high = list.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (list[middle].at <= position) low = middle + 1;
        else high = middle;
    }
    return low;
}

function isComputed(node, position) { return position >= node + 1; }

// Where the walk stands at a node: 'none' (it never comes), 'waits', 'open' (its backward runs), 'done'.
function backwardState(node, position) {
    if (model.visitAt[node] === Infinity) return 'none';
    if (position < model.visitAt[node]) return 'waits';
    return position < model.doneAt[node] ? 'open' : 'done';
}

// Whether the gradient of a slot is complete.
function isComplete(key, position) {
    const reference = slotReference(key);
    if (reference[0] === 'n') return position >= model.visitAt[reference[1]];
    return reference[0] === 'l' && position >= model.readyAt[reference[1]];
}

// What happens at a position: {kind: 'start' | 'forward' | 'visit' | 'edge' | 'done' | 'ready', node, input, leaf, value, chain}.
function eventAt(position) {
    if (position <= 0) return { kind: 'start' };
    if (position <= nodeCount) return { kind: 'forward', node: position - 1 };
    const event = run.walk[position - nodeCount - 1];
    if (event[0] === 'v') return { kind: 'visit', node: event[1] };
    if (event[0] === 'd') return { kind: 'done', node: event[1] };
    if (event[0] === 'r') return { kind: 'ready', leaf: event[1], value: event[2] };
    return { kind: 'edge', node: event[1], input: event[2], value: event[3], chain: event[4],
        to: run.nodes[event[1]].inputs[event[2]] };
}

// The slot that the event at a position is about.
function slotAt(position) {
    const event = eventAt(position);
    if (event.kind === 'start') return nodeCount ? 'n0.0' : null;
    if (event.kind === 'ready') return 'l' + event.leaf;
    return 'n' + event.node + '.' + (event.kind === 'visit' && event.node === run.root[0] ? run.root[1] : 0);
}

// All positions at which something happens to a slot.
function momentsOf(key) {
    const reference = slotReference(key);
    const moments = contributionsTo(key).map((c) => c.at);
    if (reference[0] === 'n') moments.push(reference[1] + 1, model.visitAt[reference[1]], model.doneAt[reference[1]]);
    if (reference[0] === 'l') moments.push(model.readyAt[reference[1]]);
    return [...new Set(moments.filter((at) => at !== Infinity))].sort((a, b) => a - b);
}

// How many different ways lead from each node to the loss; found once.
const ways = { toLoss: null };

function waysOfNodes() {
    if (ways.toLoss) return ways.toLoss;
    const root = run.root[0], toLoss = ways.toLoss = new Float64Array(nodeCount);
    if (root >= 0) toLoss[root] = 1;
    for (let n = root; n >= 0; n--)
        if (toLoss[n]) for (const input of run.nodes[n].inputs) if (input && input[0] === 'n') toLoss[input[1]] += toLoss[n];
    return toLoss;
}

function countPaths(key) {
    const toLoss = waysOfNodes(), reference = slotReference(key);
    if (reference[0] === 'n') return toLoss[reference[1]];
    return reference[0] === 'c' ? 0 : (model.readers.get(key) || []).reduce((sum, reader) => sum + toLoss[reader.node], 0);
}

// The nodes between a tensor and the loss.
function nodesToLoss(key) {
    const toLoss = waysOfNodes(), reference = slotReference(key), reached = new Set();
    const open = reference[0] === 'n' ? [reference[1]] : (model.readers.get(key) || []).map((reader) => reader.node);
    while (open.length) {
        const n = open.pop();
        if (reached.has(n) || !toLoss[n]) continue;
        reached.add(n);
        run.nodes[n].outputs.forEach((_, o) => { for (const reader of model.readers.get('n' + n + '.' + o) || []) open.push(reader.node); });
    }
    return reached;
}

readNodes();
readWalk();

// ---- names ----

// Names that several have get a number each: leaves, and modules that belong to no other, told by the first parameter that
// they read.
const numbered = { leaves: new Map(), nodes: new Map() };

// [[key, name, what]]: to each key its name, with a number if what it names is not the only one of that name.
function numberEqual(named) {
    const of = new Map();
    for (const [, name, what] of named) {
        if (!of.has(name)) of.set(name, []);
        if (!of.get(name).includes(what)) of.get(name).push(what);
    }
    return new Map(named.map(([key, name, what]) => [key, of.get(name).length > 1 ? name + ' #' + (of.get(name).indexOf(what) + 1) : name]));
}

// Calls of outermost modules: a parameter of a name that was read already, but another one, is of the next call.
function outermostCalls() {
    const calls = [];
    let call = null;
    run.nodes.forEach((node, n) => {
        const place = model.path[n][0], read = node.inputs.filter((input) => input && input[0] === 'l' && run.leaves[input[1]].role === 'parameter').map((input) => input[1]);
        const isOther = (leaf) => call.read.has(run.leaves[leaf].name) && call.read.get(run.leaves[leaf].name) !== leaf;
        if (place === undefined) call = null;
        else if (!call || call.place !== place || read.some(isOther)) calls.push(call = { place, nodes: [], read: new Map() });
        if (!call) return;
        call.nodes.push(n);
        for (const leaf of read) call.read.set(run.leaves[leaf].name, leaf);
    });
    return calls;
}

function numberNames() {
    numbered.leaves = numberEqual(run.leaves.flatMap((leaf, i) => (leaf.name ? [[i, leaf.name, i]] : [])));
    const calls = outermostCalls().filter((call) => call.read.size);
    for (const [call, name] of numberEqual(calls.map((call) => [call, placeName(call.place), [...call.read.values()][0]])))
        for (const n of call.nodes) numbered.nodes.set(n, name);
}

function placeName(place) { return run.places[place].name || run.places[place].kind || ''; }

// The name of the place around a node at that depth.
function pathName(node, depth) { return (depth === 0 && numbered.nodes.get(node)) || placeName(model.path[node][depth]); }

// What a place's name adds to the names around it.
function shortPlace(node, depth) {
    const place = model.path[node][depth], name = pathName(node, depth);
    for (let p = run.places[place].outer; p >= 0; p = run.places[p].outer) {
        const outer = run.places[p].name;
        if (outer && name.startsWith(outer + '.')) return name.slice(outer.length + 1);
    }
    return name;
}

// The innermost module by its whole name, as "blocks.0.ln2": that of the outermost is no part of it.
function moduleOf(node) {
    let whole = '';
    model.path[node].forEach((place, depth) => {
        const name = run.places[place].name || '';
        if (depth === 0 || !whole || name.startsWith(whole + '.')) whole = depth ? name : run.places[place].kind === name ? '' : name;
        else if (name) whole += '.' + name;
    });
    return whole || (model.path[node].length ? pathName(node, 0) : '');
}

function slotName(key) {
    const reference = slotReference(key);
    const tensor = tensorOf(reference);
    if (reference[0] === 'n') {
        const node = run.nodes[reference[1]];
        const part = node.outputs.length > 1 ? '.' + reference[2] : '';
        return tensor.name || '%' + reference[1] + part + ' ' + node.op;
    }
    return (reference[0] === 'l' && numbered.leaves.get(reference[1])) || tensor.name || (reference[0] === 'l' ? 'leaf ' : 'constant ') + reference[1];
}

function placeText(node) {
    const n = run.nodes[node];
    if (n.source < 0 || !run.sources[n.source]) return '';
    return run.sources[n.source].path.replace(/^.*\//, '') + ':' + n.line;
}

numberNames();
