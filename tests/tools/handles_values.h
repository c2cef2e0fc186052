/* handles_values.h: the usual values of each type, and the wrong ones. Part of handles.c.
 *
 * A new kind of module or function pointer needs its usual value here, `sample_` and the type's name; a new kind of
 * argument a `take_` as well, and its rule in handles.awk. */

/* ---- the world of one process ---- */

static struct {
    tg_tensor *tensor;
    tg_module *module;
    tg_optimizer *optimizer;
    tg_context *context;
    bool raw_memory;
    tg_scope ended;
} world;

static _Alignas(64) char zeros[ROOM];
static _Alignas(64) char memory[ROOM];
static void *const sample_memory = memory;

/* What tensors are given where nothing is wrong; each function is called with all of these, for one refuses what another
 * needs. In any but the first, indices are indices and masks are masks. */
static const struct profile {
    tg_shape shape;
    tg_dtype dtype;
    bool requires_grad;
} profiles[] = {
    { { 2, { 2, 3 } }, TG_FLOAT32, true },
    { { 2, { 3, 3 } }, TG_FLOAT64, false },
    { { 1, { 3 } }, TG_INT64, false },
    { { 4, { 1, 3, 4, 4 } }, TG_FLOAT32, false },
};
enum { PROFILES = sizeof profiles / sizeof profiles[0] };

static tg_tensor *ones(void)
{
    const struct profile *p = &profiles[now->profile];
    return tg_ones(p->shape, .dtype = p->dtype, .requires_grad = p->requires_grad);
}

static void make_world(void)
{
    world.tensor = tg_keep(tg_ones(tg_shape(2, 3), .requires_grad = true));
    world.module = TG_MODULE(tg_linear_new(3, 3));
    world.optimizer = tg_sgd_new(tg_parameters(world.module));
    world.ended = tg_scope_begin();
    tg_scope_end(world.ended);
}

/* Handles freed just now, of sizes that nothing else here has, so that nobody has their memory yet. */
static tg_tensor *freed_tensor(void)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(150));
    tg_scope_end(scope);
    return t;
}

static tg_module *freed_module(void)
{
    tg_module *m = tg_module_new_at(CALLER, 3000, (tg_module_class){ TG_MODULE_DEFAULTS("Freed") });
    tg_module_free(m);
    return m;
}

static tg_optimizer *freed_optimizer(void)
{
    tg_optimizer *optimizer = tg_sgd_new(tg_list(world.tensor));
    tg_optimizer_free(optimizer);
    return optimizer;
}

/* ---- arguments ---- */

static tg_tensor *pending(void)
{
    tg_fail("handles", "an error that came before");
    return NULL;
}

static tg_tensor *take_tensor(const char *name, tg_tensor *usual)
{
    static const choice choices[] = {
        { "a freed tensor", FREED }, { "NULL", ANYTHING },         { "NULL while an error is pending", PASSED_ON },
        { "a module", AN_ERROR },    { "an optimizer", AN_ERROR }, { "zeroed memory", AN_ERROR },
    };
    switch (TURN(name, choices)) {
    case 0: return freed_tensor();
    case 1: return NULL;
    case 2: return pending();
    case 3: return (tg_tensor *)world.module;
    case 4: return (tg_tensor *)world.optimizer;
    case 5: return (tg_tensor *)zeros;
    }
    return usual;
}

static tg_module *take_module(const char *name, tg_module *usual)
{
    static const choice choices[] = {
        { "a freed module", FREED },    { "NULL", ANYTHING },         { "NULL while an error is pending", PASSED_ON },
        { "a tensor", AN_ERROR },       { "an optimizer", AN_ERROR }, { "zeroed memory", AN_ERROR },
        { "a freed tensor", AN_ERROR },
    };
    switch (TURN(name, choices)) {
    case 0: return freed_module();
    case 1: return NULL;
    case 2: return (tg_module *)pending();
    case 3: return (tg_module *)world.tensor;
    case 4: return (tg_module *)world.optimizer;
    case 5: return (tg_module *)zeros;
    case 6: return (tg_module *)freed_tensor();
    }
    return usual;
}

static tg_optimizer *take_optimizer(const char *name, const tg_optimizer *usual)
{
    static const choice choices[] = {
        { "a freed optimizer", FREED }, { "NULL", ANYTHING },          { "a tensor", AN_ERROR },
        { "a module", AN_ERROR },       { "zeroed memory", AN_ERROR },
    };
    switch (TURN(name, choices)) {
    case 0: return freed_optimizer();
    case 1: return NULL;
    case 2: return (tg_optimizer *)world.tensor;
    case 3: return (tg_optimizer *)world.module;
    case 4: return (tg_optimizer *)zeros;
    }
    return (tg_optimizer *)(uintptr_t)usual;
}

static tg_tensor_list take_tensors(const char *name, tg_tensor_list usual)
{
    static const choice choices[] = {
        { "a freed tensor in it", FREED },
        { "zeroed memory in it", AN_ERROR },
        { "NULL in it", ANYTHING },
        { "NULL of two tensors", AN_ERROR },
        { "a negative count", AN_ERROR },
        { "NULL of very many", AN_ERROR },
        { "none", ANYTHING },
    };
    static tg_tensor *items[2];
    items[0] = world.tensor;
    switch (TURN(name, choices)) {
    case 0: items[1] = freed_tensor(); break;
    case 1: items[1] = (tg_tensor *)zeros; break;
    case 2: items[1] = NULL; break;
    case 3: return tg_list_of(NULL, 2);
    case 4: return tg_list_of(items, -1);
    case 5: return tg_list_of(NULL, INT64_MAX);
    case 6: return tg_list_of(NULL, 0);
    default: return usual;
    }
    return tg_list_of(items, 2);
}

static tg_module_array take_modules(const char *name, tg_module_array usual)
{
    static const choice choices[] = {
        { "a freed module in it", FREED },   { "zeroed memory in it", AN_ERROR }, { "NULL in it", ANYTHING },
        { "NULL of two modules", AN_ERROR }, { "a negative count", AN_ERROR },    { "none", ANYTHING },
    };
    static tg_module *items[1];
    switch (TURN(name, choices)) {
    case 0: items[0] = freed_module(); break;
    case 1: items[0] = (tg_module *)zeros; break;
    case 2: items[0] = NULL; break;
    case 3: return (tg_module_array){ NULL, 2 };
    case 4: return (tg_module_array){ items, -1 };
    case 5: return (tg_module_array){ NULL, 0 };
    default: return usual;
    }
    return (tg_module_array){ items, 1 };
}

static tg_operand take_operand(const char *name, tg_operand usual)
{
    static const choice choices[] = {
        { "a freed tensor", FREED },
        { "NULL", ANYTHING },
        { "NULL while an error is pending", PASSED_ON },
        { "zeroed memory", AN_ERROR },
        { "a kind there is none of", AN_ERROR },
        { "NaN", ANYTHING },
        { "infinity", ANYTHING },
        { "the least int64", ANYTHING },
    };
    switch (TURN(name, choices)) {
    case 0: return tg_operand_tensor(freed_tensor());
    case 1: return tg_operand_tensor(NULL);
    case 2: return tg_operand_tensor(pending());
    case 3: return tg_operand_tensor((tg_tensor *)zeros);
    case 4: return (tg_operand){ .kind = (tg_operand_kind)99 };
    case 5: return tg_operand_real(NAN);
    case 6: return tg_operand_real(INFINITY);
    case 7: return tg_operand_int(INT64_MIN);
    }
    return usual;
}

static tg_shape take_shape(const char *name, tg_shape usual)
{
    static const choice choices[] = {
        { "a number of dimensions below 0", AN_ERROR },
        { "9 dimensions", AN_ERROR },
        { "INT_MAX dimensions", AN_ERROR },
        { "the least int64", ANYTHING },
        { "the largest int64", ANYTHING },
        { "sizes whose product overflows", ANYTHING },
        { "negative sizes", ANYTHING },
        { "8 sizes", ANYTHING },
        { "none", ANYTHING },
    };
    switch (TURN(name, choices)) {
    case 0: return (tg_shape){ -5, { 2, 3 } }; /* -1 has a meaning in places */
    case 1: return (tg_shape){ TG_MAX_DIMS + 1, { 1, 1, 1, 1, 1, 1, 1, 1 } };
    case 2: return (tg_shape){ INT_MAX, { 2, 3 } };
    case 3: return tg_shape(INT64_MIN, INT64_MIN);
    case 4: return tg_shape(INT64_MAX, INT64_MAX);
    case 5: return tg_shape(INT64_C(1) << 31, INT64_C(1) << 31, 4);
    case 6: return tg_shape(-2, -3);
    case 7: return tg_shape(1, 1, 1, 1, 1, 1, 2, 3);
    case 8: return tg_shape();
    }
    return usual;
}

static const tg_shape *take_shape_at(const char *name, const tg_shape *usual)
{
    static const choice choices[] = { { "NULL", ANYTHING },
                                      { "a number of dimensions below 0", ANYTHING },
                                      { "INT_MAX dimensions", ANYTHING } };
    static const tg_shape few = { -1, { 0 } }, many = { INT_MAX, { 1, 1, 1, 1, 1, 1, 1, 1 } };
    switch (TURN(name, choices)) {
    case 0: return NULL;
    case 1: return &few;
    case 2: return &many;
    }
    return usual;
}

static tg_dtype take_dtype(const char *name, tg_dtype usual)
{
    static const choice choices[] = { { "-1", AN_ERROR }, { "4", AN_ERROR }, { "1000", AN_ERROR } };
    static const int values[] = { -1, TG_DTYPES, 1000 };
    const int kind = TURN(name, choices);
    return kind < 0 ? usual : (tg_dtype)values[kind];
}

static int take_enum(const char *name, int usual)
{
    static const choice choices[] = { { "-1", AN_ERROR }, { "1000", AN_ERROR } };
    const int kind = TURN(name, choices);
    return kind < 0 ? usual : kind ? 1000 : -1;
}

/* Beside raw memory a number may be how much of it there is, about which nobody can be told. */
static int64_t take_int(const char *name, int64_t usual)
{
    static const choice choices[] = {
        { "0", ANYTHING },
        { "-1", ANYTHING },
        { "the least int64", ANYTHING },
        { "2^40", ANYTHING },
        { "the largest int64", ANYTHING },
    };
    static const int64_t values[] = { 0, -1, INT64_MIN, INT64_C(1) << 40, INT64_MAX };
    const int kind = turn(name, choices, world.raw_memory ? 3 : 5);
    return kind < 0 ? usual : values[kind];
}

static double take_real(const char *name, double usual)
{
    static const choice choices[] = { { "NaN", ANYTHING },   { "infinity", ANYTHING }, { "-infinity", ANYTHING },
                                      { "1e300", ANYTHING }, { "-1", ANYTHING },       { "0", ANYTHING } };
    static const double values[] = { NAN, INFINITY, -INFINITY, 1e300, -1, 0 };
    const int kind = TURN(name, choices);
    return kind < 0 ? usual : values[kind];
}

static bool take_flag(const char *name, bool usual)
{
    static const choice choices[] = { { "the other value", ANYTHING } };
    return TURN(name, choices) < 0 ? usual : !usual;
}

static const char *take_text(const char *name, const char *usual)
{
    static const choice choices[] = { { "NULL", ANYTHING },
                                      { "an empty text", ANYTHING },
                                      { "a format", ANYTHING },
                                      { "5000 letters", ANYTHING } };
    static char letters[5001];
    switch (TURN(name, choices)) {
    case 0: return NULL;
    case 1: return "";
    case 2: return "%s%n,->";
    case 3: return memset(letters, 'i', sizeof letters - 1);
    }
    return usual;
}

static tg_scope take_scope(const char *name, tg_scope usual)
{
    static const choice choices[] = { { "one that has ended", AN_ERROR },
                                      { "zeros", AN_ERROR },
                                      { "one that did not begin", AN_ERROR },
                                      { "a depth out of range", AN_ERROR } };
    switch (TURN(name, choices)) {
    case 0: return world.ended;
    case 1: return (tg_scope){ 0, 0 };
    case 2: return (tg_scope){ -1, 0 };
    case 3: return (tg_scope){ INT32_MAX, 1 };
    }
    return usual;
}

static void *take_address(const char *name, void *usual)
{
    static const choice choices[] = { { "NULL", ANYTHING } };
    return TURN(name, choices) < 0 ? usual : NULL;
}

typedef void (*function)(void);
static function take_function(const char *name, function usual)
{
    static const choice choices[] = { { "NULL", ANYTHING } };
    return TURN(name, choices) < 0 ? usual : NULL;
}

static tg_module_class take_module_class(const char *name, tg_module_class usual)
{
    usual.name = take_text(name, usual.name);
    return usual;
}

/* ---- usual values ---- */

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

static tg_tensor *sample_tensor(const char *name)
{
    static const char *const indices[] = { "index", "indices", "target", "targets", "offsets", "repeats", NULL };
    static const char *const masks[] = { "mask", "condition", NULL };
    if (now->profile > 0 && is_one_of(name, indices)) return tg_zeros(tg_shape(3), .dtype = TG_INT64);
    if (now->profile > 0 && is_one_of(name, masks)) return tg_ones(profiles[now->profile].shape, .dtype = TG_BOOL);
    return ones();
}
static tg_tensor_list sample_tensors(const char *name)
{
    static tg_tensor *items[2];
    (void)name;
    items[0] = ones();
    items[1] = ones();
    return tg_list_of(items, 2);
}
static tg_operand sample_operand(const char *name)
{
    (void)name;
    return tg_operand_tensor(ones());
}
static tg_shape sample_shape(const char *name)
{
    (void)name;
    return tg_shape(2, 3);
}
static const tg_shape *sample_shape_at(const char *name)
{
    static const tg_shape shape = { 2, { 2, 3 } };
    (void)name;
    return &shape;
}
static tg_dtype sample_dtype(const char *name)
{
    (void)name;
    return TG_FLOAT32;
}
static double sample_real(const char *name)
{
    (void)name;
    return 0.5;
}
static bool sample_flag(const char *name)
{
    (void)name;
    return false;
}
static const char *sample_text(const char *name) { return strcmp(name, "format") == 0 ? "%d" : "x"; }
static int64_t sample_int(const char *name)
{
    if (strcmp(name, "dim") == 0 || strcmp(name, "group") == 0) return 0;
    if (strcmp(name, "bytes") == 0) return 3000;
    if (strcmp(name, "options_bytes") == 0) return sizeof(tg_sgd_options); /* of sample_tg_optimizer_class */
    return strcmp(name, "count") == 0 && world.raw_memory ? 6 : 1;
}
static tg_scope sample_scope(const char *name)
{
    (void)name;
    return tg_scope_begin();
}
static tg_module_class sample_module_class(const char *name)
{
    const tg_module_class usual = { TG_MODULE_DEFAULTS(name) };
    return usual;
}
static tg_optimizer *sample_optimizer(const char *name)
{
    (void)name;
    return tg_sgd_new(tg_list(tg_ones(tg_shape(3))));
}
static tg_module_array sample_modules(const char *name)
{
    static tg_module *items[1];
    (void)name;
    items[0] = TG_MODULE(tg_linear_new(3, 3));
    return (tg_module_array){ items, 1 };
}

static tg_generator *sample_tg_generator(void) { return tg_default_generator(); }
static const tg_op *sample_tg_op(void) { return tg_op_find("tanh"); }
static const tg_node *sample_tg_node(void) { return tg_grad_fn(tg_tanh(world.tensor)); }
static FILE *sample_FILE(void) { return tmpfile(); }
static const tg_value *sample_tg_value(void)
{
    static tg_value value;
    value = (tg_value){ TG_VALUE_TENSOR, { ones() } };
    return &value;
}
static const tg_error *sample_tg_error(void)
{
    static tg_error error;
    error = tg_error_get();
    return &error;
}
static tg_argument *sample_tg_argument(void)
{
    static tg_argument argument;
    return &argument;
}
static const tg_engine_ops *sample_tg_engine_ops(void)
{
    static const tg_engine_ops none;
    return &none;
}
static const tg_optimizer_class *sample_tg_optimizer_class(void) { return tg_optimizer_class_of(world.optimizer); }
static void *sample_tg_tensor(void)
{
    static tg_tensor *handle, **results[1];
    handle = ones();
    results[0] = &handle;
    return results;
}
static tg_context *sample_tg_context(void) { return world.context; }

static void no_hook(void) {}
#define sample_tg_hook_fn         ((tg_hook_fn)no_hook)
#define sample_tg_module_fn       ((tg_module_fn)no_hook)
#define sample_tg_error_handler   ((tg_error_handler)no_hook)
#define sample_tg_warning_handler ((tg_warning_handler)no_hook)
#define sample_tg_allocate_fn     ((tg_allocate_fn)NULL)
#define sample_tg_free_fn         ((tg_free_fn)NULL)

static tg_module *sample_tg_module(void) { return TG_MODULE(tg_linear_new(3, 3)); }
static tg_linear *sample_tg_linear(void) { return tg_linear_new(3, 3); }
static tg_prelu *sample_tg_prelu(void) { return tg_prelu_new(); }
static tg_conv *sample_tg_conv(void) { return tg_conv2d_new(3, 3, tg_shape(1)); }
static tg_batch_norm *sample_tg_batch_norm(void) { return tg_batch_norm1d_new(3); }
static tg_instance_norm *sample_tg_instance_norm(void) { return tg_instance_norm1d_new(3); }
static tg_layer_norm *sample_tg_layer_norm(void) { return tg_layer_norm_new(tg_shape(3)); }
static tg_rms_norm *sample_tg_rms_norm(void) { return tg_rms_norm_new(tg_shape(3)); }
static tg_group_norm *sample_tg_group_norm(void) { return tg_group_norm_new(1, 3); }
static tg_distance *sample_tg_distance(void) { return tg_cosine_similarity_new(); }
static tg_embedding *sample_tg_embedding(void) { return tg_embedding_new(3, 3); }
static tg_embedding_bag *sample_tg_embedding_bag(void) { return tg_embedding_bag_new(3, 3); }
static tg_loss *sample_tg_loss(void) { return tg_mse_loss_new(); }
static tg_triple_loss *sample_tg_triple_loss(void) { return tg_triplet_margin_loss_new(); }
static tg_ctc_loss *sample_tg_ctc_loss(void) { return tg_ctc_loss_new(); }
static tg_lstm_cell *sample_tg_lstm_cell(void) { return tg_lstm_cell_new(3, 3); }
static tg_lstm *sample_tg_lstm(void) { return tg_lstm_new(3, 3); }
static tg_gru_cell *sample_tg_gru_cell(void) { return tg_gru_cell_new(3, 3); }
static tg_gru *sample_tg_gru(void) { return tg_gru_new(3, 3); }
static tg_rnn_cell *sample_tg_rnn_cell(void) { return tg_rnn_cell_new(3, 3); }
static tg_rnn *sample_tg_rnn(void) { return tg_rnn_new(3, 3); }
static tg_module_list *sample_tg_module_list(void) { return tg_module_list_new(tg_linear_new(3, 3)); }
static tg_module_dict *sample_tg_module_dict(void) { return tg_module_dict_new(); }
static tg_parameter_list *sample_tg_parameter_list(void) { return tg_parameter_list_new(world.tensor); }
static tg_sequential *sample_tg_sequential(void) { return tg_sequential_new(tg_linear_new(3, 3)); }
