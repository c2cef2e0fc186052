#!/bin/sh
# Uses the player's page in a headless Chromium: check_player.sh [PAGE ...]. Each page, or else the samples that
# tests/watch/player/sample.js makes and that of tests/watch/player/program.c, gets tests/watch/player/check.js, which steps,
# folds, searches, and compares what is shown with the data, and with what that program says. Where there is no Chromium
# this says so, and looks at the page's text alone.
# From the environment: CHECK_BUILD, CHECK_CC, CHECK_CFLAGS, CHECK_LIBS, TEST_TIMEOUT; CHROMIUM, its program.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
page=$CHECK_BUILD/player/player_page.html
tests=tests/watch/player
limit=
command -v timeout >/dev/null 2>&1 && limit="timeout ${TEST_TIMEOUT:-300}"
passed=0
failed=0

ok() { passed=$((passed + 1)); echo "ok    $1"; }
fail() { failed=$((failed + 1)); echo "FAIL  $1"; }

# ---- the text ----
if [ "$(wc -c <"$page")" -lt 150000 ]; then ok "the page is small: $(wc -c <"$page" | tr -d ' ') bytes"; else fail "the page has 150 kB or more"; fi
if grep -nE 'https?:|//[a-z]+\.|src=|href=|@import|url\(|import\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource' "$page"; then
    fail "the page reaches for something that is not in it"
else
    ok "the page needs nothing that is not in it"
fi
if [ "$(grep -c '@run@' "$page")" = 1 ] && [ "$(grep -c '@numbers@' "$page")" = 1 ]; then ok "one place for a run, one for its numbers"; else fail "the places for a run"; fi

# ---- the page in use ----
browser=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome chrome; do
    [ -n "$browser" ] || browser=$(command -v "$name" 2>/dev/null)
done

# The page with what watches for errors before its own script, and the check after it.
prepare() {   # prepare SAMPLE or "" [NUMBERS]
    awk -v sample="$1" -v numbers="${2-}" -v tests="$tests" '
        function script(file,    text) {
            print "<script>"
            while ((getline text <file) > 0) print text
            close(file)
        }
        /@run@/ { sub(/@run@/, "") }
        /@numbers@/ { sub(/@numbers@/, "") }
        $0 == "<script>" {
            print "<script>window.problems = [];"
            print "for (const kind of [\"error\", \"warn\"]) console[kind] = (...all) => window.problems.push(all.join(\" \"));"
            print "window.addEventListener(\"error\", (event) => window.problems.push(event.message));"
            print "window.addEventListener(\"unhandledrejection\", (event) => window.problems.push(String(event.reason)));</script>"
            if (sample != "") {
                script(tests "/sample.js")
                print "{ const made = makeSample(\"" sample "\");"
                print "document.getElementById(\"run\").textContent = made.run; document.getElementById(\"numbers\").textContent = made.numbers; }</script>"
            }
        }
        $0 == "</body>" && numbers != "" { script(numbers); print "</script>" }
        $0 == "</body>" { script(tests "/check.js"); print "</script>" }
        { print }'
}

use() {   # use NAME FILE
    $limit "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/browser" --window-size=1400,900 --lang=en-US \
        --virtual-time-budget=1000 --dump-dom "file://$2" >"$work/dom" 2>"$work/log"
    awk '/<pre id="check">/ { on = 1; next } /<\/pre>/ { on = 0 } on' "$work/dom" | sed 's/&gt;/>/g; s/&lt;/</g; s/&amp;/\&/g' >"$work/lines"
    if ! grep -q '^ok' "$work/lines"; then
        fail "$1: the check did not run"
        grep -v dbus "$work/log" | tail -5
        return
    fi
    sed "s|^\(ok  \|FAIL\)  |&$1: |" "$work/lines"
    passed=$((passed + $(grep -c '^ok ' "$work/lines")))
    failed=$((failed + $(grep -c '^FAIL ' "$work/lines")))
}

if [ -z "$browser" ]; then
    echo "======== NO CHROMIUM: the player's page was not opened, only its text was looked at ========" >&2
    echo "no Chromium: the player's page was not opened"
elif [ $# = 0 ]; then
    for sample in small nan odd lstm layers heads large; do
        prepare "$sample" <"$page" >"$work/$sample.html"
        use "$sample" "$work/$sample.html"
    done
    # A program, its page, and its numbers as it knows them.
    if $CHECK_CC $CHECK_CFLAGS -Werror -o "$work/program" $tests/program.c $CHECK_LIBS && "$work/program" "$work/made.html" "$work/numbers.js"; then
        prepare "" "$work/numbers.js" <"$work/made.html" >"$work/program.html"
        use program "$work/program.html"
    else
        fail "tests/watch/player/program.c does not write its page"
    fi
else
    for file; do
        prepare "" <"$file" >"$work/page.html"
        use "$(basename "$file" .html)" "$work/page.html"
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
