// words.js: every text of the page, in English and French. `say(key, values)` fills {names} in.
'use strict';

const words = {
    en: {
        language: 'Français', source: 'Source', tape: 'Tape', details: 'Details', list: 'List', search: 'Search',
        searchHint: 'name, op, file:line', found: '{n} of {count}', nothingFound: 'nothing found', help: 'Help', close: 'Close', closeNotes: 'Hide these notes', oneNote: '1 note', notesIn: '{n} notes',
        theme: 'Light or dark', fit: 'All', zoomIn: 'Larger', zoomOut: 'Smaller', foldAll: 'Fold all', unfoldAll: 'Unfold all',
        follow: 'Follow', pin: 'Keep shown', play: 'Play', pause: 'Pause', next: 'Next', previous: 'Previous', first: 'Start',
        last: 'End', speed: 'Steps a second', position: 'Position in the run', forward: 'Forward', backward: 'Backward',
        legend: 'Legend', noSource: 'The source of this step is not in the page.',
        counts: '{nodes} · {leaves} · {events}', oneNode: '1 node', nodesIn: '{n} nodes', oneLeaf: '1 leaf', leavesIn: '{n} leaves', oneEvent: '1 step of the walk', eventsIn: '{n} steps of the walk', backwardNumber: 'backward {n}',
        start: 'Before the run. Press → for the first op, space to play.',
        didForward: '{place}computed {name} = {formula}{numbers}.',
        didVisit: 'The walk arrives at {name}. {sum}', sumOne: 'One contribution came: it is the whole gradient.',
        sumMany: 'All {n} contributions have come and were added{numbers}.', sumGiven: 'It is what backward was called on: its gradient was given{numbers}.',
        sumNone: 'No gradient came.',
        didEdge: '{name} hands a contribution to {to}{numbers}. {count}',
        didChain: '{name} hands {to} the factors of a product{numbers}; such products wait there and are multiplied in one pass. {count}',
        edgeOnly: 'It is the only one.', edgeFirst: 'It is the first of {n}.', edgeAdded: 'It is added: {k} of {n}.', chainOnly: 'It is the only one.', chainMore: 'That makes {k} of {n} contributions.',
        didDone: '{name} is done: nothing more comes from it.',
        didReady: 'Leaf {name} is done, nothing more can arrive. {sum}', readyOne: 'One contribution came, which is its gradient{numbers}.', readyMany: 'The {n} contributions that came were added{numbers}.', atStep: 'Step {t}: ',
        node: 'node', parameter: 'parameter', leaf: 'leaf', constant: 'constant', module: 'module', saved: 'saved', shape: 'Shape', value: 'Value',
        formula: 'Formula', inputs: 'Reads', gradient: 'Gradient', contributions: 'Contributions: {arrived} of {n}',
        from: 'from', given: 'given to backward', sum: 'sum', sumSoFar: 'sum so far', toCome: 'still to come', handsOver: 'Hands over',
        saves: 'Saved for backward', ownTensor: 'a tensor of its own', readBy: 'Read by', madeAt: 'made at', notKept: 'not kept', noGradient: 'no gradient arrives',
        before: '.grad before', overTime: 'Contributions over time', scaleNote: 'one scale for all, largest {most}',
        chainNote: 'Handed over as factors; all products are multiplied in one pass. What is shown of each was evaluated for show.',
        paths: '{n} paths to the loss', onePath: 'One path to the loss', onPaths: 'nodes on the way: {n}', noPath: 'No path to the loss', statistics: 'min {min}   mean {mean}   max {max}',
        bad: '{n} not finite', heat: 'heat map, each cell the mean of its elements', axes: 'rows: dimension {r} ({rows}), columns: dimension {c} ({columns})',
        maps: 'of {n}, in one scale', mapsOf: 'the first {n} of {all}, in one scale', mapBefore: 'The matrix before', mapAfter: 'The next matrix', step: 'step {t}', attributes: 'Arguments', notReached: 'the walk never comes here',
        fold: 'Fold', unfold: 'Unfold', index: '#', op: 'op', where: 'where', reads: 'reads', selectHint: 'Select something on the tape.',
        notComputed: 'not computed yet', result: 'Result', gradientOf: 'Gradient of the loss', largest: 'largest', kept: 'kept by {n}', printed: 'The tape', earlier: 'Earlier nodes', later: 'Later nodes', more: 'and {n} more',
        keys: [['→ ←', 'a step on, a step back'], ['shift → ←', 'ten steps'], ['space', 'play, pause'], ['home end', 'start, end'],
            ['b', 'where backward begins'], ['n N', 'the next, the last time something happens to what is selected'], ['↑ ↓', 'to what the selected node reads; to who reads it'], ['enter', 'fold or unfold the selected module'],
            ['/', 'search; enter for the next'], ['f', 'follow the step with the view'], ['p', 'keep the details as they are while stepping'], ['+ − 0', 'zoom; all of the tape'],
            ['s d', 'show or hide source, details'], ['v', 'the tape as a list'], ['t', 'light or dark'], ['g', 'English or French'], ['?', 'this help']],
    },
    fr: {
        language: 'English', source: 'Source', tape: 'Bande', details: 'Détails', list: 'Liste', search: 'Chercher',
        searchHint: 'nom, opération, fichier:ligne', found: '{n} sur {count}', nothingFound: 'rien trouvé', help: 'Aide', close: 'Fermer', closeNotes: 'Cacher ces notes', oneNote: '1 note', notesIn: '{n} notes',
        theme: 'Clair ou sombre', fit: 'Tout', zoomIn: 'Plus grand', zoomOut: 'Plus petit', foldAll: 'Tout plier', unfoldAll: 'Tout déplier',
        follow: 'Suivre', pin: 'Garder affiché', play: 'Lire', pause: 'Pause', next: 'Suivant', previous: 'Précédent', first: 'Début',
        last: 'Fin', speed: 'Pas par seconde', position: 'Position dans l’exécution', forward: 'Aller', backward: 'Retour',
        legend: 'Légende', noSource: 'Le source de ce pas n’est pas dans la page.',
        counts: '{nodes} · {leaves} · {events}', oneNode: '1 nœud', nodesIn: '{n} nœuds', oneLeaf: '1 feuille', leavesIn: '{n} feuilles', oneEvent: '1 pas de la marche', eventsIn: '{n} pas de la marche', backwardNumber: 'backward {n}',
        start: 'Avant l’exécution. → pour la première opération, espace pour lire.',
        didForward: '{place}calcul de {name} = {formula}{numbers}.',
        didVisit: 'La marche arrive à {name}. {sum}', sumOne: 'Une seule contribution est venue : c’est tout le gradient.',
        sumMany: 'Les {n} contributions sont venues et ont été additionnées{numbers}.', sumGiven: 'C’est le tenseur sur lequel backward a été appelé : son gradient est donné{numbers}.',
        sumNone: 'Aucun gradient n’est venu.',
        didEdge: '{name} remet une contribution à {to}{numbers}. {count}',
        didChain: '{name} remet à {to} les facteurs d’un produit{numbers} ; de tels produits y attendent et sont calculés en une passe. {count}',
        edgeOnly: 'C’est la seule.', edgeFirst: 'C’est la première de {n}.', edgeAdded: 'Elle est ajoutée : {k} sur {n}.', chainOnly: 'C’est le seul.', chainMore: 'Cela fait {k} contributions sur {n}.',
        didDone: '{name} a fini : plus rien n’en vient.',
        didReady: 'La feuille {name} est complète, plus rien ne peut arriver. {sum}', readyOne: 'Une contribution est venue, qui est son gradient{numbers}.', readyMany: 'Les {n} contributions venues ont été additionnées{numbers}.', atStep: 'Pas {t} : ',
        node: 'nœud', parameter: 'paramètre', leaf: 'feuille', constant: 'constante', module: 'module', saved: 'sauvé', shape: 'Forme', value: 'Valeur',
        formula: 'Formule', inputs: 'Lit', gradient: 'Gradient', contributions: 'Contributions : {arrived} sur {n}',
        from: 'de', given: 'donné à backward', sum: 'somme', sumSoFar: 'somme jusqu’ici', toCome: 'à venir', handsOver: 'Remet',
        saves: 'Sauvé pour le retour', ownTensor: 'un tenseur à lui', readBy: 'Lu par', madeAt: 'fait à', notKept: 'pas gardé', noGradient: 'aucun gradient n’arrive',
        before: '.grad avant', overTime: 'Contributions au fil du temps', scaleNote: 'une échelle pour toutes, la plus grande {most}',
        chainNote: 'Remis comme facteurs ; tous les produits sont calculés en une passe. Ce qui est montré de chacun a été évalué pour la page.',
        paths: '{n} chemins vers la perte', onePath: 'Un chemin vers la perte', onPaths: 'nœuds en route : {n}', noPath: 'Aucun chemin vers la perte', statistics: 'min {min}   moyenne {mean}   max {max}',
        bad: '{n} non finis', heat: 'carte de chaleur, chaque case est la moyenne de ses éléments', axes: 'lignes : dimension {r} ({rows}), colonnes : dimension {c} ({columns})',
        maps: 'sur {n}, à la même échelle', mapsOf: 'les {n} premières sur {all}, à la même échelle', mapBefore: 'La matrice précédente', mapAfter: 'La matrice suivante', step: 'pas {t}', attributes: 'Arguments', notReached: 'la marche ne passe pas ici',
        fold: 'Plier', unfold: 'Déplier', index: 'nº', op: 'opération', where: 'où', reads: 'lit', selectHint: 'Choisissez quelque chose sur la bande.',
        notComputed: 'pas encore calculé', result: 'Résultat', gradientOf: 'Gradient de la perte', largest: 'la plus grande', kept: 'gardé par {n}', printed: 'La bande', earlier: 'Nœuds précédents', later: 'Nœuds suivants', more: 'et {n} autres',
        keys: [['→ ←', 'un pas en avant, en arrière'], ['maj → ←', 'dix pas'], ['espace', 'lire, pause'], ['début fin', 'début, fin'],
            ['b', 'où commence le retour'], ['n N', 'la fois suivante, précédente où il arrive quelque chose à la sélection'], ['↑ ↓', 'vers ce que lit le nœud choisi ; vers qui le lit'], ['entrée', 'plier ou déplier le module choisi'],
            ['/', 'chercher ; entrée pour le suivant'], ['f', 'la vue suit le pas'], ['p', 'garder les détails en avançant'], ['+ − 0', 'zoom ; toute la bande'],
            ['s d', 'montrer ou cacher source, détails'], ['v', 'la bande en liste'], ['t', 'clair ou sombre'], ['g', 'anglais ou français'], ['?', 'cette aide']],
    },
};

let language = 'en';

// "1 leaf", "5 leaves".
function sayCount(one, many, n) { return n === 1 ? say(one) : say(many, { n }); }

function say(key, values = {}) {
    return words[language][key].replace(/\{(\w+)\}/g, (_, name) => (values[name] === undefined ? '' : String(values[name])));
}

// Texts of the page itself: data-say is an element's text, data-title its title and name.
function translatePage() {
    document.documentElement.lang = language;
    for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(element.dataset.say);
    for (const element of document.querySelectorAll('[data-title]')) {
        element.title = say(element.dataset.title);
        element.setAttribute('aria-label', element.title);
    }
    document.getElementById('search').placeholder = say('searchHint');
}
