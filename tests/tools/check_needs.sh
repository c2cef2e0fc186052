#!/bin/sh
# What of the library the notebook links: check_needs.sh [write]. A first `make notebook` compiles no more than
# examples/lstm_notebook/needs.txt names. This finds the objects that a linker would take, and compares with that file; or
# writes it. A notebook that needs more is no mistake: it is linked with the whole library then, which takes longer.
# From the environment: CHECK_OBJECTS, CHECK_BUILD.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
base=$CHECK_BUILD/obj/
list=examples/lstm_notebook/needs.txt

for object in "$base"examples/lstm_notebook/*.o $CHECK_OBJECTS; do
    nm "$object" | awk -v object="${object#"$base"}" '{ print object, $(NF - 1), $NF }' || exit 1
done | awk '
    $2 == "U" { wants[$1] = wants[$1] " " $3; next }
    $2 ~ /[A-Z]/ { home[$3] = $1 }
    $1 ~ /^examples\// { roots[$1] = 1 }
    function take(object,    n, i, symbol)
    {
        if (object in taken) return
        taken[object] = 1
        n = split(wants[object], symbol, " ")
        for (i = 1; i <= n; i++) if (symbol[i] in home) take(home[symbol[i]])
    }
    END {
        for (object in wants) if (object ~ /^examples\//) take(object)
        for (object in taken) {
            if (object ~ /^(examples|sets)\//) continue
            sub(/\.[^\/]*$/, "", object)
            print object ".c"
        }
    }' | LC_ALL=C sort -u >"$work/needs"

if [ "${1:-}" = write ]; then
    { echo "# What of the library this program links: a first \`make notebook\` compiles these. Written by \`make needs\`."
      cat "$work/needs"; } >"$list"
elif sed '/^#/d' "$list" | diff - "$work/needs" >"$work/diff"; then
    echo "ok    a first make notebook compiles what it needs: $(wc -l <"$work/needs" | tr -d ' ') files"
    echo "1 passed, 0 failed"
else
    echo "FAIL  $list is not what the notebook links (>: it does): run \`make needs\`"
    cat "$work/diff"
    echo "0 passed, 1 failed"
    exit 1
fi
