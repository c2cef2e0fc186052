#!/bin/sh
# Compares docs/modules.md and docs/optimizers.md with what kinds.awk makes of the headers, the modules and the optimisers:
# check_kinds.sh [write]. Each constructor needs a row in nn/modules.def or optim/optimizers.def.
# From the environment: CHECK_CC, CHECK_CFLAGS, CHECK_LIBS.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

mkdir "$work/pages"
$CHECK_CC $CHECK_CFLAGS -o "$work/kinds" tests/tools/kinds.c $CHECK_LIBS && "$work/kinds" >"$work/said" &&
    awk -v out="$work/pages" -f tests/tools/kinds.awk ops/*.h nn/*.h optim/*.h "$work/said" || {
    echo "0 passed, 1 failed"
    exit 1
}
for page in modules optimizers; do
    if [ "${1:-}" = write ]; then
        cp "$work/pages/$page.md" docs/$page.md
    elif diff docs/$page.md "$work/pages/$page.md" >"$work/diff"; then
        echo "ok    docs/$page.md is what the headers and the code say: $(grep -c '^### ' docs/$page.md) kinds"
    else
        echo "FAIL  docs/$page.md is not what the headers and the code say (>: they do): run \`make reference\`"
        head -20 "$work/diff"
        failed=$((failed + 1))
    fi
done
[ "${1:-}" = write ] || echo "$((2 - failed)) passed, $failed failed"
[ $failed = 0 ]
