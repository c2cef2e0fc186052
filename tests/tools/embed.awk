# Makes the player's page one text: awk -v style=FILE -v scripts="FILE ..." [-v raw=1] -f embed.awk player.html
#
# Prints it as C, for core/watch/player/player_page.c: the definitions of tgi_player_head, tgi_player_between and tgi_player_tail,
# cut where the run and its numbers belong. With raw it prints the page itself, @run@ and @numbers@ still in it. Indentation
# and lines that are comments are left out. Bytes beyond ASCII pass as they are (LC_ALL=C).
# Puts a backslash before each of that letter.
function escape(text, letter,    part, n, i, whole) {
    n = split(text, part, letter)
    whole = part[1]
    for (i = 2; i <= n; i++) whole = whole "\\" letter part[i]
    return whole
}

function put(text) {
    if (raw) { printf "%s", text; return }
    gsub(/\\/, "&&", text)
    text = escape(escape(text, "\""), "?")   # ?: no trigraphs
    newline = sub(/\n$/, "", text)
    print "    \"" text (newline ? "\\n" : "") "\""
}

function line(text) {
    sub(/^[ \t]+/, "", text)
    if (text != "") put(text "\n")
}

function include(file,    text, status, comment) {
    while ((status = (getline text <file)) > 0) {
        sub(/^[ \t]+/, "", text)
        if (text ~ /^\/\*/) comment = 1
        if (!comment && text !~ /^\/\//) line(text)
        if (text ~ /\*\/$/) comment = 0
    }
    if (status < 0) { print "embed.awk: cannot read " file >"/dev/stderr"; failed = 1; exit 1 }
    close(file)
}

function begin(name) { if (!raw) print "const char " name "[] =" }
function cut(name) { if (!raw) { print "    ;"; begin(name) } }

BEGIN { begin("tgi_player_head") }
$0 == "@style@" { include(style); next }
$0 == "@script@" { n = split(scripts, file, " "); for (i = 1; i <= n; i++) include(file[i]); next }
/@(run|numbers)@/ {
    at = match($0, /@(run|numbers)@/)
    what = substr($0, at, RLENGTH)
    put(substr($0, 1, at - 1))
    if (raw) put(what)
    cut(what == "@run@" ? "tgi_player_between" : "tgi_player_tail")
    line(substr($0, at + length(what)))
    cuts++
    next
}
{ line($0) }
END {
    if (failed) exit 1
    if (!raw) print "    ;"
    if (cuts != 2) { print "embed.awk: @run@ and @numbers@ must be there, once each" >"/dev/stderr"; exit 1 }
}
