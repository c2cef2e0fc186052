#!/bin/sh
# Compiles and runs the code in README.md and docs/*.md, so that the documentation cannot lie. Each fenced block:
#
#   ```c with main(        a whole program: compiled against the library, warnings are errors, run, must exit with 0
#   ```c after <!-- body -->         the same, as the body of main, with <tapegrad.h> and <stdio.h>
#   ```c after <!-- stale body -->   the same, of a program that uses freed handles: left out under sanitizers, which keep none
#   ```c after <!-- file: PATH -->   must stand in that file of the repository, line by line (indented otherwise, perhaps)
#   ```c after <!-- save: NAME -->   is a file of that name, for the programs that come after it in the document
#   ```c otherwise         an error
#   ```cpp                 the same in C++17, where there is a compiler
#   ```sh after <!-- run -->         run at the repository's root, must exit with 0; other sh blocks are only shown
#   ```python              must follow <!-- notebook --> or <!-- pytorch -->: an excerpt of the notebook, or what one writes
#                          in PyTorch, not checked; or <!-- python -->: run where there is a python3, TAPEGRAD_LIBRARY
#                          naming the shared object
#                          (CHECK_FOLDER: a folder to write to, the document's)
#   ```text                straight after a block that was run (in the order of blocks): exactly its standard output
#
# A picture, ![...](pictures/NAME.svg), is one that the document's programs wrote, as NAME.svg in their folder: it must be the
# same, byte for byte.
#
# A program of a block is called main.c and its first line is line 1. The programs of a document run in one folder, in the
# order in which they stand, so that a later one may read what an earlier one wrote; examples/ is there, as in the
# repository, and what is saved is found by #include.
# From the environment: CHECK_CC, CHECK_CXX, CHECK_CFLAGS, CHECK_CXXFLAGS, CHECK_LIBS, CHECK_BUILD, CHECK_SHARED.
set -u
if [ -n "${TAPEGRAD_CHECKING_DOCS:-}" ]; then
    echo "a block that is run by check-docs may not run check-docs (or make test) in turn" >&2
    exit 1
fi
export TAPEGRAD_CHECKING_DOCS=1
# A make in a block is told this build's variables, but has none of its job slots, and does not tell what it builds.
export QUIET=1
MAKEFLAGS=$(printf '%s' "${MAKEFLAGS:-}" | sed -e 's/ *--jobserver-[a-z]*=[^ ]*//g' -e 's/ *-j[0-9]*//g')
export MAKEFLAGS
unset MAKELEVEL MFLAGS

root=$(pwd)
case $CHECK_BUILD in /*) work=$CHECK_BUILD/docs ;; *) work=$root/$CHECK_BUILD/docs ;; esac
case $CHECK_SHARED in /*) library=$CHECK_SHARED ;; *) library=$root/$CHECK_SHARED ;; esac
export TAPEGRAD_LIBRARY="$library"
rm -rf "$work"
mkdir -p "$work" || exit 1
limit=
command -v timeout >/dev/null 2>&1 && limit="timeout ${TEST_TIMEOUT:-1200}"
passed=0
failed=0
skipped=0

# ---- take the blocks out: one file each, and a line id|place|language|marker|next for each ----
set --
for document in ${ONLY:-README.md docs/*.md}; do
    [ -f "$document" ] && set -- "$@" "$document"
done
if [ $# = 0 ]; then
    echo "neither README.md nor docs/*.md is here"
    echo "0 passed, 1 failed"
    exit 1
fi
awk -v work="$work" '
    function finish(next_language)   # the block before the one that begins now, or the last of a document
    {
        if (pending != "") print pending "|" next_language >(work "/list")
        pending = ""
    }
    FNR == 1 { if (fence) unclosed(); finish(""); fence = 0; marker = "" }
    function unclosed() { print count "|" place "|unclosed||" >(work "/list"); pending = "" }
    !fence && match($0, /^[ \t]*(```+|~~~+)/) {
        match($0, /^[ \t]*/)
        indent = RLENGTH
        rest = substr($0, indent + 1)
        mark = substr(rest, 1, 1)
        width = 0
        while (substr(rest, width + 1, 1) == mark) width++
        language = tolower(substr(rest, width + 1))
        gsub(/^[ \t]+|[ \t{].*$/, "", language)
        if (language == "c++" || language == "cc" || language == "cxx") language = "cpp"
        if (language == "bash" || language == "shell") language = "sh"
        if (language == "py") language = "python"
        finish(language)
        fence = 1
        place = FILENAME ":" FNR
        file = work "/" (++count) ".block"
        printf "" >file
        has_main = 0
        next
    }
    fence {
        line = $0
        for (i = 0; i < indent && line ~ /^[ \t]/; i++) line = substr(line, 2)
        closing = line
        sub(/[ \t]+$/, "", closing)
        n = 0
        while (substr(closing, n + 1, 1) == mark) n++
        if (n >= width && n == length(closing)) {
            fence = 0
            close(file)
            if (marker == "" && has_main) marker = "main"
            pending = count "|" place "|" language "|" marker
            marker = ""
            next
        }
        print line >file
        if (line ~ /(^|[^a-zA-Z0-9_])main[ \t]*\(/) has_main = 1
        next
    }
    /^[ \t]*<!--.*-->[ \t]*$/ {
        marker = $0
        sub(/^[ \t]*<!--[ \t]*/, "", marker)
        sub(/[ \t]*-->[ \t]*$/, "", marker)
        next
    }
    /[^ \t]/ { marker = "" }
    END { if (fence) unclosed(); finish("") }' "$@" || exit 1
[ -f "$work/list" ] || : >"$work/list"

fail() {   # fail WHAT [FILE to show]
    failed=$((failed + 1))
    echo "FAIL  $place: $1"
    [ $# -lt 2 ] || sed 's/^/      /' "$2"
}

pass() {
    passed=$((passed + 1))
    echo "ok    $place: $1"
}

# Runs a command in a folder with its output in $here/stdout and stderr, and compares with the ```text block that follows.
run_and_compare() {   # run_and_compare WHAT WHERE COMMAND...
    what=$1
    within=$2
    shift 2
    (cd "$within" && exec $limit "$@") >"$here/stdout" 2>"$here/stderr" </dev/null
    status=$?
    if [ $status != 0 ]; then
        cat "$here/stdout" "$here/stderr" >"$here/both"
        fail "$what ended with status $status" "$here/both"
    elif [ "$following" = text ] && ! diff -u "$work/$((id + 1)).block" "$here/stdout" >"$here/diff"; then
        cat "$here/stderr" >>"$here/diff"
        fail "$what prints something other than the text below it says (-: the document, +: the program)" "$here/diff"
    else
        pass "$what${following:+ ($following below)}"
    fi
}

compile_and_run() {   # compile_and_run WHAT SUFFIX COMPILER FLAGS
    if ! (cd "$root" && $3 $4 -Werror -I"$folder" -o "$here/program" "$here/main.$2" $CHECK_LIBS) >"$here/log" 2>&1; then
        fail "$1 does not compile" "$here/log"
        return
    fi
    run_and_compare "$1" "$folder" "$here/program"
}

program() {   # program SUFFIX COMPILER FLAGS: what to do with a c or cpp block
    case $marker in
    main)
        { echo "#line 1 \"main.$1\""; cat "$block"; } >"$here/main.$1"
        compile_and_run "$1 program" "$@"
        ;;
    body)
        {
            printf '#include <tapegrad.h>\n#include <stdio.h>\nint main(void)\n{\n#line 1 "main.%s"\n' "$1"
            cat "$block"
            printf 'return tg_failed();\n}\n'
        } >"$here/main.$1"
        compile_and_run "$1 body" "$1" "$2" "$3 -Wno-unused-variable -Wno-unused-but-set-variable"
        ;;
    esac
}

# True when the lines of the block stand in the file, one after the other; all may be indented by the same blanks more or
# less.
stands_in() {   # stands_in BLOCK FILE
    awk '
        function lead(s) { match(s, /^[ \t]*/); return substr(s, 1, RLENGTH) }
        function bare(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }
        FNR == 1 { document++ }
        document == 1 { block[++n] = $0; next }
        { text[++m] = $0 }
        function matches(at,    i, b, t, more, less, known)
        {
            for (i = 1; i <= n; i++) {
                b = block[i]; t = text[at + i - 1]
                if (bare(b) != bare(t)) return 0
                if (bare(b) == "") continue
                if (!known) { known = 1; more = length(lead(t)) - length(lead(b)) }
                else if (length(lead(t)) - length(lead(b)) != more) return 0
            }
            return 1
        }
        END {
            while (n > 0 && bare(block[n]) == "") n--
            if (n == 0) exit 1
            for (at = 1; at + n - 1 <= m; at++) if (matches(at)) exit 0
            exit 1
        }' "$1" "$2"
}

while IFS='|' read -r id place language marker following; do
    [ "$following" = text ] || following=
    block=$work/$id.block
    here=$work/$id
    document=${place%:*}
    folder=$work/${document##*/}
    mkdir -p "$here" "$folder"
    export CHECK_FOLDER="$folder"
    [ -e "$folder/examples" ] || ln -s "$root/examples" "$folder/examples"
    case $language:$marker in
    unclosed:*) fail "this code fence is never closed" ;;
    c:file:* | cpp:file:*)
        path=$(printf '%s' "${marker#file:}" | sed 's/^[ \t]*//')
        if [ ! -f "$path" ]; then
            fail "there is no file $path"
        elif stands_in "$block" "$path"; then
            pass "stands in $path"
        else
            fail "these lines do not stand in $path" "$block"
        fi
        ;;
    c:save:*)
        name=${marker#save:}
        cp "$block" "$folder/${name# }"
        pass "saved"
        ;;
    "c:stale body")
        case $CHECK_CFLAGS in
        *-fsanitize=*)
            skipped=$((skipped + 1))
            echo "--    $place: uses what was freed, and is built with sanitizers, skipped"
            ;;
        *) marker=body; program c "$CHECK_CC" "$CHECK_CFLAGS" ;;
        esac
        ;;
    c:main | c:body) program c "$CHECK_CC" "$CHECK_CFLAGS" ;;
    cpp:main | cpp:body)
        if [ -n "$CHECK_CXX" ]; then
            program cpp "$CHECK_CXX" "$CHECK_CXXFLAGS"
        else
            skipped=$((skipped + 1))
            echo "--    $place: no C++ compiler, skipped"
        fi
        ;;
    c:* | cpp:*) fail "a $language block without main() needs <!-- file: PATH -->, <!-- save: NAME --> or <!-- body --> on the line before it" ;;
    sh:run) run_and_compare "sh" . sh -e "$block" ;;
    python:notebook | python:pytorch) ;;
    python:python)
        case $CHECK_CFLAGS in *-fsanitize=*) sanitized=1 ;; *) sanitized= ;; esac
        if [ -n "$sanitized" ] || ! command -v python3 >/dev/null 2>&1; then
            skipped=$((skipped + 1))
            echo "--    $place: ${sanitized:+built with sanitizers, or }no python3, skipped"
        else
            run_and_compare "python" . python3 "$block"
        fi
        ;;
    python:*) fail "a python block needs <!-- notebook --> or <!-- python --> on the line before it" ;;
    esac
done <"$work/list"

# ---- names in the text and its tables, which no compiler sees: each stands in a header (one that ends in _ is the
# beginning of several) ----
names() { tr -c 'A-Za-z0-9_' '\n' | grep -E '^(tg|TG)_.*[^_]$' | sort -u; }
find core ops nn optim tapegrad.h -name '*.h' -o -name '*.def' -o -name '*.inc' | xargs cat | names >"$work/names"
for place in "$@"; do
    names <"$place" | comm -23 - "$work/names" >"$work/unknown"
    if [ -s "$work/unknown" ]; then fail "no header has these names" "$work/unknown"; else pass "its names stand in headers"; fi
done

# ---- pictures: as the programs of the document draw them today ----
for document in "$@"; do
    drawn=$work/${document##*/}
    for picture in $(grep -o '!\[[^]]*\]([^)]*\.svg)' "$document" | sed 's/.*(\(.*\))/\1/'); do
        place=$document
        shown=$(dirname "$document")/$picture
        if [ ! -f "$drawn/${picture##*/}" ]; then
            fail "no program of it writes ${picture##*/}"
        elif [ "$(uname -m)" != x86_64 ]; then
            skipped=$((skipped + 1))
            echo "--    $place: $picture was drawn on another kind of processor, skipped"
        elif cmp -s "$drawn/${picture##*/}" "$shown"; then
            pass "$picture is what its programs draw"
        else
            fail "its programs draw another $picture. If that is right: cp $drawn/${picture##*/} $shown"
        fi
    done
done

[ "$skipped" = 0 ] || echo "$skipped blocks skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
