/* error.c: the error record of each thread, and the handlers.
 *
 * Recording must work when nothing else does: it allocates nothing and cannot fail. */
#include "text.h"
#include "thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__thread tgi_thread tgi_self;

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
    fprintf(stderr, "tapegrad: %s\n", tg_error_message());
}

bool tg_failed(void) { return tgi_self.error.code != TG_ERROR_NONE; }
bool tg_ok(void) { return !tg_failed(); }

tg_error tg_error_get(void)
{
    const tgi_error_record *e = &tgi_self.error;
    return TG_LITERAL(tg_error){ e->code, e->op, e->where ? e->where : "", e->message, e->inputs, e->later, e->inside };
}

const char *tg_error_message(void) { return tg_failed() ? tgi_self.error.line : ""; }

void tg_error_clear(void)
{
    tgi_self.error.code = TG_ERROR_NONE;
    tgi_self.error.later = 0;
    tgi_self.error.op[0] = tgi_self.error.inputs[0] = tgi_self.error.message[0] = tgi_self.error.line[0] = '\0';
    tgi_self.error.inside[0] = '\0';
    tgi_self.error.where = NULL;
    tgi_self.inside = NULL; /* a handler may have left a forward by longjmp */
}

const char *tgi_where(void) { return tgi_self.where; }

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

/* The first error stays, later ones are counted. */
static void record(const char *where, tg_error_code code, const char *op, tg_tensor_list inputs, const char *format,
                   va_list args)
{
    tgi_error_record *e = &tgi_self.error;
    if (e->code != TG_ERROR_NONE) {
        e->later++;
        return;
    }
    e->code = code;
    e->where = where ? where : tgi_self.where;
    snprintf(e->op, sizeof e->op, "%s", op ? op : "");
    describe_inputs(inputs, e->inputs, sizeof e->inputs);
    e->message[0] = '\0';
    if (format) tgi_vformat(e->message, sizeof e->message, format, args);
    e->inside[0] = '\0';
    if (tgi_self.inside) tgi_self.inside->describe(tgi_self.inside, e->inside, sizeof e->inside);
    snprintf(e->line, sizeof e->line, "%s%s%s%s%s%s%s%s%s%s", e->where ? e->where : "", e->where ? ": " : "", e->inside,
             e->inside[0] ? ": " : "", e->op, e->op[0] ? ": " : "", e->message, e->inputs[0] ? " (inputs: " : "",
             e->inputs, e->inputs[0] ? ")" : "");
    if (error_handler) {
        const tg_error error = tg_error_get();
        const bool flushing = tgi_set_flushing(false);
        error_handler(&error, error_context);
        tgi_set_flushing(flushing);
    }
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

/* ---- warnings ---- */

void tg_default_warning_handler(const char *where, const char *message, void *context)
{
    (void)context;
    fprintf(stderr, "tapegrad: %s%swarning: %s\n", where ? where : "", where ? ": " : "", message);
}

static tg_warning_handler warning_handler = tg_default_warning_handler;
static void *warning_context;

void tg_set_warning_handler(tg_warning_handler handler, void *context)
{
    warning_handler = handler;
    warning_context = context;
}

/* True the first time a place and a kind of warning come together. Places are string literals: their address is enough.
 * A full table warns again rather than never. */
static bool first_time(const char *where, const char *format)
{
    enum { REMEMBERED = 256 };
    static __thread const char *seen[REMEMBERED][2];
    static __thread int count;
    for (int i = 0; i < count; i++)
        if (seen[i][0] == where && seen[i][1] == format) return false;
    if (count < REMEMBERED) {
        seen[count][0] = where;
        seen[count++][1] = format;
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
    warning_handler(where, message, warning_context);
    tgi_set_flushing(flushing);
}
