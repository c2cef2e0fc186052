// main.js: what the reader does: steps, plays, selects, folds, looks around.
'use strict';

// ---- the position ----

// What the panel shows follows the step, unless the reader keeps it as it is.
function setPosition(position, options = {}) {
    const p = Math.min(lastPosition, Math.max(0, Math.round(position)));
    const forwardStep = Math.abs(p - app.position) === 1 && !calm.matches;
    app.position = p;
    const event = eventAt(p);
    // First, while nothing of the page has changed yet: it asks where things are.
    if (p === 0) lightLine(nodeCount ? 0 : -1, false, true);
    else lightLine(event.node === undefined ? -1 : event.node, p > nodeCount);
    const before = app.selected;
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
    if (app.follow) bringIntoView(currentItem(event), options.atOnce, receiverOf(event));
    showPanel();
    showWhatIsTold(app.selected !== before);
    markListRow();
    redraw();
}

// The details begin at their top, or show the contribution that the step is about.
function showWhatIsTold(isOther) {
    const panel = byId('panel'), told = panel.querySelector('.item.new');
    if (isOther) panel.scrollTop = 0;
    if (!told) return;
    const box = told.getBoundingClientRect(), all = panel.getBoundingClientRect();
    if (box.top < all.top || box.bottom > all.bottom) panel.scrollTop += box.top - all.top - 60;
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
    const nodes = reference[0] === 'c' ? new Set() : nodesToLoss(key);
    app.lit = nodes.size ? { key, nodes } : null;
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
    if (!byId('list').hidden) fillList(list.from);
    setPosition(app.position, { keep: true });
}

function showTexts() {
    byId('title').textContent = (run.title || run.program) + (run.backward ? ' · ' + say('backwardNumber', { n: run.backward }) : '');
    document.title = run.program + ' · tapegrad';
    byId('counts').textContent = say('counts', { nodes: sayCount('oneNode', 'nodesIn', nodeCount),
        leaves: sayCount('oneLeaf', 'leavesIn', run.leaves.length), events: sayCount('oneEvent', 'eventsIn', run.walk.length) });
    showNotes();
    byId('keys').replaceChildren(...words[language].keys.flatMap(([key, what]) => [element('dt', {}, key), element('dd', {}, what)]));
    showLegend();
}

// What the page lacks, under its title: with a way to be rid of it.
function showNotes() {
    const list = element('ul', {}, ...(run.notes || []).map((note) => element('li', {}, note)));
    byId('notes').hidden = app.notesRead || !list.children.length;
    byId('notes').replaceChildren(list, element('button', { onclick: () => { app.notesRead = true; showNotes(); }, 'aria-label': say('closeNotes'), title: say('closeNotes') }, '×'));
    const again = byId('show-notes');
    again.hidden = !app.notesRead || !list.children.length;
    again.textContent = sayCount('oneNote', 'notesIn', list.children.length);
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

// "#at=12&select=l0&map=2&theme=dark&language=fr&view=list": a place in the run that can be named in a link.
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
    app.map = Math.max(0, Math.floor(Number(address.get('map')) || 0));
    setPosition(Number(address.get('at')) || 0, { atOnce: true });
    if (address.get('select')) selectSlot(address.get('select'), true);
    if (address.get('view') === 'list') showList(true);
}

start();
