#!/bin/sh
# Calls that must not compile, for what they would do is not what they say: an option without its name, too long a list.
# From the environment: CHECK_CC, CHECK_CFLAGS.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

compiles() {   # compiles CALL
    printf '#include "tapegrad.h"\nvoid *call(tg_tensor *x, tg_tensor_list list);\nvoid *call(tg_tensor *x, tg_tensor_list list)\n{\n    (void)x, (void)list;\n    return (void *)(%s);\n}\n' "$1" >"$work/call.c"
    $CHECK_CC $CHECK_CFLAGS -fsyntax-only "$work/call.c" >"$work/log" 2>&1
}

must_not() {
    if compiles "$1"; then
        failed=$((failed + 1))
        echo "FAIL  this compiles: $1"
    else
        passed=$((passed + 1))
    fi
}

must() {
    if compiles "$1"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL  this does not compile: $1"
        cat "$work/log"
    fi
}

many=$(printf 'x%.0s, ' 1 2 3 4 5 6 7 8)
many="$many$many$many$many$many$many$many${many}"          # 64 and a comma

for call in 'tg_sum(x, %s)' 'tg_argmax(x, %s)' 'tg_norm(x, %s)' 'tg_sort(x, %s).values' 'tg_topk(x, 1, %s).values' \
    'tg_normalize(x, %s)' 'tg_dropout(x, %s)' 'tg_leaky_relu(x, %s)' 'tg_add(x, x, %s)' 'tg_clamp(x, %s)' \
    'tg_ones(tg_shape(2), %s)' 'tg_linear_new(2, 3, %s)' 'tg_adam_new(list, %s)' 'tg_mse_loss(x, x, %s)'; do
    for value in 0 1 NULL 0.5 false x; do must_not "$(printf "$call" "$value")"; done
    must_not "$(printf "$call" '.requires_grad = true, .keepdim = true, 0')"
    must "$(printf "$call" '' | sed 's/, )/)/')"
done
must_not "tg_cat(tg_list(${many}x), 0)"
must "tg_cat(tg_list(${many%, }), 0)"
must 'tg_cat(tg_list(), 0)'
must 'tg_sum(x, .dim = 0, .keepdim = true)'

[ "$failed" != 0 ] || echo "ok    what is misused does not compile"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
