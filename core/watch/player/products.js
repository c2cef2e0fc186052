// products.js: formulas that are products of matrices, "y = x wT + bias", with numbers: one element as the sum of its terms.
// The names are those of the gradient, "dx = g w, dw = gT x", which are in the order of the inputs.
'use strict';

// [[{name: 'x', isTurned: false}, {name: 'w', isTurned: true}], [{name: 'bias', ...}]]; null of what is no such sum.
function readProducts(text, names) {
    const known = new Set(names);
    const terms = text.split(' + ').map((term) => term.split(' ').map((factor) => {
        if (known.has(factor)) return { name: factor, isTurned: false };
        const isTurned = factor.endsWith('T') && known.has(factor.slice(0, -1));
        return isTurned ? { name: factor.slice(0, -1), isTurned } : null;
    }));
    return terms.every((term) => term.length <= 2 && !term.includes(null)) ? terms : null;
}

// {rows, columns, at(i, j)} of a tensor seen as a matrix; null if its numbers are not kept.
function numbersAsMatrix(value, shape, isTurned) {
    const elements = elementsOf(value);
    if (!elements) return null;
    const { rows, columns } = matrixOf(shape);
    return isTurned ? { rows: columns, columns: rows, at: (i, j) => elements[j * columns + i] } : { rows, columns, at: (i, j) => elements[i * columns + j] };
}

// One element of a term as pairs of factors; a row alone is added to every row. Null where sizes do not fit.
function pairsOfTerm(factors, i, j, rows, columns) {
    const [a, b] = factors;
    if (factors.includes(null)) return null;
    if (!b) return a.columns === columns && (a.rows === rows || a.rows === 1) ? [[a.at(a.rows === 1 ? 0 : i, j)]] : null;
    if (a.rows !== rows || b.columns !== columns || a.columns !== b.rows) return null;
    return Array.from({ length: a.columns }, (_, k) => [a.at(i, k), b.at(k, j)]);
}

function pairsAsText(pairs, most = 4) {
    const one = (x) => (x < 0 ? '(' + numberAsText(x, 4) + ')' : numberAsText(x, 4));
    const all = pairs.map((pair) => pair.map(one).join(' · '));
    return all.length > most ? [...all.slice(0, most - 1), '…', all[all.length - 1]].join(' + ') : all.join(' + ');
}

// The terms of element `index` of a result, if they add up to what was computed: what does not is not such a product.
function filledProduct(part, node, shape, index, result) {
    const n = run.nodes[node], gradients = readFormula((run.ops[n.op] || {}).gradient);
    const names = gradients.map((gradient) => gradient.left.slice(1)), terms = readProducts(part.text, [...names, 'g']);
    if (!terms || !terms.some((term) => term.length === 2) || result === null || result === undefined) return null;
    const tensorNamed = (name) => {
        const input = n.inputs[names.indexOf(name)];
        return name === 'g' ? { shape: n.outputs[0].shape, value: n.outputs[0].grad } : input ? tensorOf(input) : null;
    };
    const { rows, columns } = matrixOf(shape), i = Math.floor(index / columns), j = index % columns, pairs = [];
    for (const term of terms) {
        if (term.length === 1 && !tensorNamed(term[0].name)) continue;   // left out, as a bias may be
        const factors = term.map((factor) => {
            const tensor = tensorNamed(factor.name);
            return tensor && numbersAsMatrix(tensor.value, tensor.shape, factor.isTurned);
        });
        const own = pairsOfTerm(factors, i, j, rows, columns);
        if (!own) return null;
        pairs.push(...own);
    }
    const sum = pairs.reduce((s, pair) => s + pair.reduce((p, x) => p * x, 1), 0), size = pairs.reduce((s, pair) => s + Math.abs(pair.reduce((p, x) => p * x, 1)), 0);
    return Math.abs(sum - result) <= 1e-5 * size ? pairsAsText(pairs) : null;
}
