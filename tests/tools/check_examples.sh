#!/bin/sh
# Runs the examples as users do, for a few steps, and compares the losses they print with PyTorch's
# (tests/golden/examples.txt). Each must also have --help, refuse what it does not know, and print the same twice.
# From the environment: CHECK_BUILD.
set -u
export TAPEGRAD_PROGRESS=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

ok() { echo "ok    $*"; passed=$((passed + 1)); }
fail() { echo "FAIL  $*"; failed=$((failed + 1)); }

grep '^case ' tests/golden/examples.txt | cut -c 6- >"$work/cases"
while read -r name arguments; do
    program=$CHECK_BUILD/examples/$name
    if "$program" $arguments >"$work/first" && "$program" $arguments >"$work/second" &&
        cmp -s "$work/first" "$work/second" &&
        awk -v wanted="case $name $arguments" '
            FNR == NR && $1 == "case" { on = $0 == wanted }
            FNR == NR && on && $2 == "losses" { for (i = 4; i <= NF; i++) expected[++n] = $i }
            FNR == NR { next }
            {
                for (i = 2; i < NF; i++)
                    if ($i == "loss")
                        for (k = i + 1; k <= NF && $k + 0 == $k; k++) compare($k)
            }
            function compare(loss) {
                m++
                if (m <= n && (loss - expected[m]) ^ 2 <= (1e-5 * expected[m]) ^ 2) return
                printf "      loss %d is %s, PyTorch has %s\n", m, loss, m <= n ? expected[m] : "no more"
                bad = 1
            }
            END { exit bad || m != n }' tests/golden/examples.txt "$work/first"; then
        ok "$name $arguments: PyTorch's losses"
    else
        fail "$name $arguments: other losses than PyTorch's, or not the same twice"
        head -5 "$work/first"
    fi
    if "$program" --help | grep -q "^usage: " && ! "$program" --nonsense 2>/dev/null; then
        ok "$name --help"
    else
        fail "$name --help, or --nonsense"
    fi
done <"$work/cases"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
