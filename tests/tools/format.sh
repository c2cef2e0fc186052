#!/bin/sh
# Formats the sources, or checks that they are formatted: format.sh fix|check. Another version of clang-format formats
# otherwise, so it is 14 or none. Headers are laid out by hand: it knows no `__VA_OPT__` and pulls their tables apart.
set -u
tool=
for c in clang-format-14 clang-format; do
    case $(command -v "$c" >/dev/null 2>&1 && "$c" --version) in *"version 14."*) tool=$c; break ;; esac
done
if [ -z "$tool" ]; then
    echo "clang-format 14 is not here: the format is not looked at" >&2
    [ "$1" = check ]
    exit
fi
files=$(find . -path ./build -prune -o \( -name '*.c' -o -name '*.cpp' \) -print | sort)
if [ "$1" = fix ]; then
    $tool -i $files
    exit
fi
bad=0
for file in $files; do
    $tool --dry-run -Werror "$file" >/dev/null 2>&1 && continue
    lines=$($tool "$file" | diff "$file" - | grep -c '^<')
    echo "FAIL  $file: $lines lines are not as \`make fmt\` leaves them"
    bad=$((bad + 1))
done
[ $bad = 0 ] && echo "ok    every source file is formatted"
[ $bad = 0 ]
