/* report.c: counts of what a classifier took for what, the scores that follow from them, and both as text. */
#include "report.h"

#include "core/error.h"
#include "core/file/output_impl.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/utf8_impl.h"

#include <errno.h>
#include <string.h>

#define ALIVE UINT64_C(0x636f6e667573696f)
enum { MOST_CLASSES = 4096, NUMBER = 400 };

struct tg_confusion_matrix {
    uint64_t alive;
    size_t bytes;
    int64_t classes, ignore_index;
    int64_t *counts;    /* [target][prediction] */
    const char **names; /* all in the matrix's block */
};

static bool matrix_ok(const char *where, const tg_confusion_matrix *m, const char *what)
{
    tgi_begin(where, what);
    if (m && m->alive == ALIVE) return true;
    if (m)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the confusion matrix was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the confusion matrix is NULL");
    return false;
}

/* ---- life ---- */

/* Writes a name and a zero byte, without control characters; the bytes. With no place to write to it only counts. */
static size_t copy_name(char *to, const char *from)
{
    char bytes[TGI_UTF8_MOST];
    size_t used = 0;
    for (uint32_t c; (c = tgi_utf8_next(&from));)
        used += (size_t)tgi_utf8_put(to ? to + used : bytes, tgi_utf8_is_control(c) ? ' ' : c);
    if (to) to[used] = '\0';
    return used + 1;
}

static size_t name_of(char *to, const tg_confusion_matrix_options *o, int64_t i)
{
    char number[24];
    tgi_format(number, sizeof number, "%lld", (long long)i);
    return copy_name(to, o->names ? o->names[i] : number);
}

static bool options_ok(const char *where, int64_t classes, const tg_confusion_matrix_options *o)
{
    static const char what[] = "confusion_matrix_new";
    if (classes < 1 || classes > MOST_CLASSES) {
        tg_fail_at(where, TG_ERROR_VALUE, what, "expected 1 to %d classes, got %lld", MOST_CLASSES, (long long)classes);
        return false;
    }
    for (int64_t i = 0; o->names && i < classes; i++) {
        if (o->names[i]) continue;
        tg_fail_at(where, TG_ERROR_NULL, what, "the name of class %lld is NULL", (long long)i);
        return false;
    }
    return true;
}

tg_confusion_matrix *tg_confusion_matrix_new_at(const char *where, int64_t classes, tg_confusion_matrix_options options)
{
    tgi_begin(where, "confusion_matrix_new");
    if (tg_failed() || !options_ok(where, classes, &options)) return NULL;
    const size_t n = (size_t)classes, counts = n * n * sizeof(int64_t), names = n * sizeof(char *);
    size_t bytes = sizeof(tg_confusion_matrix) + counts + names;
    for (int64_t i = 0; i < classes; i++) bytes += name_of(NULL, &options, i);
    tg_confusion_matrix *m = tgi_calloc(bytes);
    if (!m) return NULL;
    m->alive = ALIVE;
    m->bytes = bytes;
    m->classes = classes;
    m->ignore_index = options.ignore_index;
    m->counts = (int64_t *)(m + 1);
    m->names = (const char **)(m->counts + n * n);
    char *text = (char *)(m->names + n);
    for (int64_t i = 0; i < classes; i++) {
        m->names[i] = text;
        text += name_of(text, &options, i);
    }
    return m;
}

void tg_confusion_matrix_free_at(const char *where, tg_confusion_matrix *m)
{
    if (!m || !matrix_ok(where, m, "confusion_matrix_free")) return;
    m->alive = 0;
    tgi_free(m, m->bytes);
}

/* ---- counting ---- */

/* The classes in row-major order; `dtype` is int64 or bool. */
typedef struct labels {
    const void *items;
    tg_dtype dtype;
} labels;

static bool labels_of(const tg_tensor *t, const char *what, labels *l)
{
    static const char function[] = "confusion_matrix_update";
    *l = (labels){ NULL, (tg_dtype)t->dtype };
    if (t->dtype != TG_INT64 && t->dtype != TG_BOOL) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "the %s are %s; classes are int64 or bool%s", what,
                   tg_dtype_name(l->dtype), what[0] == 'p' ? " (tg_argmax makes them of scores)" : "");
        return false;
    }
    l->items = tgi_row_major(t);
    return l->items || t->numel == 0;
}

static int64_t label(const labels *l, int64_t i)
{
    return l->dtype == TG_BOOL ? ((const uint8_t *)l->items)[i] : ((const int64_t *)l->items)[i];
}

static bool class_ok(const tg_confusion_matrix *m, const char *what, int64_t class, int64_t i)
{
    if (class >= 0 && class < m->classes) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, "confusion_matrix_update", "%s %lld is class %lld; there are %lld classes", what,
               (long long)i, (long long)class, (long long)m->classes);
    return false;
}

/* First all are looked at, then all are counted. */
static bool count(tg_confusion_matrix *m, const labels *predictions, const labels *targets, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t target = label(targets, i);
        if (target == m->ignore_index) continue;
        if (!class_ok(m, "target", target, i) || !class_ok(m, "prediction", label(predictions, i), i)) return false;
    }
    for (int64_t i = 0; i < n; i++)
        if (label(targets, i) != m->ignore_index) m->counts[label(targets, i) * m->classes + label(predictions, i)]++;
    return true;
}

tg_status tg_confusion_matrix_update_at(const char *where, tg_confusion_matrix *m, const tg_tensor *predictions,
                                        const tg_tensor *targets)
{
    static const char what[] = "confusion_matrix_update";
    if (!matrix_ok(where, m, what)) return TG_FAILED;
    labels predicted, true_ones;
    const tg_scope scope = tg_scope_begin();
    bool counted = tgi_handle_ok(what, predictions) && tgi_handle_ok(what, targets) &&
                   labels_of(predictions, "predictions", &predicted) && labels_of(targets, "targets", &true_ones);
    if (counted && !tgi_same_shape(predictions, targets)) {
        char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
        const tg_shape p = tgi_shape(predictions), t = tgi_shape(targets);
        tg_fail_at(where, TG_ERROR_VALUE, what, "predictions of shape %s, targets of shape %s", tg_shape_text(&p, a),
                   tg_shape_text(&t, b));
        counted = false;
    }
    counted = counted && !tg_failed() && count(m, &predicted, &true_ones, targets->numel);
    tg_scope_end(scope);
    return counted ? TG_OK : TG_FAILED;
}

tg_status tg_confusion_matrix_reset_at(const char *where, tg_confusion_matrix *m)
{
    if (!matrix_ok(where, m, "confusion_matrix_reset")) return TG_FAILED;
    memset(m->counts, 0, (size_t)(m->classes * m->classes) * sizeof(int64_t));
    return TG_OK;
}

int64_t tg_confusion_matrix_count_at(const char *where, const tg_confusion_matrix *m, int64_t target,
                                     int64_t prediction)
{
    if (!matrix_ok(where, m, "confusion_matrix_count")) return -1;
    if (target >= 0 && target < m->classes && prediction >= 0 && prediction < m->classes)
        return m->counts[target * m->classes + prediction];
    tg_fail_at(where, TG_ERROR_VALUE, "confusion_matrix_count", "target %lld, prediction %lld; there are %lld classes",
               (long long)target, (long long)prediction, (long long)m->classes);
    return -1;
}

tg_tensor *tg_confusion_matrix_counts_at(const char *where, const tg_confusion_matrix *m)
{
    if (!matrix_ok(where, m, "confusion_matrix_counts") || tg_failed()) return NULL;
    const tg_shape shape = { 2, { m->classes, m->classes } };
    tg_tensor *t = tgi_new(&shape, TG_INT64);
    if (t) memcpy(tgi_ptr(t), m->counts, (size_t)(m->classes * m->classes) * sizeof(int64_t));
    return t;
}

/* ---- scores ---- */

static double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

double tg_confusion_matrix_accuracy_at(const char *where, const tg_confusion_matrix *m)
{
    if (!matrix_ok(where, m, "confusion_matrix_accuracy")) return -1;
    int64_t right = 0, total = 0;
    for (int64_t i = 0; i < m->classes * m->classes; i++) {
        total += m->counts[i];
        if (i / m->classes == i % m->classes) right += m->counts[i];
    }
    return ratio((double)right, (double)total);
}

static tg_class_scores scores_of(const tg_confusion_matrix *m, int64_t class)
{
    int64_t predicted = 0, support = 0;
    for (int64_t k = 0; k < m->classes; k++) {
        predicted += m->counts[k * m->classes + class];
        support += m->counts[class * m->classes + k];
    }
    const double right = (double)m->counts[class * m->classes + class];
    return (tg_class_scores){ .precision = ratio(right, (double)predicted),
                              .recall = ratio(right, (double)support),
                              .f1 = ratio(2 * right, (double)(predicted + support)),
                              .support = support };
}

static void add_scores(tg_class_scores *to, const tg_class_scores *s, double weight)
{
    to->precision += weight * s->precision;
    to->recall += weight * s->recall;
    to->f1 += weight * s->f1;
    to->support += s->support;
}

static tg_classification_report report_of(const tg_confusion_matrix *m)
{
    tg_classification_report r = { .classes = 0 };
    tg_class_scores *of = tgi_scope_alloc((size_t)m->classes * sizeof *of);
    int64_t right = 0, total = 0;
    if (!of) return r;
    r.classes = m->classes;
    r.of = of;
    for (int64_t i = 0; i < m->classes; i++) {
        of[i] = scores_of(m, i);
        right += m->counts[i * m->classes + i];
        total += of[i].support;
    }
    for (int64_t i = 0; i < m->classes; i++) {
        add_scores(&r.macro, &of[i], 1 / (double)m->classes);
        add_scores(&r.weighted, &of[i], ratio((double)of[i].support, (double)total));
    }
    r.accuracy = ratio((double)right, (double)total);
    return r;
}

tg_classification_report tg_classification_report_of_at(const char *where, const tg_confusion_matrix *m)
{
    if (!matrix_ok(where, m, "classification_report") || tg_failed()) return (tg_classification_report){ .classes = 0 };
    return report_of(m);
}

/* ---- text ---- */

typedef struct sink {
    char *buffer; /* what does not fit into `size` is only counted */
    int64_t size, length;
} sink;

static void put(sink *s, const char *text)
{
    const int64_t n = (int64_t)strlen(text), room = s->size - 1 - s->length;
    if (room > 0) memcpy(s->buffer + s->length, text, (size_t)(n < room ? n : room));
    s->length += n;
    if (s->size > 0) s->buffer[s->length < s->size ? s->length : s->size - 1] = '\0';
}

static int64_t columns_of(const char *text)
{
    int64_t columns = 0;
    for (uint32_t c; (c = tgi_utf8_next(&text));) columns += tgi_utf8_columns(c);
    return columns;
}

/* At the right end of so many columns. */
static void put_right(sink *s, const char *text, int64_t columns)
{
    for (int64_t i = columns_of(text); i < columns; i++) put(s, " ");
    put(s, text);
}

static void put_integer(sink *s, int64_t value, int64_t columns)
{
    char text[24];
    tgi_format(text, sizeof text, "%lld", (long long)value);
    put_right(s, text, columns);
}

static int64_t longest_name(const tg_confusion_matrix *m, int64_t at_least)
{
    for (int64_t i = 0; i < m->classes; i++)
        if (columns_of(m->names[i]) > at_least) at_least = columns_of(m->names[i]);
    return at_least;
}

static void put_score(sink *s, double value, int digits)
{
    char text[NUMBER];
    tgi_format(text, sizeof text, " %9.*f", digits, value);
    put(s, text);
}

static void put_scores(sink *s, const char *name, const tg_class_scores *scores, int64_t width, int digits)
{
    put_right(s, name, width);
    put(s, " ");
    put_score(s, scores->precision, digits);
    put_score(s, scores->recall, digits);
    put_score(s, scores->f1, digits);
    put(s, " ");
    put_integer(s, scores->support, 9);
    put(s, "\n");
}

static void put_report(sink *s, const tg_confusion_matrix *m, const tg_classification_report *r, int digits)
{
    static const char last[] = "weighted avg";
    int64_t width = longest_name(m, (int64_t)sizeof last - 1);
    if (digits > width) width = digits;
    put_right(s, "", width);
    put(s, "  precision    recall  f1-score   support\n\n");
    for (int64_t i = 0; i < r->classes; i++) put_scores(s, m->names[i], &r->of[i], width, digits);
    put(s, "\n");
    put_right(s, "accuracy", width);
    put(s, "                     ");
    put_score(s, r->accuracy, digits);
    put(s, " ");
    put_integer(s, r->macro.support, 9);
    put(s, "\n");
    put_scores(s, "macro avg", &r->macro, width, digits);
    put_scores(s, last, &r->weighted, width, digits);
}

/* Of the class's column: its name, or its longest count. */
static int64_t column_width(const tg_confusion_matrix *m, int64_t class)
{
    int64_t width = columns_of(m->names[class]), most = 0;
    for (int64_t i = 0; i < m->classes; i++)
        if (m->counts[i * m->classes + class] > most) most = m->counts[i * m->classes + class];
    int64_t digits = 1;
    for (; most > 9; most /= 10) digits++;
    return digits > width ? digits : width;
}

static void put_matrix(sink *s, const tg_confusion_matrix *m, const int64_t *widths)
{
    static const char corner[] = "target \\ predicted";
    const int64_t width = longest_name(m, (int64_t)sizeof corner - 1);
    put_right(s, corner, width);
    for (int64_t k = 0; k < m->classes; k++) put(s, "  "), put_right(s, m->names[k], widths[k]);
    put(s, "\n");
    for (int64_t i = 0; i < m->classes; i++) {
        put_right(s, m->names[i], width);
        for (int64_t k = 0; k < m->classes; k++) put(s, "  "), put_integer(s, m->counts[i * m->classes + k], widths[k]);
        put(s, "\n");
    }
}

/* ---- texts for the user ---- */

/* What is written: the report with so many digits, or the matrix. */
enum { THE_MATRIX = -1 };

/* The length of the text, of which as much is written as there is room for; -1 with an error pending. */
static int64_t write_text(const tg_confusion_matrix *m, int digits, char *buffer, int64_t size)
{
    sink s = { buffer, buffer && size > 0 ? size : 0, 0 };
    const tg_scope scope = tg_scope_begin();
    bool written = false;
    if (digits == THE_MATRIX) {
        int64_t *widths = tgi_scope_alloc((size_t)m->classes * sizeof *widths);
        for (int64_t k = 0; widths && k < m->classes; k++) widths[k] = column_width(m, k);
        if (widths) put_matrix(&s, m, widths), written = true;
    } else {
        const tg_classification_report r = report_of(m);
        if (r.classes) put_report(&s, m, &r, digits), written = true;
    }
    tg_scope_end(scope);
    return written ? s.length : -1;
}

static tg_status print_text(const tg_confusion_matrix *m, int digits, FILE *file, const char *what)
{
    if (!file) {
        tg_fail_at(NULL, TG_ERROR_NULL, what, "the file is NULL");
        return TG_FAILED;
    }
    const int64_t length = write_text(m, digits, NULL, 0);
    char *text = length < 0 ? NULL : tgi_calloc((size_t)length + 1);
    if (!text) return TG_FAILED;
    write_text(m, digits, text, length + 1);
    bool printed = !tg_failed();
    if (printed && fputs(text, file) < 0) {
        tg_fail_at(NULL, TG_ERROR_FILE, what, "the file cannot be written: %s", strerror(errno));
        printed = false;
    }
    tgi_free(text, (size_t)length + 1);
    return printed ? TG_OK : TG_FAILED;
}

static bool digits_ok(const char *where, const char *what, int digits)
{
    if (digits >= 0 && digits <= 17) return true;
    tg_fail_at(where, TG_ERROR_VALUE, what, "expected 0 to 17 digits, got %d", digits);
    return false;
}

int64_t tg_classification_report_format_at(const char *where, const tg_confusion_matrix *m, char *buffer, int64_t size,
                                           tg_classification_report_options options)
{
    static const char what[] = "classification_report_format";
    if (!matrix_ok(where, m, what) || !digits_ok(where, what, options.digits)) return -1;
    return write_text(m, options.digits, buffer, size);
}

tg_status tg_classification_report_print_at(const char *where, const tg_confusion_matrix *m, FILE *file,
                                            tg_classification_report_options options)
{
    static const char what[] = "classification_report_print";
    if (!matrix_ok(where, m, what) || tg_failed() || !digits_ok(where, what, options.digits)) return TG_FAILED;
    return print_text(m, options.digits, file, what);
}

int64_t tg_confusion_matrix_format_at(const char *where, const tg_confusion_matrix *m, char *buffer, int64_t size)
{
    return matrix_ok(where, m, "confusion_matrix_format") ? write_text(m, THE_MATRIX, buffer, size) : -1;
}

tg_status tg_confusion_matrix_print_at(const char *where, const tg_confusion_matrix *m, FILE *file)
{
    static const char what[] = "confusion_matrix_print";
    if (!matrix_ok(where, m, what) || tg_failed()) return TG_FAILED;
    return print_text(m, THE_MATRIX, file, what);
}
