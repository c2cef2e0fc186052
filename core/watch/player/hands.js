// hands.js: pointer, wheel, keys, buttons.
'use strict';

function byId(id) { return document.getElementById(id); }

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
        if (event.buttons & 1) moveTo(event.offsetX / overview.across - view.w / view.zoom / 2, event.offsetY / overview.down - view.h / view.zoom / 2, view.zoom, true);
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
    const lines = isModule ? [item.caption + (item.type ? ' ' + item.type : ''), sayCount('oneNode', 'nodesIn', item.nodes.length)] : [slotName(slotOfItem(item))];
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
    on('show-notes', () => { app.notesRead = false; showNotes(); });
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
