/* checkpoint_sum.c: the sum that tells whether a checkpoint is the one that was saved. safetensors has none, and a disk
 * or a copy that changes a byte would change a weight. It is no protection from who wants to change it.
 *
 * Each step of the sum of one entry is a bijection of what came before, so that no single word can change unseen. The
 * entries' sums are added, so that their order in the file does not count. */
#include "checkpoint_impl.h"

#include "core/file/output_impl.h"
#include "core/tensor_impl.h"

#include <string.h>

/* Arithmetic that wraps on purpose: clang's -fsanitize=integer is told so. */
#ifdef __clang__
#define WRAPS __attribute__((no_sanitize("integer")))
#else
#define WRAPS
#endif

WRAPS static inline uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

/* Four sums side by side, of which none waits for another. */
enum { LANES = 4 };

static uint64_t mix_bytes(uint64_t sum, const void *bytes, size_t count)
{
    const char *at = bytes;
    uint64_t word, lanes[LANES] = { 1, 2, 3, 4 };
    sum = mix(sum, count);
    for (; count >= LANES * sizeof word; at += LANES * sizeof word, count -= LANES * sizeof word)
        for (int k = 0; k < LANES; k++) {
            memcpy(&word, at + (size_t)k * sizeof word, sizeof word);
            lanes[k] = mix(lanes[k], word);
        }
    for (int k = 0; k < LANES; k++) sum = mix(sum, lanes[k]);
    for (; count >= sizeof word; at += sizeof word, count -= sizeof word) {
        memcpy(&word, at, sizeof word);
        sum = mix(sum, word);
    }
    word = 0;
    if (count) memcpy(&word, at, count);
    return mix(sum, word);
}

static uint64_t sum_of_tensor(const tg_named_tensor *entry)
{
    const tg_tensor *t = entry->tensor;
    uint64_t sum = mix_bytes(1, entry->name, strlen(entry->name));
    sum = mix(sum, (uint64_t)t->dtype);
    sum = mix(sum, (uint64_t)t->ndim);
    for (int d = 0; d < t->ndim; d++) sum = mix(sum, (uint64_t)t->dims[d]);
    const tg_scope scope = tg_scope_begin();
    const void *elements = tgi_row_major(t);
    if (elements) sum = mix_bytes(sum, elements, (size_t)t->numel * tgi_element_size(t));
    tg_scope_end(scope);
    return sum;
}

WRAPS uint64_t tgi_checksum(tg_named_tensor_list list, tg_text_pairs texts)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < list.count; i++) sum += sum_of_tensor(&list.items[i]);
    for (int64_t i = 0; i < texts.count; i++) {
        if (strcmp(texts.items[i].key, "checksum") == 0) continue;
        const uint64_t key = mix_bytes(2, texts.items[i].key, strlen(texts.items[i].key));
        sum += mix_bytes(key, texts.items[i].text, strlen(texts.items[i].text));
    }
    return sum;
}
