/* npy_header.c: what stands before the elements of an array, read and written.
 *
 *     6 bytes           "\x93NUMPY"
 *     2 bytes           the version, 1.0, 2.0 or 3.0
 *     2 bytes, or 4     the length of the text (4 from 2.0 on)
 *     the text          {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and blanks
 *
 * The text is Python's, for its eval. Here it is read as what NumPy writes and nothing more: these three keys in any
 * order, each once. Python 2 wrote the sizes as 2L. */
#include "npy_impl.h"

#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "foreign_impl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 0xffff, VERSION_AT = TGI_NPY_MAGIC_BYTES, LENGTH_AT = VERSION_AT + 2, ALIGNMENT = 64 };

const char tgi_npy_magic[TGI_NPY_MAGIC_BYTES + 1] = "\x93NUMPY";

void *tgi_npy_fail(const tgi_npy_source *source, int64_t at, const char *format, ...)
{
    char what[TGI_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(what, sizeof what, format, arguments);
    va_end(arguments);
    return tgi_input_fail(source->in, source->at + (source->packed ? 0 : at), source->name, "%s", what);
}

/* ---- the text ---- */

typedef struct text {
    const tgi_npy_source *source;
    const char *begin, *next; /* a zero byte ends it */
    int64_t at;               /* where it begins */
} text;

static bool fail(const text *s, const char *what)
{
    return tgi_npy_fail(s->source, s->at + (s->next - s->begin), "%s in the header", what);
}

static void skip_blanks(text *s) { s->next += strspn(s->next, " \t\r\n"); }

static bool take(text *s, char c)
{
    skip_blanks(s);
    if (*s->next != c || c == '\0') return false;
    s->next++;
    return true;
}

/* A text between quotes, without an escape. */
static bool read_quoted(text *s, const char **begin, int *length)
{
    skip_blanks(s);
    const char quote = *s->next;
    if (quote != '\'' && quote != '"') return fail(s, "no text between quotes");
    const char *end = s->next + 1;
    while (*end && *end != quote && *end != '\\' && (unsigned char)*end >= ' ') end++;
    if (*end != quote) return fail(s, "a text that does not end");
    *begin = s->next + 1;
    *length = (int)(end - *begin);
    s->next = end + 1;
    return true;
}

/* What NumPy calls the kinds of elements that tensors have nothing for. */
static const char *refused_kind(char kind)
{
    switch (kind) {
    case 'O': return "Python objects that only pickle can make";
    case 'c': return "complex numbers";
    case 'a':
    case 'S':
    case 'U': return "texts";
    case 'M':
    case 'm': return "dates and times";
    case 'V': return "raw bytes or records";
    default: return NULL;
    }
}

static bool element_named(const char *name, int length, tgi_element *element)
{
    static const char *const names[TGI_ELEMENTS] = {
        [TGI_F64] = "f8", [TGI_F32] = "f4", [TGI_F16] = "f2",     [TGI_BF16] = "",  [TGI_I64] = "i8",
        [TGI_I32] = "i4", [TGI_I16] = "i2", [TGI_I8] = "i1",      [TGI_U64] = "u8", [TGI_U32] = "u4",
        [TGI_U16] = "u2", [TGI_U8] = "u1",  [TGI_BOOLEAN] = "b1",
    };
    for (int i = 0; i < TGI_ELEMENTS; i++) {
        if (length != 2 || strncmp(names[i], name, 2) != 0) continue;
        *element = (tgi_element)i;
        return true;
    }
    if (length == 1 && *name == '?') *element = TGI_BOOLEAN;
    return length == 1 && *name == '?';
}

/* '<f4': an order of bytes, or none, a letter, and the bytes of an element. */
static bool read_descr(text *s, tgi_npy_header *h)
{
    skip_blanks(s);
    if (*s->next == '[') return fail(s, "records (a structured dtype), which are not read,");
    if (*s->next == '(') return fail(s, "a dtype with a shape of its own, which is not read,");
    const char *descr;
    const text before = *s;
    int length;
    if (!read_quoted(s, &descr, &length)) return false;
    const bool ordered = length > 0 && strchr("<>=|", *descr);
    const char *name = descr + ordered;
    const int rest = length - ordered, shown = length < 40 ? length : 40;
    const int64_t at = before.at + (before.next - before.begin);
    const char *refused = rest > 0 ? refused_kind(*name) : NULL;
    if (refused) return tgi_npy_fail(s->source, at, "elements of type '%.*s', %s, are not read", shown, descr, refused);
    if (!element_named(name, rest, &h->element))
        return tgi_npy_fail(s->source, at, "'%.*s' is no type of elements that is read", shown, descr);
    if (ordered && *descr == '>' && tgi_elements[h->element].bytes > 1)
        return tgi_npy_fail(s->source, at,
                            "elements of type '%.*s' are big-endian, which is not read; "
                            "x.astype('<%.*s') makes NumPy turn them round",
                            shown, descr, rest, name);
    return true;
}

static bool read_order(text *s, tgi_npy_header *h)
{
    skip_blanks(s);
    h->fortran = strncmp(s->next, "True", 4) == 0;
    if (!h->fortran && strncmp(s->next, "False", 5) != 0) return fail(s, "'fortran_order' is neither True nor False");
    s->next += h->fortran ? 4 : 5;
    return true;
}

static bool read_size(text *s, int64_t *size)
{
    skip_blanks(s);
    const char *begin = s->next;
    *size = 0;
    for (; *s->next >= '0' && *s->next <= '9'; s->next++)
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *s->next - '0', size))
            return fail(s, "a size beyond 64 bits");
    if (s->next == begin) return fail(s, *begin == '-' ? "a size below 0" : "a size that is no number");
    if (*s->next == 'L') s->next++;
    return true;
}

/* (), (2,), (2, 3) or (2, 3,); but (2) is no tuple. */
static bool read_shape(text *s, tgi_npy_header *h)
{
    h->shape.ndim = 0;
    if (!take(s, '(')) return fail(s, "'shape' is no tuple");
    while (!take(s, ')')) {
        int64_t size;
        if (!read_size(s, &size)) return false;
        if (h->shape.ndim == TG_MAX_DIMS) return fail(s, "a tensor has 8 dimensions at most: more");
        h->shape.dims[h->shape.ndim++] = size;
        if (take(s, ',')) continue;
        if (h->shape.ndim == 1 || !take(s, ')')) return fail(s, "no comma or bracket behind a size");
        break;
    }
    return true;
}

static bool read_value(text *s, tgi_npy_header *h, int key)
{
    switch (key) {
    case 0: return read_descr(s, h);
    case 1: return read_order(s, h);
    default: return read_shape(s, h);
    }
}

static bool read_text(text *s, tgi_npy_header *h)
{
    static const char *const keys[] = { "descr", "fortran_order", "shape" };
    bool have[3] = { false };
    if (!take(s, '{')) return fail(s, "no {");
    while (!take(s, '}')) {
        const char *name;
        int length, key = 0;
        const text before = *s;
        if (!read_quoted(s, &name, &length)) return false;
        while (key < 3 && ((size_t)length != strlen(keys[key]) || strncmp(keys[key], name, (size_t)length) != 0)) key++;
        if (key == 3) return fail(&before, "a key that is none of 'descr', 'fortran_order' and 'shape'");
        if (have[key]) return fail(&before, "the same key again");
        if (!take(s, ':')) return fail(s, "no : behind a key");
        if (!read_value(s, h, key)) return false;
        have[key] = true;
        if (take(s, ',')) continue;
        if (!take(s, '}')) return fail(s, "no comma or } behind a value");
        break;
    }
    for (int key = 0; key < 3; key++)
        if (!have[key]) return tgi_npy_fail(s->source, s->at, "no '%s' in the header", keys[key]);
    skip_blanks(s);
    return *s->next == '\0' || fail(s, "something behind the }");
}

/* ---- reading ---- */

bool tgi_npy_read_header(const tgi_npy_source *source, tgi_npy_header *h)
{
    unsigned char begin[LENGTH_AT + 4];
    char buffer[1024];
    if (source->size < LENGTH_AT + 2)
        return tgi_npy_fail(source, 0, "%lld bytes are no array of NumPy's", (long long)source->size);
    if (!source->read(source, 0, begin, LENGTH_AT + 2)) return false;
    if (memcmp(begin, tgi_npy_magic, TGI_NPY_MAGIC_BYTES) != 0)
        return (source->name || !tgi_is_foreign(source->in, "tg_load_npy")) &&
               tgi_npy_fail(source, 0, "is no array of NumPy's: it does not begin as one");
    const int version = begin[VERSION_AT], wide = version > 1 ? 4 : 2;
    if (version < 1 || version > 3 || begin[VERSION_AT + 1] != 0)
        return tgi_npy_fail(source, VERSION_AT, "version %d.%d of the format is not known; 1.0, 2.0 and 3.0 are",
                            version, begin[VERSION_AT + 1]);
    if (wide == 4 && (source->size < LENGTH_AT + 4 || !source->read(source, LENGTH_AT, begin + LENGTH_AT, 4)))
        return tg_failed() ? false : (bool)tgi_npy_fail(source, source->size, "the file ends in its header");
    uint32_t length = 0;
    for (int i = 0; i < wide; i++) length |= (uint32_t)begin[LENGTH_AT + i] << 8 * i;
    const int64_t at = LENGTH_AT + wide;
    if (length > LONGEST_TEXT) /* NumPy writes such a one for records of thousands of fields */
        return tgi_npy_fail(source, LENGTH_AT, "a header of %lu bytes; %d are read at most", (unsigned long)length,
                            LONGEST_TEXT);
    if (length > source->size - at)
        return tgi_npy_fail(source, LENGTH_AT, "a header of %lu bytes reaches beyond the end", (unsigned long)length);
    const tg_scope scope = tg_scope_begin();
    char *const words = length < sizeof buffer ? buffer : tgi_scope_alloc(length + 1);
    bool read = words && source->read(source, at, words, (int64_t)length);
    if (read) {
        words[length] = '\0';
        text s = { source, words, words, at };
        read = strlen(words) == length ? read_text(&s, h) : fail(&s, "a zero byte");
    }
    tg_scope_end(scope);
    h->data_at = at + (int64_t)length;
    return read;
}

/* ---- writing ---- as NumPy does, with the blanks that it leaves for a first size that may grow */

size_t tgi_npy_head(char head[TGI_NPY_HEAD], const tg_tensor *t)
{
    static const char
        *const descr[TG_DTYPES] = { [TG_FLOAT32] = "<f4", [TG_FLOAT64] = "<f8", [TG_INT64] = "<i8", [TG_BOOL] = "|b1" };
    enum { LONGEST_SIZE = 21, TEXT_AT = LENGTH_AT + 2 };
    char *const words = head + TEXT_AT;
    const size_t room = TGI_NPY_HEAD - TEXT_AT;
    memset(words, ' ', room);
    size_t n = (size_t)snprintf(words, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr[t->dtype]);
    for (int d = 0; d < t->ndim; d++)
        n += (size_t)snprintf(words + n, room - n, d ? ", %" PRId64 : "%" PRId64, t->dims[d]);
    n += (size_t)snprintf(words + n, room - n, t->ndim == 1 ? ",), }" : "), }");
    words[n] = ' ';
    if (t->ndim > 0) n += (size_t)(LONGEST_SIZE - snprintf(NULL, 0, "%" PRId64, t->dims[0]));
    const size_t total = (TEXT_AT + n + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, length = total - TEXT_AT;
    head[total - 1] = '\n';
    memcpy(head, tgi_npy_magic, TGI_NPY_MAGIC_BYTES);
    head[VERSION_AT] = 1;
    head[VERSION_AT + 1] = 0;
    head[LENGTH_AT] = (char)(length & 0xff);
    head[LENGTH_AT + 1] = (char)(length >> 8);
    return total;
}
