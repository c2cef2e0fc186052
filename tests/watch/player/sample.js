// sample.js: runs for the player's tests, made by an automatic differentiation of its own, of a few ops on small arrays in
// double precision: makeSample('small' | 'lstm' | 'large' | 'nan' | 'layers' | 'heads') gives {run, numbers} as
// core/watch/player/FORMAT.md says. It knows the page's format and nothing of its code.
'use strict';

function makeSample(name) {
    const run = { format: 1, program: 'sample_' + name, title: null, backward: 1, sources: [], places: [], ops: {}, leaves: [], constants: [],
        nodes: [], root: [0, 0], walk: [], values: [], notes: [] };
    const bytes = [];
    let random = 12345, line = 1, place = -1, step = -1, most = 16;

    const noise = () => { random = (random * 1103515245 + 12345) % 2147483648; return random / 1073741824 - 1; };
    const count = (shape) => shape.reduce((a, b) => a * b, 1);
    const round = (data) => Float64Array.from(data, Math.fround);

    // ---- numbers ----
    function put(floats, size) {
        const offset = bytes.length, view = new DataView(new ArrayBuffer(8));
        for (const x of floats) {
            if (size === 8) view.setFloat64(0, x, true);
            else view.setFloat32(0, x, true);
            for (let i = 0; i < size; i++) bytes.push(view.getUint8(i));
        }
        return offset;
    }
    const keep = (value) => run.values.push(value) - 1;
    function encode(data, shape) {
        if (data.length <= 64) return keep({ n: [put(data, 4), data.length, 4] });
        const columns = shape[shape.length - 1], rows = shape.length > 1 ? shape[shape.length - 2] : 1, maps = Math.min(64, data.length / columns / rows);
        const r = Math.min(most, rows), c = Math.min(most, columns), cells = [];
        const mean = (list) => { const finite = list.filter(Number.isFinite); return finite.length ? finite.reduce((a, b) => a + b, 0) / finite.length : NaN; };
        for (let i = 0; i < maps * r; i++)
            for (let j = 0; j < c; j++) {
                const inside = [], top = Math.floor(i / r) * rows, k = i % r;
                for (let y = Math.floor(k * rows / r); y < Math.floor((k + 1) * rows / r); y++)
                    for (let x = Math.floor(j * columns / c); x < Math.floor((j + 1) * columns / c); x++) inside.push(data[(top + y) * columns + x]);
                cells.push(mean(inside));
            }
        const finite = [...data].filter(Number.isFinite), some = finite.length > 0;
        return keep({ s: [some ? Math.min(...finite) : null, some ? mean(finite) : null, some ? Math.max(...finite) : null, data.length - finite.length],
            h: [put(cells, 4), r, c, maps] });
    }

    // ---- tensors ----
    const fresh = (shape, scale = 1) => ({ shape, data: round(Array.from({ length: count(shape) }, () => noise() * scale)) });
    function leaf(shape, data, leafName, role = 'leaf') {
        const t = data ? { shape, data: round(data) } : fresh(shape, 0.4);
        t.reference = ['l', run.leaves.length];
        t.needs = true;
        run.leaves.push({ name: leafName, role, shape, dtype: 'float32', where: 'sample.c:' + line, value: encode(t.data, shape), grad: null, before: null });
        return t;
    }
    function constant(shape, data, constantName = null) {
        const t = data ? { shape, data: round(data) } : fresh(shape);
        t.reference = ['c', run.constants.length];
        run.constants.push({ name: constantName, shape, dtype: 'float32', where: 'sample.c:' + line, value: encode(t.data, shape) });
        return t;
    }
    const tape = [];
    function record(op, inputs, shape, data, backward, saved = [], attributes = null) {
        const t = { shape, data: round(data) };
        t.needs = inputs.some((input) => input.needs);
        if (!t.needs) return constant(shape, data);
        t.reference = ['n', run.nodes.length, 0];
        t.backward = backward;
        t.inputs = inputs;
        tape.push(t);
        run.nodes.push({ op, place, source: 0, line, step, inputs: inputs.map((input) => input.reference), attributes,
            outputs: [{ shape, dtype: 'float32', name: null, value: encode(t.data, shape), grad: null }],
            saved: saved.map((s) => ({ what: (s === 'y' ? t : s).reference, shape: (s === 'y' ? t : s).shape, bytes: 4 * count((s === 'y' ? t : s).shape) })) });
        return t;
    }

    // ---- ops ----
    const op = (opName, formula, gradient, doc) => { run.ops[opName] = { formula, gradient, doc }; };
    op('add', 'y = add(a, b)', 'da = g, db = g', 'a + b, or a + alpha b');
    op('sub', 'y = sub(a, b)', 'da = g, db = neg(g)', 'a - b, or a - alpha b');
    op('mul', 'y = mul(a, b)', 'da = mul(g, b), db = mul(g, a)', 'a b, element by element');
    op('sigmoid', 'y = sigmoid(a)', 'da = mul(g, mul(y, sub(num(1), y)))', '1 / (1 + e^-a)');
    op('tanh', 'y = tanh(a)', 'da = mul(g, sub(num(1), mul(y, y)))', 'the hyperbolic tangent of a');
    op('log', 'y = log(a)', 'da = div(g, a)', 'the natural logarithm of a; NaN below 0, -inf at 0');
    op('linear', 'y = x wT + bias', 'dx = g w, dw = gT x, dbias = g summed over its leading dimensions', 'The affine map of x [..., in] by weight [out, in] and bias [out].');
    op('cat', 'y = the tensors one after another along dimension dim', 'dtensors[i] = the part of g that came from it', 'Tensors joined.');
    op('sum', 'y = the sum of a', 'da = g in every element', 'The sum of all elements.');
    const pair = (a, b, f) => Float64Array.from(a, (x, i) => f(x, b[i]));
    const add = (a, b) => record('add', [a, b], a.shape, pair(a.data, b.data, (x, y) => x + y), (g) => [g, g]);
    const sub = (a, b) => record('sub', [a, b], a.shape, pair(a.data, b.data, (x, y) => x - y), (g) => [g, g.map((x) => -x)]);
    const mul = (a, b) => record('mul', [a, b], a.shape, pair(a.data, b.data, (x, y) => x * y),
        (g) => [pair(g, b.data, (x, y) => x * y), pair(g, a.data, (x, y) => x * y)], [a, b]);
    function pointwise(opName, a, f, slope) {
        const t = record(opName, [a], a.shape, a.data.map(f), (g) => [g.map((x, i) => x * slope(a.data[i], t.data[i]))], ['y']);
        return t;
    }
    const sigmoid = (a) => pointwise('sigmoid', a, (x) => 1 / (1 + Math.exp(-x)), (x, y) => y * (1 - y));
    const tanh = (a) => pointwise('tanh', a, Math.tanh, (x, y) => 1 - y * y);
    const log = (a) => pointwise('log', a, Math.log, (x) => 1 / x);
    function linear(x, w, b) {
        const [n, m] = x.shape, k = w.shape[0], y = new Float64Array(n * k);
        for (let i = 0; i < n; i++)
            for (let j = 0; j < k; j++) {
                y[i * k + j] = b.data[j];
                for (let l = 0; l < m; l++) y[i * k + j] += x.data[i * m + l] * w.data[j * m + l];
            }
        const t = record('linear', [x, w, b], [n, k], y, (g) => {
            const dx = new Float64Array(n * m), dw = new Float64Array(k * m), db = new Float64Array(k);
            for (let i = 0; i < n; i++)
                for (let j = 0; j < k; j++) {
                    db[j] += g[i * k + j];
                    for (let l = 0; l < m; l++) {
                        dx[i * m + l] += g[i * k + j] * w.data[j * m + l];
                        dw[j * m + l] += g[i * k + j] * x.data[i * m + l];
                    }
                }
            return [dx, dw, db];
        }, [x, w]);
        t.chain = [0, 1, 1];
        return t;
    }
    function cat(a, b) {
        const n = a.shape[0], p = a.shape[1], q = b.shape[1], y = [];
        for (let i = 0; i < n; i++) y.push(...a.data.slice(i * p, i * p + p), ...b.data.slice(i * q, i * q + q));
        return record('cat', [a, b], [n, p + q], y, (g) => {
            const da = [], db = [];
            g.forEach((x, i) => (i % (p + q) < p ? da : db).push(x));
            return [Float64Array.from(da), Float64Array.from(db)];
        }, [], 'dim = 1');
    }
    // Two outputs, each half of the columns; only what is read of them gets a gradient.
    function chunk(a) {
        const [n, m] = a.shape, half = m / 2, parts = [[], []];
        a.data.forEach((x, i) => parts[i % m < half ? 0 : 1].push(x));
        const t = record('chunk', [a], [n, half], parts[0], () => []);
        const other = { shape: [n, half], data: round(parts[1]), needs: true, reference: ['n', t.reference[1], 1] };
        run.nodes[t.reference[1]].outputs.push({ shape: [n, half], dtype: 'float32', name: null, value: encode(other.data, other.shape), grad: null });
        t.several = [t, other];
        t.backward = (g) => [a.data.map((_, i) => { const part = g[i % m < half ? 0 : 1]; return part ? part[Math.floor(i / m) * half + i % half] : 0; })];
        return [t, other];
    }
    const sum = (a) => record('sum', [a], [], [a.data.reduce((x, y) => x + y, 0)], (g) => [a.data.map(() => g[0])]);

    // ---- the walk ----
    function backward(root) {
        run.root = [root.reference[1], 0];
        const grads = new Map([['n' + run.root[0] + '.0', Float64Array.of(1)]]), lowest = new Map(), arrived = (t) => t.reference[0] + t.reference.slice(1).join('.');
        const reached = new Set([run.root[0]]);
        for (let n = run.root[0]; n >= 0; n--)
            if (reached.has(n)) for (const input of tape[n].inputs) if (input.needs) {
                if (input.reference[0] === 'n') reached.add(input.reference[1]);
                else lowest.set(arrived(input), n);
            }
        for (let n = run.root[0]; n >= 0; n--) {
            if (!reached.has(n)) continue;
            const t = tape[n], all = run.nodes[n].outputs.map((output, o) => {
                const g = grads.get('n' + n + '.' + o);
                if (g) output.grad = encode(round(g), output.shape);
                return g ? round(g) : null;
            });
            run.walk.push(['v', n]);
            t.backward(t.several ? all : all[0]).forEach((d, i) => {
                const input = t.inputs[i];
                if (!input.needs) return;
                const own = round(d);
                run.walk.push(['e', n, i, encode(own, input.shape), t.chain && t.chain[i] ? 1 : 0]);
                const sumSoFar = grads.get(arrived(input));
                grads.set(arrived(input), sumSoFar ? pair(sumSoFar, own, (x, y) => x + y) : own);
            });
            run.walk.push(['d', n]);
            for (const [key, low] of lowest) {
                if (low !== n) continue;
                const l = run.leaves[Number(key.slice(1))];
                l.grad = encode(round(grads.get(key)), l.shape);
                run.walk.push(['r', Number(key.slice(1)), l.grad]);
            }
        }
    }

    // ---- programs ----
    const source = [];
    const write = (text) => { source.push(text); line = source.length; };
    const within = (inner, kind, act, atStep) => {
        const before = place;
        run.places.push({ outer: before, name: inner, kind, ...(atStep === undefined ? {} : { step: atStep }) });
        place = run.places.length - 1;
        const result = act();
        place = before;
        return result;
    };

    function small(negative) {
        write('/* Two ways from x to the loss, which meet. */');
        write('tg_tensor *x = tg_scalar(3, .requires_grad = true);');
        const x = leaf([], [negative ? -3 : 3], 'x');
        write('tg_tensor *w = tg_scalar(2, .requires_grad = true);');
        const w = leaf([], [2], 'w');
        const one = constant([], [1]);
        write('tg_tensor *u = tg_mul(x, w);');
        const u = mul(x, w);
        write('tg_tensor *v = tg_add(x, 1);');
        const v = negative ? log(x) : add(x, one);
        write('tg_tensor *z = tg_mul(u, v);');
        const z = mul(u, v);
        write('tg_tensor *loss = tg_add(z, z);');
        const loss = add(z, z);
        write('tg_backward(loss);');
        backward(loss);
    }
    function lstm(steps, batch, inputSize, hidden) {
        for (const text of ['/* An LSTM cell written by hand, through time. */', '#include <tapegrad.h>', '', 'static tg_lstm_state cell_forward(cell *m, tg_tensor *x, tg_lstm_state s)', '{']) write(text);
        const gates = {};
        for (const gate of ['f', 'i', 'c', 'o'])
            for (const part of ['W', 'U']) {
                const prefix = 'lstm_cell.' + part + '_' + gate, columns = part === 'W' ? inputSize + hidden : hidden;
                gates[part + gate] = { w: leaf([hidden, columns], null, prefix + '.weight', 'parameter'), b: leaf([hidden], null, prefix + '.bias', 'parameter'), name: prefix };
            }
        const lines = {};
        const at = (key, text) => { if (!lines[key]) { write(text); lines[key] = line; } line = lines[key]; };
        const apply = (gate, x) => within(gates[gate].name, 'Linear', () => linear(x, gates[gate].w, gates[gate].b));
        at('cat', '    tg_tensor *xh = tg_cat(tg_list(x, s.h), 1);');
        for (const [gate, f] of [['f', 'sigmoid'], ['i', 'sigmoid'], ['c', 'tanh']])
            at(gate, `    tg_tensor *${gate === 'c' ? 'g' : gate} = tg_${f}(tg_add(tg_linear_forward(m->W_${gate}, xh), tg_linear_forward(m->U_${gate}, s.c)));`);
        at('cell', '    tg_tensor *c = tg_add(tg_mul(f, s.c), tg_mul(i, g));');
        at('o', '    tg_tensor *o = tg_sigmoid(tg_add(tg_linear_forward(m->W_o, xh), tg_linear_forward(m->U_o, c)));');
        at('h', '    return (tg_lstm_state){ .h = tg_mul(o, tg_tanh(c)), .c = c };');
        let h = constant([batch, hidden], new Float64Array(batch * hidden)), c = constant([batch, hidden], new Float64Array(batch * hidden));
        within('CustomLSTM', 'CustomLSTM', () => {
            for (let t = 0; t < steps; t++)
                within('t=' + t, null, () => {
                    step = t;
                    const x = constant([batch, inputSize]);
                    within('lstm_cell', 'CustomLSTMCell', () => {
                        at('cat');
                        const xh = cat(x, h);
                        const gate = (key, f, state) => { at(key); return f(add(apply('W' + key, xh), apply('U' + key, state))); };
                        const f = gate('f', sigmoid, c), i = gate('i', sigmoid, c), g = gate('c', tanh, c);
                        at('cell');
                        c = add(mul(f, c), mul(i, g));
                        const o = gate('o', sigmoid, c);
                        at('h');
                        h = mul(o, tanh(c));
                    });
                }, t);
            step = -1;
        });
        write('}');
        write('    tg_tensor *loss = tg_sum(tg_mul(tg_sub(h, y), tg_sub(h, y)));');
        const target = constant([batch, hidden], null, 'y'), difference = sub(h, target);
        backward(sum(mul(difference, difference)));
    }
    // Modules in modules, without time: a stack of residual blocks.
    function layers(blocks, batch, width) {
        write('x = tg_module_forward(stack, x);');
        const layer = (n) => ({ w: leaf([width, width], null, n + '.weight', 'parameter'), b: leaf([width], null, n + '.bias', 'parameter'), n });
        let x = constant([batch, width]);
        within('stack', 'Stack', () => {
            for (let k = 0; k < blocks; k++) {
                const prefix = 'stack.blocks.' + k, up = layer(prefix + '.up'), down = layer(prefix + '.down'), side = layer(prefix + '.side');
                const apply = (l, y) => within(l.n, 'Linear', () => linear(y, l.w, l.b));
                within(prefix, 'Block', () => {
                    write('    x = tg_add(apply(up, x), tg_tanh(apply(down, x))); /* block ' + k + ' */');
                    const a = apply(up, x), b = tanh(apply(down, a)), d = apply(side, x);
                    x = add(a, mul(b, sigmoid(d)));
                });
            }
        });
        backward(sum(x));
    }
    // Tensors of more than two dimensions: heads, channels, a few numbers, and more matrices than a page has.
    function heads() {
        write('y = tg_tanh(tg_mul(x, w));');
        // As the library names modules: from the outermost on, or from the one around it; three that belong to no other.
        const scale = (y, prefix = '') => mul(y, leaf(y.shape, null, prefix + 'weight', 'parameter'));
        let h = constant([2, 3]);
        within('Net', 'Net', () => ['blocks.0', 'blocks.1'].forEach((block) => within(block, 'Block', () => within('ln', 'LayerNorm', () => { h = tanh(scale(h, block + '.ln.')); }))));
        run.places.push({ outer: -1, name: 'Linear', kind: 'Linear' });
        for (let i = 0; i < 3; i++) {   // the library has one place for all of them
            place = run.places.length - 1;
            h = scale(h);
            place = -1;
            if (i) h = tanh(h);
        }
        const parts = [[2, 4, 6, 6], [3, 20, 18], [2, 2, 3], [35, 2, 2, 3]].map((shape, i) => {
            const x = leaf(shape, null, 'x' + i, 'parameter');
            return sum(tanh(mul(x, x)));
        });
        backward([sum(h), ...parts].reduce(add));
    }
    // What is rare: several outputs, of which one is read; texts that HTML and JSON would stumble over; empty, integer and
    // boolean tensors; no source, no value, no name; numbers that are none, in heat maps too; nodes that the walk does not reach.
    function odd() {
        write('/* naïve é 漢 <\/script> <\!-- & "quoted" \\\\ ??= */');
        const x = leaf([3, 4], [1, -2, 3e-39, 4, 1e30, -1e-30, 7, 8, 9, -0, 11, 12], 'x <\/script><b>', 'parameter');
        const far = leaf([12, 10], Array.from({ length: 120 }, (_, i) => (i === 7 ? NaN : i === 20 ? Infinity : i >= 110 ? NaN : i)), 'été.weight', 'parameter');
        leaf([2], [1, 2], 'unread', 'parameter');
        write('tg_chunk(x, 2, 1);');
        const [, second] = chunk(x);
        const squared = mul(second, second);
        write('unreached');
        record('neg', [squared], squared.shape, squared.data.map((y) => -y), (g) => [g.map((y) => -y)]);
        write('sum');
        const loss = add(sum(mul(far, far)), sum(squared));
        run.constants.push({ name: 'indices', shape: [3], dtype: 'int64', where: null, value: keep({ n: [put([0, -5, 2 ** 40], 8), 3, 8] }) },
            { name: null, shape: [0, 3], dtype: 'float32', where: null, value: keep({ n: [0, 0, 4] }) },
            { name: 'mask', shape: [2, 2], dtype: 'bool', where: null, value: keep({ n: [put([1, 0, 0, 1], 8), 4, 8] }) });
        run.nodes.forEach((node, n) => { if (node.op === 'mul') node.inputs.push(['c', n % 3], null); });
        backward(loss);
        run.nodes[0].source = 1;
        run.nodes[1].source = -1;
        run.nodes[1].line = 0;
        run.nodes[3].outputs[0].value = null;
        run.leaves[0].before = run.leaves[0].value;
        run.sources.push({ path: 'nowhere.c', text: null });
        run.title = 'odd </title> & <i>';
    }
    if (name === 'odd') odd();
    if (name === 'heads') heads();
    if (name === 'small') small(false);
    if (name === 'nan') small(true);
    if (name === 'lstm') lstm(13, 2, 3, 4);
    if (name === 'layers') layers(4, 12, 10);
    if (name === 'large') {
        most = 4;
        lstm(228, 16, 5, 8);
    }
    run.sources.unshift({ path: 'examples/sample.c', text: source.join('\n') + '\n' });
    run.notes.push('A sample: no program has run.');
    let text = '';
    for (let i = 0; i < bytes.length; i += 30000) text += String.fromCharCode(...bytes.slice(i, i + 30000));
    return { run: JSON.stringify(run).replace(/</g, '\\u003c'), numbers: btoa(text) };
}
