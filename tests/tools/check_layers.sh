#!/bin/sh
# Proves from the object files that the house's arrows point one way: optim, nn -> ops -> core, and ops -> ops/kernels.
# Three checks: no object has an undefined tg_ or tgi_ symbol that lies outside the layers it may use; none was compiled
# with a header from outside them (a .def file, being a table and no interface, may be read by all); the shared library
# exports nothing but tg_ names (and what compilers add, which no C name can clash with). From the environment: CHECK_OBJECTS, CHECK_SHARED, CHECK_BUILD.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
base=$CHECK_BUILD/obj/

for object in $CHECK_OBJECTS; do
    nm "$object" | awk -v object="${object#"$base"}" '{ sub(/^_/, "", $NF); print object, $(NF - 1), $NF }' || exit 1
done >"$work/symbols"

for object in $CHECK_OBJECTS; do
    # The first rule of the .d file; -MP's empty rules for each header follow it.
    awk -v object="${object#"$base"}" '
        { more = sub(/\\$/, ""); for (i = 1; i <= NF; i++) if ($i !~ /:$/) print object, "header", $i }
        !more { exit }' "${object%.o}.d" || exit 1
done >"$work/headers"

nm -D --defined-only "$CHECK_SHARED" >"$work/exports" 2>/dev/null ||
    nm -gU "$CHECK_SHARED" | sed 's/ _/ /' >"$work/exports" || exit 1

cat "$work/symbols" "$work/headers" | awk '
    BEGIN {
        may["core"] = "core"
        may["ops/kernels"] = "ops/kernels"
        may["ops"] = "core ops ops/kernels"
        may["nn"] = "core ops nn"
        may["optim"] = "core ops ops/kernels nn optim"
        layers = split("core ops/kernels ops nn optim", layer, " ")
    }
    function layer_of(path) { sub(/\/[^\/]*$/, "", path); return path }
    function plain(path) { while (sub(/[^\/]+\/\.\.\//, "", path)) continue; return path }
    function allowed(from, to) { return index(" " may[from] " ", " " to " ") }
    !($1 in seen) { seen[$1] = 1; objects[layer_of($1)]++ }
    $2 == "header" {
        header = plain($3)
        if (header ~ /\.(h|inc)$/ && header !~ /^\//) { user[++headers] = $1; read[headers] = header }
        next
    }
    $3 !~ /^tgi?_/ { next }
    $2 == "U" { wants[++uses] = $1; symbol[uses] = $3; next }
    $2 ~ /[A-Z]/ { home[$3] = layer_of($1); object_of[$3] = $1 }
    END {
        for (i = 1; i <= uses; i++) {
            from = layer_of(wants[i])
            checked[from]++
            if (symbol[i] in home && allowed(from, home[symbol[i]])) continue
            bad[from]++
            printf "FAIL  %s needs %s, which %s\n", wants[i], symbol[i],
                symbol[i] in home ? "is in " object_of[symbol[i]] : "no object defines"
        }
        for (i = 1; i <= headers; i++) {
            from = layer_of(user[i])
            included[from]++
            if (allowed(from, read[i] ~ /\// ? layer_of(read[i]) : "the top")) continue
            bad[from]++
            printf "FAIL  %s includes %s\n", user[i], read[i]
        }
        for (i = 1; i <= layers; i++) {
            l = layer[i]
            if (bad[l]) { failed++; continue }
            if (!objects[l]) { printf "--    %s has no objects\n", l; continue }
            printf "ok    %s needs nothing but %s: %d objects, %d tg symbols from elsewhere in it, %d inclusions\n", l, may[l],
                objects[l], checked[l], included[l]
            passed++
        }
        print passed + 0, failed + 0 >counts
    }' counts="$work/counts" || exit 1
read -r passed failed <"$work/counts"

if awk '$NF !~ /^tg_/ && $NF !~ /^(_init|_fini|__.*|\..*)$/ { print "FAIL  the shared library exports " $NF; bad = 1 } END { exit bad }' \
    "$work/exports"; then
    echo "ok    the shared library exports tg_ names only: $(wc -l <"$work/exports" | tr -d ' ')"
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
