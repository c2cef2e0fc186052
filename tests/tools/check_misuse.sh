#!/bin/sh
# Calls that must not compile, for what they would do is not what they say (an option without its name, too long a list),
# with a message that says what to write; and programs that must compile without a warning, however pedantic.
# From the environment: CHECK_CC, CHECK_CFLAGS, CHECK_CXX, CHECK_CXXFLAGS.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

pass() { passed=$((passed + 1)); }

fail() {   # fail WHAT
    failed=$((failed + 1))
    echo "FAIL  $1"
    cat "$work/log"
}

# ---- calls ----

compiles() {   # compiles CALL
    printf '#include "tapegrad.h"\nvoid *call(tg_tensor *x, tg_tensor_list list);\nvoid *call(tg_tensor *x, tg_tensor_list list)\n{\n    (void)x, (void)list;\n    return (void *)(%s);\n}\n' "$1" >"$work/call.$suffix"
    $compile -fsyntax-only "$work/call.$suffix" >"$work/log" 2>&1
}

must_not() {   # must_not CALL [WORD of the message]
    if compiles "$1"; then
        fail "this compiles: $1"
    elif ! grep -q "${2-}" "$work/log"; then
        fail "the message does not say \"$2\": $1"
    else
        pass
    fi
}

must() {
    if compiles "$1"; then pass; else fail "this does not compile: $1"; fi
}

many=$(printf 'x%.0s, ' 1 2 3 4 5 6 7 8)
many="$many$many$many$many$many$many$many${many}"          # 64 and a comma
suffix=c
compile="$CHECK_CC $CHECK_CFLAGS -UTG_HEADER_WARNINGS"
for call in 'tg_sum(x, %s)' 'tg_argmax(x, %s)' 'tg_norm(x, %s)' 'tg_sort(x, %s).values' 'tg_topk(x, 1, %s).values' \
    'tg_normalize(x, %s)' 'tg_dropout(x, %s)' 'tg_leaky_relu(x, %s)' 'tg_add(x, x, %s)' 'tg_clamp(x, %s)' \
    'tg_ones(tg_shape(2), %s)' 'tg_linear_new(2, 3, %s)' 'tg_adam_new(list, %s)' 'tg_mse_loss(x, x, %s)' \
    'tg_from_data((float[]){ 1, 2 }, tg_shape(2), %s)' 'tg_module_new(tg_linear, %s)'; do
    for value in 0 1 NULL 0.5 false x; do must_not "$(printf "$call" "$value")" must_be_named; done
    must_not "$(printf "$call" '.requires_grad = true, .keepdim = true, 0')"
    must "$(printf "$call" '' | sed 's/, )/)/')"
done
# An optimiser's options are of three types.
must_not '(tg_option[]){ TG_OPTION(tg_named_tensor, name) }'
for option in lr amsgrad; do must "(tg_option[]){ TG_OPTION(tg_adam_options, $option) }"; done
# A group's number and an option's name do not take each other's place.
optimizer='(tg_optimizer *)(void *)x'
must "(intptr_t)tg_set_group_option($optimizer, 0, \"lr\", 1.0)"
must "(intptr_t)tg_set_group_option($optimizer, TG_ALL_GROUPS, (char *)x, 1.0)"
must_not "(intptr_t)tg_set_group_option($optimizer, \"lr\", 0, 1.0)" operand
must_not "(intptr_t)tg_set_group_option($optimizer, 0, 0, 1.0)" compatible
must_not "(intptr_t)tg_group_option($optimizer, \"lr\", 0)" operand
must_not "(intptr_t)tg_group_lr($optimizer, 1.0)" operand
must_not "(intptr_t)tg_set_group_lr($optimizer, 0.5, 0)" operand
must_not "tg_cat(tg_list(${many}x), 0)"
must "tg_cat(tg_list(${many%, }), 0)"
must 'tg_cat(tg_list(), 0)'
# A call in a call in a call must not double the text at each.
twelve='1 2 3 4 5 6 7 8 9 10 11 12'
must "$(printf 'tg_mul(2, %.0s' $twelve)x$(printf ')%.0s' $twelve)"
if [ "$($compile -E "$work/call.$suffix" 2>"$work/log" | wc -c)" -lt 1000000 ]; then pass; else fail "nested calls expand to megabytes"; fi
must 'tg_sum(x, .dim = 0, .keepdim = true)'
must_not "tg_tensor_of($(echo "${many}${many}x" | sed 's/x/1/g'))"
must "tg_tensor_of($(echo "${many%, }" | sed 's/x/1/g'))"
must_not 'tg_from_data((float *[]){ 0, 0 }, tg_shape(2))'
for data in 'tg_data(x, TG_FLOAT32)' '(float *)0' '(const int[]){ 1 }' '"text"'; do
    must_not "tg_from_data($data)" 'tg_from_data needs a shape'
done
for number in 0 1 3 1000 2.5f; do
    must_not "tg_from_data((float[]){ $(echo "${many}${many}x" | sed "s/x/$number/g") }, tg_shape(129))" "a literal of up to 60 elements"
done

if [ -n "${CHECK_CXX-}" ]; then
    suffix=cpp
    compile="$CHECK_CXX $CHECK_CXXFLAGS -UTG_HEADER_WARNINGS"
    for call in 'tg_sum(x, %s)' 'tg_ones(tg_shape(2), %s)' 'tg_linear_new(2, 3, %s)' 'tg_adam_new(list, %s)'; do
        for value in 0 1 0.5 x; do must_not "$(printf "$call" "$value")" options_in_cxx_are_a_struct; done
    done
    must_not 'tg_adam_new(list, .lr = 0.1)' options_in_cxx_are_a_struct
    must_not '[]{ static const tg_option o = TG_OPTION(tg_named_tensor, name); return &o; }()' tgi_option_kind
    for option in lr amsgrad; do
        must "[]{ static const tg_option o = TG_OPTION(tg_adam_options, $option); return &o; }()"
    done
    must_not 'tg_sum(x, .dim = 1)' options_in_cxx_are_a_struct
fi
# In C++ an option that nobody names would be a zero, not its default: such a struct is not made.
begin=options_in_cxx_begin_with_their_DEFAULTS
for cxx in ${CHECK_CXX:+g++ clang++}; do
    command -v $cxx >/dev/null 2>&1 || continue
    for standard in c++17 c++20; do
        suffix=cpp
        compile="$cxx -std=$standard -I. -Wall -Wextra -Werror"
        must_not '[=] { tg_adam_options o; return tg_adam_new(list, o); }()' $begin
        for made in 'o = {}' 'o{}' 'o = { 0.1 }' 'o = { .lr = 0.1 }' 'o = tg_adam_options{}'; do
            must_not "[=] { tg_adam_options $made; return tg_adam_new(list, o); }()" $begin
        done
        for given in '{}' '{ 0.1 }' '{ .lr = 0.1 }' 'tg_adam_options()'; do
            must_not "tg_adam_new(list, $given)" in_cxx
        done
        must_not 'tg_from_data("text")' 'tg_from_data needs a shape'
        must_not 'tg_sum(x, { .keepdim = true })' options_in_cxx_are_a_struct
        must '[=] { tg_adam_options o = { TG_ADAM_DEFAULTS }, p = o; p.lr = 0.1; return tg_adam_new(list, p); }()'
        must 'tg_adam_new(list, tg_adam_options{ TG_ADAM_DEFAULTS })'
    done
done
[ "$failed" != 0 ] || echo "ok    what is misused does not compile, and is told why"

# ---- programs, under every compiler that is here ----

pedantic="-I. -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror -fsyntax-only"
cat >"$work/program.c" <<'END'
#include <tapegrad.h>

typedef struct { tg_module base; tg_linear *fc, *layers[2]; tg_tensor *w, *pair[2], *seen, *last[2]; } model;

int main(void)
{
    const double table[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    model *m = tg_module_new(model, .name = "M");
    TG_SUBMODULE(m, fc, tg_linear_new(2, 2));
    TG_PARAMETER(m, w, tg_ones(tg_shape(2)));
    TG_BUFFER(m, seen, tg_ones(tg_shape(2)));
    for (int i = 0; i < 2; i++) {
        TG_SUBMODULES(m, layers, i, tg_linear_new(2, 2, .bias = false));
        TG_PARAMETERS(m, pair, i, tg_ones(tg_shape(2)));
        TG_BUFFERS(m, last, i, tg_zeros(tg_shape(2), .dtype = TG_FLOAT64));
    }
    TG_REPLACE_PARAMETER(m->layers[1], weight, m->layers[0]->weight);
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_from_data(table, tg_shape(2, 3)), *b = tg_from_data((float[]){ 1, 2, 3 }, tg_shape(3));
    tg_tensor *c = tg_sum(tg_cat(tg_list(a, tg_mul(a, 2)), 0), .dim = 1), *e = tg_tensor_of(1, 2.5, 3);
    scope = tg_scope_next(scope, &a, &b, &c, &e);
    scope = tg_scope_next(scope);
    tg_scope_end_with(scope, &e);
    tg_scope_end_with(tg_scope_begin());
    const tg_tensor_list none = tg_list();
    if (none.count) return 1;
    model *copy = tg_module_copy(m);
    tg_linear *fc = tg_module_as(copy->fc, tg_linear);
    tg_module_list *list = tg_module_list_new(tg_relu_new(), tg_tanh_new());
    tg_module_free(list);
    tg_module_free(copy);
    tg_module_free(m);
    return fc == NULL || tg_failed();
}
END
for cc in "$CHECK_CC" gcc clang; do
    command -v ${cc%% *} >/dev/null 2>&1 || continue
    for program in "$work/program.c" examples/*.c examples/*/*.c; do
        if $cc -std=c11 $pedantic "$program" >"$work/log" 2>&1; then pass; else fail "$cc -Wpedantic of $program"; fi
    done
done
for cxx in ${CHECK_CXX:+"$CHECK_CXX"} g++ clang++; do
    command -v ${cxx%% *} >/dev/null 2>&1 || continue
    for standard in c++17 c++20; do
        for program in tests/*/*.cpp; do
            if $cxx -std=$standard $pedantic "$program" >"$work/log" 2>&1; then pass; else fail "$cxx -std=$standard -Wpedantic of $program"; fi
        done
    done
done
[ "$failed" != 0 ] || echo "ok    programs compile without a warning"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
