#!/bin/sh
# Interrupts each example that is a loop of steps, goes on as it says, and compares with a run that nobody interrupted: what
# both print, and what both save in the end, byte for byte. The interrupt comes a moment after some lines were printed, at
# whichever step is at work then; a run that was over by then is made longer.
# From the environment: CHECK_BUILD.
set -u
export TAPEGRAD_PROGRESS=0
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # all of them small
case $CHECK_BUILD in /*) ;; *) CHECK_BUILD=$PWD/$CHECK_BUILD ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/it's here" && ln -s "$PWD/LICENSE" "$work/it's here/some text" && cd "$work/it's here" || exit 1
passed=0
failed=0

ok() { echo "ok    $*"; passed=$((passed + 1)); }
fail() { echo "FAIL  $*"; failed=$((failed + 1)); }

# Where SIGINT is ignored, as in a shell's background job, the examples ignore it; SIGTERM ends them in the same way.
signal=$(sh -c 'kill -INT $$; echo TERM')

# interrupt LINES COMMAND: what it prints goes to `first`, what it says of itself to `said`. True if it says that there is
# a rest.
interrupt()
{
    lines=$1
    shift
    { sh -c 'echo $$; exec "$@"' sh "$@" 2>said; echo $? >status; } | {
        read -r pid
        for line in $(seq "$lines"); do read -r line && printf '%s\n' "$line"; done >first
        sleep "$(awk 'BEGIN { srand(); printf "%.3f", rand() / 50 }')"
        kill -s "${signal:-INT}" "$pid"
        cat >>first
    } 2>/dev/null
    grep -q '^interrupted after [a-z]* [1-9][0-9]*; to go on:$' said && grep -q '^1[34]' status
}

# check PROGRAM LINES OPTION STEPS ARGUMENTS
check()
{
    name=$1 lines=$2 option=$3 steps=$4
    shift 4
    program=$CHECK_BUILD/examples/$name
    for try in 1 2 3 4 5 6; do
        interrupt "$lines" "$program" "$option" "$steps" "$@" --save "its end" && break
        steps=$((2 * steps))
    done
    told=$(sed -n 's/^\(interrupted .*\); to go on:$/\1/p' said)
    how=$(sed -n 's/^    //p' said)
    if [ ! "$told" ] || [ ! "$how" ]; then
        fail "$name${*:+ $*}: cannot be interrupted, or does not say how to go on"
        sed 's/^/      /' first said status
    elif ! "$program" "$option" "$steps" "$@" --save whole >whole.txt || ! eval "$how" >second; then
        fail "$name${*:+ $*}: does not go on with: $how"
    elif cat first second | cmp - whole.txt && cmp "its end" whole; then
        ok "$name${*:+ $*}: $told, and gone on to the same end"
    else
        fail "$name${*:+ $*}: $told, and gone on to another end"
    fi
    rm -f "its end" whole
}

check regression 3 --steps 20000
check pinn 4 --steps 2000
check vae 2 --steps 2000
check dcgan 5 --steps 60
check actor_critic 5 --steps 60
check sine 1 --steps 4 --waves 2 --length 30 --future 10
check sequence_tagger 1 --steps 300
check convnet 1 --epochs 3
for model in RNN_TANH LSTM GRU Transformer; do check word_lm 4 --epochs 40 --text "some text" --model $model; done
check char_gpt 2 --steps 6 --text "some text"

# Without --save it is kept all the same, when there is a rest; then it goes on from there to be interrupted again.
program=$CHECK_BUILD/examples/vae
steps=2000
for try in 1 2 3 4 5 6; do
    interrupt 2 "$program" --steps $steps &&
        interrupt 1 "$program" --steps $((2 * steps)) --resume vae.safetensors && break
    steps=$((2 * steps))
done
if [ "$(sed -n 's/^    .*--steps/--steps/p' said)" = "--steps $((2 * steps)) --resume vae.safetensors" ] &&
    "$program" --steps 0 --resume vae.safetensors >/dev/null && rm vae.safetensors &&
    "$program" --steps 2 >/dev/null && [ ! -e vae.safetensors ]; then
    ok "vae: interrupted twice, kept without being told, and nothing is kept of a whole run"
else
    fail "vae: interrupted twice: not kept, or a whole run is"
fi
# What cannot be gone on with, or saved, is an error.
"$CHECK_BUILD/examples/word_lm" --steps 1 --text "some text" --model GRU --save gru >/dev/null
cp gru before
for wrong in "--model LSTM --resume gru" "--resume nowhere" "--resume whole.txt" "--model GRU --save no/where"; do
    if "$CHECK_BUILD/examples/word_lm" --steps 2 --text "some text" --save gru $wrong >/dev/null 2>wrong ||
        [ ! -s wrong ] || ! cmp -s gru before; then
        fail "word_lm $wrong: no error, or something is changed"
    else
        ok "word_lm $wrong: an error"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
