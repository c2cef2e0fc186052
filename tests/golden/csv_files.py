"""Writes csv.txt and the tables in files/: what Python's csv module and NumPy read there.

    /usr/bin/python3 csv_files.py > csv.txt

goldenfile.py describes the line format. `case NAME`: the table files/csv_NAME.csv.
`s delimiter`: one character, or "tab". `i size`: rows and columns, without the header.
`s name_K`, `s cell_R_K`: the texts, of small tables, in which \\, line ends and returns are written \\\\, \\n, \\r.
`a column_K`: the numbers of a column that has numbers only, empty fields and NA as nan.
"""
import csv
import io
import os
import random
import struct

import numpy
import torch

import goldenfile as g

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def escaped(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def number(text):
    return float("nan") if text in ("", "NA") else float(text)


def case(name, content, delimiter=","):
    with open(os.path.join(FOLDER, f"csv_{name}.csv"), "wb") as file:
        file.write(content)
    text = content.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    names, rows = rows[0], rows[1:]
    g.case(name)
    g.string("delimiter", "tab" if delimiter == "\t" else delimiter)
    g.ints("size", len(rows), len(names))
    for k, column in enumerate(names):
        if len(rows) * len(names) <= 40:
            g.string(f"name_{k}", escaped(column))
            for r, row in enumerate(rows):
                g.string(f"cell_{r}_{k}", escaped(row[k]))
        try:
            numbers = [number(row[k]) for row in rows]
        except ValueError:
            continue
        if len(rows) and all(row[k].lower() != "nan" for row in rows):
            g.array(f"column_{k}", torch.tensor(numbers, dtype=torch.float64))


def plain(header, rows, end="\n"):
    return end.join([header, *rows, ""]).encode()


def quoted(delimiter, end, quoting=csv.QUOTE_MINIMAL):
    rows = [["id", "a name", "said \"so\"", "two\nlines", "note;x,y\tz"],
            [1, "Zoë", "", "x", "plain"],
            [2, "", "\"", "a\r\nb\nc\rd", "semi;comma,tab\tend"],
            [3, " blanks ", "\"\"", "\n", "日本"],
            [4, "\\n", "5\" pipe", "", "last, one"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue().encode()


def doubles():
    """Numbers that are hard to read: any bits, many digits, halves between two floats, subnormal ones."""
    random.seed(7)
    for _ in range(60):
        x = struct.unpack("<d", struct.pack("<Q", random.getrandbits(64)))[0]
        yield repr(x) if x == x else "0"
    for _ in range(30):
        x = random.uniform(-1e3, 1e3)
        yield f"{x:.{random.randint(1, 25)}f}"
        yield f"{x:+.{random.randint(1, 25)}E}"
    for _ in range(20):  # between two doubles, and next to it
        x = random.getrandbits(53) | 1 << 52
        half = str(2 * x + 1) + "e-3"
        yield half
        yield half.replace("e", ".000000000000000000000001e")
    yield from ["9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e400",
                "-1e400", "1e-400", "5e-324", "2.5e-324", "2.4e-324", "2.2250738585072011e-308", "1.", ".5", "-.5e1",
                "+7", "-0", "-0.0", "0e5", "00012", "1" + "0" * 400, "0." + "0" * 400 + "1", "inf", "-Infinity", "INF",
                "1e+0005", "1e-0000000000000000000005", "17976931348623157" + "0" * 292, "1" * 19, "9" * 19, "9" * 20]


def main():
    case("quoted", quoted(",", "\r\n"))
    case("tabs", quoted("\t", "\n"), "\t")
    case("returns", quoted(";", "\r", csv.QUOTE_ALL), ";")
    case("mark", b"\xef\xbb\xbf" + plain("a,b", ["1,2", "3,4"], "\r\n"))
    case("missing", plain("whole,gaps,reals,empty,words", ["1,2,0.5,,x", "-3,,1e3,,", "5,NA,,NA,3"]))
    case("short", b"a\n1")
    case("one_row", b"a,b\n1,two")
    case("header", b"a,b\n")
    case("blank_lines", plain("\n\na,b", ["1,2", "", "", "3,4", ""]))
    case("numbers", plain("x", list(doubles())))
    wide = numpy.arange(60)
    case("wide", plain(",".join(f"pixel{i}" for i in wide), [",".join(str(i * r) for i in wide) for r in range(3)]))


main()
