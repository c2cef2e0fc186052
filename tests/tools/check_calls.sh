#!/bin/sh
# Compiles every op's call as docs/ops.md shows it, so that the page cannot lie about C. One check an op.
# From the environment: CHECK_CC, CHECK_CFLAGS, CHECK_BUILD.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$CHECK_BUILD/tests/ops/test_reference" --calls >"$work/calls.c" || exit 1
# Options are left as they are by 0, whatever their type, and no result is used.
allowed="-Wno-unused-value -Wno-enum-conversion -Wno-non-literal-null-conversion"
calls=$(grep -c '^void use_.*)$' "$work/calls.c")
if $CHECK_CC $CHECK_CFLAGS -Werror $allowed -fsyntax-only "$work/calls.c" 2>"$work/log"; then
    echo "ok    every op's call compiles as docs/ops.md shows it"
    echo "$calls passed, 0 failed"
else
    cat "$work/log"
    failed=$(grep -o "In function [^ ]*" "$work/log" | sort -u | grep -c .)
    [ "$failed" != 0 ] || failed=1
    echo "$((calls - failed)) passed, $failed failed"
    exit 1
fi
