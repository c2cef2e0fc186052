// story.js: each position of the run in one sentence, for the line under the tape and for screen readers.
'use strict';

// " = 3 · 2 = 6" of a result with one element, "" of others; a sentence ends behind it.
function forwardNumbers(node) {
    const result = run.nodes[node].outputs[0];
    const elements = elementsOf(result.value);
    if (!elements || elements.length !== 1) return '';
    const part = readFormula((run.ops[run.nodes[node].op] || {}).formula)[0];
    const filled = part && filledIn(part, node, 0);
    return ' = ' + (filled ? filled + ' = ' : '') + numberAsText(elements[0]);
}

function oneNumber(value) {
    const elements = elementsOf(value);
    return elements && elements.length === 1 ? elements[0] : null;
}

// "4 + 2 = 6" of contributions of one element each; "" of others, or of too many.
function sumNumbers(contributions, total) {
    const numbers = contributions.map((c) => oneNumber(c.value));
    const sum = oneNumber(total);
    if (sum === null || !numbers.length || numbers.length > 8 || numbers.includes(null)) return '';
    if (numbers.length === 1) return numberAsText(sum);
    return numbers.map((x, i) => (i === 0 ? numberAsText(x) : x < 0 ? '− ' + numberAsText(-x) : '+ ' + numberAsText(x))).join(' ') +
        ' = ' + numberAsText(sum);
}

function withColon(text) { return text && (language === 'fr' ? ' : ' : ': ') + text; }

function visitSentence(node) {
    const key = node === run.root[0] ? slotKey(['n', ...run.root]) : slotKey(['n', node, 0]);
    const list = contributionsTo(key), numbers = withColon(sumNumbers(list, outputOf(node, slotReference(key)[2]).grad));
    if (node === run.root[0] && list.length === 1) return say('sumGiven', { numbers });
    if (!list.length) return run.nodes[node].outputs.length > 1 ? '' : say('sumNone');
    return list.length === 1 ? say('sumOne') : say('sumMany', { n: list.length, numbers });
}

function edgeSentence(event, position) {
    const key = slotKey(event.to), list = contributionsTo(key), k = arrivedAt(key, position), n = list.length;
    const count = event.chain ? say(n === 1 ? 'chainOnly' : 'chainMore', { k, n }) : n === 1 ? say('edgeOnly') : k === 1 ? say('edgeFirst', { n }) : say('edgeAdded', { k, n });
    const number = oneNumber(event.value);
    const part = readFormula((run.ops[run.nodes[event.node].op] || {}).gradient)[event.input];
    const filled = number !== null && part && filledIn(part, event.node, 0);
    const numbers = number === null ? '' : withColon((filled && filled !== numberAsText(number) ? filled + ' = ' : '') + numberAsText(number));
    return say(event.chain ? 'didChain' : 'didEdge', { name: nodeName(event.node), to: slotName(key), numbers, count });
}

function nodeName(node) {
    const path = model.path[node];
    return slotName(slotKey(['n', node, 0])) + (path.length ? ' (' + moduleOf(node) + ')' : '');
}

function inputNames(node) {
    const names = run.nodes[node].inputs.map((input) => (input ? slotName(slotKey(input)) : '–'));
    return names.length > 4 ? [...names.slice(0, 3), '…', names[names.length - 1]] : names;
}

function sentenceAt(position) {
    const event = eventAt(position);
    if (event.kind === 'start') return say('start');
    if (event.kind === 'ready') {
        const key = 'l' + event.leaf, list = contributionsTo(key);
        const sum = say(list.length === 1 ? 'readyOne' : 'readyMany', { n: list.length, numbers: withColon(sumNumbers(list, event.value)) });
        return say('didReady', { name: slotName(key), sum });
    }
    const step = model.step[event.node];
    const place = step >= 0 ? say('atStep', { t: step }) : '';
    if (event.kind === 'forward') {
        const formula = run.nodes[event.node].op + '(' + inputNames(event.node).join(', ') + ')';
        return say('didForward', { place, name: nodeName(event.node), formula, numbers: forwardNumbers(event.node) });
    }
    if (event.kind === 'visit') return place + say('didVisit', { name: nodeName(event.node), sum: visitSentence(event.node) });
    if (event.kind === 'done') return place + say('didDone', { name: nodeName(event.node) });
    return place + edgeSentence(event, position);
}
