/* test_safetensors_hostile.c: safetensors files that are damaged, and a machine that fails: every allocation, every call
 * of the system in turn. */
#define _GNU_SOURCE
#include "tests/support/failing.h"
#include "tests/support/failing_calls.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* ---- a machine that fails ---- */

static const char *folder;
static char path[4200];

static double load_one(void)
{
    tg_text_pairs metadata;
    const tg_named_tensor_list list = tg_load_safetensors(seeds[0], .metadata = &metadata);
    return walk(list) ? (double)(list.count + metadata.count) : 0;
}
static double load_one_mapped(void)
{
    const tg_named_tensor_list list = tg_load_safetensors(seeds[0], .mapped = true);
    return walk(list) ? (double)list.count : 0;
}
static double load_one_by_content(void)
{
    const tg_named_tensor_list list = tg_load(seeds[1]);
    return walk(list) ? (double)list.count : 0;
}

static tg_status save_one(void)
{
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    tg_named_tensor items[] = { { "a", tg_transpose(tg_ones(tg_shape(2, 3)), 0, 1) },
                                { "b", tg_ones(tg_shape(100, 100)) } };
    const tg_named_tensor_list list = { items, 2 };
    return tg_save_safetensors(list, path, .metadata = tg_text_pairs({ "k", long_text }));
}
static double save_in_scope(void) { return save_one() == TG_OK ? 1 : 0; }

TEST(test_allocations)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* of the threads to come every block is an allocation */
    fail_each_allocation(load_one);
    fail_each_allocation(load_one_mapped);
    fail_each_allocation(load_one_by_content);
    fail_each_allocation(save_in_scope);
    unsetenv("TAPEGRAD_POOL");
}

static bool loads(void)
{
    const tg_scope scope = tg_scope_begin();
    const bool well = load_one() != 0 && load_one_mapped() != 0;
    tg_scope_end(scope);
    return well;
}
static void after_loading(bool well)
{
    if (well) {
        assert_string_equal(failed_call, "close"); /* of a file that was read */
        return;
    }
    assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
    expect_error("Input/output error");
}

TEST(test_calls_of_loading)
{
    fail_each_call(loads, after_loading);
    disturb_calls(loads);
}

/* The old file is a number, the new one a model; what is there is one of them, whole. */
static const char old_content[] = "the old file";

static bool saves(void)
{
    const call_fate for_library = fate;
    fate = CALLS_WORK;
    write_file(path, old_content, sizeof old_content);
    fate = for_library;
    calls = 0;
    const tg_scope scope = tg_scope_begin();
    const bool well = save_one() == TG_OK;
    tg_scope_end(scope);
    return well;
}

static bool new_file_is_whole(void)
{
    const tg_named_tensor_list list = tg_load(path);
    return tg_ok() && list.count == 2 &&
           tg_item(tg_sum(list.items[1].tensor)) == 10000 - 9994 * (list.items[1].name[0] == 'a');
}

static void after_saving(bool well)
{
    char part[4300];
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(access(part, F_OK), -1);
    const bool failed = tg_failed();
    if (failed) expect_error(path);
    const tg_scope scope = tg_scope_begin();
    size_t n;
    unsigned char *bytes = read_file(path, &n);
    const bool is_old = n == sizeof old_content && memcmp(bytes, old_content, n) == 0;
    free(bytes);
    assert_int_equal(failed, !well);
    if (well || !is_old) assert_true(new_file_is_whole());
    if (well) assert_true(strcmp(failed_call, "flock") == 0 || strcmp(failed_call, "close") == 0);
    tg_scope_end(scope);
}

TEST(test_calls_of_saving)
{
    fail_each_call(saves, after_saving);
    disturb_calls(saves);
    const tg_scope scope = tg_scope_begin();
    assert_true(new_file_is_whole());
    tg_scope_end(scope);
}

int main(void)
{
    folder = make_folder();
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    const struct CMUnitTest tests[] = { T(test_allocations), T(test_calls_of_loading), T(test_calls_of_saving),
                                        T(test_mutants), T(test_mapped_mutants) };
    const int failed = cmocka_run_group_tests_name("safetensors_hostile", tests, NULL, NULL);
    remove_folder(folder);
    return failed;
}
