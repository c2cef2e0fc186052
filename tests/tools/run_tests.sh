#!/bin/sh
# Runs tests and adds up: run_tests.sh KIND:NAME=COMMAND ... The last line is "N passed, N failed"; the exit status is
# non-zero if anything failed. Each command runs in the current folder, one after the other (they use all cores
# themselves). What is counted depends on the kind:
#
#   cmocka    the tests it began and ended well; one that was begun and neither ended well nor was skipped has failed, be
#             it by an assertion or a crash
#   script    what its last line says, "N passed, N failed"
#   program   one test; or as cmocka, if it uses CMocka
#
# A non-zero exit, or nothing run, is a failure whatever was printed.
# A suite that failed shows all its output, one that passed a single line.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
limit=
command -v timeout >/dev/null 2>&1 && limit="timeout ${TEST_TIMEOUT:-1200}"
export CMOCKA_MESSAGE_OUTPUT=stdout

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

all_passed=0
all_failed=0
broken=
for test in "$@"; do
    kind=${test%%:*}
    name=${test%%=*}
    name=${name#*:}
    command=${test#*=}
    start=$(date +%s)
    $limit $command >"$work/out" 2>&1 </dev/null
    status=$?
    seconds=$(($(date +%s) - start))
    read -r passed failed skipped reason <<END
$(count "$kind" "$status" <"$work/out")
END
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    line="$passed passed"
    [ "$skipped" = 0 ] || line="$line, $skipped skipped"
    if [ "$failed" = 0 ]; then
        printf 'ok    %-24s %s (%s s)\n' "$name" "$line" "$seconds"
    else
        printf '\n---- %s: %s\n' "$name" "$command"
        cat "$work/out"
        printf 'FAIL  %-24s %s, %s failed%s (%s s)\n\n' "$name" "$line" "$failed" "${reason:+: $reason}" "$seconds"
        broken="$broken $name"
    fi
done
[ -z "$broken" ] || echo "failed:$broken"
if [ $((all_passed + all_failed)) = 0 ]; then
    echo "no test was run"
    all_failed=1
fi
echo "$all_passed passed, $all_failed failed"
[ "$all_failed" = 0 ]
