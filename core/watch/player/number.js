// number.js: numbers out of the page, and as text. Only what is shown is decoded: a page may hold megabytes.
'use strict';

const numberText = { text: null, bytes: new WeakMap() };

// The bytes from offset on, out of the base64 text: three bytes are four letters.
function bytesAt(offset, count) {
    if (numberText.text === null) numberText.text = document.getElementById('numbers').textContent.trim();
    const first = Math.floor(offset / 3), last = Math.ceil((offset + count) / 3);
    const letters = atob(numberText.text.slice(first * 4, last * 4));
    const bytes = new Uint8Array(count);
    for (let i = 0, from = offset - first * 3; i < count; i++) bytes[i] = letters.charCodeAt(from + i);
    return bytes;
}

function floatsAt(offset, count, size) {
    const view = new DataView(bytesAt(offset, count * size).buffer);
    const floats = new Float64Array(count);
    for (let i = 0; i < count; i++) floats[i] = size === 8 ? view.getFloat64(i * 8, true) : view.getFloat32(i * 4, true);
    return floats;
}

// All elements of a value that is kept as numbers; null of a summary, or of none.
function elementsOf(value) {
    if (!value || !value.n) return null;
    let elements = numberText.bytes.get(value);
    if (!elements) numberText.bytes.set(value, elements = floatsAt(value.n[0], value.n[1], value.n[2]));
    return elements;
}

// A tensor as one matrix, whose rows are all dimensions but the last: what products are made of.
function matrixOf(shape) {
    const columns = shape.length ? shape[shape.length - 1] : 1;
    let rows = 1;
    for (let d = 0; d < shape.length - 1; d++) rows *= shape[d];
    return { rows, columns };
}

// How a tensor is shown: its last two dimensions are a matrix, of which there is one for each index before them.
function matricesOf(shape) {
    const n = shape.length;
    return { maps: shape.slice(0, -2).reduce((product, size) => product * size, 1), rows: n > 1 ? shape[n - 2] : 1, columns: n ? shape[n - 1] : 1 };
}

// What there is to draw of a value: {maps, rows, columns, cells, exact}, one map after the other; null if nothing.
function cellsOf(value, shape) {
    if (!value) return null;
    if (value.n) return { ...matricesOf(shape), cells: elementsOf(value), exact: true };
    let cells = numberText.bytes.get(value);
    if (!cells) numberText.bytes.set(value, cells = floatsAt(value.h[0], value.h[1] * value.h[2] * value.h[3], 4));
    return { maps: value.h[3], rows: value.h[1], columns: value.h[2], cells, exact: false };
}

// One of the maps.
function mapOf(drawn, map) {
    const size = drawn.rows * drawn.columns;
    return { ...drawn, maps: 1, cells: drawn.cells.subarray(map * size, (map + 1) * size) };
}

// {min, mean, max, bad}: of the finite elements, and how many are not; null if there is nothing to tell.
function statisticsOf(value) {
    if (!value) return null;
    if (value.s) return { min: value.s[0], mean: value.s[1], max: value.s[2], bad: value.s[3] };
    const all = elementsOf(value);
    let min = Infinity, max = -Infinity, sum = 0, count = 0;
    for (const x of all) {
        if (!Number.isFinite(x)) continue;
        if (x < min) min = x;
        if (x > max) max = x;
        sum += x;
        count++;
    }
    const none = count === 0;
    return { min: none ? null : min, mean: none ? null : sum / count, max: none ? null : max, bad: all.length - count };
}

// The largest magnitude among what is drawn; 0 if nothing is finite.
function largestOf(drawn) {
    let largest = 0;
    for (const x of drawn.cells) if (Number.isFinite(x) && Math.abs(x) > largest) largest = Math.abs(x);
    return largest;
}

// The sum of values of one shape, cell by cell, as something to draw; null where they do not fit together. Means of the
// same cells add up as their elements do.
function sumOfCells(values, shape) {
    let sum = null;
    for (const value of values) {
        const drawn = cellsOf(value, shape);
        if (!drawn) return null;
        if (!sum) {
            sum = { ...drawn, cells: Float64Array.from(drawn.cells) };
            continue;
        }
        if (sum.cells.length !== drawn.cells.length) return null;
        for (let i = 0; i < sum.cells.length; i++) sum.cells[i] += drawn.cells[i];
    }
    return sum;
}

function specialText(x) {
    if (x === null || x === undefined) return '–';
    if (Number.isNaN(x)) return 'NaN';
    if (x === Infinity) return 'inf';
    if (x === -Infinity) return '-inf';
    return Object.is(x, -0) ? '-0' : null;
}

// As %.6g has it, or with other digits.
function numberAsText(x, digits = 6) {
    const special = specialText(x);
    return special === null ? String(Number(x.toPrecision(digits))) : special;
}

// How many of something there are, which may be more than anybody counts.
function countText(n) { return n < 1e6 ? String(n) : n.toExponential(2); }

// The shortest text that reads back as the same number of its type.
function wholeText(x, dtype) {
    const special = specialText(x);
    if (special !== null) return special;
    if (dtype !== 'float32') return String(x);
    for (let digits = 6; digits < 9; digits++) {
        const text = Number(x.toPrecision(digits));
        if (Math.fround(text) === x) return String(text);
    }
    return String(Number(x.toPrecision(9)));
}

function shapeAsText(shape) { return '[' + shape.join(', ') + ']'; }

function countOf(shape) { return shape.reduce((product, size) => product * size, 1); }

function bytesOf(tensor) { return countOf(tensor.shape) * ({ float32: 4, bool: 1 }[tensor.dtype] || 8); }

function bytesAsText(bytes) {
    if (bytes < 1000) return bytes + ' B';
    if (bytes < 1e6) return numberAsText(bytes / 1e3, 3) + ' kB';
    return numberAsText(bytes / 1e6, 3) + ' MB';
}
