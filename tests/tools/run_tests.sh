#!/bin/sh
# Runs tests and adds up: run_tests.sh KIND:NAME=COMMAND ... The last line is "N passed, N failed"; the exit status is
# non-zero if anything failed. Each command runs in the current folder, JOBS of them at once (unless that is set, one for
# each processor, 16 at most); what is printed stands in the order of the arguments all the same. What is counted depends
# on the kind:
#
#   cmocka    the tests it began and ended well; one that was begun and neither ended well nor was skipped has failed, be
#             it by an assertion or a crash
#   script    what its last line says, "N passed, N failed"
#   program   one test; or as cmocka, if it uses CMocka
#
# A non-zero exit, or nothing run, is a failure whatever was printed.
# A suite that failed shows all its output, one that passed a single line. What suites print as "untested kernels: SET..."
# is collected into one such line before the last.
# From the environment: TEST_TIMEOUT, JOBS.
set -u
work=$(mktemp -d) || exit 1
mkfifo "$work/ends" || exit 1
runner=
trap 'rm -rf "$work"' EXIT
trap '[ -z "$runner" ] || kill "$runner"; exit 1' INT TERM HUP
limit=
command -v timeout >/dev/null 2>&1 && limit="timeout ${TEST_TIMEOUT:-1200}"
processors=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
jobs=${JOBS:-$((processors < 16 ? processors : 16))}
export CMOCKA_MESSAGE_OUTPUT=stdout
# While other tests run, a thread that waits for work leaves its processor to them.
[ "$jobs" = 1 ] || export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

# Prints "passed failed skipped reason", from the output on stdin.
count() {   # count KIND STATUS
    awk -v kind="$1" -v status="$2" '
        /\[ RUN      \]/ { begun++ }
        /\[       OK \]/ { passed++ }
        /\[  SKIPPED \]/ && !/test\(s\)/ && !ended { skipped++ }
        /\[==========\].*Running/ { group = 1; cmocka = 1; ended = 0 }
        /\[==========\].*test\(s\) run/ { group = 0; ended = 1 }
        { last = $0 }
        END {
            reason = ""
            if (kind == "cmocka" || (kind == "program" && cmocka)) {
                failed = begun - passed - skipped
                if (group && !failed) { failed = 1; reason = "ended before its last test" }
                if (!begun) reason = "ran no test"
            } else if (kind == "script") {
                if (last ~ /^[0-9]+ passed, [0-9]+ failed$/) { split(last, word, " "); passed = word[1]; failed = word[3] }
                if (passed + failed == 0) reason = "ran no test"
            } else {
                passed = status == 0
            }
            if (status == 124) reason = "timed out"
            else if (status > 128) reason = "killed by signal " (status - 128)
            else if (status != 0 && failed == 0) reason = "exit status " status
            if (reason != "" && failed == 0) failed = 1
            print passed + 0, failed + 0, skipped + 0, reason
        }'
}

# Runs test $1, the command $2: its output goes to work/$1.out, a line "number status seconds" to stdout when it ends.
run() {
    start=$(date +%s)
    $limit $2 >"$work/$1.out" 2>&1 </dev/null &
    children=$!
    wait "$children"
    echo "$1 $? $(($(date +%s) - start))"
}

# Runs the tests that no other worker has begun, one after the other: who makes the folder work/N has test N.
work_off() {
    number=0
    children=
    trap 'kill $children 2>/dev/null; exit 1' INT TERM HUP
    for each in "$@"; do
        number=$((number + 1))
        mkdir "$work/$number" 2>/dev/null && run "$number" "${each#*=}"
    done
}

run_all() {
    children=
    trap 'kill $children 2>/dev/null; exit 1' INT TERM HUP
    while [ "$jobs" -gt 0 ]; do
        work_off "$@" &
        children="$children $!"
        jobs=$((jobs - 1))
    done
    wait
}

# Says how test $1, named $2, of kind $3 and command $4, ended: with status $5 after $6 seconds.
report() {
    read -r passed failed skipped reason <<END
$(count "$3" "$5" <"$work/$1.out")
END
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    line="$passed passed"
    [ "$skipped" = 0 ] || line="$line, $skipped skipped"
    if [ "$failed" = 0 ]; then
        printf 'ok    %-24s %s (%s s)\n' "$2" "$line" "$6"
    else
        printf '\n---- %s: %s\n' "$2" "$4"
        cat "$work/$1.out"
        printf 'FAIL  %-24s %s, %s failed%s (%s s)\n\n' "$2" "$line" "$failed" "${reason:+: $reason}" "$6"
        broken="$broken $2"
    fi
}

name_of() { name=${1%%=*}; name=${name#*:}; }

all_passed=0
all_failed=0
broken=
run_all "$@" >"$work/ends" &
runner=$!
shown=0
while read -r number status seconds; do
    echo "$status $seconds" >"$work/$number.end"
    while [ $# != 0 ] && [ -f "$work/$((shown + 1)).end" ]; do
        shown=$((shown + 1))
        read -r status seconds <"$work/$shown.end"
        name_of "$1"
        report "$shown" "$name" "${1%%:*}" "${1#*=}" "$status" "$seconds"
        shift
    done
done <"$work/ends"
runner=
for test in "$@"; do
    name_of "$test"
    all_failed=$((all_failed + 1))
    broken="$broken $name"
done
[ -z "$broken" ] || echo "failed:$broken"
if [ $((all_passed + all_failed)) = 0 ]; then
    echo "no test was run"
    all_failed=1
fi
cat "$work"/*.out 2>/dev/null | awk '
    /^untested kernels:/ { for (i = 3; i <= NF; i++) if (!seen[$i]++) sets = sets " " $i }
    END { if (sets) print "untested kernels:" sets }'
echo "$all_passed passed, $all_failed failed"
[ "$all_failed" = 0 ]
