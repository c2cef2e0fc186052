#!/bin/sh
# Calls every public function with freed handles, NULL, handles of another kind and values that are none: each must give
# an error or a neutral answer, and none may crash. One check a function. The calls are written from the headers, so that
# a new function is among them by itself; see handles.awk and handles.c.
# From the environment: CHECK_CC, CHECK_CFLAGS, CHECK_LIBS, CHECK_LAYERS. An argument is a part of the names
# to try, with all calls shown.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# Which macro holds the defaults of which options.
defaults=$(for folder in $CHECK_LAYERS; do cat "$folder"/*.h 2>/dev/null; done | tr -d '\\\n' |
    grep -oE 'TG_OPTIONS\( *tg_[a-z0-9_]+, *TG_[A-Z0-9_]+_DEFAULTS' |
    sed 's/TG_OPTIONS( *//; s/, */ /' | sort -u | tr '\n' ';')
$CHECK_CC $CHECK_CFLAGS -E tapegrad.h >"$work/tapegrad.i" || exit 1
awk -v defaults="$defaults" -f tests/tools/handles.awk "$work/tapegrad.i" >"$work/calls.inc" || exit 1
# The calls are many and run once: no optimisation. What is never an argument leaves functions unused, and results are
# not asked for.
$CHECK_CC $CHECK_CFLAGS -I"$work" -O0 -Wno-unused-function -Wno-unused-result -Wno-missing-field-initializers \
    -Wno-override-init -Wno-initializer-overrides -Wno-format-security -o "$work/handles" tests/tools/handles.c $CHECK_LIBS || {
    echo "a new type of argument needs its usual value in tests/tools/handles_values.inc"
    exit 1
}
# What is saved goes there, too.
cd "$work" && OMP_NUM_THREADS=1 ./handles "$@"
