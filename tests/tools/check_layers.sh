#!/bin/sh
# Proves from the object files that the house's arrows point one way. CHECK_LAYERS has its folders in order, the lowest
# first; a folder may use those before it, except:
#
#   ops/kernels and what is below it    are raw loops: they know nothing of core, and nothing of ops
#   nn and its folders                  call ops, not their kernels
#
# Five checks: no object has an undefined tg_ or tgi_ symbol that lies outside the folders it may use; none was compiled
# with a header from outside them (what all wings read lies one folder up, in ops/ and ops/kernels/; .def files are tables
# and may be read by all); within a folder no objects need each other in a circle, but for ops that are each other's
# gradients, listed below; every descriptor is in ops/ops.def; the shared library exports nothing but tg_ names (and what compilers add, which no C name can
# clash with).
# From the environment: CHECK_OBJECTS, CHECK_LAYERS, CHECK_SHARED, CHECK_BUILD.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
base=$CHECK_BUILD/obj/

# The gradient of gather is scatter_add and the reverse; that of pow has a logarithm in it, that of log a division.
mutual_gradients='
ops/index/gather ops/index/index_add ops/index/masked ops/index/scatter_add
ops/rows/functions ops/rows/logic ops/rows/pointwise'

# The one name that is used below its place: a member of an archive comes along only if something in the program names it,
# and whatever ops a program has, the engine needs this (ops/engine.h).
points_up='ops/base/iterate.o tgi_engine_ops'

# Descriptors that are no ops by name: what the tape and errors call a function that has no schema.
unlisted='op_center op_copy_ op_fill_ op_from_data op_new_tensor op_norm op_tensor_of'

# The name of a source without its ending: the few objects that list the instruction sets lie in a folder named after these.
source_of() {
    source=${1#"$base"}
    case $source in sets/*/*) source=${source#sets/*/} ;; esac
    echo "$source"
}

for object in $CHECK_OBJECTS; do
    nm "$object" | awk -v object="$(source_of "$object")" '{ sub(/^_/, "", $NF); print object, $(NF - 1), $NF }' || exit 1
done >"$work/symbols"

for object in $CHECK_OBJECTS; do
    # The first rule of the .d file; -MP's empty rules for each header follow it.
    awk -v object="$(source_of "$object")" '
        { more = sub(/\\$/, ""); for (i = 1; i <= NF; i++) if ($i !~ /:$/) print object, "header", $i }
        !more { exit }' "${object%.o}.d" || exit 1
done >"$work/headers"

nm -D --defined-only "$CHECK_SHARED" >"$work/exports" 2>/dev/null ||
    nm -gU "$CHECK_SHARED" | sed 's/ _/ /' >"$work/exports" || exit 1

cat "$work/symbols" "$work/headers" | awk -v order="$CHECK_LAYERS" -v mutual="$mutual_gradients" -v up="$points_up" '
    BEGIN {
        layers = split(order, layer, " ")
        for (i = 1; i <= layers; i++) at[layer[i]] = i
        lines = split(mutual, line, "\n")
        for (i = 1; i <= lines; i++) expected[line[i]] = 1
    }
    function layer_of(path) { sub(/\/[^\/]*$/, "", path); return path }
    function unit_of(object) { sub(/\.[^\/]*$/, "", object); return object }   # all instruction sets are one unit
    function plain(path) { while (sub(/[^\/]+\/\.\.\//, "", path)) continue; return path }
    function kernels(l) { return l ~ /^ops\/kernels/ }
    function allowed(from, to)
    {
        if (!(from in at) || !(to in at)) return 0
        if (kernels(from) && !kernels(to)) return 0
        if (from ~ /^nn/ && kernels(to)) return 0
        return at[to] <= at[from]
    }
    function on_the_shelf(from, to, header) { return layer_of(from) == to && header !~ /_impl\.h$/ }
    !($1 in seen) { seen[$1] = 1; objects[layer_of($1)]++ }
    $2 == "header" {
        header = plain($3)
        if (header ~ /\.(h|inc)$/ && header !~ /^\//) { user[++headers] = $1; read[headers] = header }
        next
    }
    $3 !~ /^tgi?_/ { next }
    $2 == "U" { wants[++uses] = $1; symbol[uses] = $3; next }
    $2 ~ /[A-Z]/ { home[$3] = layer_of($1); object_of[$3] = $1 }

    # Tarjan: the strongly connected components of the units of one folder.
    function visit(u,    i, n, next_unit, list)
    {
        number[u] = low[u] = ++visited
        stack[++top] = u
        on_stack[u] = 1
        n = split(needs[u], list, " ")
        for (i = 1; i <= n; i++) {
            next_unit = list[i]
            if (!(next_unit in number)) { visit(next_unit); if (low[next_unit] < low[u]) low[u] = low[next_unit] }
            else if (on_stack[next_unit] && number[next_unit] < low[u]) low[u] = number[next_unit]
        }
        if (low[u] == number[u]) component(u)
    }
    function component(u,    n, i, j, member, swap, text)
    {
        do { member[++n] = stack[top]; on_stack[stack[top]] = 0 } while (stack[top--] != u)
        if (n == 1) return
        for (i = 2; i <= n; i++) for (j = i; j > 1 && member[j] < member[j - 1]; j--) { swap = member[j]; member[j] = member[j - 1]; member[j - 1] = swap }
        for (i = 1; i <= n; i++) text = text (i > 1 ? " " : "") member[i]
        circles++
        if (text in expected) { print "--    each other'"'"'s gradients: " text; return }
        bad[layer_of(u)]++
        print "FAIL  need each other: " text
    }
    END {
        for (i = 1; i <= uses; i++) {
            from = layer_of(wants[i])
            checked[from]++
            if (wants[i] " " symbol[i] == up) { print "--    points up, as the archive wants it: " up; continue }
            if (symbol[i] in home && allowed(from, home[symbol[i]])) {
                a = unit_of(wants[i]); b = unit_of(object_of[symbol[i]])
                if (a != b && home[symbol[i]] == from && !((a, b) in needed)) { needed[a, b] = 1; needs[a] = needs[a] " " b }
                continue
            }
            bad[from]++
            printf "FAIL  %s needs %s, which %s\n", wants[i], symbol[i],
                symbol[i] in home ? "is in " object_of[symbol[i]] : "no object defines"
        }
        for (i = 1; i <= headers; i++) {
            from = layer_of(user[i])
            included[from]++
            to = read[i] ~ /\// ? layer_of(read[i]) : "the top"
            if (allowed(from, to) || on_the_shelf(from, to, read[i])) continue
            bad[from]++
            printf "FAIL  %s includes %s\n", user[i], read[i]
        }
        for (object in seen) units[unit_of(object)] = 1
        for (u in units) if (!(u in number)) visit(u)
        for (i = 1; i <= layers; i++) {
            l = layer[i]
            if (bad[l]) { failed++; continue }
            if (!objects[l]) { printf "--    %s has no objects\n", l; passed++; continue }
            printf "ok    %-22s needs nothing above it: %d objects, %d tg symbols from elsewhere in it, %d inclusions\n", l,
                objects[l], checked[l], included[l]
            passed++
        }
        print passed + 0, failed + 0 >counts
    }' counts="$work/counts" || exit 1
read -r passed failed <"$work/counts"

if awk -v unlisted="$unlisted" '
    BEGIN { n = split(unlisted, name, " "); for (i = 1; i <= n; i++) known[name[i]] = 1 }
    $1 !~ /^ops\// || $3 !~ /^(tgi_)?op_/ || $2 ~ /[Tt]/ { next }
    $2 != "U" { found[$3] = $1 }
    $1 == "ops/registry.o" { known[$3] = 1 }
    END {
        for (op in found) {
            count++
            if (!(op in known)) { print "FAIL  " found[op] " defines " op ", which is not in ops/ops.def"; bad = 1 }
        }
        if (!bad) print "ok    every op is in ops/ops.def: " count " descriptors"
        exit bad
    }' "$work/symbols"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi

if awk '$NF !~ /^tg_/ && $NF !~ /^(_init|_fini|__.*|\..*)$/ { print "FAIL  the shared library exports " $NF; bad = 1 } END { exit bad }' \
    "$work/exports"; then
    echo "ok    the shared library exports tg_ names only: $(wc -l <"$work/exports" | tr -d ' ')"
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
