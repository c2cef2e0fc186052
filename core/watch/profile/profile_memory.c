/* profile_memory.c: a profile's memory, which is the system's (see profile_impl.h). */
#include "profile_impl.h"

#include <string.h>

enum { TEXTS = 8192 };

/* Texts, one behind the other. */
typedef struct tgi_profile_texts {
    struct tgi_profile_texts *next;
    size_t used;
    char text[TEXTS];
} text_block;

/* What an allocator is asked for is aligned to 64 bytes, and as many times as long. */
static size_t rounded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

void *tgi_profile_alloc(size_t bytes)
{
    const tgi_allocator system = tgi_system_allocator();
    void *block = system.allocate(rounded(bytes), system.context);
    return block ? memset(block, 0, bytes) : NULL;
}

void tgi_profile_dealloc(void *block, size_t bytes)
{
    const tgi_allocator system = tgi_system_allocator();
    if (block) system.release(block, rounded(bytes), system.context);
}

bool tgi_profile_grow(void *array, int64_t *capacity, int64_t needed, size_t size)
{
    if (needed <= *capacity) return true;
    int64_t more = *capacity ? *capacity : 64;
    while (more < needed) more *= 2;
    void *old = *(void **)array, *block = tgi_profile_alloc((size_t)more * size);
    if (!block) return false;
    if (old) memcpy(block, old, (size_t)*capacity * size);
    tgi_profile_dealloc(old, (size_t)*capacity * size);
    *(void **)array = block;
    *capacity = more;
    return true;
}

const char *tgi_profile_text(tgi_profile *p, const char *text)
{
    if (!text || !*text) return "";
    size_t bytes = strlen(text) + 1;
    if (bytes > TEXTS) bytes = TEXTS;
    text_block *block = p->texts;
    if (!block || block->used + bytes > TEXTS) {
        block = tgi_profile_alloc(sizeof *block);
        if (!block) return "";
        block->next = p->texts;
        p->texts = block;
    }
    char *copy = memcpy(block->text + block->used, text, bytes);
    copy[bytes - 1] = '\0';
    block->used += bytes;
    return copy;
}

static void free_texts(text_block *block)
{
    while (block) {
        text_block *next = block->next;
        tgi_profile_dealloc(block, sizeof *block);
        block = next;
    }
}

/* The tables have room from the beginning, so that what is measured seldom waits for memory. */
tgi_profile *tgi_profile_new(tg_profile_options options)
{
    enum { FRAMES = 256, ROWS = 1024, NODES = 4096, EVENTS = 1 << 16 };
    tgi_profile *p = tgi_profile_alloc(sizeof *p);
    if (!p) return NULL;
    p->options = options;
    p->observer = -1;
    p->place_count = 1;
    const bool ok = tgi_profile_grow(&p->frames, &p->frame_capacity, FRAMES, sizeof *p->frames) &&
                    tgi_profile_grow(&p->rows, &p->row_capacity, ROWS, sizeof *p->rows) &&
                    tgi_profile_grow(&p->table, &p->table_size, 4 * ROWS, sizeof *p->table) &&
                    tgi_profile_grow(&p->places, &p->place_capacity, 1, sizeof *p->places) &&
                    tgi_profile_grow(&p->nodes, &p->node_capacity, NODES, sizeof *p->nodes) &&
                    (!options.trace || tgi_profile_grow(&p->events, &p->event_capacity, EVENTS, sizeof *p->events));
    if (!ok) {
        tgi_profile_free(p);
        return NULL;
    }
    p->row_count = 1;
    p->rows[0] = (tgi_profile_row){ .key = { .phase = TGI_OUTSIDE }, .name = "(outside)", .line = "", .shapes = "" };
    p->places[0].name = "";
    return p;
}

void tgi_profile_free(tgi_profile *p)
{
    if (!p) return;
    tgi_profile_dealloc(p->frames, (size_t)p->frame_capacity * sizeof *p->frames);
    tgi_profile_dealloc(p->rows, (size_t)p->row_capacity * sizeof *p->rows);
    tgi_profile_dealloc(p->table, (size_t)p->table_size * sizeof *p->table);
    tgi_profile_dealloc(p->places, (size_t)p->place_capacity * sizeof *p->places);
    tgi_profile_dealloc(p->numbers, (size_t)p->number_capacity * sizeof *p->numbers);
    tgi_profile_dealloc(p->nodes, (size_t)p->node_capacity * sizeof *p->nodes);
    tgi_profile_dealloc(p->events, (size_t)p->event_capacity * sizeof *p->events);
    free_texts(p->texts);
    tgi_profile_dealloc(p, sizeof *p);
}
