// formula.js: the formulas of pointwise ops, which are calls in calls ("da = mul(g, b)"), as people write them, and with
// numbers in place of names. A formula that is prose stays as it is.
'use strict';

const infix = { add: ['+', 1], sub: ['−', 1], mul: ['·', 2], div: ['/', 2], lt: ['<', 0], le: ['≤', 0], gt: ['>', 0],
    ge: ['≥', 0], eq: ['=', 0], ne: ['≠', 0], both: ['and', -1], either: ['or', -2] };

// mul(g, b) -> {call: 'mul', args: [{name: 'g'}, {name: 'b'}]}; null of what is not written so.
function parseFormula(text) {
    const tokens = text.match(/[A-Za-z_][A-Za-z_0-9]*|[0-9.]+(?:e[-+]?[0-9]+)?|\S/g) || [];
    let at = 0;
    function expression() {
        const token = tokens[at++];
        if (token === undefined) throw new Error('it ends early');
        if (token === '-') return { call: 'neg', args: [expression()] };
        if (/^[0-9.]/.test(token)) return { number: token };
        if (!/^[A-Za-z_]/.test(token)) throw new Error(token);
        if (tokens[at] !== '(') return { name: token };
        const args = [];
        do {
            at++;
            args.push(expression());
        } while (tokens[at] === ',');
        if (tokens[at++] !== ')') throw new Error('no )');
        return token === 'num' ? args[0] : { call: token, args };
    }
    try {
        const tree = expression();
        return at === tokens.length ? tree : null;
    } catch (_) {
        return null;
    }
}

// A formula's text; `value(name)` gives a text in place of a name, or null.
function writeFormula(tree, value = () => null, above = -9, right = false) {
    if (tree.number !== undefined) return tree.number.length > 8 ? numberAsText(Number(tree.number)) : tree.number;
    if (tree.name !== undefined) {
        const text = value(tree.name);
        if (text === null) return tree.name;
        return text.startsWith('-') && above > 0 ? '(' + text + ')' : text;
    }
    const write = (i, level, isRight) => writeFormula(tree.args[i], value, level, isRight);
    const bracket = (text, level) => level < above || (right && level === above) ? '(' + text + ')' : text;
    const operator = infix[tree.call];
    if (operator && tree.args.length === 2) {
        const same = operator[0] === '−' || operator[0] === '/';
        return bracket(write(0, operator[1]) + ' ' + operator[0] + ' ' + write(1, operator[1], same), operator[1]);
    }
    if (tree.call === 'neg') return above >= 2 ? '(−' + write(0, 3) + ')' : '−' + write(0, 3);
    if (tree.call === 'zero') return '0';
    if (tree.call === 'square') return write(0, 9) + '²';
    if (tree.call === 'pow') return write(0, 9) + '^' + write(1, 9);
    if (tree.call === 'abs') return '|' + write(0, -9) + '|';
    if (tree.call === 'select') return bracket(write(0, -3) + ' ? ' + write(1, -3) + ' : ' + write(2, -4), -4);
    return tree.call + '(' + tree.args.map((_, i) => write(i, -9)).join(', ') + ')';
}

// "da = mul(g, b), db = mul(g, a)" -> [{left: 'da', tree, text}]; tree is null of prose.
function readFormula(text) {
    if (!text) return [];
    const parts = [];
    for (const part of text.split(/, (?=d?[a-z0-9_]+ = )/)) {
        const cut = part.indexOf(' = ');
        const right = cut < 0 ? part : part.slice(cut + 3);
        parts.push({ left: cut < 0 ? '' : part.slice(0, cut), tree: cut < 0 ? null : parseFormula(right), text: right });
    }
    return parts;
}

function formulaText(part) {
    const right = part.tree ? writeFormula(part.tree) : part.text;
    return part.left ? part.left + ' = ' + right : right;
}

// Where element `index` of a tensor of shape `to` comes from in one of shape `from`, which was broadcast to it.
function broadcastIndex(index, to, from) {
    let flat = 0, stride = 1, rest = index;
    for (let d = 1; d <= to.length; d++) {
        const size = to[to.length - d], at = rest % size;
        rest = Math.floor(rest / size);
        if (d > from.length) continue;
        const own = from[from.length - d];
        flat += (own === 1 ? 0 : at) * stride;
        stride *= own;
    }
    return flat;
}

// The text of one element of a tensor, if its numbers are kept.
function elementText(reference, index, shape) {
    if (!reference) return null;
    const tensor = tensorOf(reference);
    const elements = elementsOf(tensor.value);
    if (!elements || !elements.length) return null;
    return numberAsText(elements[broadcastIndex(index, shape, tensor.shape)]);
}

// Names of a pointwise formula to numbers, of element `index` of the node's result.
function namesToNumbers(node, index) {
    const n = run.nodes[node], result = n.outputs[0];
    return (name) => {
        const input = { a: 0, b: 1, c: 2 }[name];
        if (input !== undefined) return elementText(n.inputs[input], index, result.shape);
        const elements = name === 'y' ? elementsOf(result.value) : name === 'g' ? elementsOf(result.grad) : null;
        return elements && index < elements.length ? numberAsText(elements[index]) : null;
    };
}

// A formula with its numbers, "-2 · 0.5"; null where not all are known.
function filledIn(part, node, index) {
    if (!part.tree) return null;
    const value = namesToNumbers(node, index);
    let all = true;
    const text = writeFormula(part.tree, (name) => {
        const number = value(name);
        if (number === null && /^[abcyg]$/.test(name)) all = false;
        return number;
    });
    return all ? text : null;
}
