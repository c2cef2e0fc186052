/* pickle.c: the machine that a pickle is a program for: opcodes of protocols 0 to 5, as far as PyTorch writes them. */
#include "pickle_impl.h"

#include "core/error.h"
#include "core/thread.h"
#include "core/utf8_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the stack ---- */

static bool push(tgi_pickle *p, const tg_object *o)
{
    if (!o || !tgi_grow(&p->stack, &p->capacity, p->count + 1, sizeof *p->stack)) return false;
    p->stack[p->count++] = o;
    return true;
}

/* Below it lies what belongs to those outside of the innermost mark. */
static int64_t floor_of(const tgi_pickle *p) { return p->mark_count ? p->marks[p->mark_count - 1] : 0; }

static const tg_object *pop(tgi_pickle *p)
{
    if (p->count > floor_of(p)) return p->stack[--p->count];
    return tgi_pickle_fail(p, "takes from an empty stack");
}

static const tg_object *top(const tgi_pickle *p)
{
    if (p->count > floor_of(p)) return p->stack[p->count - 1];
    return tgi_pickle_fail(p, "looks at an empty stack");
}

/* Removes the innermost mark: the number of objects that were above it, which are still there; -1 with an error
 * pending. */
static int64_t unmark(tgi_pickle *p)
{
    if (p->mark_count) return p->count - p->marks[--p->mark_count];
    tgi_pickle_fail(p, "no mark was set");
    return -1;
}

/* The container below the n objects on top, which must be of that kind; NULL with an error pending. */
static tg_object *below(const tgi_pickle *p, int64_t n, int kind)
{
    if (p->count - n <= floor_of(p)) return tgi_pickle_fail(p, "takes from an empty stack");
    const tg_object *o = p->stack[p->count - n - 1];
    if (o->kind == kind) return (tg_object *)(uintptr_t)o;
    return tgi_pickle_fail(p, "puts something into %s as if it were %s", tgi_object_name(o),
                           kind == TG_OBJECT_DICT ? "a dict" : "a list");
}

/* Moves the n objects on top into the container. */
static bool move_into(tgi_pickle *p, tg_object *container, int64_t n)
{
    if (!tgi_object_reserve(container, n)) return false;
    for (int64_t i = p->count - n; i < p->count; i++)
        if (!tgi_pickle_add(p, container, p->stack[i])) return false;
    p->count -= n;
    return true;
}

static tg_object *new_container(tgi_pickle *p, int kind)
{
    tg_object *o = tgi_object_new(&p->memory, kind);
    if (o && kind == TG_OBJECT_DICT) o->flags |= TGI_UNCHECKED;
    return o;
}

/* A new container of the n objects on top. */
static bool collect(tgi_pickle *p, int kind, int64_t n)
{
    if (n < 0) return false;
    if (n > p->count - floor_of(p)) return tgi_pickle_fail(p, "takes from an empty stack");
    tg_object *o = new_container(p, kind);
    return o && move_into(p, o, n) && push(p, o);
}

/* ---- bytes that follow an opcode ---- */

static const char *take(tgi_pickle *p, uint64_t bytes)
{
    if (bytes > (uint64_t)(p->size - p->next)) return tgi_pickle_fail(p, "the pickle ends within what it says here");
    const char *taken = (const char *)p->bytes + p->next;
    p->next += (int64_t)bytes;
    return taken;
}

/* Up to the end of a line, which is not part of it. */
static const char *take_line(tgi_pickle *p, int64_t *bytes)
{
    enum { LONGEST = 1000 };
    const char *line = (const char *)p->bytes + p->next;
    const int64_t left = p->size - p->next;
    const char *end = memchr(line, '\n', (size_t)(left < LONGEST ? left : LONGEST));
    if (!end) return tgi_pickle_fail(p, "a line without an end");
    *bytes = end - line;
    p->next += *bytes + 1;
    return line;
}

/* ---- opcodes: each is given the number that follows it ---- */

static bool nothing(tgi_pickle *p, uint64_t n)
{
    (void)p, (void)n;
    return true;
}

static bool proto(tgi_pickle *p, uint64_t n)
{
    return n <= 5 || tgi_pickle_fail(p, "a pickle of protocol %" PRIu64 "; known are those up to 5", n);
}

static bool stop(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return p->ended = true;
}

static bool mark(tgi_pickle *p, uint64_t n)
{
    (void)n;
    if (!tgi_grow(&p->marks, &p->mark_capacity, p->mark_count + 1, sizeof *p->marks)) return false;
    p->marks[p->mark_count++] = p->count;
    return true;
}

static bool drop(tgi_pickle *p, uint64_t n)
{
    (void)n;
    if (p->mark_count && p->count == floor_of(p)) return unmark(p) == 0;
    return pop(p) != NULL;
}

static bool drop_to_mark(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const int64_t above = unmark(p);
    if (above > 0) p->count -= above;
    return above >= 0;
}

static bool twice(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return push(p, top(p));
}

static bool none(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return push(p, tg_object_none());
}

static bool truth(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return push(p, tg_object_of_bool(p->bytes[p->opcode_at] == 0x88));
}

static bool integer(tgi_pickle *p, uint64_t n)
{
    const bool is_signed = p->bytes[p->opcode_at] == 'J';
    return push(p, tgi_object_int(&p->memory, is_signed ? (int64_t)(int32_t)(uint32_t)n : (int64_t)n));
}

/* n bytes, the least significant first, the sign in the last. */
static bool long_integer(tgi_pickle *p, uint64_t n)
{
    const unsigned char *bytes = (const unsigned char *)take(p, n);
    if (!bytes) return false;
    const unsigned char sign = n && bytes[n - 1] & 0x80 ? 0xff : 0;
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | ((uint64_t)i < n ? bytes[i] : sign);
    for (uint64_t i = 8; i < n; i++)
        if (bytes[i] != sign) return tgi_pickle_fail(p, "an integer of %" PRIu64 " bytes has no int64", n);
    if ((int64_t)value < 0 ? !sign : sign) return tgi_pickle_fail(p, "an integer of %" PRIu64 " bytes has no int64", n);
    return push(p, tgi_object_int(&p->memory, (int64_t)value));
}

/* Decimal digits, "-12" or "12L"; as I, "00" and "01" are bools. */
static bool decimal(tgi_pickle *p, uint64_t n)
{
    (void)n;
    int64_t bytes = 0, value = 0;
    const char *line = take_line(p, &bytes);
    if (!line) return false;
    const bool plain = p->bytes[p->opcode_at] == 'I';
    if (plain && bytes == 2 && line[0] == '0' && (line[1] | 1) == '1')
        return push(p, tg_object_of_bool(line[1] == '1'));
    if (!plain && bytes > 1 && line[bytes - 1] == 'L') bytes--;
    const bool negative = bytes > 0 && line[0] == '-';
    bool good = bytes > negative;
    for (int64_t i = negative; i < bytes && good; i++)
        good = line[i] >= '0' && line[i] <= '9' && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_sub_overflow(value, line[i] - '0', &value); /* below 0, where there is one number more */
    if (good && !negative) good = !__builtin_sub_overflow(0, value, &value);
    if (!good) return tgi_pickle_fail(p, "\"%.*s\" is no int64", (int)bytes, line);
    return push(p, tgi_object_int(&p->memory, value));
}

static bool real(tgi_pickle *p, uint64_t n)
{
    n = __builtin_bswap64(n); /* the only number with its most significant byte first */
    double value;
    memcpy(&value, &n, sizeof value);
    return push(p, tgi_object_float(&p->memory, value));
}

static bool text(tgi_pickle *p, uint64_t n)
{
    const char *bytes = take(p, n);
    if (!bytes) return false;
    if (tgi_not_utf8(bytes, (int64_t)n) >= 0) return tgi_pickle_fail(p, "a text that is not UTF-8");
    return push(p, tgi_object_text(&p->memory, TG_OBJECT_TEXT, bytes, (int64_t)n));
}

static bool some_bytes(tgi_pickle *p, uint64_t n)
{
    const char *bytes = take(p, n);
    return bytes && push(p, tgi_object_text(&p->memory, TGI_OBJECT_BYTES, bytes, (int64_t)n));
}

static bool empty(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const unsigned char opcode = p->bytes[p->opcode_at];
    return push(p, new_container(p, opcode == '}' ? TG_OBJECT_DICT : opcode == ')' ? TG_OBJECT_TUPLE : TG_OBJECT_LIST));
}

static bool append(tgi_pickle *p, uint64_t n)
{
    (void)n;
    tg_object *list = below(p, 1, TG_OBJECT_LIST);
    return list && move_into(p, list, 1);
}

static bool appends(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const int64_t items = unmark(p);
    tg_object *list = items < 0 ? NULL : below(p, items, TG_OBJECT_LIST);
    return list && move_into(p, list, items);
}

static bool set_item(tgi_pickle *p, uint64_t n)
{
    (void)n;
    tg_object *dict = below(p, 2, TG_OBJECT_DICT);
    return dict && move_into(p, dict, 2);
}

static bool set_items(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const int64_t items = unmark(p);
    tg_object *dict = items < 0 ? NULL : below(p, items, TG_OBJECT_DICT);
    if (dict && items % 2) return tgi_pickle_fail(p, "a key without a value");
    return dict && move_into(p, dict, items);
}

static bool list_of(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return collect(p, TG_OBJECT_LIST, unmark(p));
}

static bool dict_of(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const int64_t items = unmark(p);
    if (items > 0 && items % 2) return tgi_pickle_fail(p, "a key without a value");
    return collect(p, TG_OBJECT_DICT, items);
}

static bool tuple_of(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const unsigned char opcode = p->bytes[p->opcode_at];
    return collect(p, TG_OBJECT_TUPLE, opcode == 't' ? unmark(p) : opcode - 0x84);
}

/* Pickles number what they remember from 0 on: a number that is larger than their length is none of theirs. */
static bool put(tgi_pickle *p, uint64_t n)
{
    const tg_object *o = top(p);
    if (!o) return false;
    if (n >= (uint64_t)p->size) return tgi_pickle_fail(p, "remembers something under the number %" PRIu64, n);
    if (!tgi_grow(&p->memo, &p->memo_capacity, (int64_t)n + 1, sizeof *p->memo)) return false;
    while (p->memo_count <= (int64_t)n) p->memo[p->memo_count++] = NULL;
    p->memo[n] = o;
    return true;
}

static bool memoize(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return put(p, (uint64_t)p->memo_count);
}

static bool get(tgi_pickle *p, uint64_t n)
{
    if (n < (uint64_t)p->memo_count && p->memo[n]) return push(p, p->memo[n]);
    return tgi_pickle_fail(p, "nothing was remembered under the number %" PRIu64, n);
}

static bool global(tgi_pickle *p, uint64_t n)
{
    (void)n;
    int64_t module_bytes = 0, name_bytes = 0;
    const char *module = take_line(p, &module_bytes);
    const char *name = module ? take_line(p, &name_bytes) : NULL;
    return name && push(p, tgi_pickle_global(p, module, module_bytes, name, name_bytes));
}

static bool stack_global(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const tg_object *name = pop(p), *module = name ? pop(p) : NULL;
    if (!module) return false;
    if (name->kind != TG_OBJECT_TEXT || module->kind != TG_OBJECT_TEXT)
        return tgi_pickle_fail(p, "the name of a class is no text");
    return push(p, tgi_pickle_global(p, module->as.text, module->count, name->as.text, name->count));
}

static bool persistent(tgi_pickle *p, uint64_t n)
{
    (void)n;
    const tg_object *id = pop(p);
    return id && push(p, tgi_pickle_storage(p, id));
}

static bool two(tgi_pickle *p, const tg_object *(*make)(tgi_pickle *, const tg_object *, const tg_object *))
{
    const tg_object *second = pop(p), *first = second ? pop(p) : NULL;
    return first && push(p, make(p, first, second));
}

static bool reduce(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return two(p, tgi_pickle_call);
}

static bool new_object(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return two(p, tgi_pickle_instance);
}

static bool build(tgi_pickle *p, uint64_t n)
{
    (void)n;
    return two(p, tgi_pickle_build);
}

/* ---- the program ---- */

/* Each opcode with how many bytes of a number follow it. */
typedef struct opcode {
    unsigned char bytes;
    bool (*run)(tgi_pickle *p, uint64_t number);
} opcode;

static const opcode opcodes[256] = {
    [0x80] = { 1, proto },      [0x95] = { 8, nothing },      ['.'] = { 0, stop },          ['('] = { 0, mark },
    ['0'] = { 0, drop },        ['1'] = { 0, drop_to_mark },  ['2'] = { 0, twice },         ['N'] = { 0, none },
    [0x88] = { 0, truth },      [0x89] = { 0, truth },        ['K'] = { 1, integer },       ['M'] = { 2, integer },
    ['J'] = { 4, integer },     [0x8a] = { 1, long_integer }, [0x8b] = { 4, long_integer }, ['I'] = { 0, decimal },
    ['L'] = { 0, decimal },     ['G'] = { 8, real },          ['X'] = { 4, text },          [0x8c] = { 1, text },
    [0x8d] = { 8, text },       ['U'] = { 1, text },          ['T'] = { 4, text },          ['C'] = { 1, some_bytes },
    ['B'] = { 4, some_bytes },  [0x8e] = { 8, some_bytes },   [0x96] = { 8, some_bytes },   ['}'] = { 0, empty },
    [']'] = { 0, empty },       [')'] = { 0, empty },         [0x8f] = { 0, empty },        ['a'] = { 0, append },
    ['e'] = { 0, appends },     [0x90] = { 0, appends },      ['s'] = { 0, set_item },      ['u'] = { 0, set_items },
    ['l'] = { 0, list_of },     [0x91] = { 0, list_of },      ['d'] = { 0, dict_of },       ['t'] = { 0, tuple_of },
    [0x85] = { 0, tuple_of },   [0x86] = { 0, tuple_of },     [0x87] = { 0, tuple_of },     ['q'] = { 1, put },
    ['r'] = { 4, put },         [0x94] = { 0, memoize },      ['h'] = { 1, get },           ['j'] = { 4, get },
    ['c'] = { 0, global },      [0x93] = { 0, stack_global }, ['Q'] = { 0, persistent },    ['R'] = { 0, reduce },
    [0x81] = { 0, new_object }, ['b'] = { 0, build },
};

static bool run_one(tgi_pickle *p)
{
    p->opcode_at = p->next;
    if (p->next >= p->size) return tgi_pickle_fail(p, "the pickle has no end");
    const opcode *o = &opcodes[p->bytes[p->next++]];
    if (!o->run) return tgi_pickle_fail(p, "an opcode that is not known here: 0x%02x", p->bytes[p->opcode_at]);
    const unsigned char *bytes = (const unsigned char *)take(p, o->bytes);
    if (!bytes) return false;
    uint64_t number = 0;
    for (int i = o->bytes - 1; i >= 0; i--) number = number << 8 | bytes[i];
    return o->run(p, number);
}

static const tg_object *result_of(tgi_pickle *p)
{
    const tg_object *o = pop(p);
    if (!o) return NULL;
    if (o->flags & TGI_INNER) return tgi_pickle_fail(p, "it holds %s", tgi_object_name(o));
    /* What lies in several places is told in two bytes each; lists of such lists would grow without bounds. */
    if (tgi_is_container(o) && o->size > 2 * p->size)
        return tgi_pickle_fail(p, "lists of the same lists, which make %lld objects of %lld bytes", (long long)o->size,
                               (long long)p->size);
    const char *problem = tgi_object_finish(o);
    if (problem && *problem) tgi_pickle_fail(p, "%s", problem);
    return problem ? NULL : o;
}

const tg_object *tgi_pickle_load(tgi_pickle *p)
{
    bool good = true;
    while (good && !p->ended) good = run_one(p);
    const tg_object *o = good ? result_of(p) : NULL;
    tgi_grow_free(p->stack, p->capacity, sizeof *p->stack);
    tgi_grow_free(p->memo, p->memo_capacity, sizeof *p->memo);
    tgi_grow_free(p->marks, p->mark_capacity, sizeof *p->marks);
    tgi_grow_free(p->storages, p->storage_capacity, sizeof *p->storages);
    tgi_grow_free(p->slots, p->slot_count, sizeof *p->slots);
    return o;
}
