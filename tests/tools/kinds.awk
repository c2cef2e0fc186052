# Writes modules.md and optimizers.md: from the headers, the call of each constructor with the defaults of its options; from
# kinds.c, whose output comes last, the rest. A constructor without a row there is an error.
#
#     awk -v out=folder -f kinds.awk ops/*.h nn/*.h optim/*.h output-of-kinds
BEGIN {
    intro["modules"] = "# Modules\n\n" \
        "Written by `make reference` from the headers in `nn/` and from the modules themselves; `make test` compares.\n\n" \
        "Each call is shown with the struct that it returns and the defaults of its options, which stand behind a point and are\n" \
        "named: `tg_linear *fc = tg_linear_new(5, 8, .bias = false)`. Names, order and meaning are PyTorch's, whose class the heading names: `torch.nn.`\n" \
        "goes before it. Any module can be printed, copied, walked, trained and evaluated (`nn/module.h`). A module from one\n" \
        "tensor to one runs by `tg_module_forward` as well as by the call of its own. No module has PyTorch's `device`.\n" \
        "What else a constructor of PyTorch's takes and ours does not is said under \"not here\".\n"
    intro["optimizers"] = "# Optimisers\n\n" \
        "Written by `make reference` from the headers in `optim/` and from the optimisers themselves; `make test` compares.\n\n" \
        "Each call is shown with what it returns and the defaults of its options, which stand behind a point and are named:\n" \
        "`tg_optimizer *adam = tg_adam_new(tg_parameters(model), .lr = 1e-3)`. Names, order and meaning are PyTorch's, whose class the heading names:\n" \
        "`torch.optim.` goes before it. What PyTorch takes as a pair are two options here (`betas`: `.beta1` and `.beta2`). What\n" \
        "all have in common stands in `optim/optimizer.h` and `optim/scheduler.h`; [adding an optimiser](adding-an-optimizer.md)\n" \
        "makes one. Schedulers are in `torch.optim.lr_scheduler`, but for those whose heading says otherwise.\n"
}
FILENAME != ARGV[ARGC - 1] {
    if (sub(/\\$/, "")) { joined = joined $0 " "; next }
    read_header(joined $0)
    joined = ""
    next
}
{ n = split($0, field, "\t") }
field[1] == "page" { name_of_page = field[2]; page[name_of_page] = intro[name_of_page] }
field[1] == "part" { write("\n## " field[2] "\n") }
field[1] == "kind" { write_kind(field[2], field[3], field[4], field[5], field[6], field[7], field[8]) }
END { finish() }

function trim(s) { gsub(/[ \t]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }
function escaped(s) { gsub(/[*_\[\]<>]/, "\\\\&", s); return s }
function write(text) { page[name_of_page] = page[name_of_page] text }
function fail(text) { print text >"/dev/stderr"; bad = 1 }

# A line of a header, with those that continue it.
function read_header(line,    name, rest, word) {
    line = trim(line)
    if (line ~ /^#define [A-Za-z0-9_]+/) {
        rest = substr(line, 9)
        match(rest, /^[A-Za-z0-9_]+/)
        name = substr(rest, 1, RLENGTH)
        macro[name] = trim(substr(rest, RLENGTH + 1))
        if (FILENAME ~ /^(nn|optim)\// && name ~ /^tg_.*_new$/ && name !~ /^tg_(module|optimizer|scheduler|checkpoints)_new$/)
            constructor[name] = FILENAME
        if (name ~ /^tg_[a-z0-9_]+_forward/ && macro[name] ~ /^\(m, /) {
            rest = macro[name]
            sub(/\).*/, ")", rest)
            forwards[++forward_count] = name rest
        }
    } else if (match(line, /^tg_[a-z0-9_]+ \*tg_[a-z0-9_]+_new_at\(/)) {
        split(substr(line, 1, RLENGTH - 1), word, " \\*")
        sub(/_at$/, "", word[2])
        struct_of[word[2]] = word[1]
    }
}

# ", .bias = true, .dtype = TG_DEFAULT_DTYPE" of a macro of defaults, in which each value stands behind its name.
function options(name,    text, part, n, i, pair, result) {
    text = macro[name]
    sub(/TG_DEFAULTS_END.*/, "", text)
    n = split(text, part, /\/\* */)
    result = ""
    for (i = 2; i <= n; i++) {
        split(part[i], pair, / *\*\/ */)
        pair[2] = trim(pair[2])
        sub(/,$/, "", pair[2])
        if (pair[2] == "{ 0, { 0 } }") pair[2] = "tg_shape()"
        else if (match(pair[2], /^\{ [0-9]+, \{ */)) {
            pair[2] = "tg_shape(" substr(pair[2], RLENGTH + 1)
            sub(/ *\} \}$/, ")", pair[2])
        }
        result = result ", ." pair[1] " = " pair[2]
    }
    return result
}

# A constructor's call with all that it takes.
function call_of(name,    text, body, arguments, rest) {
    text = macro[name]
    match(text, /^\([^)]*\)/)
    arguments = substr(text, 2, RLENGTH - 2)
    body = substr(text, RLENGTH + 1)
    sub(/(, )?\.\.\.$/, "", arguments)
    rest = ""
    if (match(body, /TG_[A-Z0-9_]+_OPTIONS\(/)) body = macro[substr(body, RSTART, RLENGTH - 1)]
    if (match(body, /TG_[A-Z0-9_]+_DEFAULTS/)) rest = options(substr(body, RSTART, RLENGTH))
    else if (match(body, /TG_OR\([^ ]+/)) rest = ", " substr(body, RSTART + 6, RLENGTH - 6)
    else if (body ~ /TG_MODULES|tg_list/) rest = ", ..."
    if (arguments == "") sub(/^, /, "", rest)
    return name "(" arguments rest ")"
}

# The calls of a module, one of its own struct or, if it maps a tensor to one, that of all.
function forwards_of(name, maps,    i, list) {
    list = ""
    for (i = 1; i <= forward_count; i++)
        if (index(forwards[i], struct_of[name] "_forward") == 1) list = list (list == "" ? "" : ", ") "`" forwards[i] "`"
    return list == "" && maps ? "`tg_module_forward(m, x)`" : list
}

function write_kind(name, new, text, missing, maps, state, printed,    calls) {
    if (!(new in constructor)) fail(new " has a row, but is no constructor in nn/ or optim/")
    seen[new] = 1
    calls = forwards_of(new, maps)
    write("\n### " name "\n\n`" struct_of[new] " *" call_of(new) "`\n\n")
    if (calls != "" || text != "") write("- " calls (calls != "" && text != "" ? ": " : "") escaped(text) "\n")
    if (state != "") write("- " state "\n")
    if (missing != "") write("- not here: " escaped(missing) "\n")
    if (gsub(/\\n/, "\n  ", printed)) write("- prints\n\n  ```text\n  " printed "\n  ```\n")
    else if (printed != "") write("- prints `" printed "`\n")
}

function finish(    name) {
    for (name in constructor) if (!(name in seen)) fail(name " of " constructor[name] " has no row in nn/modules.def or optim/optimizers.def")
    if (!bad) for (name in page) printf "%s", page[name] >(out "/" name ".md")
    exit bad
}
