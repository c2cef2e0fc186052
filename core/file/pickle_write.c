/* pickle_write.c: an object as a pickle of protocol 2, of opcodes that torch.load(weights_only=True) takes. Nothing is
 * remembered from one place to another, so that the same object gives the same bytes. */
#include "pickle_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <stdio.h>
#include <string.h>

/* ---- storages ---- */

static uint64_t slot_of(const tgi_shown *s, const void *storage)
{
    return ((uint64_t)(uintptr_t)storage >> 4) * 0x9e3779b97f4a7c15u >> 20 & (uint64_t)(s->slot_count - 1);
}

/* The slot that has the storage's number, or the empty one where it goes. */
static int64_t *find_slot(const tgi_shown *s, const void *storage)
{
    uint64_t at = slot_of(s, storage);
    while (s->slots[at] >= 0 && s->items[s->slots[at]].storage != storage)
        at = (at + 1) & (uint64_t)(s->slot_count - 1);
    return &s->slots[at];
}

/* At most half of the slots are taken. */
static bool make_slots(tgi_shown *s)
{
    if (2 * (s->count + 1) <= s->slot_count) return true;
    int64_t *slots = NULL, count = 0;
    if (!tgi_grow(&slots, &count, s->slot_count ? 2 * s->slot_count : 64, sizeof *slots)) return false;
    tgi_grow_free(s->slots, s->slot_count, sizeof *s->slots);
    s->slots = slots;
    s->slot_count = count;
    for (int64_t i = 0; i < count; i++) slots[i] = -1;
    for (int64_t i = 0; i < s->count; i++) *find_slot(s, s->items[i].storage) = i;
    return true;
}

static bool show(tgi_shown *s, tg_tensor *t)
{
    if (!make_slots(s) || !tgi_grow(&s->items, &s->capacity, s->count + 1, sizeof *s->items)) return false;
    int64_t *slot = find_slot(s, t->storage);
    if (*slot < 0) {
        *slot = s->count;
        s->items[s->count++] = (tgi_shown_storage){ t->storage, t, 0, 0 };
    }
    if (t->numel == 0) return true;
    tgi_shown_storage *item = &s->items[*slot];
    int64_t end = t->offset + 1;
    for (int d = 0; d < t->ndim; d++) end += (t->dims[d] - 1) * tgi_strides(t)[d];
    const bool first = item->begin == item->end;
    if (first || t->offset < item->begin) item->begin = t->offset;
    if (first || end > item->end) item->end = end;
    return true;
}

bool tgi_shown_find(tgi_shown *s, const char *function, const tg_object *o)
{
    if (o->kind == TG_OBJECT_TENSOR) return tgi_handle_ok(function, o->as.tensor) && show(s, o->as.tensor);
    for (int64_t i = 0; tgi_is_container(o) && i < o->count; i++)
        if (!tgi_shown_find(s, function, o->as.items[i])) return false;
    return true;
}

int64_t tgi_shown_number(const tgi_shown *s, const tg_tensor *t) { return *find_slot(s, t->storage); }

void tgi_shown_free(tgi_shown *s)
{
    tgi_grow_free(s->items, s->capacity, sizeof *s->items);
    tgi_grow_free(s->slots, s->slot_count, sizeof *s->slots);
    *s = (tgi_shown){ 0 };
}

/* ---- opcodes ---- */

typedef struct writer {
    tgi_bytes *to;
    const tgi_shown *shown;
    const char *function;
} writer;

static bool put(writer *w, const void *bytes, int64_t count)
{
    tgi_bytes *to = w->to;
    if (!tgi_grow(&to->items, &to->capacity, to->count + count, 1)) return false;
    if (count) memcpy(to->items + to->count, bytes, (size_t)count);
    to->count += count;
    return true;
}

#define PUT(w, literal) put(w, literal, (int64_t)sizeof(literal) - 1)

/* An opcode and a number of so many bytes, the least significant first. */
static bool put_number(writer *w, char opcode, int bytes, uint64_t number)
{
    unsigned char text[9] = { (unsigned char)opcode };
    for (int i = 0; i < bytes; i++) text[i + 1] = (unsigned char)(number >> 8 * i);
    return put(w, text, bytes + 1);
}

static bool put_int(writer *w, int64_t value)
{
    if (value >= 0 && value < 256) return put_number(w, 'K', 1, (uint64_t)value);
    if (value >= 0 && value < 65536) return put_number(w, 'M', 2, (uint64_t)value);
    if (value >= INT32_MIN && value <= INT32_MAX) return put_number(w, 'J', 4, (uint64_t)value);
    const unsigned char long1[] = { 0x8a, 8 };
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)value >> 8 * i);
    return put(w, long1, 2) && put(w, bytes, 8);
}

static bool put_float(writer *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_number(w, 'G', 8, __builtin_bswap64(bits));
}

static bool put_text(writer *w, const char *text, int64_t bytes)
{
    if (bytes <= UINT32_MAX) return put_number(w, 'X', 4, (uint64_t)bytes) && put(w, text, bytes);
    tg_fail_at(NULL, TG_ERROR_VALUE, w->function, "a text of %lld bytes", (long long)bytes);
    return false;
}

static bool put_ints(writer *w, const int64_t *values, int count)
{
    bool good = PUT(w, "(");
    for (int i = 0; i < count && good; i++) good = put_int(w, values[i]);
    return good && PUT(w, "t");
}

/* ---- what objects are ---- */

static const char ordered_dict[] = "ccollections\nOrderedDict\n)R";

/* A storage's name, and a view of it. */
static bool put_tensor(writer *w, const tg_object *o)
{
    static const char *const types[TG_DTYPES] = {
        [TG_FLOAT32] = "ctorch\nFloatStorage\n",
        [TG_FLOAT64] = "ctorch\nDoubleStorage\n",
        [TG_INT64] = "ctorch\nLongStorage\n",
        [TG_BOOL] = "ctorch\nBoolStorage\n",
    };
    const tg_tensor *t = o->as.tensor;
    const int64_t number = tgi_shown_number(w->shown, t);
    const tgi_shown_storage *s = &w->shown->items[number];
    const bool requires_grad = !(o->flags & TGI_DETACHED) && t->requires_grad;
    char key[24];
    const int length = snprintf(key, sizeof key, "%lld", (long long)number);
    return PUT(w, "ctorch._utils\n_rebuild_tensor_v2\n((") && put_text(w, "storage", 7) &&
           put(w, types[t->dtype], (int64_t)strlen(types[t->dtype])) && put_text(w, key, length) &&
           put_text(w, "cpu", 3) && put_int(w, s->end - s->begin) && PUT(w, "tQ") &&
           put_int(w, t->numel ? t->offset - s->begin : 0) && put_ints(w, t->dims, t->ndim) &&
           put_ints(w, tgi_strides(t), t->ndim) && (requires_grad ? PUT(w, "\x88") : PUT(w, "\x89")) &&
           PUT(w, ordered_dict) && PUT(w, "tR");
}

static bool put_object(writer *w, const tg_object *o);

static bool put_items(writer *w, const tg_object *o)
{
    for (int64_t i = 0; i < o->count; i++)
        if (!put_object(w, o->as.items[i])) return false;
    return true;
}

static bool put_object(writer *w, const tg_object *o)
{
    switch (o->kind) {
    case TG_OBJECT_NONE: return PUT(w, "N");
    case TG_OBJECT_BOOL: return o->as.integer ? PUT(w, "\x88") : PUT(w, "\x89");
    case TG_OBJECT_INT: return put_int(w, o->as.integer);
    case TG_OBJECT_FLOAT: return put_float(w, o->as.real);
    case TG_OBJECT_TEXT: return put_text(w, o->as.text, o->count);
    case TG_OBJECT_TENSOR: return put_tensor(w, o);
    case TG_OBJECT_TUPLE: return PUT(w, "(") && put_items(w, o) && PUT(w, "t");
    case TG_OBJECT_LIST: return PUT(w, "]") && (o->count == 0 || (PUT(w, "(") && put_items(w, o) && PUT(w, "e")));
    default: break;
    }
    const bool begun = o->flags & TGI_ORDERED ? PUT(w, ordered_dict) : PUT(w, "}");
    return begun && (o->count == 0 || (PUT(w, "(") && put_items(w, o) && PUT(w, "u")));
}

bool tgi_pickle_write(tgi_bytes *to, const tgi_shown *shown, const char *function, const tg_object *o)
{
    writer w = { to, shown, function };
    return PUT(&w, "\x80\x02") && put_object(&w, o) && PUT(&w, ".");
}
