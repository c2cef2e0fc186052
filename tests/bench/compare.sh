#!/bin/sh
# Times the workloads here and in PyTorch, by turns, and prints ours against theirs: compare.sh BENCH
#
# For each workload: RUNS times ours and then PyTorch's, each in a process of its own; the ratio is the median of the
# runs' own ratios (above 1: PyTorch takes longer), so a machine that slows down for a while slows both halves of a run.
# Up to TOGETHER (40) rows of single ops share a process of PyTorch's, which takes longer to start than they do. At the end
# stand the rows under 1.
# Both run in the environment that suits PyTorch best. OpenBLAS picks its kernels itself: variables that would choose
# others for it are taken out. The C library's memory allocator is left as it comes; KEEP=1 tells glibc's to keep the
# memory it has: by default it gives large blocks back to the system and asks for them again at every step, which costs
# PyTorch's W4 and W9 several times their own work where page faults are dear (ours asks for nothing when warm).
# With several threads PyTorch's wait passively, or on few cores they take the time from the ones that work.
#
# With CPU=1 both times are the processor's: for a machine that is busy with other things, and one thread.
#
# With FLUSH=1 PyTorch flushes denormals to zero (torch.set_flush_denormal), which it does not as it comes.
#
# An OpenBLAS that is older than the processor may not know it and pick kernels without vectors to speak of, "Prescott": the
# second line says what it picked. With CORETYPE=SkylakeX (or Haswell, Zen) it is told.
#
# From the environment: THREADS (1), ONLY (every workload, no single ops), RUNS (5), KEEP (0), PYTHON (/usr/bin/python3), SECONDS_EACH (each
# workload's own), TOGETHER.
set -u
export LC_ALL=C
bench=$1
here=$(dirname "$0")
threads=${THREADS:-1}
runs=${RUNS:-5}
python=${PYTHON:-/usr/bin/python3}
seconds="${SECONDS_EACH:+--seconds $SECONDS_EACH}"
[ "${CPU:-0}" = 0 ] || seconds="$seconds --cpu"
flush=
[ "${FLUSH:-0}" = 0 ] || flush=--flush

if ! "$python" -c 'import torch' 2>/dev/null; then
    echo "bench-pytorch: $python has no PyTorch: set PYTHON to one that has (on Debian: apt install python3-torch)" >&2
    exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
[ -z "${CORETYPE:-}" ] || export "OPENBLAS_CORETYPE=$CORETYPE"
export "OMP_NUM_THREADS=$threads" "OPENBLAS_NUM_THREADS=$threads"
[ "${KEEP:-0}" = 0 ] || export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296
passive=
[ "$threads" = 1 ] || passive=OMP_WAIT_POLICY=PASSIVE
"$bench" ${ONLY:+--only "$ONLY"} --list >"$work/names" || exit 1
"$bench" ${ONLY:+--only "$ONLY"} --rows >"$work/rows" || exit 1
# What PyTorch has no call for is in none of the tables.
awk -F '\t' 'FILENAME == ARGV[1] { if ($3 == "") without[$1] = 1; next } !($0 in without)' "$work/rows" "$work/names" >"$work/both"
if [ -n "${ONLY:-}" ]; then mv "$work/both" "$work/names"; else grep -v '^op-' "$work/both" >"$work/names"; fi
[ -s "$work/names" ] || { echo "bench-pytorch: PyTorch has none of '$ONLY'" >&2; exit 1; }

# Rows "run,side,workload,threads,figure" of some workloads.
measure() {   # measure WORKLOAD,...
    run=1
    while [ "$run" -le "$runs" ]; do
        "$bench" --threads "$threads" --only "$1" --csv $seconds | sed -n "2,\$s/^/$run,ours,/p"
        env $passive "$python" "$here/pytorch.py" --threads "$threads" --only "$1" --rows "$work/rows" $seconds $flush |
            sed -n "2,\$s/^/$run,theirs,/p"
        run=$((run + 1))
    done
}

# Their rows of the table.
summary() {
    awk -F , '
        function median(values, n,    i, j, v) {
            for (i = 2; i <= n; i++) {
                v = values[i]
                for (j = i - 1; j > 0 && values[j] > v; j--) values[j + 1] = values[j]
                values[j + 1] = v
            }
            return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
        }
        function row(name,    r, n, middle) {
            n = 0
            for (r = 1; r <= runs; r++) {
                if (!((r, "ours", name) in time) || !((r, "theirs", name) in time)) continue
                n++
                ours[n] = time[r, "ours", name]; theirs[n] = time[r, "theirs", name]; ratio[n] = theirs[n] / ours[n]
            }
            if (!n) return 0
            middle = median(ratio, n)
            printf "%-38s %13.2f %13.2f %s %8.2f   %.2f .. %.2f\n", name, median(ours, n), median(theirs, n),
                name == "W8" ? "ns" : "us", middle, ratio[1], ratio[n]
            return 1
        }
        { time[$1, $2, $3] = $5; if ($1 > runs) runs = $1; if (!seen[$3]++) names[++count] = $3 }
        END {
            for (i = 1; i <= count; i++) if (!row(names[i])) { print names[i] >"/dev/stderr"; failed = 1 }
            exit failed || !count
        }'
}

printf 'threads: %s, runs: %s\n' "$threads" "$runs"
OPENBLAS_VERBOSE=2 "$python" -c 'import torch' 2>&1 | sed -n "s/^Core: /OpenBLAS's kernels: /p" | head -n 1
printf '%-38s %13s %13s    %8s   %s\n' workload ours PyTorch ratio 'min .. max'
awk -v most="${TOGETHER:-40}" '
    function flush() { if (line) print line; line = ""; held = 0 }
    !/^op-/ || held == most { flush() }
    { line = line (line ? "," : "") $0; held++ }
    !/^op-/ { flush() }
    END { flush() }' "$work/names" >"$work/groups"
while read -r group; do
    measure "$group" </dev/null | summary >"$work/part" || { echo "bench-pytorch: these could not be measured: $group" >&2; exit 1; }
    cat "$work/part"
    cat "$work/part" >>"$work/table"
done <"$work/groups"
awk '$5 < 1 { slow[++n] = $0 }
     END {
         if (NR < 2) exit
         printf "\n%d rows, %d under 1.0%s\n", NR, n, n ? ":" : ""
         for (i = 1; i <= n; i++) print slow[i]
     }' "$work/table"
