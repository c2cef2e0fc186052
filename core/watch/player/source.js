// source.js: the program's text, with the line of the current step lit. A line with ops says how many, and leads to them.
'use strict';

const source = { shown: -1, lines: [], nodesAt: new Map(), lit: null };

const codeWords = /(\/\*.*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\b(tg_\w+(?=\s*\()|TG_\w+)|\b(auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|int64_t|long|return|short|signed|sizeof|static|struct|switch|typedef|uint64_t|union|unsigned|void|while|bool|true|false|NULL|size_t)\b/g;

function colorLine(text, into, inComment) {
    if (inComment || /^\s*\/?\*/.test(text)) {
        into.append(element('span', { class: 'c' }, text));
        return;
    }
    let at = 0;
    for (const match of text.matchAll(codeWords)) {
        into.append(text.slice(at, match.index));
        const kind = match[1] ? (match[1][0] === '/' ? 'c' : 's') : match[2] ? 'f' : 'k';
        into.append(element('span', { class: kind }, match[0]));
        at = match.index + match[0].length;
    }
    into.append(text.slice(at));
}

function nodesOfLines(which) {
    const at = new Map();
    run.nodes.forEach((node, n) => { if (node.source === which) pushTo(at, node.line, n); });
    return at;
}

function showSource(which) {
    if (source.shown === which) return;
    source.shown = which;
    source.lit = null;
    const text = which >= 0 && run.sources[which] ? run.sources[which].text : null;
    document.getElementById('source-path').textContent = which >= 0 && run.sources[which] ? run.sources[which].path : '';
    source.nodesAt = nodesOfLines(which);
    let inComment = false;
    source.lines = (text === null || text === undefined ? [] : text.replace(/\n$/, '').split('\n')).map((line, i) => {
        const nodes = source.nodesAt.get(i + 1), code = element('span');
        colorLine(line, code, inComment);
        if (/\/\*/.test(line) && !/\*\/[^/]*$/.test(line)) inComment = true;
        else if (/\*\//.test(line)) inComment = false;
        return element('div', { class: 'code' + (nodes ? ' has' : ''), 'data-line': i + 1 }, element('span', {}, String(i + 1)),
            element('span', {}, nodes ? '×' + nodes.length : ''), code);
    });
    document.getElementById('source-lines').replaceChildren(...(source.lines.length ? source.lines : [element('p', { class: 'faint' }, '  ' + say('noSource'))]));
}

// Where the op is called in its line, in pixels; where the line begins if that is not to be seen there.
function callOffset(line, node) {
    const code = line.lastChild, text = code.textContent, named = text.search(new RegExp('tg_' + run.nodes[node].op.replace(/\W/g, '') + '\\w*'));
    const at = named >= 0 ? named : Math.max(0, text.search(/\S/));
    return code.offsetLeft + code.offsetWidth * at / Math.max(text.length, 1);
}

// `isToCome`: the line is brought into view, and not lit yet.
function lightLine(node, isBackward, isToCome = false) {
    if (source.lit) source.lit.classList.remove('lit', 'back');
    source.lit = null;
    if (node < 0) return;
    showSource(run.nodes[node].source);
    const line = source.lines[run.nodes[node].line - 1];
    if (!line) return;
    if (!isToCome) {
        line.classList.add('lit');
        line.classList.toggle('back', isBackward);
        source.lit = line;
    }
    const box = document.getElementById('source-lines');
    const top = line.offsetTop - box.scrollTop;
    if (top < 40 || top > box.clientHeight - 60) box.scrollTop = line.offsetTop - box.clientHeight * 0.4;
    const call = callOffset(line, node);
    box.scrollLeft = call > box.clientWidth * 0.7 ? call - box.clientWidth * 0.4 : 0;
}

// The next node of a line, after the one that is selected.
function selectLine(line) {
    const nodes = source.nodesAt.get(line);
    if (!nodes) return;
    const selected = app.selected && app.selected[0] === 'n' ? slotReference(app.selected)[1] : -1;
    const next = nodes.find((n) => n > selected);
    selectSlot('n' + (next === undefined ? nodes[0] : next) + '.0', true);
}

function listenToSource() {
    document.getElementById('source-lines').addEventListener('click', (event) => {
        const line = event.target.closest('.code.has');
        if (line) selectLine(Number(line.dataset.line));
    });
}
