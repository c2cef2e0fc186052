#!/bin/sh
# Writes the golden files of the ops anew: ops.sh [FAMILY...], from the repository's root, after `make test`.
# PYTHON is one that has PyTorch 1.13; TEST is the test program that lists the samples.
set -eu
here=$(dirname "$0")
test=${TEST:-build/tests/ops/test_golden}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
if [ $# = 0 ]; then set -- $(ls "$here/ops" | sed 's/\.txt$//'); fi
for family; do
    "$test" --list "$family" >"$list"
    OMP_NUM_THREADS=1 "${PYTHON:-python3}" "$here/ops.py" "$list" >"$list.out"
    mv "$list.out" "$here/ops/$family.txt"
done
