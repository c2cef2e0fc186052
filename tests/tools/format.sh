#!/bin/sh
# Formats the sources, or checks that they are formatted: format.sh fix|check.
#
# .c and .cpp files are clang-format's. Another version of it formats otherwise, so it is 14 or none. Headers, .inc and
# .def files are laid out by hand: it knows no `__VA_OPT__` and pulls their tables apart. Of these is asked what can be
# asked simply: no tab, no blank at the end of a line, at most 120 columns in comments and 150 in code, no two empty lines
# in a row and none at the end, a newline at the end; and that the guard of a header is its path, TG_OPS_BASE_ITERATE_H for ops/base/iterate.h.
set -u
list() { find . -path ./build -prune -o -path ./.git -prune -o \( "$@" \) -print | sed 's|^\./||' | sort; }

# One line for each file that is not as it should be.
check_by_hand() {
    LC_ALL=C awk '
        function bad(what) { if (!told[FILENAME what]++) print "FAIL  " FILENAME ":" FNR ": " what }
        function path_guard(    guard) {
            guard = toupper(FILENAME)
            gsub(/[^A-Z0-9]/, "_", guard)
            return "TG_" guard
        }
        function end() { if (empty) print "FAIL  " file ": an empty line at the end" }
        FNR == 1 { end(); file = FILENAME; guard = ""; empty = 0; is_header = FILENAME ~ /\.h$/ }
        /\t/ { bad("a tab") }
        /[ \r]$/ { bad("a blank at the end of the line") }
        {
            gsub(/[\200-\277]/, "")
            limit = /^ *(\/\*|\*) / && !/\*\/ *[^ ]/ ? 120 : 150
            if (length($0) > limit) bad("more than " limit " columns")
        }
        $0 == "" { if (empty) bad("a second empty line"); empty = 1; next }
        { empty = 0 }
        is_header && guard == "" && /^#/ {
            guard = $2
            if ($1 != "#ifndef" || guard != path_guard()) bad("the guard is not " path_guard())
        }
        END { end() }' "$@"
    for file; do
        [ -z "$(tail -c 1 "$file")" ] || echo "FAIL  $file: no newline at the end"
    done
}

tool=
for c in clang-format-14 clang-format; do
    case $(command -v "$c" >/dev/null 2>&1 && "$c" --version) in *"version 14."*) tool=$c; break ;; esac
done
[ -n "$tool" ] || echo "clang-format 14 is not here: the format of .c and .cpp files is not looked at" >&2
files=$(list -name '*.c' -o -name '*.cpp')
if [ "$1" = fix ]; then
    [ -z "$tool" ] || $tool -i $files
    exit
fi
bad=$(
    [ -z "$tool" ] || for file in $files; do
        $tool --dry-run -Werror "$file" >/dev/null 2>&1 && continue
        lines=$($tool "$file" | diff "$file" - | grep -c '^<')
        echo "FAIL  $file: $lines lines are not as \`make fmt\` leaves them"
    done
    check_by_hand $(list -name '*.h' -o -name '*.inc' -o -name '*.def')
)
if [ -n "$bad" ]; then
    echo "$bad"
    exit 1
fi
echo "ok    every source file is formatted"
