// check.js: uses a player page as its readers do, by keys, clicks and words, and compares what it shows with the data in it,
// which it reads by means of its own. What it finds is in the element #check: lines "ok    ..." and "FAIL  ...".
'use strict';

const check = { lines: [], data: JSON.parse(document.getElementById('run').textContent), bytes: null };

function told(isRight, what) { check.lines.push((isRight ? 'ok    ' : 'FAIL  ') + what); }

function press(key, options = {}) { document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...options })); }

const shown = (selector) => [...document.querySelectorAll(selector)];
const textOf = (id) => document.getElementById(id).textContent;
const place = () => Number(document.getElementById('slider').value);

// ---- the data, read plainly ----

function numbersOf(offset, count, bytes) {
    if (!check.bytes) check.bytes = Uint8Array.from(atob(document.getElementById('numbers').textContent), (letter) => letter.charCodeAt(0));
    const copy = check.bytes.slice(offset, offset + count * bytes);
    return Array.from(bytes === 8 ? new Float64Array(copy.buffer) : new Float32Array(copy.buffer));
}

// What a reference to a value stands for.
const kept = (value) => (value === null || value === undefined ? null : check.data.values[value]);

const numbers = (value) => (kept(value) && kept(value).n ? numbersOf(...kept(value).n) : null);

function dataOf(reference) {
    const d = check.data;
    return reference[0] === 'n' ? d.nodes[reference[1]].outputs[reference[2]] : reference[0] === 'l' ? d.leaves[reference[1]] : d.constants[reference[1]];
}

// What the walk brings to each tensor, in its order.
function broughtTo() {
    const brought = new Map();
    check.data.walk.forEach((event, w) => {
        if (event[0] !== 'e') return;
        const key = check.data.nodes[event[1]].inputs[event[2]].join('.');
        if (!brought.has(key)) brought.set(key, []);
        brought.get(key).push({ at: check.data.nodes.length + 1 + w, value: event[3] });
    });
    return brought;
}

// ---- numbers on the page ----

function sameNumber(a, b) { return Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)); }

function readNumber(text) {
    const special = { NaN, inf: Infinity, '-inf': -Infinity, '-0': -0 };
    return text in special ? special[text] : Number(text);
}

// The numbers that an element shows, one by one: as text to six digits, and as a title that reads back the same.
function showsNumbers(within, wanted, dtype) {
    const cells = [...within.querySelectorAll('[data-value]')];
    return cells.length === wanted.length && cells.every((cell, i) => {
        const x = wanted[i], text = readNumber(cell.textContent), whole = readNumber(cell.title);
        const close = Number.isFinite(x) ? Math.abs(text - x) <= 5.0001e-6 * Math.abs(x) : sameNumber(text, x);
        return close && sameNumber(dtype === 'float32' ? Math.fround(whole) : whole, x);
    });
}

// A heat map: its least, mean and greatest.
function showsSummary(within, value) {
    const line = within.querySelector('.stats');
    return line !== null && line.title === kept(value).s.slice(0, 3).map((x) => (x === null ? '–' : String(x))).join('  ') && within.querySelector('canvas.heat') !== null;
}

function showsValue(within, tensor, value) {
    return !kept(value) ? true : kept(value).n ? showsNumbers(within, numbers(value), tensor.dtype) : showsSummary(within, value);
}

// The part of the panel under a heading, up to the next.
function under(key) {
    const part = document.createElement('div'), heading = shown('#panel h3').find((h) => h.textContent === words[language][key]);
    for (let e = heading && heading.nextElementSibling; e && e.tagName !== 'H3'; e = e.nextElementSibling) part.append(e.cloneNode(true));
    for (const picture of part.querySelectorAll('canvas')) picture.className = 'heat';
    return part;
}

// ---- stepping ----

function checkForward() {
    let right = true, stories = new Set();
    press('Home');
    for (let n = 0; n < check.data.nodes.length; n++) {
        press('ArrowRight');
        const output = check.data.nodes[n].outputs[0], title = document.querySelector('#panel .title');
        if (place() !== n + 1 || title.dataset.slot !== 'n' + n + '.0' || !showsValue(under('result'), output, output.value)) {
            right = false;
            told(false, `forward: node ${n} does not show its value`);
            break;
        }
        stories.add(textOf('story'));
    }
    told(right && stories.size >= check.data.nodes.length - 1, `forward: ${check.data.nodes.length} nodes, each with its value and a sentence of its own`);
}

function checkVisit(node, brought) {
    const output = check.data.nodes[node].outputs[0], list = brought.get(['n', node, 0].join('.')) || [];
    const sum = document.querySelector('#panel .sum'), items = shown('#panel [data-contribution]').filter((item) => !item.classList.contains('waits'));
    const isRoot = node === check.data.root[0];
    if (!list.length && !isRoot) return true;
    const wanted = list.length + (isRoot ? 1 : 0);
    if (!sum || !showsValue(sum, output, output.grad)) return false;
    if (wanted > 6) return items.length === 0;
    return items.length === wanted && (isRoot || items.every((item, i) => showsValue(item, output, list[i].value)));
}

function checkEdge(event) {
    const item = document.querySelector('#panel .item.new'), to = check.data.nodes[event[1]].inputs[event[2]];
    return item !== null && showsValue(item, dataOf(to), event[3]);
}

function checkReady(event) {
    select('l' + event[1]);
    const sum = document.querySelector('#panel .sum');
    return sum !== null && showsValue(sum, dataOf(['l', event[1]]), event[2]);
}

function select(key) { selectSlot(key, false); }

function checkBackward() {
    const brought = broughtTo(), counts = { v: 0, e: 0, d: 0, r: 0 }, first = check.data.nodes.length;
    let wrong = null;
    press('b');
    for (let w = 0; w < check.data.walk.length && wrong === null; w++) {
        if (w) press('ArrowRight');
        const event = check.data.walk[w];
        counts[event[0]]++;
        const right = event[0] === 'v' ? checkVisit(event[1], brought) : event[0] === 'e' ? checkEdge(event) : event[0] === 'r' ? checkReady(event) : true;
        if (!right || place() !== first + 1 + w) wrong = w;
    }
    told(wrong === null, `backward: ${counts.v} visits, ${counts.e} contributions, ${counts.r} leaves, with the walk's numbers` + (wrong === null ? '' : `; event ${wrong} is wrong: ${check.data.walk[wrong][0]} ${check.data.walk[wrong][1]}`));
}

// Complete gradients are what contributions add up to, as far as roundings go; and the page's sums so far are such sums.
function checkSums() {
    let right = 0, all = 0;
    for (const [key, list] of broughtTo()) {
        const parts = key.split('.'), reference = [parts[0], ...parts.slice(1).map(Number)], tensor = dataOf(reference), total = numbers(tensor.grad);
        if (!total || total.some((x) => !Number.isFinite(x))) continue;
        all++;
        const sum = total.map((_, i) => list.reduce((s, one) => s + numbers(one.value)[i], 0)), scale = Math.max(...total.map(Math.abs), 1e-30);
        if (reference.join('.') === ['n', ...check.data.root].join('.') || sum.every((x, i) => Math.abs(x - total[i]) <= 1e-5 * scale)) right++;
        else told(false, `the gradient of ${key} is not the sum of what came`);
    }
    told(right === all, `${all} gradients are the sums of their contributions`);
    const [key, list] = [...broughtTo()].sort((a, b) => b[1].length - a[1].length)[0];
    if (list.length < 2) return;
    select(key.split('.')[0] + key.split('.').slice(1).join('.'));
    setPosition(list[1].at, { keep: true });
    const part = document.querySelector('#panel .sum'), wanted = numbers(list[0].value) && numbers(list[0].value).map((x, i) => x + numbers(list[1].value)[i]);
    told(part !== null && (!wanted || [...part.querySelectorAll('[data-value]')].every((cell, i) => sameNumber(Number(cell.dataset.value), wanted[i]))), 'two of several contributions: their sum so far');
}

// What is shown depends on the position alone, not on how one came there.
function checkReturn() {
    const positions = [1, Math.floor(check.data.nodes.length / 2), check.data.nodes.length + 3, check.data.nodes.length + 1 + Math.floor(check.data.walk.length / 2)];
    const look = () => textOf('story') + '|' + document.getElementById('panel').innerHTML + '|' + shown('.code.lit').map((line) => line.dataset.line).join();
    const slider = document.getElementById('slider');
    let same = true;
    for (const position of positions) {
        setPosition(position);
        const first = look();
        press('ArrowRight');
        press('ArrowLeft');
        const second = look();
        press('End');
        slider.value = position;
        slider.dispatchEvent(new Event('input'));
        same = same && first === second && first === look();
    }
    told(same, 'back and forth, and by the slider: the same page at the same position');
    press('Home');
    const home = place();
    press('End');
    told(home === 0 && place() === check.data.nodes.length + check.data.walk.length, 'Home and End');
    press('b');
    press('ArrowLeft', { shiftKey: true });
    told(place() === Math.max(0, check.data.nodes.length + 1 - 10), 'b, and ten steps back');
}

// ---- what a reader stumbled over ----

function checkSentences() {
    const d = check.data, added = words.en.edgeAdded.split(':')[0], wrong = [];
    d.walk.forEach((event, w) => {
        const text = sentenceAt(d.nodes.length + 1 + w);
        const sum = event[0] === 'r' ? d.walk.filter((one) => one[0] === 'e' && (d.nodes[one[1]].inputs[one[2]] || []).join() === 'l,' + event[1]).length : 0;
        if (event[0] === 'e' && event[4] && text.includes(added)) wrong.push(text);
        if (sum === 1 && /added/.test(text) || sum > 1 && !text.includes(sum + ' contributions')) wrong.push(text);
    });
    d.nodes.forEach((_, n) => { if (/\. ?=|\.\.$/.test(sentenceAt(n + 1))) wrong.push(sentenceAt(n + 1)); });
    told(wrong.length === 0, 'what waits is not said to be added, one contribution is not a sum, a sentence has one end' + wrong.slice(0, 1));
    told(!/\b1 (nodes|leaves|steps)/.test(textOf('counts')) && sayCount('oneLeaf', 'leavesIn', 1) === '1 leaf', 'one leaf is not several');
}

function checkNotes() {
    const notes = document.getElementById('notes'), again = document.getElementById('show-notes');
    const there = () => !notes.hidden && notes.getBoundingClientRect().height > 0 && [...notes.querySelectorAll('li')].map((one) => one.textContent).join('|') === check.data.notes.join('|');
    if (!check.data.notes.length) return told(notes.hidden && again.hidden, 'no notes');
    const first = there();
    notes.querySelector('button').click();
    const hidden = notes.hidden && !again.hidden;
    again.click();
    return told(first && hidden && there() && again.hidden, `${check.data.notes.length} notes are in sight, can be hidden, and are there again`);
}

// Following never moves a tape that is in view whole; what a node hands something to is in view with it, if both fit.
function checkFollowing() {
    const d = check.data, isSeen = (item) => (item.x - view.x) * view.zoom >= -0.5 && (item.x + item.w - view.x) * view.zoom <= view.w + 0.5 && (item.y - view.y) * view.zoom >= -0.5 && (item.y + item.h - view.y) * view.zoom <= view.h + 0.5;
    fitAll(true);
    const at = [view.x, view.y, view.zoom].join(), whole = view.zoom >= 0.4;
    let moved = 0, unseen = 0, scrolled = 0, far = 0;
    for (let p = 0; p <= lastPosition; p++) {
        setPosition(p, { atOnce: true });
        const item = currentItem(eventAt(p)), to = receiverOf(eventAt(p));
        if (whole && [view.x, view.y, view.zoom].join() !== at) moved++;
        if (item && !isSeen(item)) unseen++;
        if (to && Math.abs(to.x - item.x) + item.w < view.w / view.zoom - 90 && Math.abs(to.y - item.y) + item.h < view.h / view.zoom - 160 && !isSeen(to)) far++;
        const panel = document.getElementById('panel').getBoundingClientRect(), told = document.querySelector('#panel .item.new');
        if (told && (told.getBoundingClientRect().top < panel.top || told.getBoundingClientRect().top > panel.bottom - 20)) scrolled++;
    }
    told(moved === 0, whole ? 'a tape that fits whole stays where it is' : 'a tape that does not fit whole');
    told(unseen === 0 && far === 0, 'followed: the node of each step is in view, and what it hands something to');
    told(scrolled === 0, 'the details show the contribution that is told');
    moveTo(-30, -40, 0.9, true);
    const buttons = document.querySelector('.floating').getBoundingClientRect(), canvas = view.canvas.getBoundingClientRect();
    fitAll(true);
    told(layout.items.every((item) => (item.y - view.y) * view.zoom >= buttons.bottom - canvas.top), 'no button lies on a card of the whole tape');
    const first = d.nodes.findIndex((node) => node.source >= 0 && d.sources[node.source].text), box = document.getElementById('source-lines');
    box.scrollTop = 0;
    setPosition(0);
    if (first !== 0) return;
    const line = shown('.code')[d.nodes[0].line - 1].getBoundingClientRect(), pane = box.getBoundingClientRect();
    told(shown('.code.lit').length === 0 && line.top >= pane.top && line.bottom <= pane.bottom, 'at the start the first op\'s line is in view');
    // In a narrow pane the call is brought into view.
    document.querySelector('main').style.gridTemplateColumns = '200px minmax(0, 1fr) 300px';
    const away = d.nodes.filter((node, n) => {
        setPosition(n + 1, { atOnce: true });
        const call = [...document.querySelectorAll('.code.lit .f')].find((name) => name.textContent.startsWith('tg_' + node.op)), within = box.getBoundingClientRect();
        const at = call && call.getBoundingClientRect();
        return at && (at.left < within.left || at.left > within.right - 10);
    });
    told(away.length === 0, 'the call is in view in its line');
    document.querySelector('main').style.gridTemplateColumns = '';
}

function checkNames() {
    const d = check.data, names = d.leaves.map((_, i) => slotName('l' + i)).filter((name) => !name.startsWith('leaf '));
    told(new Set(names).size === names.length, `${names.length} leaves, each with a name of its own`);
    if (d.program !== 'sample_heads') return;
    const modules = [...new Set(d.nodes.map((_, n) => moduleOf(n)))].filter((name) => name);
    told(modules.join() === 'blocks.0.ln,blocks.1.ln,Linear #1,Linear #2,Linear #3', 'modules by their whole names, others by numbers: ' + modules.join());
}

// ---- matrices ----

// The colours of a picture, cell by cell.
function colorsOf(picture) {
    const pixels = picture.getContext('2d').getImageData(0, 0, picture.width, picture.height).data;
    return Array.from({ length: pixels.length / 4 }, (_, i) => [...pixels.slice(i * 4, i * 4 + 3)].join());
}

// The index of a matrix as NumPy would write it.
function indexOf(map, before) {
    const at = before.map((_, d) => Math.floor(map / before.slice(d + 1).reduce((a, b) => a * b, 1)) % before[d]);
    return '[' + at.join(', ') + ', :, :]';
}

// Each matrix of a leaf of several is shown, with its own numbers, by its arrows and by the strip.
function checkMaps() {
    const leaves = check.data.leaves.map((leaf, i) => ({ ...leaf, key: 'l' + i, before: leaf.shape.slice(0, -2) })).filter((leaf) => leaf.before.length);
    setPosition(0);
    for (const leaf of leaves) {
        select(leaf.key);
        const value = kept(leaf.value), all = leaf.before.reduce((a, b) => a * b, 1);
        if (value.n) {
            told(shown('#panel table.numbers th').map((one) => one.textContent).join() === Array.from({ length: all }, (_, m) => indexOf(m, leaf.before)).join(), `${all} matrices of numbers, each under its index`);
            continue;
        }
        const [offset, rows, columns, maps] = value.h, size = rows * columns, cells = numbersOf(offset, maps * size, 4);
        const range = { low: Math.min(...cells), high: Math.max(...cells) }, wanted = cells.map((x) => colorOf(x, false, range).join());
        let right = maps === Math.min(64, all);
        for (let m = 0; m < maps; m++) {
            right = right && document.querySelector('#panel .which span').textContent === indexOf(m, leaf.before) && colorsOf(document.querySelector('#panel canvas.heat')).join('|') === wanted.slice(m * size, (m + 1) * size).join('|');
            const arrow = document.querySelectorAll('#panel .which button')[1];
            arrow.focus();
            arrow.click();
            right = right && document.activeElement === document.querySelectorAll('#panel .which button')[1];
        }
        told(right && app.map === 0, `${maps} of ${all} matrices, one by one`);
        const strip = document.querySelector('#panel .strip canvas'), box = strip.getBoundingClientRect(), picture = colorsOf(strip);
        told(wanted.every((color) => picture.includes(color)), 'all of them in the strip');
        strip.dispatchEvent(new MouseEvent('click', { clientX: box.right - 2, clientY: box.top + 2 }));
        const across = Math.round((strip.width + 1) / (columns + 1));
        told(document.querySelector('#panel .which span').textContent === indexOf(across - 1, leaf.before), 'a click in the strip chooses one');
        const n = leaf.shape.length;
        told([n - 2, leaf.shape[n - 2], n - 1, leaf.shape[n - 1]].every((x) => document.querySelector('#panel .axes').textContent.match(/\d+/g).map(Number).includes(x)), 'what rows and columns are is said');
        chooseMap(0);
    }
}

// ---- a program's own numbers ----

// [key, 'value' or 'grad', dtype, numbers] as a program wrote them; a leaf's key is its name.
function checkProgram(list) {
    let right = 0;
    setPosition(lastPosition);
    for (const [name, part, dtype, wanted] of list) {
        const leaf = check.data.leaves.findIndex((one) => one.name === name), key = leaf < 0 ? name : 'l' + leaf;
        select(key);
        const within = part === 'grad' ? document.querySelector('#panel .sum') : under(key[0] === 'n' ? 'result' : 'value');
        if (within && showsNumbers(within, wanted, dtype)) right++;
        else told(false, `the ${part} of ${name} is not the program's`);
    }
    told(right === list.length && right > 20, `${right} tensors show the program's own numbers`);
}

// ---- the picture ----

const inside = (inner, outer) => inner.x >= outer.x - 0.5 && inner.y >= outer.y - 0.5 && inner.x + inner.w <= outer.x + outer.w + 0.5 && inner.y + inner.h <= outer.y + outer.h + 0.5;
const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

function checkLayout(what) {
    const byRow = [...layout.items].sort((a, b) => a.y - b.y);
    let overlaps = 0;
    byRow.forEach((a, i) => {
        for (let j = i + 1; j < byRow.length && byRow[j].y < a.y + a.h; j++) if (overlap(a, byRow[j])) overlaps++;
    });
    told(overlaps === 0, `${what}: no two of ${layout.items.length} cards lie on each other`);
    told(check.data.nodes.every((_, n) => layout.ofNode[n] && layout.items.includes(layout.ofNode[n])), `${what}: every node is on a card`);
    told(layout.items.every((item) => inside(item, { x: 0, y: 0, w: layout.w, h: layout.h })), `${what}: every card is within the tape`);
    const held = layout.boxes.filter((box) => box.kind === 'module');
    told(held.every((box) => box.nodes.every((n) => inside(layout.ofNode[n], box))), `${what}: ${held.length} boxes hold their nodes`);
    const stepOf = (item) => (item.slot ? -1 : check.data.nodes[item.node].step);
    const back = layout.edges.filter((edge) => edge.to.y < edge.from.y + edge.from.h && (stepOf(edge.from) === stepOf(edge.to) || edge.to.x <= edge.from.x));
    told(back.length === 0, `${what}: what reads a result is below it, or right of it`);
}

// Loops stand one below the other; the columns of one follow each other.
function checkSteps() {
    const steps = layout.boxes.filter((box) => box.kind === 'step'), loops = new Map(), rows = new Set(), columns = new Map();
    if (!steps.length) return;
    steps.forEach((box, i) => loops.set(box, i && box.y === steps[i - 1].y && box.x > steps[i - 1].x ? loops.get(steps[i - 1]) : i));
    for (const loop of loops.values()) columns.set(loop, (columns.get(loop) || 0) + 1);
    const long = new Set([...columns.keys()].filter((loop) => columns.get(loop) > 5));
    let own = true, within = 0;
    check.data.nodes.forEach((node, n) => {
        const item = layout.ofNode[n], column = steps.find((box) => inside(item, box));
        if (item.kind !== 'node' || !column) return;
        within++;
        if (column.step !== node.step) own = false;
        if (long.has(loops.get(column))) rows.add([loops.get(column), node.op, node.line, item.caption, Math.round(item.x - column.x), item.y].join(' '));
    });
    told(own && within > 0, `${within} nodes in ${steps.length} steps of ${new Set(loops.values()).size} loops, each in its own step`);
    told(rows.size < within / 4 || long.size === 0, `time goes from left to right, what is alike at the same height: ${rows.size} heights`);
}

function checkFolding() {
    const all = layout.items.length, modules = [...moduleKeys().keys()];
    if (!modules.length) return;
    document.getElementById('fold-all').click();
    const few = layout.items.length;
    told(few < all, `folded: ${few} cards instead of ${all}`);
    checkLayout('folded');
    const edges = layout.edges.map((edge) => edge.from.id + '>' + edge.to.id + (edge.from.kind === 'fold' || edge.to.kind === 'fold' ? '' : edge.input));
    told(new Set(edges).size === edges.length, 'folded: no edge twice');
    const fold = layout.items.find((item) => item.kind === 'fold');
    select('n' + fold.nodes[0] + '.0');
    press('Enter');
    told(!layout.folded.has(fold.key) && layout.items.length > few, 'Enter unfolds the selected module');
    document.getElementById('unfold-all').click();
    told(layout.items.length === all && layout.folded.size === 0, 'unfolded: all cards are back');
    const box = layout.boxes.find((one) => one.kind === 'module');
    moveTo(box.x - 20, box.y - 20, 1, true);
    clickAt(20 + 10, 20 + 8);
    told(layout.folded.has(box.key), 'a click on its name folds a module');
    document.getElementById('unfold-all').click();
}

function checkClick() {
    const item = layout.items[Math.floor(layout.items.length / 2)];
    moveTo(item.x - 60, item.y - 60, 1, true);
    clickAt(60 + item.w / 2, 60 + item.h / 2);
    const key = item.slot || 'n' + item.node + '.0';
    told(document.querySelector('#panel .title').dataset.slot === key, 'a click on a card selects it');
    clickAt(-5000, -5000);
    told(app.lit === null, 'a click beside them ends the light');
}

// The nodes between a tensor and the loss, by going all ways; for few nodes also how many ways there are.
function checkPaths() {
    const d = check.data, root = d.root[0];
    const reaches = d.nodes.map(() => false), readers = new Map();
    d.nodes.forEach((node, n) => node.inputs.forEach((input) => {
        if (!input) return;
        const key = input[0] === 'n' ? 'n' + input[1] : input[0] + input[1];
        readers.set(key, [...(readers.get(key) || []), n]);
    }));
    for (let n = root; n >= 0; n--) reaches[n] = n === root || (readers.get('n' + n) || []).some((reader) => reaches[reader]);
    const ways = (n) => (n === root ? 1 : 0) + (readers.get('n' + n) || []).reduce((sum, reader) => sum + ways(reader), 0);
    let right = true;
    d.leaves.forEach((leaf, i) => {
        const found = new Set(), open = [...(readers.get('l' + i) || [])];
        while (open.length) {
            const n = open.pop();
            if (found.has(n)) continue;
            found.add(n);
            open.push(...(readers.get('n' + n) || []));
        }
        const wanted = [...found].filter((n) => reaches[n]), lit = nodesToLoss('l' + i);
        if (wanted.length !== lit.size || wanted.some((n) => !lit.has(n))) right = false;
        if (d.nodes.length < 40 && countPaths('l' + i) !== (readers.get('l' + i) || []).reduce((sum, n) => sum + ways(n), 0)) right = false;
    });
    told(right, `the paths of ${d.leaves.length} leaves to the loss`);
}

// ---- words ----

function checkSearch() {
    const field = document.getElementById('search'), d = check.data;
    const type = (text) => { field.value = text; field.dispatchEvent(new Event('input')); };
    const op = d.nodes[0].op, wanted = d.nodes.filter((node) => node.op === op).length;
    type(op);
    told(textOf('found').endsWith(' ' + search.hits.length) && search.hits.length >= wanted && search.hits.filter((key) => key[0] === 'n').every((key) => d.nodes[slotReference(key)[1]].op.includes(op) || moduleOf(slotReference(key)[1]).includes(op)), `search: ${wanted} nodes of ${op}`);
    const first = document.querySelector('#panel .title').dataset.slot;
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    told(search.hits.length < 2 || document.querySelector('#panel .title').dataset.slot !== first, 'search: Enter goes to the next');
    const leaf = d.leaves.find((one) => one.name);
    type(leaf.name);
    told(document.querySelector('#panel .title').textContent.includes(leaf.name), 'search: a leaf by its name');
    const line = d.nodes[d.nodes.length - 1].line;
    type('sample.c:' + line);
    told(d.sources[0].path !== 'examples/sample.c' || search.hits.length >= d.nodes.filter((node) => String(node.line).startsWith(String(line))).length, 'search: a line of the source');
    type('no such thing');
    told(textOf('found') === words[language].nothingFound, 'search: nothing found is said');
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    told(field.value === '' && textOf('found') === '', 'search: Escape ends it');
}

function checkSource() {
    const d = check.data, first = d.nodes.findIndex((node) => node.source >= 0 && d.sources[node.source].text);
    setPosition(first + 1);
    const lit = shown('.code.lit');
    told(lit.length === 1 && Number(lit[0].dataset.line) === d.nodes[first].line, 'the line of the step is lit');
    const lines = d.sources[d.nodes[first].source].text.replace(/\n$/, '').split('\n');
    told(shown('.code').length === lines.length && shown('.code').every((line, i) => line.lastChild.textContent === lines[i]), `the source is there, ${lines.length} lines of it`);
    lit[0].click();
    told(document.querySelector('#panel .title').dataset.slot[0] === 'n', 'a click on a line selects a node of it');
}

function checkLanguages() {
    const en = words.en, fr = words.fr, names = (text) => (typeof text === 'string' ? (text.match(/\{\w+\}/g) || []).sort().join() : '');
    told(Object.keys(en).join() === Object.keys(fr).join(), 'English and French have the same texts');
    told(Object.keys(en).every((key) => names(en[key]) === names(fr[key])), 'with the same values in them');
    setPosition(check.data.nodes.length + 1);
    setLanguage('fr');
    const story = textOf('story');
    told(document.documentElement.lang === 'fr' && shown('[data-say]').every((e) => e.textContent === fr[e.dataset.say]) && shown('[data-title]').every((e) => e.getAttribute('aria-label') === fr[e.dataset.title]), 'French: every label');
    setLanguage('en');
    told(textOf('story') !== story && shown('[data-say]').every((e) => e.textContent === en[e.dataset.say]), 'and English again');
    told(!/undefined|\[object|\{\w+\}/.test(document.body.innerText), 'no text has a hole');
}

// ---- everybody ----

function luminance(color) {
    const [r, g, b] = color.match(/[\da-f]{2}/gi).map((part) => parseInt(part, 16) / 255).map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

function checkThemes() {
    for (const name of ['dark', 'light']) {
        setTheme(name);
        const c = theme.colors;
        const low = ['ink', 'faint', 'forward', 'backward', 'parameter', 'leaf', 'constant', 'saved'].filter((color) => contrast(c[color].padEnd(7, c[color].slice(1)), c.card) < 4.5);
        told(theme.name === name && low.length === 0, `${name}: every colour of a text is at least 4.5 : 1 on a card` + low.join(' '));
    }
    const numbersInk = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [scales.value, scales.gradient.light, scales.gradient.dark].map((scale) => scaleColor(scale, share)));
    const hex = (rgb) => '#' + rgb.map((x) => x.toString(16).padStart(2, '0')).join('');
    told(numbersInk.every((rgb) => contrast(hex(rgb), inkOn(rgb) === '#000' ? '#000000' : '#ffffff') >= 4.5), 'numbers can be read on every colour of a heat map');
    const light = scales.value.map((rgb) => luminance(hex(rgb)));
    told(light.every((x, i) => i === 0 || x > light[i - 1]), 'values are lighter the larger, for those who see no colour');
}

function checkEverybody() {
    const named = shown('button, input, select, canvas[role], dialog').filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.title || e.closest('label')));
    told(named.length === 0, 'everything that can be used has a name ' + named.map((e) => e.id).join());
    told(document.getElementById('story').getAttribute('aria-live') === 'polite', 'each step is told aloud');
    const ids = shown('[id]').map((e) => e.id);
    told(new Set(ids).size === ids.length, 'no id twice');
    told(shown('[aria-labelledby], [aria-describedby]').every((e) => document.getElementById(e.getAttribute('aria-labelledby') || e.getAttribute('aria-describedby'))), 'what names something is there');
    press('v');
    const rows = shown('#list tbody tr');
    told(rows.length === Math.min(250, check.data.nodes.length - Number(rows[0].dataset.node)) && shown('#list tr[aria-current="step"]').length === 1, `the tape as a list: ${rows.length} rows, one of them now`);
    press('v');
    press('?');
    told(document.getElementById('help').open && shown('#keys dt').length === words[language].keys.length, '? shows the keys');
    document.getElementById('help').close();
    press(' ');
    const playing = app.playing;
    press(' ');
    told(playing && !app.playing, 'space plays and pauses');
    press('Home');
    select('l0');
    press('n');
    const at = place(), brought = broughtTo().get('l.0');
    told(!brought || at === brought[0].at, 'n goes to what happens next to the selected leaf');
    press('p');
    press('ArrowRight');
    told(document.querySelector('#panel .title').dataset.slot === 'l0' && app.pinned, 'p keeps the details');
    press('p');
    preparePrint();
    told(shown('#printed tbody tr').length === Math.min(400, check.data.nodes.length), 'for paper: the tape as a table');
    document.getElementById('printed').replaceChildren();
}

// That something is drawn: pixels of more than a few colours, at several zooms.
function checkPixels() {
    const colors = () => {
        drawFrame(performance.now());
        const pixels = view.context.getImageData(0, 0, view.canvas.width, view.canvas.height).data, seen = new Set();
        for (let i = 0; i < pixels.length; i += 4 * 7) seen.add(pixels[i] * 65536 + pixels[i + 1] * 256 + pixels[i + 2]);
        return seen.size;
    };
    setPosition(check.data.nodes.length + 2, { atOnce: true });
    const near = colors();
    fitAll(true);
    told(near > 20 && colors() > 3, 'the tape is drawn, near and as a whole');
}

function checkAll() {
    const d = check.data, few = d.nodes.length < 1000;
    app.follow = few;
    for (const one of few ? [checkForward, checkBackward, checkSums, checkSentences, checkNotes, checkFollowing, checkNames, checkMaps] : []) one();
    if (window.programNumbers) checkProgram(window.programNumbers);
    for (const one of [checkReturn, checkClick, checkPaths, checkSearch, checkSource, checkLanguages, checkThemes, checkEverybody, checkPixels]) one();
    document.getElementById('unfold-all').click();
    checkLayout('unfolded');
    checkSteps();
    checkFolding();
    told(window.problems.length === 0, 'no error, no warning ' + window.problems.join(' | '));
}

try {
    checkAll();
} catch (error) {
    told(false, String(error.stack).replace(/\n/g, ' '));
}
document.body.append(Object.assign(document.createElement('pre'), { id: 'check', textContent: '\n' + check.lines.join('\n') + '\n' }));
