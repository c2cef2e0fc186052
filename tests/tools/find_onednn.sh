#!/bin/sh
# Says what is missing where there is no oneDNN 2, with which tests/bench/onednn.c compares: find_onednn.sh. CC and FLAGS come
# from the environment.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cat >"$work/try.c" <<'END'
#include <dnnl.h>
#if DNNL_VERSION_MAJOR != 2 || DNNL_CPU_RUNTIME != DNNL_RUNTIME_OMP
#error another oneDNN
#endif
int main(void) { return dnnl_version()->major != 2; }
END
$CC $FLAGS -o "$work/try" "$work/try.c" -ldnnl >/dev/null 2>&1 && exit 0
echo "bench-onednn: $CC finds no oneDNN 2 that uses OpenMP (on Debian 12: apt install libdnnl-dev)" >&2
exit 1
