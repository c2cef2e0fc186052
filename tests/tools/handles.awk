# Writes a call of each public function, from the preprocessed tapegrad.h; handles.c says what is done with them.
# Of a header of the project each function, struct and enum is read; a type that no rule below knows ends it with a
# sentence, so that a new kind of argument cannot pass unseen.
#
#     awk -v defaults='tg_conv_options TG_CONV_DEFAULTS;...' -f handles.awk preprocessed.c >calls.inc
BEGIN {
    n = split(defaults, pair, ";")
    for (i = 1; i <= n; i++) if (split(pair[i], word, " ") == 2 && !(word[1] in default_of)) default_of[word[1]] = word[2]
    default_of["tg_transformer_options"] = "SMALL_TRANSFORMER"   # its own has 44 million parameters
    n = split("char int int32_t int64_t uint32_t uint64_t size_t", word, " ")
    for (i = 1; i <= n; i++) integer[word[i]] = 1
    rule["tg_tensor *"] = rule["const tg_tensor *"] = "tensor"
    rule["tg_tensor_list"] = "tensors"
    rule["tg_named_tensor_list"] = "named_tensors"
    rule["tg_operand"] = "operand"
    rule["tg_any"] = "any"
    rule["tg_object *"] = rule["const tg_object *"] = "object"
    rule["tg_module_array"] = "modules"
    rule["tg_shape"] = "shape"
    rule["const tg_shape *"] = "shape_at"
    rule["tg_dtype"] = "dtype"
    rule["double"] = "real"
    rule["_Bool"] = "flag"
    rule["const char *"] = "text"
    rule["tg_scope"] = "scope"
    rule["tg_module_class"] = "module_class"
    rule["tg_distribution"] = "distribution"
    rule["tg_packed_sequence"] = "packed_sequence"
    module["tg_module"] = 1
    rule["tg_optimizer *"] = rule["const tg_optimizer *"] = "optimizer"
    rule["tg_scheduler *"] = rule["const tg_scheduler *"] = "scheduler"
    rule["tg_scheduler_list"] = "schedulers"
    n = split("tg_chart tg_progress tg_metrics tg_summary_writer tg_confusion_matrix tg_flow", word, " ")
    for (i = 1; i <= n; i++) rule[word[i] " *"] = rule["const " word[i] " *"] = word[i]
    rule["tg_group_values"] = "group_values"
    rule["tg_lr_lambdas"] = "lambdas"
    rule["tg_milestones"] = "milestones"
    rule["tg_text_pairs"] = "text_pairs"
    rule["tg_dataset *"] = "dataset"
    rule["tg_sampler *"] = "sampler"
    rule["tg_loader *"] = "loader"
    rule["tg_dataset_list"] = "datasets"
    rule["tg_parts"] = "parts"
    of_kind("address", "tg_generator *;const tg_op *;tg_context *;const tg_context *;const tg_node *;FILE *;const tg_value *")
    of_kind("address", "const tg_error *;const tg_engine_ops *;tg_argument *;tg_tensor **const *;const tg_tensor **")
    of_kind("address", "const tg_optimizer_class *;const tg_scheduler_class *;tg_incompatible_keys *")
    rule["tg_checkpoints *"] = rule["const tg_checkpoints *"] = "checkpoints"
    rule["tg_variable_list"] = "variables"
    rule["tg_text_list"] = "texts"
    rule["tg_csv *"] = rule["const tg_csv *"] = "csv"
    rule["tg_vocabulary *"] = rule["const tg_vocabulary *"] = "vocabulary"
    of_kind("address", "tg_text_pairs *;const struct tg_checkpoint_parts *")
    of_kind("address", "const tg_tensor_list *;tg_batch *;const tg_place *;const tg_observer *;const tg_saved_hooks *")
    of_kind("memory", "void *;const void *;char *;double *;float *;int *;int64_t *;_Bool *;tg_shape *")
    of_kind("memory", "const char *const *;const double *;const tg_any *;tg_profile_entry *")
    of_kind("memory", "tg_tensor *const *;tg_tensor **;tg_batch **;const tg_operand *")
}
function of_kind(kind, types,    n, word, i)
{
    n = split(types, word, ";")
    for (i = 1; i <= n; i++) rule[word[i]] = kind
}
/^# [0-9]+ "/ { own = $3 !~ /^"[\/<]/; next }
/^#/ { next }
own { text = text " " $0 }

function kind(type) { return type in rule ? rule[type] : "" }
function trim(s) { gsub(/[ \t]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }

# Splits "const tg_tensor *name[3]" into type, name and array.
function declarator(s) {
    s = trim(s)
    array = ""
    if (match(s, /\[[^]]*\]$/)) { array = substr(s, RSTART); s = substr(s, 1, RSTART - 1) }
    if (!match(s, /[A-Za-z_0-9]+$/)) return
    name = substr(s, RSTART)
    type = trim(substr(s, 1, RSTART - 1))
}

function unknown(type, of) {
    printf "tests/tools/handles.awk does not know the type '%s' of %s: give it a rule there\n", type, of >"/dev/stderr"
    bad = 1
}

# The C expression that takes an argument of that type, whose usual value is `usual`.
function take(type, name, usual, of,    base) {
    base = type
    sub(/^const /, "", base)
    sub(/ \*$/, "", base)
    if (type in integer) return "(" type ")take_int(\"" name "\", (int64_t)" usual ")"
    if (type in enumeration) return "(" type ")take_enum(\"" name "\", (int)" usual ")"
    if (type in callback) return "(" type ")take_function(\"" name "\", (void (*)(void))" usual ")"
    if (kind(type) == "memory" || kind(type) == "address")
        return "(" type ")take_address(\"" name "\", (void *)(uintptr_t)" usual ")"
    if (kind(type) == "tensor") return "take_tensor(\"" name "\", (tg_tensor *)(uintptr_t)" usual ")"
    if (kind(type) == "object") return "take_object(\"" name "\", (tg_object *)(uintptr_t)" usual ")"
    if (kind(type) == "scheduler") return "take_scheduler(\"" name "\", " usual ")"
    if (kind(type) == "optimizer") return "take_optimizer(\"" name "\", " usual ")"
    if (type in rule) return "take_" rule[type] "(\"" name "\", " usual ")"
    if (type ~ /\*$/ && base in module) return "(" base " *)take_module(\"" name "\", (tg_module *)" usual ")"
    if (type in members) {
        need(type)
        return "take_" type "(" usual ")"
    }
    unknown(type, of)
}

function need(tag) {
    if (tag in needed) return
    needed[tag] = 1
    structs[++struct_count] = tag
}

# What a function is given where nothing is wrong.
function sample(type, name,    base) {
    base = type
    sub(/^const /, "", base)
    sub(/ \*$/, "", base)
    if (type in integer) return "sample_int(\"" name "\")"
    if (type in enumeration) return "0"
    if (type in callback) return "sample_" type
    if (kind(type) == "memory") return "sample_memory"
    if (kind(type) == "address") {
        gsub(/const | \*.*/, "", base)
        return "sample_" base "()"
    }
    if (type in rule) return "sample_" rule[type] "(\"" name "\")"
    if (base in module) return "sample_" base "()"
    if (type in members) return "default_" type "()"
    return "0"
}

# Reads the members of a struct, one a line: "type name", arrays as their first element.
function read_struct(tag, body,    count, part, i, k, item, head, result, list) {
    if (body ~ /union|\(\*/) return
    result = ""
    count = split(body, part, ";")
    for (i = 1; i <= count; i++) {
        if (trim(part[i]) == "" || part[i] ~ /tg_options_must_be_named/) continue
        k = split(part[i], item, ",")
        declarator(item[1])
        head = type
        sub(/ \*+$/, "", head)
        result = result type ";" name (array != "" ? "[0]" : "") "\n"
        while (--k >= 1) {
            list = item[k + 1]
            declarator(head " " list)
            result = result type ";" name (array != "" ? "[0]" : "") "\n"
        }
    }
    members[tag] = result
}

function read_item(s,    tag, body) {
    s = trim(s)
    gsub(/__attribute__ ?\(\([^;{]*\)\)\)?/, "", s)
    if (s ~ /^static inline/ || s ~ /^(_Pragma|extern)/) return
    if (s ~ /^(typedef )?struct tg_[a-z0-9_]+ \{/) {
        match(s, /tg_[a-z0-9_]+/)
        tag = substr(s, RSTART, RLENGTH)
        body = s
        sub(/^[^{]*\{/, "", body)
        sub(/\}[^}]*$/, "", body)
        if (body ~ /^ *tg_module base;/) module[tag] = 1   # its own or, below, by another name
        read_struct(tag, body)
    } else if (s ~ /^typedef enum/) {
        match(s, /tg_[a-z0-9_]+/)
        enumeration[substr(s, RSTART, RLENGTH)] = 1
    } else if (s ~ /^typedef .*\(\*tg_[a-z0-9_]+\)/) {
        match(s, /\(\*tg_[a-z0-9_]+\)/)
        callback[substr(s, RSTART + 2, RLENGTH - 3)] = 1
    } else if (s ~ /^typedef tg_[a-z0-9_]+ tg_[a-z0-9_]+ ?;/) {   # another name of a module
        split(s, word, /[ ;]/)
        if (word[2] in module) module[word[3]] = 1
    } else if (s !~ /^(typedef|struct|enum|union)/ && s ~ /\(/) {
        functions[++function_count] = s
    }
}

function write_struct(tag,    count, part, i, field) {
    count = split(members[tag], part, "\n")
    definitions = definitions sprintf("static %s default_%s(void)\n{\n    const %s value = { %s };\n    return value;\n}\n",
                                      tag, tag, tag, tag in default_of ? default_of[tag] : "0")
    body = ""
    for (i = 1; i < count; i++) {
        split(part[i], field, ";")
        body = body "    value." field[2] " = " take(field[1], field[2], "value." field[2], tag) ";\n"
    }
    definitions = definitions sprintf("static %s take_%s(%s value)\n{\n%s    return value;\n}\n", tag, tag, tag, body)
}

function write_function(s,    head, arguments, count, part, i, call, body, result, f) {
    head = s
    sub(/\(.*/, "", head)
    declarator(head)
    f = name
    result = type
    arguments = s
    sub(/^[^(]*\(/, "", arguments)
    sub(/\) *;$/, "", arguments)
    body = ""
    call = ""
    raw = 0
    count = arguments == "void" ? 0 : split(arguments, part, ",")
    for (i = 1; i <= count; i++) {
        if (trim(part[i]) == "...") continue
        declarator(part[i])
        if (array != "") type = type " *"
        if (name == "where") {
            call = call (i > 1 ? ", " : "") "CALLER"
            continue
        }
        if (kind(type) == "memory") raw = 1
        body = body "    " type (type ~ /\*$/ ? "" : " ") "p_" name " = " take(type, name, sample(type, name), f) ";\n"
        call = call (i > 1 ? ", " : "") "p_" name
    }
    call = f "(" call ")"
    if (result == "tg_tensor *") call = "got(" call ")"
    bodies = bodies sprintf("static void call_%s(void)\n{\n%s    (void)%s;\n}\n", f, body, call)
    table = table sprintf("    { \"%s\", call_%s, %s, %s },\n", f, f, s ~ /tg_context \*/ ? "true" : "false",
                          raw ? "true" : "false")
}

END {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        item = item c
        if (c == "{") depth++
        if (c == "}") depth--
        if (depth == 0 && (c == ";" || (c == "}" && item ~ /^[ \t]*static inline/))) {
            read_item(item)
            item = ""
        }
    }
    for (i = 1; i <= function_count; i++) write_function(functions[i])
    for (i = 1; i <= struct_count; i++) write_struct(structs[i])   # which may need further ones
    printf "%s", definitions
    printf "%sstatic const call calls[] = {\n%s};\n", bodies, table
    exit bad
}
