/* vocabulary.c: vocabularies, made and freed, and what is in them. What they do with texts is encode.c's, and files are
 * vocabulary_file.c's. */
#include "vocabulary_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"
#include "core/utf8_impl.h"
#include "csv_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIVE UINT64_C(0x766f636162756c61)

bool tgi_vocabulary_ok(const char *where, const tg_vocabulary *v, const char *what)
{
    tgi_begin(where, what);
    if (v && v->alive == ALIVE) return true;
    if (v)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the vocabulary was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the vocabulary is NULL");
    return false;
}

const char *tgi_token_shown(const char *token, int64_t length, char shown[TGI_TOKEN_SHOWN])
{
    int n = 0;
    for (const char *end = token + length; token < end && n < TGI_TOKEN_SHOWN - 8;) {
        const int bytes = tgi_utf8_length(token, end);
        if (bytes == 0 || (unsigned char)*token < ' ' || *token == 0x7f) {
            n += snprintf(shown + n, 5, "\\x%02x", (unsigned char)*token++);
            continue;
        }
        memcpy(shown + n, token, (size_t)bytes);
        n += bytes;
        token += bytes;
    }
    shown[n] = '\0';
    return shown;
}

/* ---- making ---- */

/* An entry that stands elsewhere, too, or -1. */
static int64_t find_twice(const tgi_text_table *table, int64_t *other)
{
    for (int64_t i = 0; i < table->count; i++) {
        *other = tgi_text_table_find(table, table->entries[i].text, table->entries[i].length);
        if (*other != i) return i;
    }
    return -1;
}

static bool all_different(const tgi_input *in, int64_t first_line, const tgi_text_table *table)
{
    if (tgi_text_table_find(table, "", 0) >= 0)
        return tg_fail_at(NULL, TG_ERROR_VALUE, in->function, "a token of no characters");
    int64_t other;
    const int64_t at = find_twice(table, &other);
    if (at < 0) return true;
    char shown[TGI_TOKEN_SHOWN], line[32];
    tgi_token_shown(table->entries[at].text, table->entries[at].length, shown);
    snprintf(line, sizeof line, "line %lld", (long long)(first_line + other));
    if (first_line)
        return tgi_input_fail(in, TGI_NOWHERE, line, "the token '%s' stands in line %lld, too", shown,
                              (long long)(first_line + at));
    tg_fail_at(NULL, TG_ERROR_VALUE, in->function, "the token '%s' comes twice", shown);
    return false;
}

tg_vocabulary *tgi_vocabulary_new(const tgi_input *in, int64_t first_line, const tgi_text_entry *entries, int64_t count,
                                  const tg_vocabulary_options *options, int64_t unknown)
{
    if (count > INT32_MAX) return tgi_input_fail(in, TGI_NOWHERE, NULL, "more than 2^31 - 1 tokens");
    const int64_t slots = tgi_text_table_slots(count);
    size_t bytes = sizeof(tg_vocabulary) + (size_t)count * sizeof *entries + (size_t)slots * sizeof(uint32_t);
    for (int64_t i = 0; i < count; i++) bytes += (size_t)entries[i].length + 1;
    tg_vocabulary *v = tgi_calloc(bytes);
    if (!v) return NULL;
    *v = (tg_vocabulary){ ALIVE, bytes, options->by, options->lower, unknown, { NULL, count, count, NULL, slots } };
    v->table.entries = (tgi_text_entry *)(v + 1);
    v->table.slots = (uint32_t *)(v->table.entries + count);
    char *text = (char *)(v->table.slots + slots);
    for (int64_t i = 0; i < count; i++, text++) {
        v->table.entries[i] = (tgi_text_entry){ text, entries[i].length, entries[i].count };
        memcpy(text, entries[i].text, (size_t)entries[i].length);
        text += entries[i].length;
    }
    tgi_text_table_fill(&v->table);
    if (all_different(in, first_line, &v->table)) return v;
    tg_vocabulary_free(v);
    return NULL;
}

bool tgi_vocabulary_options_ok(const char *function, const tg_vocabulary_options *o)
{
    const char *problem = (unsigned)o->by > TG_WORDS       ? "by is TG_CHARACTERS, TG_BYTES or TG_WORDS"
                          : (unsigned)o->order > TG_SORTED ? "no such order"
                          : o->max_tokens < 0              ? "a negative number of tokens"
                                                           : NULL;
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s", problem);
    return !problem;
}

/* Where it first stands in the list; its count if it does not. */
static int64_t find_text(tg_text_list list, const char *text)
{
    int64_t i = 0;
    while (i < list.count && strcmp(list.items[i], text) != 0) i++;
    return i;
}

bool tgi_vocabulary_specials(const char *function, const tg_vocabulary_options *options, tg_text_list *specials)
{
    tg_text_list list;
    if (!tgi_csv_list(function, "specials", options->specials, &list)) return false;
    const char **items = tgi_scope_alloc((size_t)(list.count + 1) * sizeof *items);
    if (!items) return false;
    int64_t count = 0;
    if (options->unknown && find_text(list, options->unknown) == list.count) items[count++] = options->unknown;
    for (int64_t i = 0; i < list.count; i++) {
        if (find_text(list, list.items[i]) < i)
            return tg_fail_at(NULL, TG_ERROR_VALUE, function, ".specials: a token comes twice");
        items[count++] = list.items[i];
    }
    *specials = (tg_text_list){ items, count };
    return true;
}

static int64_t find_entry(const tgi_text_entry *entries, int64_t count, const char *text)
{
    const int64_t length = (int64_t)strlen(text);
    for (int64_t i = 0; i < count; i++)
        if (entries[i].length == length && memcmp(entries[i].text, text, (size_t)length) == 0) return i;
    return -1;
}

tg_vocabulary *tgi_vocabulary_with_specials(const tgi_input *in, int64_t first_line, const tgi_text_entry *entries,
                                            int64_t count, const tg_vocabulary_options *options)
{
    tg_text_list specials;
    if (!tgi_vocabulary_specials(in->function, options, &specials)) return NULL;
    if (count >= INT32_MAX) return tgi_input_fail(in, TGI_NOWHERE, NULL, "more than 2^31 - 1 tokens");
    tgi_text_entry *all = tgi_scope_alloc((size_t)(specials.count + count + 1) * sizeof *all);
    if (!all) return NULL;
    int64_t before = 0;
    for (int64_t i = 0; i < specials.count; i++)
        if (find_entry(entries, count, specials.items[i]) < 0)
            all[before++] = (tgi_text_entry){ specials.items[i], (int64_t)strlen(specials.items[i]), 0 };
    if (count) memcpy(all + before, entries, (size_t)count * sizeof *all);
    const int64_t unknown = options->unknown ? find_entry(all, before + count, options->unknown) : -1;
    /* Lines are counted back from the first entry that has one; specials are never told by theirs. */
    return tgi_vocabulary_new(in, first_line ? first_line - before : 0, all, before + count, options, unknown);
}

tg_vocabulary *tg_vocabulary_of_list_at(const char *where, tg_text_list tokens, tg_vocabulary_options options)
{
    static const char what[] = "vocabulary_of_list";
    tgi_begin(where, what);
    if (tg_failed() || !tgi_vocabulary_options_ok(what, &options)) return NULL;
    if (tokens.count < 0 || tokens.count >= INT32_MAX || (tokens.count && !tokens.items))
        return tg_fail_at(where, TG_ERROR_VALUE, what, "a list of %lld tokens%s", (long long)tokens.count,
                          tokens.items ? "" : " is NULL"),
               NULL;
    const tgi_input in = { .function = what, .path = "the list", .fd = -1 };
    const tg_scope scope = tg_scope_begin();
    tgi_text_entry *entries = tgi_scope_alloc((size_t)(tokens.count + 1) * sizeof *entries);
    bool good = entries != NULL;
    for (int64_t i = 0; good && i < tokens.count; i++) {
        const char *token = tokens.items[i];
        if (token)
            entries[i] = (tgi_text_entry){ token, (int64_t)strlen(token), 0 };
        else
            good = tg_fail_at(where, TG_ERROR_NULL, what, "token %lld is NULL", (long long)i);
    }
    tg_vocabulary *v = good ? tgi_vocabulary_with_specials(&in, 0, entries, tokens.count, &options) : NULL;
    tg_scope_end(scope);
    return v;
}

void tg_vocabulary_free_at(const char *where, tg_vocabulary *v)
{
    if (!v || !tgi_vocabulary_ok(where, v, "vocabulary_free")) return;
    v->alive = 0;
    tgi_free(v, v->bytes);
}

/* ---- what is in it ---- */

int64_t tg_vocabulary_size_at(const char *where, const tg_vocabulary *v)
{
    return v && tgi_vocabulary_ok(where, v, "vocabulary_size") ? v->table.count : 0;
}

const char *tg_vocabulary_token_at(const char *where, const tg_vocabulary *v, int64_t id)
{
    static const char what[] = "vocabulary_token";
    if (!tgi_vocabulary_ok(where, v, what)) return NULL;
    if (id >= 0 && id < v->table.count) return v->table.entries[id].text;
    tg_fail_at(where, TG_ERROR_VALUE, what, "id %lld of %lld tokens", (long long)id, (long long)v->table.count);
    return NULL;
}

int64_t tg_vocabulary_id_at(const char *where, const tg_vocabulary *v, const char *token)
{
    static const char what[] = "vocabulary_id";
    if (!tgi_vocabulary_ok(where, v, what)) return -1;
    if (!token) {
        if (!tg_failed()) tg_fail_at(where, TG_ERROR_NULL, what, "the token is NULL");
        return -1;
    }
    const int64_t at = tgi_text_table_find(&v->table, token, (int64_t)strlen(token));
    return at < 0 ? v->unknown : at;
}
