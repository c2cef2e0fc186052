#!/bin/sh
# Runs the examples as users do, for a few steps, and compares the losses they print with PyTorch's
# (tests/golden/examples.txt). Each must also have --help, refuse what it does not know, and print the same twice. One
# that keeps checkpoints is killed and gone on with, and must end with what a run that was not killed ends with.
# From the environment: CHECK_BUILD.
set -u
export TAPEGRAD_PROGRESS=0
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # all of them small
root=$PWD
case $CHECK_BUILD in /*) ;; *) CHECK_BUILD=$root/$CHECK_BUILD ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

ok() { echo "ok    $*"; passed=$((passed + 1)); }
fail() { echo "FAIL  $*"; failed=$((failed + 1)); }

# They start in a folder that is as the root to them, and what they write goes with it.
fresh() {
    rm -rf "$work/run" && mkdir "$work/run" && ln -s "$root/examples" "$root/LICENSE" "$root/README.md" "$work/run" &&
        cd "$work/run" || exit 1
}

grep '^case ' tests/golden/examples.txt | cut -c 6- >"$work/cases"
while read -r name arguments; do
    program=$CHECK_BUILD/examples/$name
    fresh
    if "$program" $arguments >"$work/first" && fresh && "$program" $arguments >"$work/second" &&
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
                # (some awks take nan for equal to anything)
                if (m <= n && loss !~ /nan/ && (loss - expected[m]) ^ 2 <= (1e-5 * expected[m]) ^ 2) return
                printf "      loss %d is %s, PyTorch has %s\n", m, loss, m <= n ? expected[m] : "no more"
                bad = 1
            }
            END { exit bad || m != n }' "$root/tests/golden/examples.txt" "$work/first"; then
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

# ---- runs that are ended, and gone on with ----

# Ends a run by that signal when it has printed so many lines, or lets it end if it is faster.
end_after() {
    signal=$1
    lines=$2
    shift 2
    : >"$work/ended" # nothing of the one before
    "$@" >"$work/ended" 2>"$work/complaints" &
    while kill -0 $! 2>/dev/null && [ "$(wc -l <"$work/ended")" -lt "$lines" ]; do :; done
    kill -s "$signal" $! 2>/dev/null
    wait $! 2>/dev/null
}

digits=$CHECK_BUILD/examples/digits
for model in mlp cnn; do # some tenths of a second each
    arguments="--model $model $([ $model = mlp ] && echo "--epochs 40 --batch 16" || echo "--epochs 12 --batch 64")"
    fresh
    "$digits" $arguments --save whole --log whole.csv --plot whole.svg >"$work/whole"
    # in the middle of an epoch
    "$digits" $arguments --save parts --log parts.csv --steps 50 >/dev/null
    # by Ctrl-C's kin (a shell's background jobs ignore Ctrl-C), which says how to go on
    end_after TERM 3 "$digits" $arguments --save parts --log parts.csv --resume parts
    grep -q -e "--resume parts" -e "accuracy  " "$work/ended" || fail "digits --model $model: does not say how to go on"
    # by what nobody can catch
    end_after KILL 2 "$digits" $arguments --save parts --log parts.csv --resume parts
    "$digits" $arguments --save parts --log parts.csv --plot parts.svg --resume parts >"$work/parts"
    if cmp whole parts && cmp whole.csv parts.csv && cmp whole.svg parts.svg &&
        [ "$(sed -n '/precision/,$p' "$work/whole")" = "$(sed -n '/precision/,$p' "$work/parts")" ]; then
        ok "digits --model $model: ended three times, the same bits"
    else
        fail "digits --model $model: ended three times, other bits"
    fi
    if sed -n 's/^ *accuracy  *\([0-9.]*\) .*/\1/p' "$work/whole" | awk '{ exit !($1 >= 0.97) }'; then
        ok "digits --model $model: 97 of 100 it has not seen"
    else
        fail "digits --model $model: fewer than 97 of 100 it has not seen"
    fi
    # another one's checkpoint, none, and no data
    other=$([ $model = mlp ] && echo cnn || echo mlp)
    for wrong in "--model $other --resume whole" "--resume nowhere" "--data nowhere" "--epochs 0"; do
        cp whole before
        if "$digits" --save whole $wrong >"$work/wrong" 2>&1 || ! cmp -s whole before || [ ! -s "$work/wrong" ]; then
            fail "digits $wrong: no error, or something is changed"
        else
            ok "digits $wrong: an error"
        fi
    done
done

# A run in a folder, with which the same command goes on.
mnist=$CHECK_BUILD/examples/mnist
arguments="--digits 128 --batch 16 --epochs 3"
fresh
"$mnist" $arguments --run whole >"$work/whole"
"$mnist" $arguments --run parts --steps 3 >/dev/null
end_after TERM 3 "$mnist" $arguments --run parts
grep -q -e "the same command goes on" -e "accuracy  " "$work/ended" || fail "mnist: does not say how to go on"
end_after KILL 3 "$mnist" $arguments --run parts
"$mnist" $arguments --run parts >"$work/parts"
if cmp whole/step-000024.safetensors parts/step-000024.safetensors && cmp whole/best.safetensors parts/best.safetensors &&
    [ "$(sed -n '/precision/,$p' "$work/whole")" = "$(sed -n '/precision/,$p' "$work/parts")" ]; then
    ok "mnist: ended three times, the same bits"
else
    fail "mnist: ended three times, other bits"
fi

# MNIST's files, of pixels that mean nothing, 00 00 08 03, sizes, bytes; as they are, and by gzip.
mkdir files
for part in train:64:100 t10k:16:020; do
    name=${part%%:*}
    octal=${part##*:}
    count=${part#*:}
    count=${count%:*}
    { printf "\\0\\0\\010\\003\\0\\0\\0\\$octal\\0\\0\\0\\034\\0\\0\\0\\034"; cat LICENSE LICENSE README.md README.md README.md | head -c $((784 * count)); } \
        >files/$name-images-idx3-ubyte
    { printf "\\0\\0\\010\\001\\0\\0\\0\\$octal"; i=0; while [ $i -lt $count ]; do printf "\\$((i % 8))"; i=$((i + 1)); done; } \
        >files/$name-labels-idx1-ubyte
done
arguments="--data files --batch 16 --epochs 1 --mistakes wrong.png"
if "$mnist" $arguments --run plain >"$work/first" && [ -s wrong.png ] &&
    grep -q "^64 digits to learn from, 16 to be tested by$" "$work/first"; then
    ok "mnist --data: MNIST's files"
else
    fail "mnist --data: MNIST's files"
fi
if command -v gzip >/dev/null 2>&1; then
    gzip files/*
    if "$mnist" $arguments --run gzip >"$work/second" && cmp "$work/first" "$work/second"; then
        ok "mnist --data: MNIST's files, as they are downloaded"
    else
        fail "mnist --data: MNIST's files, as they are downloaded"
    fi
fi
rm files/t10k-labels*
for wrong in "--data files" "--data nowhere" "--digits 0" "--epochs 201"; do
    if "$mnist" --run wrong $wrong >/dev/null 2>"$work/wrong" || [ ! -s "$work/wrong" ] || [ -d wrong ]; then
        fail "mnist $wrong: no error, or something is written"
    else
        ok "mnist $wrong: an error"
    fi
done

# Both print every 100 steps, and save then.
for name in forecast names; do
    program=$CHECK_BUILD/examples/$name
    arguments="--steps 250"
    fresh
    "$program" $arguments --save whole >"$work/whole"
    # in the middle of the second epoch; by what nobody can catch; by Ctrl-C's kin, which says how to go on
    "$program" --steps 20 --save parts >/dev/null
    end_after KILL 2 "$program" $arguments --save parts --resume parts
    end_after TERM 2 "$program" $arguments --save parts --resume parts
    grep -q -e "--resume parts" -e "accuracy  " -e "this forecast" "$work/ended" ||
        fail "$name: does not say how to go on"
    "$program" $arguments --save parts --resume parts >"$work/parts"
    if cmp whole parts && [ "$(sed '/^step/d' "$work/whole")" = "$(sed '/^step/d' "$work/parts")" ]; then
        ok "$name: ended three times, the same bits"
    else
        fail "$name: ended three times, other bits"
    fi
    cp whole before
    for wrong in "--resume nowhere" "--resume $root/LICENSE" "--data nowhere" "--data $root/LICENSE" "--lr -1"; do
        if "$program" --save whole $wrong >"$work/wrong" 2>&1 || ! cmp -s whole before || [ ! -s "$work/wrong" ]; then
            fail "$name $wrong: no error, or something is changed"
        else
            ok "$name $wrong: an error"
        fi
    done
    [ $name = forecast ] && cp "$work/whole" "$work/forecast"
done
if awk '/[0-9] ppm$/ { error[++n] = $(NF - 1) } END { exit n != 3 || !(error[1] < error[2] && error[1] < error[3]) }' \
    "$work/forecast"; then
    ok "forecast: better than the last year, and than the last year with its rise"
else
    fail "forecast: worse than what needs no network"
fi
"$CHECK_BUILD/examples/names" --steps 250 --resume whole --name "Ivanov,, Kowalczyk ,Papadakis" >"$work/told"
if sed -n 's/^ *accuracy  *\([0-9.]*\) .*/\1/p' "$work/whole" | awk '{ exit !($1 >= 0.7) }' &&
    grep -q '^Ivanov: Russian' "$work/told" && grep -q '^Kowalczyk: Polish' "$work/told" &&
    grep -q '^Papadakis: Greek' "$work/told"; then
    ok "names: 70 of 100 it has not seen, and three asked for"
else
    fail "names: fewer than 70 of 100 it has not seen, or one of three asked for"
fi

# ---- files from PyTorch, and back ----

back=$CHECK_BUILD/examples/from_pytorch
fresh
if "$back" --save mine >/dev/null && "$back" --data mine --steps 2 --save again >"$work/again" &&
    [ "$(grep -c 'output in it 0$' "$work/again")" = 2 ] && [ -s again.pt ] && [ -s again.safetensors ]; then
    ok "from_pytorch: what it saved, it reads, and is the same"
else
    fail "from_pytorch: does not read what it saved, or it is not the same"
fi
head -c 3000 mine.pt >short.pt
cp mine.safetensors short.safetensors
for wrong in short nowhere; do
    if "$back" --data $wrong --save short >"$work/wrong" 2>&1 || [ ! -s "$work/wrong" ] || [ "$(wc -c <short.pt)" != 3000 ]; then
        fail "from_pytorch --data $wrong: no error, or something is changed"
    else
        ok "from_pytorch --data $wrong: an error"
    fi
done

# ---- the tape, seen ----

# What the table says is what these numbers are: paths and calls by counting them, recursion's wrong result by another
# recursion, over levels and not over a tape.
if "$CHECK_BUILD/examples/why_order" | awk '
    function go(level,    twice) {
        if (level < n) for (twice = 0; twice < 2; twice++) { has[level + 1] += has[level]; go(level + 1) }
    }
    NR > 1 {
        n = $1
        for (i = 0; i <= n; i++) has[i] = i == 0
        go(0)
        off = $4 / has[n] - 1
        if ($2 != 2 ^ n || off * off > 1e-10 || $5 != 2 ^ (n + 1) - 1 || $7 != 2 ^ n || $8 != $5 || $10 != 2 ^ n ||
            $11 != n) bad = 1
        rows++
    }
    END { exit bad || rows != 6 }'; then
    ok "why_order: its table"
else
    fail "why_order: its table is wrong"
fi

# The loss is NaN where PyTorch's is; the check names the line and the flower, and finds nothing in the mended form.
nan=$CHECK_BUILD/examples/nan
line=$(grep -n 'tg_log(p)' "$root/examples/nan.c" | cut -d: -f1)
if [ "$("$nan" | grep -c 'loss nan$')" = 3 ] && TAPEGRAD_CHECK=1 "$nan" 2>"$work/told" >"$work/watched" &&
    "$nan" | cmp -s - "$work/watched" && grep -q "nan.c:$line: log made -inf of finite numbers" "$work/told" &&
    grep -q 'the first is \[17, ' "$work/told" && grep -q 'found: 2;' "$work/told" &&
    "$nan" --check 1 2>"$work/again" >/dev/null && grep -q 'found: 2;' "$work/again" &&
    "$nan" --mended 1 --check 1 2>&1 >/dev/null | grep -q 'found: nothing;'; then
    ok "nan: born, found, mended"
else
    fail "nan: not born, not found, or not mended"
fi

# An RNN cannot, the others can; with gates that start half closed none can. Shares are below 1e-6 or above 1e-4.
vanishing=$CHECK_BUILD/examples/vanishing
told() { # told LIST: who guesses (0) and who remembers (1), in order, for a run's output
    awk -v wanted="$1" '/ are right$/ { is = is (/remembers/ ? 1 : 0) } END { exit is != wanted }'
}
fresh
if "$vanishing" --plot maps.svg >"$work/first" && cp maps.svg "$work/maps.svg" && fresh &&
    "$vanishing" --plot maps.svg >"$work/second" && cmp -s "$work/first" "$work/second" &&
    cmp -s maps.svg "$work/maps.svg" && [ "$(grep -c '<title>' maps.svg)" = 4 ] && told 0111 <"$work/first" &&
    awk '$1 == "RNN" && NF == 8 { rnn = $2 } $1 == "GRU" && NF == 8 { gru = $2 } END { exit !(rnn < 1e-6 && gru > 1e-2) }' \
        "$work/first" && "$vanishing" --epochs 8 --open 0 | told 0000 && "$vanishing" --state c | told 0111; then
    ok "vanishing: an RNN guesses, the others remember; none does with gates half closed"
else
    fail "vanishing: other networks guess than should, or not the same twice"
    head -6 "$work/first"
fi
if ! "$vanishing" --epochs 0 >/dev/null 2>&1 && ! "$vanishing" --epochs 1 --plot nowhere/maps.svg >/dev/null 2>"$work/wrong" &&
    grep -q nowhere "$work/wrong"; then
    ok "vanishing: no epochs, a picture that cannot be written: errors"
else
    fail "vanishing: no epochs, or a picture that cannot be written: no error"
fi

for name in why_order vanishing; do
    if "$CHECK_BUILD/examples/$name" --help | grep -q "^usage: " && ! "$CHECK_BUILD/examples/$name" --nonsense 2>/dev/null; then
        ok "$name --help"
    else
        fail "$name --help, or --nonsense"
    fi
done

# The data is found from anywhere.
mkdir -p "$work/elsewhere" && cd "$work/elsewhere" || exit 1
for name in digits forecast names from_pytorch; do
    if "$CHECK_BUILD/examples/$name" --steps 1 >/dev/null; then ok "$name, started elsewhere"; else fail "$name, started elsewhere"; fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
