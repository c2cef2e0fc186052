#!/usr/bin/env python3
"""Writes report.txt: what scikit-learn's classification_report and confusion_matrix make of predictions.

    python3 tests/golden/report.py > tests/golden/report.txt

    i classes 3
    i ignore_index 7                where targets of that value were left out before scikit-learn saw them
    s names cat,dog,owl             absent: 0, 1, ...
    i targets 0 1 1 ...
    i predictions 0 2 1 ...
    a counts [3,3] ...
    a scores [3,4] ...              precision, recall, f1, support of each class
    a averages [2,4] ...            macro and weighted
    a accuracy [] 0.5
    i digits 2
    s text ...                      the report, with \\n for newlines
Versions: scikit-learn 1.2.1.
"""
import random
import warnings

import torch
from sklearn.metrics import classification_report, confusion_matrix

from goldenfile import array, case, ints, string

warnings.simplefilter("error")


def write(name, classes, targets, predictions, names=None, digits=2, ignore=None):
    case(name)
    ints("classes", classes)
    if ignore is not None:
        ints("ignore_index", ignore)
    if names:
        string("names", ",".join(names))
    ints("targets", *targets)
    ints("predictions", *predictions)
    pairs = [(t, p) for t, p in zip(targets, predictions) if t != ignore]
    t, p = [list(x) for x in zip(*pairs)]
    labels = list(range(classes))
    shown = names or [str(i) for i in labels]
    array("counts", torch.tensor(confusion_matrix(t, p, labels=labels)))
    # "accuracy" is left out where a label never occurs; with all labels in use it is there, which output_dict shows
    options = dict(labels=labels, target_names=shown, digits=digits, zero_division=0)
    d = classification_report(t, p, output_dict=True, **options)
    text = classification_report(t, p, **options)
    order = ("precision", "recall", "f1-score", "support")
    array("scores", torch.tensor([[float(d[n][k]) for k in order] for n in shown], dtype=torch.float64))
    array("averages", torch.tensor([[float(d[n][k]) for k in order] for n in ("macro avg", "weighted avg")], dtype=torch.float64))
    right = sum(a == b for a, b in zip(t, p)) / len(t)
    array("accuracy", torch.tensor(right, dtype=torch.float64))
    ints("digits", digits)
    if "accuracy" in d:
        string("text", text.replace("\n", "\\n"))


rng = random.Random(5)
write("small", 3, [0, 1, 2, 2, 2], [0, 0, 2, 2, 1], names=["class 0", "class 1", "class 2"])
write("never predicted", 3, [0, 1, 2, 2], [0, 0, 0, 0])
write("all right", 2, [0, 1, 1], [0, 1, 1], digits=4)
write("never occurs", 4, [0, 1, 1, 3], [0, 1, 2, 3], names=["a", "b", "c", "d"])
write("ignored", 3, [0, 7, 1, 2, 7, 2], [0, 1, 1, 2, 0, 1], ignore=7)
write("no digits", 2, [0, 1, 1, 0, 1], [0, 1, 0, 0, 1], digits=0)
write("many digits", 2, [0, 1, 1, 0, 1, 1, 1], [0, 1, 0, 0, 1, 1, 0], digits=13)
n = 400
t = [rng.randrange(10) for _ in range(n)]
p = [x if rng.random() < 0.8 else rng.randrange(10) for x in t]
write("ten", 10, t, p)
write("long names", 10, t, p, names=["a name that is longer than any other one " + "x" * i for i in range(10)], digits=3)
write("other letters", 3, [0, 1, 2, 2], [0, 1, 1, 2], names=["\u00e9t\u00e9", "automne", "hiver glac\u00e9"])
