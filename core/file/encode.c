/* encode.c: texts become ids and ids texts; and the vocabulary that a text makes. */
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "core/utf8_impl.h"
#include "output_impl.h"
#include "tokens_impl.h"
#include "vocabulary_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that may be written to. */
typedef struct text {
    char *begin, *end;
    const tgi_input *in; /* what errors name */
} text;

/* In the innermost scope's memory. False with an error pending. */
static bool text_of(text *t, const tgi_input *in, const char *from, tg_tokens by, bool lower)
{
    const size_t length = from ? strlen(from) : (size_t)in->size;
    t->in = in;
    t->begin = from ? tgi_scope_alloc(length + 1) : tgi_input_block(in, 0, in->size);
    if (!t->begin) return false;
    if (from) memcpy(t->begin, from, length + 1);
    t->end = t->begin + length;
    const int64_t wrong = by == TG_BYTES ? -1 : tgi_not_utf8(t->begin, (int64_t)length);
    if (wrong >= 0)
        return tgi_input_fail(in, wrong, NULL, "no UTF-8 (0x%02x); .by = TG_BYTES takes any file",
                              (unsigned char)t->begin[wrong]);
    if (lower) tgi_lower(t->begin, t->end);
    return true;
}

/* ---- the vocabulary of a text ---- */

static int compare_bytes(const void *a, const void *b)
{
    const tgi_text_entry *x = a, *y = b;
    const int order = memcmp(x->text, y->text, (size_t)(x->length < y->length ? x->length : y->length));
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int compare_frequencies(const void *a, const void *b)
{
    const tgi_text_entry *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : compare_bytes(a, b);
}

/* Entries are where they first came. */
static int compare_places(const void *a, const void *b)
{
    const tgi_text_entry *x = a, *y = b;
    return (x->text > y->text) - (x->text < y->text);
}

/* Chooses among the text's entries, puts them in order, and says how many they are. */
static int64_t choose(tgi_text_entry *entries, int64_t count, const tg_vocabulary_options *o, tg_text_list specials)
{
    int64_t chosen = 0;
    if (count == 0) return 0; /* and perhaps no entries either */
    for (int64_t i = 0; i < count; i++) {
        bool special = false;
        for (int64_t k = 0; k < specials.count && !special; k++)
            special = strlen(specials.items[k]) == (size_t)entries[i].length &&
                      memcmp(specials.items[k], entries[i].text, (size_t)entries[i].length) == 0;
        if (!special && entries[i].count >= o->min_freq) entries[chosen++] = entries[i];
    }
    const int64_t most = o->max_tokens == 0               ? chosen
                         : o->max_tokens > specials.count ? o->max_tokens - specials.count
                                                          : 0;
    if (chosen > most || o->order == TG_BY_FREQUENCY)
        qsort(entries, (size_t)chosen, sizeof *entries, compare_frequencies);
    if (chosen > most) chosen = most;
    if (o->order != TG_BY_FREQUENCY)
        qsort(entries, (size_t)chosen, sizeof *entries, o->order == TG_SORTED ? compare_bytes : compare_places);
    return chosen;
}

static bool add_tokens(tgi_text_table *table, const char *begin, const char *end, tg_tokens by)
{
    int64_t length;
    const char *token = tgi_next_token(begin, end, by, &length);
    for (; length; token = tgi_next_token(token + length, end, by, &length))
        if (tgi_text_table_add(table, token, length) < 0) return false;
    return true;
}

/* Of one text; or, where it is made of several, of each that ends with a zero. */
static tg_vocabulary *vocabulary_of(const text *t, bool several, const tg_vocabulary_options *o)
{
    tgi_text_table table = { 0 };
    tg_text_list specials = { NULL, 0 };
    tg_vocabulary *v = NULL;
    bool added = tgi_vocabulary_specials(t->in->function, o, &specials);
    for (const char *at = t->begin; added && at < t->end;) {
        const char *end = several ? at + strlen(at) : t->end;
        added = add_tokens(&table, at, end, o->by);
        at = end + several;
    }
    if (added) {
        const int64_t count = choose(table.entries, table.count, o, specials);
        v = tgi_vocabulary_with_specials(t->in, 0, table.entries, count, o);
    }
    tgi_text_table_free(&table);
    return v;
}

tg_vocabulary *tg_vocabulary_of_file_at(const char *where, const char *path, tg_vocabulary_options options)
{
    static const char what[] = "vocabulary_of_file";
    tgi_begin(where, what);
    tgi_input in;
    if (tg_failed() || !tgi_vocabulary_options_ok(what, &options) || !tgi_input_open(&in, what, path)) return NULL;
    const tg_scope scope = tg_scope_begin();
    text t;
    tg_vocabulary *v = text_of(&t, &in, NULL, options.by, options.lower) ? vocabulary_of(&t, false, &options) : NULL;
    tg_scope_end(scope);
    tgi_input_close(&in);
    return v;
}

tg_vocabulary *tg_vocabulary_of_at(const char *where, const char *from, tg_vocabulary_options options)
{
    static const char what[] = "vocabulary_of";
    tgi_begin(where, what);
    if (tg_failed() || !tgi_vocabulary_options_ok(what, &options)) return NULL;
    if (!from) return tg_fail_at(where, TG_ERROR_NULL, what, "the text is NULL"), NULL;
    const tgi_input in = { .function = what, .path = "the text", .fd = -1 };
    const tg_scope scope = tg_scope_begin();
    text t;
    tg_vocabulary *v = text_of(&t, &in, from, options.by, options.lower) ? vocabulary_of(&t, false, &options) : NULL;
    tg_scope_end(scope);
    return v;
}

/* One behind the other, a zero behind each: what comes first in them stands first in memory. */
static bool texts_of(text *all, const tgi_input *in, tg_text_list from, const tg_vocabulary_options *o)
{
    size_t room = 0;
    for (int64_t i = 0; i < from.count; i++) {
        if (!from.items[i]) return tg_fail_at(NULL, TG_ERROR_NULL, in->function, "text %lld is NULL", (long long)i);
        room += strlen(from.items[i]) + 1;
    }
    char *to = tgi_scope_alloc(room + 1);
    if (!to) return false;
    *all = (text){ to, to, in };
    for (int64_t i = 0; i < from.count; i++) {
        char name[32];
        snprintf(name, sizeof name, "text %lld", (long long)i);
        tgi_input one = *in;
        one.path = name;
        const tg_scope scope = tg_scope_begin();
        text t;
        const bool good = text_of(&t, &one, from.items[i], o->by, o->lower);
        if (good) {
            const size_t length = (size_t)(t.end - t.begin);
            memcpy(all->end, t.begin, length + 1);
            all->end += length + 1;
        }
        tg_scope_end(scope);
        if (!good) return false;
    }
    return true;
}

tg_vocabulary *tg_vocabulary_of_texts_at(const char *where, tg_text_list texts, tg_vocabulary_options options)
{
    static const char what[] = "vocabulary_of_texts";
    tgi_begin(where, what);
    if (tg_failed() || !tgi_vocabulary_options_ok(what, &options)) return NULL;
    if (texts.count < 0 || (texts.count && !texts.items))
        return tg_fail_at(where, TG_ERROR_VALUE, what, "a list of %lld texts%s", (long long)texts.count,
                          texts.items ? "" : " is NULL"),
               NULL;
    const tgi_input in = { .function = what, .path = "the texts", .fd = -1 };
    const tg_scope scope = tg_scope_begin();
    text all;
    tg_vocabulary *v = texts_of(&all, &in, texts, &options) ? vocabulary_of(&all, true, &options) : NULL;
    tg_scope_end(scope);
    return v;
}

/* ---- encoding ---- */

static int64_t count_tokens(const text *t, tg_tokens by)
{
    int64_t count = 0, length;
    const char *token = tgi_next_token(t->begin, t->end, by, &length);
    for (; length; token = tgi_next_token(token + length, t->end, by, &length)) count++;
    return count;
}

static bool look_up(const tg_vocabulary *v, const text *t, int64_t *ids)
{
    int64_t length;
    const char *token = tgi_next_token(t->begin, t->end, v->by, &length);
    for (; length; token = tgi_next_token(token + length, t->end, v->by, &length)) {
        const int64_t at = tgi_text_table_find(&v->table, token, length);
        *ids++ = at < 0 ? v->unknown : at;
        char shown[TGI_TOKEN_SHOWN];
        if (at < 0 && v->unknown < 0)
            return tgi_input_fail(t->in, token - t->begin, NULL,
                                  "'%s' is not in the vocabulary, which has no token for "
                                  "what is unknown",
                                  tgi_token_shown(token, length, shown));
    }
    return true;
}

static tg_tensor *encode(const tg_vocabulary *v, const tgi_input *in, const char *from)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *ids = NULL;
    text t;
    if (text_of(&t, in, from, v->by, v->lower)) {
        const tg_shape shape = tg_shape(count_tokens(&t, v->by));
        ids = tgi_new(&shape, TG_INT64);
        if (ids && !look_up(v, &t, tgi_ptr(ids))) ids = NULL;
    }
    return tg_scope_return(scope, ids);
}

tg_tensor *tg_encode_at(const char *where, const tg_vocabulary *v, const char *from)
{
    static const char what[] = "encode";
    if (!tgi_vocabulary_ok(where, v, what) || tg_failed()) return NULL;
    if (!from) return tg_fail_at(where, TG_ERROR_NULL, what, "the text is NULL");
    const tgi_input in = { .function = what, .path = "the text", .fd = -1 };
    return encode(v, &in, from);
}

tg_tensor *tg_encode_file_at(const char *where, const tg_vocabulary *v, const char *path)
{
    static const char what[] = "encode_file";
    tgi_input in;
    if (!tgi_vocabulary_ok(where, v, what) || tg_failed() || !tgi_input_open(&in, what, path)) return NULL;
    tg_tensor *ids = encode(v, &in, NULL);
    tgi_input_close(&in);
    return ids;
}

/* ---- decoding ---- */

/* The bytes of the text, with a zero byte; -1 with an error pending. */
static int64_t measure(const tg_vocabulary *v, const int64_t *ids, int64_t count, const char *what)
{
    int64_t bytes = 1;
    bool over = false;
    for (int64_t i = 0; i < count && !over; i++) {
        if (ids[i] < 0 || ids[i] >= v->table.count) {
            tg_fail_at(NULL, TG_ERROR_VALUE, what, "id %lld, at place %lld, of %lld tokens", (long long)ids[i],
                       (long long)i, (long long)v->table.count);
            return -1;
        }
        over = __builtin_add_overflow(bytes, v->table.entries[ids[i]].length + (v->by == TG_WORDS && i > 0), &bytes);
    }
    if (over) tg_fail_at(NULL, TG_ERROR_VALUE, what, "the text would be longer than any memory");
    return over ? -1 : bytes;
}

const char *tg_decode_at(const char *where, const tg_vocabulary *v, const tg_tensor *ids)
{
    static const char what[] = "decode";
    if (!tgi_vocabulary_ok(where, v, what) || !tgi_handle_ok(what, ids) || tg_failed()) return NULL;
    if (ids->dtype != TG_INT64)
        return tg_fail_at(where, TG_ERROR_VALUE, what, "ids are int64, not %s", tg_dtype_name((tg_dtype)ids->dtype)),
               NULL;
    const int64_t *id = tgi_row_major(ids);
    const int64_t bytes = id || ids->numel == 0 ? measure(v, id, ids->numel, what) : -1;
    char *decoded = bytes < 0 ? NULL : tgi_scope_alloc((size_t)bytes), *to = decoded;
    if (!decoded) return NULL;
    for (int64_t i = 0; i < ids->numel; i++) {
        const tgi_text_entry *entry = &v->table.entries[id[i]];
        if (v->by == TG_WORDS && i > 0) *to++ = ' ';
        memcpy(to, entry->text, (size_t)entry->length);
        to += entry->length;
    }
    *to = '\0';
    return decoded;
}
