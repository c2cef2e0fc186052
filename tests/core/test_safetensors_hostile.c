/* test_safetensors_hostile.c: safetensors files that are damaged, and a machine that fails: every allocation, every call
 * of the system in turn. */
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <string.h>

static const char *const seeds[] = { "tests/golden/files/every.safetensors", "tests/golden/files/loose.safetensors",
                                     "tests/golden/files/lstm.safetensors", NULL };

static bool load(const char *path)
{
    tg_text_pairs metadata;
    const tg_named_tensor_list list = tg_load_safetensors(path, .metadata = &metadata);
    for (int64_t i = 0; i < metadata.count; i++) assert_non_null(tg_text_of(metadata, metadata.items[i].key));
    if (tg_failed()) assert_true(metadata.count == 0 && list.count == 0);
    return walk(list);
}

static bool load_mapped(const char *path) { return walk(tg_load_safetensors(path, .mapped = true)); }

/* Writes the header's length anew, so that the header is read at all: up to the last '}'. */
static void repair(mutant *m)
{
    if (m->count < 8) return;
    size_t end = m->count < 1024 ? m->count : 1024;
    while (end > 8 && m->bytes[end - 1] != '}') end--;
    uint64_t n = end - 8;
    while (end < m->count && m->bytes[end] == ' ') end++, n++;
    memcpy(m->bytes, &n, sizeof n);
}

TEST(test_mutants) { load_mutants((mutation){ .seeds = seeds, .load = load, .repair = repair, .text = true }); }
TEST(test_mapped_mutants)
{
    load_mutants((mutation){ .seeds = seeds, .load = load_mapped, .repair = repair, .text = true });
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_mutants), T(test_mapped_mutants) };
    return cmocka_run_group_tests_name("safetensors_hostile", tests, NULL, NULL);
}
