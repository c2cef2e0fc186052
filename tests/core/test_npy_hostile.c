/* test_npy_hostile.c: .npy and .npz files that are damaged, and a machine that fails: every allocation, every call of the
 * system in turn. */
#define _GNU_SOURCE
#include "core/file/crc32_impl.h"
#include "tests/support/failing.h"
#include "tests/support/failing_calls.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define FILES "tests/golden/files/"

static const char *const arrays[] = { FILES "version1.npy", FILES "version2.npy", FILES "version3.npy",
                                      FILES "fortran.npy", NULL };
/* The first one comes twice: load_mutants repairs every other mutant, and these are to be repaired and not. */
static const char *const archives[] = { FILES "every.npz", FILES "compressed.npz", FILES "every.npz", NULL };

/* ---- damaged files ---- */

static bool load_array(const char *path)
{
    const tg_tensor *t = tg_load_npy(path);
    return t ? walk_tensor(t) : tg_ok();
}

/* By its name, or by its content. */
static bool load_archive(const char *path)
{
    static int64_t times;
    return walk(times++ % 4 < 2 ? tg_load_npz(path) : tg_load(path));
}

static uint32_t number(const unsigned char *p, int bytes)
{
    uint32_t x = 0;
    for (int i = 0; i < bytes; i++) x |= (uint32_t)p[i] << 8 * i;
    return x;
}

/* The sums of stored entries that the directory still finds are those of their bytes. */
static void repair_sums(mutant *m)
{
    for (size_t at = 0; at + 46 <= m->count; at++) {
        const unsigned char *entry = m->bytes + at;
        if (memcmp(entry, "PK\1\2", 4) != 0) continue;
        const size_t size = number(entry + 20, 4), begin = number(entry + 42, 4);
        if (begin > m->count || m->count - begin < 30) continue;
        const size_t data = begin + 30 + number(m->bytes + begin + 26, 2) + number(m->bytes + begin + 28, 2);
        if (data > m->count || size > m->count - data || number(entry + 10, 2) != 0) continue;
        const uint32_t crc = tgi_crc32(0, m->bytes + data, size);
        memcpy(m->bytes + at + 16, &crc, sizeof crc);
    }
}

TEST(test_mutants) { load_mutants((mutation){ .seeds = arrays, .load = load_array, .text = true }); }

TEST(test_mutants_of_archives)
{
    load_mutants((mutation){ .seeds = archives, .load = load_archive, .repair = repair_sums });
}

/* ---- a machine that fails ---- */

static const char *folder;
static char path[4200];

static double load_one(void)
{
    tg_tensor *t = tg_load_npy(FILES "fortran.npy");
    return t && walk_tensor(t) ? tg_item(tg_sum(t)) : 0;
}

static double load_all(void)
{
    double count = 0;
    for (int i = 0; archives[i]; i++) {
        const tg_named_tensor_list list = tg_load_npz(archives[i]);
        if (!walk(list)) return 0;
        count += (double)list.count;
    }
    return count;
}

static double load_by_content(void)
{
    const tg_named_tensor_list a = tg_load(FILES "version1.npy");
    if (!walk(a)) return 0;
    const tg_named_tensor_list b = tg_load(archives[1]);
    return walk(b) ? (double)(a.count + b.count) : 0;
}

static tg_status save_array(void) { return tg_save_npy(tg_transpose(tg_ones(tg_shape(2, 3)), 0, 1), path); }

static tg_status save_archive(void)
{
    tg_named_tensor items[] = { { "a", tg_transpose(tg_ones(tg_shape(2, 3)), 0, 1) },
                                { "b", tg_ones(tg_shape(200, 100)) } };
    const tg_named_tensor_list list = { items, 2 };
    return tg_save_npz(list, path);
}

static double save_an_array(void) { return save_array() == TG_OK ? 1 : 0; }
static double save_an_archive(void) { return save_archive() == TG_OK ? 1 : 0; }

TEST(test_allocations)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* of the threads to come every block is an allocation */
    fail_each_allocation(load_one);
    fail_each_allocation(load_all);
    fail_each_allocation(load_by_content);
    fail_each_allocation(save_an_array);
    fail_each_allocation(save_an_archive);
    unsetenv("TAPEGRAD_POOL");
}

static bool loads(void)
{
    const tg_scope scope = tg_scope_begin();
    const bool well = load_one() != 0 && load_all() != 0 && load_by_content() != 0;
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

/* The old file is no array; what is there is one of both, whole. */
static const char old_content[] = "the old file";
static tg_status (*save)(void);

static bool saves(void)
{
    const call_fate for_library = fate;
    fate = CALLS_WORK;
    write_file(path, old_content, sizeof old_content);
    fate = for_library;
    calls = 0;
    const tg_scope scope = tg_scope_begin();
    const bool well = save() == TG_OK;
    tg_scope_end(scope);
    return well;
}

static bool new_file_is_whole(void)
{
    const tg_named_tensor_list list = tg_load(path);
    double sum = 0;
    for (int64_t i = 0; i < list.count; i++) sum += tg_item(tg_sum(list.items[i].tensor));
    return tg_ok() && sum == (save == save_array ? 6 : 20006);
}

static void after_saving(bool well)
{
    char part[4300];
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(tg_failed(), !well);
    if (!well) expect_error(path);
    const tg_scope scope = tg_scope_begin();
    size_t n;
    unsigned char *bytes = read_file(path, &n);
    const bool is_old = n == sizeof old_content && memcmp(bytes, old_content, n) == 0;
    free(bytes);
    if (well || !is_old) assert_true(new_file_is_whole());
    if (well) assert_true(strcmp(failed_call, "flock") == 0 || strcmp(failed_call, "close") == 0);
    tg_scope_end(scope);
}

TEST(test_calls_of_saving)
{
    static tg_status (*const both[])(void) = { save_array, save_archive };
    for (int i = 0; i < 2; i++) {
        save = both[i];
        fail_each_call(saves, after_saving);
        disturb_calls(saves);
        const tg_scope scope = tg_scope_begin();
        assert_true(new_file_is_whole());
        tg_scope_end(scope);
    }
}

int main(void)
{
    folder = make_folder();
    snprintf(path, sizeof path, "%s/x.npy", folder);
    const struct CMUnitTest tests[] = {
        T(test_allocations), T(test_calls_of_loading),    T(test_calls_of_saving),
        T(test_mutants),     T(test_mutants_of_archives),
    };
    const int failed = cmocka_run_group_tests_name("npy_hostile", tests, NULL, NULL);
    remove_folder(folder);
    return failed;
}
