/* error.c: the error record of each thread, and the handlers.
 *
 * Recording must work when nothing else does, and cannot fail: the record is part of the thread's pool, and there is a
 * spare one for a thread that cannot have a pool. */
#include "text.h"
#include "thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void (*tgi_around_message)(bool begins);

static void say(const char *where, const char *kind, const char *message)
{
    void (*around)(bool begins) = __atomic_load_n(&tgi_around_message, __ATOMIC_RELAXED);
    if (around) around(true);
    fprintf(stderr, "tapegrad: %s%s%s%s\n", where ? where : "", where ? ": " : "", kind, message);
    if (around) around(false);
}

static tg_error_handler error_handler = tg_default_error_handler;
static void *error_context;

void tg_set_error_handler(tg_error_handler handler, void *context)
{
    error_handler = handler;
    error_context = context;
}

void tg_default_error_handler(const tg_error *error, void *context)
{
    (void)error;
    (void)context;
    say(NULL, "", tg_error_message());
}

bool tg_failed(void) { return tgi_self.error != NULL; }
bool tg_ok(void) { return !tg_failed(); }

tg_error tg_error_get(void)
{
    static const tgi_error_record none;
    const tgi_error_record *e = tgi_self.error ? tgi_self.error : &none;
    return TG_LITERAL(tg_error){ e->code, e->op, e->where ? e->where : "", e->message, e->inputs, e->later, e->inside };
}

const char *tg_error_message(void) { return tg_failed() ? tgi_self.error->line : ""; }

/* For one thread without a pool at a time; the next ones say no more than that there is no memory. */
static tgi_error_record spare;
static bool spare_taken;
static tgi_error_record no_memory = { .code = TG_ERROR_MEMORY,
                                      .message = "out of memory",
                                      .line = "out of memory: none is left to say where" };

/* Makes an error pending. Its record is still to be written, unless it is `no_memory`. */
static tgi_error_record *begin(void)
{
    const char *ignored; /* a missing pool is not the error to tell of */
    tgi_self.error = &no_memory;
    if (tgi_thread_begin(&ignored))
        tgi_self.error = &tgi_self.pool->rare.error;
    else if (!__atomic_test_and_set(&spare_taken, __ATOMIC_ACQUIRE))
        tgi_self.error = &spare;
    return tgi_self.error;
}

void tg_error_clear(void)
{
    if (tgi_self.error == &spare) __atomic_clear(&spare_taken, __ATOMIC_RELEASE);
    tgi_self.error = NULL;
}

/* "float32[100, 13], float32[12, 8]" */
static void describe_inputs(tg_tensor_list inputs, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < inputs.count && used + TG_SHAPE_TEXT < size; i++) {
        const tg_tensor *t = inputs.items[i];
        char shape[TG_SHAPE_TEXT];
        const bool usable = t && t->alive == TGI_ALIVE;
        const tg_shape sizes = usable ? tgi_shape(t) : tg_shape();
        int n = usable ? snprintf(text + used, size - used, "%s%s%s", i ? ", " : "", tg_dtype_name((tg_dtype)t->dtype),
                                  tg_shape_text(&sizes, shape))
                       : snprintf(text + used, size - used, "%s%s", i ? ", " : "", t ? "freed" : "NULL");
        used += (size_t)n;
    }
}

static void write_down(tgi_error_record *e, const char *where, tg_error_code code, const char *op,
                       tg_tensor_list inputs, const char *format, va_list args)
{
    e->later = 0;
    e->code = code;
    e->where = where ? where : tgi_self.where;
    snprintf(e->op, sizeof e->op, "%s", op ? op : "");
    describe_inputs(inputs, e->inputs, sizeof e->inputs);
    e->message[0] = '\0';
    if (format) tgi_vformat(e->message, sizeof e->message, format, args);
    e->inside[0] = '\0';
    if (tgi_self.inside) tgi_self.inside->kind->describe(tgi_self.inside, e->inside, sizeof e->inside);
    snprintf(e->line, sizeof e->line, "%s%s%s%s%s%s%s%s%s%s", e->where ? e->where : "", e->where ? ": " : "", e->inside,
             e->inside[0] ? ": " : "", e->op, e->op[0] ? ": " : "", e->message, e->inputs[0] ? " (inputs: " : "",
             e->inputs, e->inputs[0] ? ")" : "");
}

/* The handler is the user's own code and may leave by longjmp. So while it runs the thread is in the state that it has
 * outside of all calls: no module is at work, dead handles wait, the processor's mode is the user's. */
static void tell(void)
{
    tgi_thread *self = &tgi_self;
    const tg_error error = tg_error_get();
    const tgi_inside *const inside = self->inside;
    const bool seen = tgi_set_seen(true), flushing = tgi_set_flushing(false);
    const tgi_place place = tgi_place_keep();
    self->inside = NULL;
    error_handler(&error, error_context);
    tgi_place_back(place);
    tgi_set_seen(seen);
    self->inside = inside;
    tgi_set_flushing(flushing);
}

/* The first error stays, later ones are counted. */
static void record(const char *where, tg_error_code code, const char *op, tg_tensor_list inputs, const char *format,
                   va_list args)
{
    tgi_error_record *e = tgi_self.error;
    if (e) {
        if (e != &no_memory) e->later++;
        return;
    }
    e = begin();
    if (e != &no_memory) write_down(e, where, code, op, inputs, format, args);
    if (error_handler && !tgi_self.untold) tell();
}

tg_tensor *tg_fail_at(const char *where, tg_error_code code, const char *op, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(where, code, op, TG_NONE, format, args);
    va_end(args);
    return NULL;
}

tg_tensor *tg_op_fail(const tg_op *op, tg_tensor_list inputs, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(NULL, TG_ERROR_VALUE, op->name, inputs, format, args);
    va_end(args);
    return NULL;
}

/* ---- from one thread to another ---- */

bool tgi_set_untold(bool untold)
{
    const bool before = tgi_self.untold;
    tgi_self.untold = untold;
    return before;
}

void tgi_error_take(tgi_error_record *record)
{
    *record = *tgi_self.error;
    tg_error_clear();
}

void tgi_error_give(const tgi_error_record *record)
{
    tgi_error_record *e = tgi_self.error;
    if (e) {
        if (e != &no_memory) e->later++;
        return;
    }
    e = begin();
    if (e != &no_memory) *e = *record;
    if (error_handler && !tgi_self.untold) tell();
}

/* ---- warnings ---- */

void tg_default_warning_handler(const char *where, const char *message, void *context)
{
    (void)context;
    say(where, "warning: ", message);
}

static tg_warning_handler warning_handler = tg_default_warning_handler;
static void *warning_context;

void tg_set_warning_handler(tg_warning_handler handler, void *context)
{
    warning_handler = handler;
    warning_context = context;
}

/* True the first time a place and a kind of warning come together. Places are string literals: their address is enough.
 * A full table, or a thread that has none yet, warns again rather than never. */
static bool first_time(const char *where, const char *format)
{
    tgi_rare *rare = tgi_self.pool ? &tgi_self.pool->rare : NULL;
    for (int i = 0; rare && i < rare->warnings; i++)
        if (rare->warned[i][0] == where && rare->warned[i][1] == format) return false;
    if (rare && rare->warnings < TGI_WARNINGS) {
        rare->warned[rare->warnings][0] = where;
        rare->warned[rare->warnings++][1] = format;
    }
    return true;
}

void tg_warn_at(const char *where, const char *format, ...)
{
    if (!where) where = tgi_self.where;
    if (!warning_handler || !first_time(where, format)) return;
    char message[TGI_MESSAGE] = "";
    va_list args;
    va_start(args, format);
    if (format) tgi_vformat(message, sizeof message, format, args);
    va_end(args);
    const bool flushing = tgi_set_flushing(false);
    const tgi_place place = tgi_place_keep();
    warning_handler(where, message, warning_context);
    tgi_place_back(place);
    tgi_set_flushing(flushing);
}
