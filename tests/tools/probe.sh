#!/bin/sh
# Asks the compiler what it and the machine offer, and writes the answers as a piece of Makefile: probe.sh OUT.
# From the environment: CC, CXX (empty: look for one), FLAGS, OPENMP; INPUT, one line on which every object depends;
# AGAIN, not empty when the last answers had something missing that may have been installed since.
# The file is touched only when an answer or INPUT changed: then everything is built anew.
set -u
out=$1
if [ -z "$AGAIN" ] && [ -f "$out" ]; then
    read -r known <"$out"
    [ "$known" = "# $INPUT" ] && exit 0
fi
if [ -z "$CC" ]; then
    echo "no C compiler found: install gcc or clang, or set CC" >&2
    exit 1
fi

# Some refuse even to preprocess for a machine they cannot compile for: the compiler itself says why, later.
width=$(echo __SIZEOF_POINTER__ | $CC $FLAGS -E -P - 2>/dev/null | tail -n 1)
if [ "${width:-8}" = 4 ]; then
    echo "tapegrad needs a 64-bit processor: $CC $FLAGS compiles for one of 32 bits" >&2
    exit 1
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

openmp=
if [ "$OPENMP" != 0 ]; then
    printf '%s\n' '#include <omp.h>' 'int main(void) { return omp_get_max_threads() < 1; }' >"$work/omp.c"
    $CC $FLAGS -fopenmp -o "$work/omp" "$work/omp.c" >/dev/null 2>&1 && openmp=-fopenmp
fi

cxx=
case $CC in *clang*) candidates='clang++ g++ c++' ;; *) candidates='g++ c++ clang++' ;; esac
printf '%s\n' '#include <vector>' 'int main() { std::vector<int> v(3); return static_cast<int>(v.size()) - 3; }' >"$work/try.cpp"
for c in ${CXX:-$candidates}; do
    if $c -std=c++17 -o "$work/try" "$work/try.cpp" >/dev/null 2>&1; then cxx=$c; break; fi
done

# The best instruction set that the library has kernels for and this machine runs: select_isa.c tells.
printf '%s\n' '#include "ops/kernels/select_isa.c"' 'int main(void) { return puts(tgi_set_name(best())) < 0; }' >"$work/native.c"
$CC $FLAGS -I. '-DTGI_SETS=SET(avx512) SET(avx2) SET(neon) SET(baseline)' -pthread -o "$work/native" "$work/native.c" >/dev/null 2>&1
native=$("$work/native" 2>/dev/null)

# clang makes vectors at -O2 as freely as it can; gcc has to be told.
vectors=-fvect-cost-model=dynamic
echo 'int x;' >"$work/vectors.c"
$CC $FLAGS $vectors -Werror -c -o "$work/vectors.o" "$work/vectors.c" >/dev/null 2>&1 || vectors=

again=
[ -n "$cxx" ] || again=yes
[ -n "$openmp" ] || [ "$OPENMP" = 0 ] || again=yes
printf '%s\n' "# $INPUT" "OPENMP_FLAGS := $openmp" \
    "OPENMP_CFLAGS := ${openmp:--Wno-unknown-pragmas}" "CXX_FOUND := $cxx" "MACHINE := $($CC -dumpmachine)" \
    "NATIVE_ISA := ${native:-unknown}" "VECTOR_FLAGS := $vectors" \
    "PROBE_AGAIN := $again" >"$work/config"
if ! cmp -s "$work/config" "$out"; then
    cp "$work/config" "$out"    # make reads it and comes back here
elif [ -z "$openmp" ] && [ "$OPENMP" != 0 ]; then
    echo "*** WARNING: $CC cannot build with OpenMP (-fopenmp): tapegrad is built WITHOUT threads and will be slower. ***" >&2
fi
