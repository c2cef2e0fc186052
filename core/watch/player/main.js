// main.js: what the reader does: steps, plays, selects, folds, looks around.
'use strict';

const byId = (id) => document.getElementById(id);

// ---- the position ----

// What the panel shows follows the step, unless the reader keeps it as it is.
function setPosition(position, options = {}) {
    const p = Math.min(lastPosition, Math.max(0, Math.round(position)));
    const forwardStep = Math.abs(p - app.position) === 1 && !calm.matches;
    app.position = p;
    const event = eventAt(p);
    if (!app.pinned && !options.keep) {
        const slot = slotAt(p);
        if (slot !== app.selected) app.element = 0;
        app.selected = slot;
        app.lit = null;
    }
    view.spark = forwardStep ? { begun: performance.now(), lasts: app.playing ? Math.min(200, 700 / app.speed) : 200 } : null;
    byId('slider').value = p;
    const name = p === 0 ? '' : p <= nodeCount ? say('forward') : say('backward');
    byId('where').textContent = name + ' ' + (p <= nodeCount ? p + ' / ' + nodeCount : p - nodeCount + ' / ' + run.walk.length);
    byId('slider').setAttribute('aria-valuetext', name + ' ' + p);
    byId('story').textContent = sentenceAt(p);
    lightLine(event.kind === 'start' ? -1 : event.node === undefined ? -1 : event.node, p > nodeCount);
    if (app.follow) bringIntoView(currentItem(event), options.atOnce);
    showPanel();
    markListRow();
    redraw();
}

function step(by) { setPosition(app.position + by); }

function play(isPlaying) {
    app.playing = isPlaying;
    byId('play').textContent = isPlaying ? '❚❚' : '▶';
    byId('play').dataset.title = isPlaying ? 'pause' : 'play';
    translatePage();
    // While it plays every step is not told aloud.
    byId('story').setAttribute('aria-live', isPlaying ? 'off' : 'polite');
    if (!isPlaying) return;
    if (app.position === lastPosition) setPosition(0);
    let last = performance.now(), owed = 0;
    const tick = (now) => {
        if (!app.playing) return;
        owed += (now - last) / 1000 * app.speed;
        last = now;
        const steps = Math.min(Math.floor(owed), 8);
        owed = Math.min(owed - steps, 1);
        if (steps) step(steps);
        if (app.position === lastPosition) play(false);
        else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
}

function setSpeed() { app.speed = Number(byId('speed').value); }

// To where something happens to the selected tensor.
function jump(forward) {
    if (!app.selected) return;
    const moments = momentsOf(app.selected);
    const to = forward ? moments.find((at) => at > app.position) : moments.filter((at) => at < app.position).pop();
    if (to !== undefined) setPosition(to, { keep: true });
}

// ---- the selection ----

function selectSlot(key, isLooked) {
    if (key !== app.selected) app.element = 0;
    app.selected = key;
    const reference = slotReference(key);
    app.lit = reference[0] === 'c' ? null : { key, ...pathsToLoss(key) };
    if (app.lit && !app.lit.nodes.size) app.lit = null;
    if (isLooked) bringIntoView(itemOf(reference));
    if (reference[0] === 'n') lightLine(reference[1], app.position > nodeCount);
    showPanel();
    redraw();
}

function clearLit() {
    app.lit = null;
    app.found = null;
    redraw();
}

// Up: the first tensor that the selected node reads. Down: the first node that reads what is selected.
function selectNeighbour(isUp) {
    if (!app.selected) return;
    const reference = slotReference(app.selected);
    if (isUp) {
        const input = reference[0] === 'n' && run.nodes[reference[1]].inputs.find((one) => one);
        if (input) selectSlot(slotKey(input), true);
    } else {
        const reader = (model.readers.get(app.selected) || [])[0];
        if (reader) selectSlot('n' + reader.node + '.0', true);
    }
}

// ---- folding ----

function afterFolding() {
    fitted.clear();
    markFound();
    showPanel();
    redraw();
}

function toggleFold(key) {
    setFolded(key, !layout.folded.has(key));
    afterFolding();
}

function foldAll(isFolded) {
    for (const key of moduleKeys().keys()) {
        if (isFolded) layout.folded.add(key);
        else layout.folded.delete(key);
    }
    layOut();
    afterFolding();
    fitAll();
}

// The innermost module of the selected node that is unfolded, or the outermost that is folded.
function toggleFoldOfSelected() {
    if (!app.selected || app.selected[0] !== 'n') return;
    const node = slotReference(app.selected)[1], known = moduleKeys();
    const keys = model.path[node].map((_, depth) => moduleKey(node, depth)).filter((key) => known.has(key));
    const folded = keys.find((key) => layout.folded.has(key));
    const key = folded || keys[keys.length - 1];
    if (key) toggleFold(key);
}

// ---- looks ----

function remember(name, value) {
    try {
        localStorage.setItem('tapegrad.' + name, value);
    } catch (_) {
        // A page opened from disk may not be allowed to.
    }
}

function remembered(name) {
    try {
        return localStorage.getItem('tapegrad.' + name);
    } catch (_) {
        return null;
    }
}

function setTheme(name) {
    if (name) document.documentElement.dataset.theme = name;
    readTheme();
    showLegend();
    showPanel();
    redraw();
}

function setLanguage(name) {
    language = words[name] ? name : 'en';
    translatePage();
    showTexts();
    if (!byId('list').hidden) fillList();
    setPosition(app.position, { keep: true });
}

function showTexts() {
    byId('title').textContent = (run.title || run.program) + ' · ' + say('backwardNumber', { n: run.backward });
    document.title = run.program + ' · tapegrad';
    byId('counts').textContent = say('counts', { nodes: nodeCount, leaves: run.leaves.length, events: run.walk.length });
    byId('counts').title = (run.notes || []).join('\n');
    byId('keys').replaceChildren(...words[language].keys.flatMap(([key, what]) => [element('dt', {}, key), element('dd', {}, what)]));
    showLegend();
}

function showLegend() {
    const entry = (sign, color, text) => {
        const mark = element('b', {}, sign + ' ');
        mark.style.color = `var(--${color})`;
        return element('li', {}, mark, text);
    };
    byId('legend').replaceChildren(entry(glyphs.parameter, 'parameter', say('parameter')), entry(glyphs.leaf, 'leaf', say('leaf')),
        entry(glyphs.constant, 'constant', say('constant')), entry('◥', 'saved', say('saved')), entry('▬', 'forward', say('forward')), entry('▬', 'backward', say('backward')));
    const cut = 100 * nodeCount / Math.max(lastPosition, 1);
    byId('track-marks').style.background = `linear-gradient(90deg, var(--forward) ${cut}%, var(--backward) ${cut}%)`;
}

function togglePane(name) {
    const isOff = byId('show-' + name).parentElement.ownerDocument.querySelector('main').classList.toggle('no-' + name);
    byId('show-' + name).setAttribute('aria-pressed', String(!isOff));
    resizeView();
}

// ---- hands ----

function listenToCanvas() {
    const canvas = view.canvas, held = new Map();
    let moved = 0, apart = 0;
    canvas.addEventListener('pointerdown', (event) => {
        held.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
        canvas.setPointerCapture(event.pointerId);
        moved = apart = 0;
        byId('tip').hidden = true;
    });
    canvas.addEventListener('pointermove', (event) => {
        const from = held.get(event.pointerId), to = { x: event.offsetX, y: event.offsetY };
        if (!from) return showTip(to);
        held.set(event.pointerId, to);
        moved += Math.abs(to.x - from.x) + Math.abs(to.y - from.y);
        if (held.size === 1 && moved > 4) {
            canvas.classList.add('moving');
            moveTo(view.x - (to.x - from.x) / view.zoom, view.y - (to.y - from.y) / view.zoom, view.zoom, true);
        } else if (held.size === 2) {
            const [a, b] = [...held.values()], now = Math.hypot(a.x - b.x, a.y - b.y);
            if (apart) zoomBy(now / apart, (a.x + b.x) / 2, (a.y + b.y) / 2);
            apart = now;
        }
        return undefined;
    });
    const release = (event) => {
        if (held.delete(event.pointerId) && moved <= 4 && event.type === 'pointerup') clickAt(event.offsetX, event.offsetY);
        canvas.classList.remove('moving');
    };
    canvas.addEventListener('pointerup', release);
    canvas.addEventListener('pointercancel', release);
    canvas.addEventListener('pointerleave', () => { byId('tip').hidden = true; });
    canvas.addEventListener('dblclick', (event) => {
        const item = itemAt(event.offsetX, event.offsetY);
        if (item && item.kind === 'fold') toggleFold(item.key);
    });
    canvas.addEventListener('wheel', (event) => {
        event.preventDefault();
        if (event.ctrlKey || event.metaKey || !event.shiftKey && Math.abs(event.deltaY) > 40 && !event.deltaX)
            zoomBy(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 300), event.offsetX, event.offsetY);
        else moveTo(view.x + (event.deltaX || (event.shiftKey ? event.deltaY : 0)) / view.zoom, view.y + (event.shiftKey ? 0 : event.deltaY) / view.zoom, view.zoom, true);
    }, { passive: false });
    const jumpTo = (event) => {
        if (event.buttons & 1) moveTo(event.offsetX / overview.scale - view.w / view.zoom / 2, event.offsetY / overview.scale - view.h / view.zoom / 2, view.zoom, true);
    };
    overview.canvas.addEventListener('pointerdown', jumpTo);
    overview.canvas.addEventListener('pointermove', jumpTo);
}

function clickAt(x, y) {
    const item = itemAt(x, y);
    if (!item) return clearLit();
    if (item.kind === 'module') return toggleFold(item.key);
    return selectSlot(slotOfItem(item), false);
}

function showTip(at) {
    const item = itemAt(at.x, at.y), tip = byId('tip');
    tip.hidden = !item;
    if (!item) return;
    const isModule = item.kind === 'module' || item.kind === 'fold';
    const lines = isModule ? [item.caption + (item.type ? ' ' + item.type : ''), say('nodesIn', { n: item.nodes.length })] : [slotName(slotOfItem(item))];
    if (!isModule) {
        const tensor = tensorOf(slotReference(slotOfItem(item)));
        lines.push(shapeAsText(tensor.shape) + ' ' + tensor.dtype + ' · ' + say(roleOf(slotReference(slotOfItem(item)))));
        if (item.kind === 'node') lines.push([moduleOf(item.node), placeText(item.node)].filter((text) => text).join(' · '));
    }
    tip.textContent = lines.filter((line) => line).join('\n');
    tip.style.left = Math.min(at.x + 14, view.w - 200) + 'px';
    tip.style.top = Math.min(at.y + 16, view.h - 70) + 'px';
}

const keys = {
    ArrowRight: (event) => step(event.shiftKey ? 10 : 1), ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
    ArrowUp: () => selectNeighbour(true), ArrowDown: () => selectNeighbour(false),
    Home: () => setPosition(0), End: () => setPosition(lastPosition), b: () => setPosition(nodeCount + 1), n: () => jump(true), N: () => jump(false),
    ' ': () => play(!app.playing), Enter: toggleFoldOfSelected, '/': () => byId('search').select(), '?': () => byId('help').showModal(),
    f: () => byId('follow').click(), p: () => byId('pin').click(), '+': () => zoomBy(1.25), '=': () => zoomBy(1.25), '-': () => zoomBy(0.8), 0: () => fitAll(),
    s: () => togglePane('source'), d: () => togglePane('details'), v: () => showList(byId('list').hidden), t: () => byId('theme').click(), g: () => byId('language').click(),
    Escape: clearLit,
};

// Keys mean what they say wherever the focus is, but for what takes text or has such a key of its own.
function listenToKeys() {
    document.addEventListener('keydown', (event) => {
        const target = event.target, act = Object.prototype.hasOwnProperty.call(keys, event.key) ? keys[event.key] : null;
        if (!act || event.ctrlKey || event.metaKey || event.altKey || byId('help').open || target.tagName === 'SELECT') return;
        if (target.tagName === 'INPUT' && target.type === 'search') return;
        if ((event.key === ' ' || event.key === 'Enter') && (target.tagName === 'BUTTON' || target.type === 'checkbox')) return;
        if (/^Arrow(Up|Down)$/.test(event.key) && ['panel', 'source-lines', 'list'].includes(target.id)) return;
        event.preventDefault();
        act(event);
    });
    byId('search').addEventListener('keydown', (event) => {
        if (event.key === 'Enter') searchFor(event.target.value, !event.shiftKey);
        if (event.key !== 'Escape') return;
        event.target.value = '';
        searchFor('');
        view.canvas.focus();
    });
    byId('search').addEventListener('input', (event) => searchFor(event.target.value));
}

function listenToButtons() {
    const on = (id, act) => byId(id).addEventListener('click', act);
    on('first', () => setPosition(0));
    on('previous', () => step(-1));
    on('play', () => play(!app.playing));
    on('next', () => step(1));
    on('last', () => setPosition(lastPosition));
    on('fit', () => fitAll());
    on('zoom-in', () => zoomBy(1.25));
    on('zoom-out', () => zoomBy(0.8));
    on('fold-all', () => foldAll(true));
    on('unfold-all', () => foldAll(false));
    on('show-source', () => togglePane('source'));
    on('show-details', () => togglePane('details'));
    on('show-list', () => showList(byId('list').hidden));
    on('show-help', () => byId('help').showModal());
    on('language', () => { setLanguage(language === 'en' ? 'fr' : 'en'); remember('language', language); });
    on('theme', () => { setTheme(theme.name === 'dark' ? 'light' : 'dark'); remember('theme', theme.name); });
    byId('slider').addEventListener('input', (event) => setPosition(Number(event.target.value)));
    byId('speed').addEventListener('change', setSpeed);
    byId('follow').addEventListener('change', (event) => { app.follow = event.target.checked; });
    byId('pin').addEventListener('change', (event) => { app.pinned = event.target.checked; });
}

function listenToPage() {
    new ResizeObserver(resizeView).observe(byId('tape'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTheme());
    let before = '';
    window.addEventListener('beforeprint', () => {
        before = document.documentElement.dataset.theme || '';
        setTheme('light');
        preparePrint();
        drawFrame(performance.now());
    });
    window.addEventListener('afterprint', () => {
        document.documentElement.dataset.theme = before;
        setTheme();
    });
}

// "#at=12&select=l0&theme=dark&language=fr&view=list": a place in the run that can be named in a link.
function readAddress() { return new URLSearchParams(location.hash.slice(1)); }

function start() {
    const address = readAddress();
    view.canvas = byId('canvas');
    view.context = view.canvas.getContext('2d');
    overview.canvas = byId('overview');
    const system = (navigator.language || 'en').slice(0, 2);
    language = [address.get('language'), remembered('language'), system].find((name) => words[name]) || 'en';
    const chosen = address.get('theme') || remembered('theme');
    if (chosen) document.documentElement.dataset.theme = chosen;
    readTheme();
    setSpeed();
    byId('slider').max = lastPosition;
    translatePage();
    showTexts();
    foldAtFirst();
    resizeView();
    listenToCanvas();
    listenToSource();
    listenToList();
    listenToKeys();
    listenToButtons();
    listenToPage();
    showSource(run.nodes.length ? run.nodes[0].source : run.sources.length ? 0 : -1);
    if (layout.w * 0.6 < view.w && layout.h * 0.6 < view.h) fitAll(true);
    else moveTo(-30, -40, 0.9, true);
    setPosition(Number(address.get('at')) || 0, { atOnce: true });
    if (address.get('select')) selectSlot(address.get('select'), true);
    if (address.get('view') === 'list') showList(true);
}

start();
