#!/bin/sh
# Compiles every header alone, twice over (its guard), without a warning: as C11 and, where there is a C++ compiler, as
# C++17. The headers of ops/kernels are C only, but for kernels.h: they hold loops and tables, and nobody else reads them.
# From the environment: CHECK_CC, CHECK_CXX, CHECK_CFLAGS, CHECK_CXXFLAGS, CHECK_FOLDERS.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

compile() {   # compile LANGUAGE HEADER COMMAND...
    language=$1
    header=$2
    shift 2
    if printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$work/header.$language" &&
        "$@" -Werror -fsyntax-only "$work/header.$language" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL  $header does not compile alone: $*"
        cat "$work/log"
    fi
}

for header in tapegrad.h $(find $CHECK_FOLDERS -name '*.h' | sort); do
    compile c "$header" $CHECK_CC $CHECK_CFLAGS
    case $header in ops/kernels/kernels.h) ;; ops/kernels/*) continue ;; esac
    [ -z "$CHECK_CXX" ] || compile cpp "$header" $CHECK_CXX $CHECK_CXXFLAGS
done
[ -n "$CHECK_CXX" ] || echo "no C++ compiler: the headers were not compiled as C++17"
[ "$failed" != 0 ] || echo "ok    every header compiles alone"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
