/* test_data_hostile.c: tables, texts, data sets and pictures that are damaged, and a machine that fails: every
 * allocation, every call of the system in turn. */
#define _GNU_SOURCE /* for failing_calls.h */
#include "tests/support/failing.h"
#include "tests/support/failing_calls.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define FILES "tests/golden/files/"

/* ---- mutants ---- */

static const char *const tables[] = { FILES "csv_quoted.csv",  FILES "csv_missing.csv", FILES "csv_blank_lines.csv",
                                      FILES "csv_numbers.csv", FILES "csv_wide.csv",    NULL };
static const char *const others[] = { FILES "csv_returns.csv", FILES "csv_short.csv", FILES "csv_header.csv", NULL };
static const char *const idx[] = { FILES "bytes.idx",
                                   FILES "int16.idx",
                                   FILES "float64.idx",
                                   FILES "none.idx",
                                   FILES "labels.idx",
                                   FILES "float32.idx",
                                   NULL };
static const char *const packed[] = { FILES "bytes.idx.gz", FILES "int32.idx.gz", NULL };
static const char *const ten[] = { FILES "cifar10.bin.gz", NULL }, *const hundred[] = { FILES "cifar100.bin.gz", NULL };
static const char *const pictures[] = { FILES "grey.pgm", FILES "colour.ppm", FILES "deep.pgm",
                                        FILES "text.pgm", FILES "text.ppm",   NULL };

static volatile size_t seen;

static void walk_texts(tg_text_list list)
{
    for (int64_t i = 0; i < list.count; i++) seen += strlen(list.items[i]);
}

/* Every column, however it is asked for. */
static bool walk_table(tg_csv *csv)
{
    const tg_text_list names = tg_csv_names(csv);
    walk_texts(names);
    for (int64_t i = 0; csv && i < names.count && i < 8; i++) {
        walk_texts(tg_csv_text(csv, names.items[i]));
        const tg_categories categories = tg_csv_categories(csv, names.items[i]);
        assert_true(walk_tensor(categories.codes));
        walk_texts(categories.names);
    }
    if (csv) assert_true(walk_tensor(tg_csv_tensor(csv, tg_texts(), .dtype = TG_FLOAT64)));
    for (int64_t i = 0; csv && i < names.count && i < 8; i++) {
        if (tg_csv_type_of(csv, names.items[i]) != TG_CSV_TEXT) continue;
        assert_null(tg_csv_column(csv, names.items[i])); /* its error finds the field's line */
        if (!strstr(tg_error_message(), ": line ")) fail_msg("%s", tg_error_message());
        tg_error_clear();
    }
    tg_csv_free(csv);
    return csv != NULL;
}

static bool load_table(const char *path)
{
    tg_csv *csv = tg_load_csv(path);
    if (!csv) return false;
    const tg_scope scope = tg_scope_begin();
    walk_table(csv);
    tg_scope_end(scope);
    return true;
}

static bool load_without_header(const char *path)
{
    tg_csv *csv = tg_load_csv(path, .header = false, .delimiter = ';', .decimal = ',', .comment = '#');
    tg_csv_free(csv);
    return csv != NULL;
}

static bool load_vocabulary(const char *path)
{
    tg_vocabulary *v = tg_load_vocabulary(path);
    for (int64_t i = 0; i < tg_vocabulary_size(v); i++) seen += strlen(tg_vocabulary_token(v, i));
    tg_vocabulary_free(v);
    return v != NULL;
}

static bool load_words(const char *path)
{
    tg_vocabulary *v = tg_vocabulary_of_file(path, .by = TG_WORDS, .lower = true);
    if (!v) return false;
    tg_tensor *ids = tg_encode_file(v, path);
    seen += strlen(tg_decode(v, ids));
    tg_vocabulary_free(v);
    return walk_tensor(ids);
}

static bool load_bytes(const char *path)
{
    tg_vocabulary *v = tg_vocabulary_of_file(path, .by = TG_BYTES);
    tg_tensor *ids = tg_encode_file(v, path);
    tg_vocabulary_free(v);
    return walk_tensor(ids);
}

static bool load_idx(const char *path) { return walk_tensor(tg_load_idx(path)); }
static bool load_scaled(const char *path) { return walk_tensor(tg_load_idx(path, .scale = 0.5)); }

static bool walk_cifar(tg_cifar c, bool coarse)
{
    assert_true((c.images == NULL) == (c.labels == NULL) && (c.coarse != NULL) == (coarse && c.images));
    return walk_tensor(c.images) && walk_tensor(c.labels) && (!coarse || walk_tensor(c.coarse));
}
static bool load_ten(const char *path) { return walk_cifar(tg_load_cifar10(path), false); }
static bool load_hundred(const char *path) { return walk_cifar(tg_load_cifar100(path), true); }

static bool load_picture(const char *path) { return walk_tensor(tg_load_ppm(path)); }

TEST(test_damaged_tables)
{
    load_mutants((mutation){ .seeds = tables, .load = load_table, .text = true });
    load_mutants((mutation){ .seeds = others, .load = load_without_header, .text = true });
}

TEST(test_damaged_texts)
{
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/vocabulary", folder);
    tg_vocabulary *v = tg_vocabulary_of_file("LICENSE", .by = TG_WORDS, .unknown = "\n", .specials = "\\,é");
    tg_save_vocabulary(v, path);
    tg_vocabulary_free(v);
    const char *const vocabularies[] = { path, FILES "csv_short.csv", NULL };
    const char *const texts[] = { FILES "csv_quoted.csv", "LICENSE", NULL };
    load_mutants((mutation){ .seeds = vocabularies, .load = load_vocabulary, .text = true, .factor = 24 });
    load_mutants((mutation){ .seeds = texts, .load = load_words, .text = true, .factor = 24 });
    load_mutants((mutation){ .seeds = texts, .load = load_bytes });
    remove_folder(folder);
}

TEST(test_damaged_data)
{
    load_mutants((mutation){ .seeds = idx, .load = load_idx });
    load_mutants((mutation){ .seeds = idx, .load = load_scaled });
    load_mutants((mutation){ .seeds = packed, .load = load_idx, .factor = 80 });
    load_mutants((mutation){ .seeds = ten, .load = load_ten, .factor = 80 });
    load_mutants((mutation){ .seeds = hundred, .load = load_hundred, .factor = 80 });
}

TEST(test_damaged_pictures) { load_mutants((mutation){ .seeds = pictures, .load = load_picture, .text = true }); }

/* ---- failures ---- */

static const char *folder;
static char saved[4200];

static int begin_folder(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(saved, sizeof saved, "%s/saved", folder);
    return 0;
}
static int end_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* Reads and writes one of everything; what it saw, or 0. */
static double read_all(void)
{
    double sum = 1;
    tg_csv *csv = tg_load_csv(FILES "csv_quoted.csv", .text = "id", .missing = "-1");
    const tg_categories categories = tg_csv_categories(csv, "id");
    if (categories.codes) sum += tg_item(tg_sum(categories.codes));
    tg_csv_free(csv);
    csv = tg_load_csv(FILES "csv_blank_lines.csv", .header = false);
    tg_csv_free(csv);
    csv = tg_load_csv(FILES "csv_wide.csv");
    tg_tensor *t = tg_csv_tensor(csv, tg_texts());
    if (t) sum += tg_item(tg_sum(t));
    tg_csv_free(csv);
    tg_vocabulary *v = tg_vocabulary_of_file(FILES "csv_quoted.csv", .by = TG_WORDS, .lower = true, .specials = "a,b"),
                  *list = tg_vocabulary_of_list(tg_texts("a", "b"), .unknown = "?");
    t = tg_encode_file(v, FILES "csv_quoted.csv");
    const char *text = tg_decode(v, t);
    if (text) sum += (double)strlen(text);
    tg_save_vocabulary(list, saved);
    tg_vocabulary_free(list);
    list = tg_vocabulary_of_texts(tg_texts("ab", "bc"), .unknown = "?");
    if (list) sum += (double)tg_vocabulary_size(list);
    tg_vocabulary_free(list);
    list = tg_load_vocabulary(saved);
    if (list) sum += (double)tg_vocabulary_size(list);
    tg_vocabulary_free(v);
    tg_vocabulary_free(list);
    t = tg_load_idx(FILES "bytes.idx.gz");
    if (t) sum += tg_item(tg_sum(t));
    t = tg_load_cifar100(FILES "cifar100.bin.gz").images;
    if (t) sum += tg_item(tg_sum(t));
    t = tg_load_ppm(FILES "colour.ppm");
    tg_tensor *grid = tg_image_grid(tg_stack(tg_list(t, t), 0));
    tg_save_png(grid, saved);
    tg_save_ppm(tg_transpose(grid, 1, 2), saved);
    tg_save_csv(tg_t(tg_select(t, 0, 0)), tg_texts(), saved);
    csv = tg_load_csv(saved, .header = false);
    t = tg_csv_column(csv, "1", .dtype = TG_FLOAT64);
    if (t) sum += tg_item(tg_sum(t));
    tg_csv_free(csv);
    return tg_failed() ? 0 : sum;
}

TEST(test_failing_allocations) { fail_each_allocation(read_all); }

static double expected;

static bool read_all_well(void)
{
    const tg_scope scope = tg_scope_begin();
    const double sum = read_all();
    tg_scope_end(scope);
    if (sum != 0 && expected != 0 && sum != expected) fail_msg("the result is %g, not %g", sum, expected);
    return sum != 0;
}

/* What cannot be told is a file that was read and does not close. */
static void after_failure(bool well)
{
    const tg_error error = tg_error_get();
    if (well && strcmp(failed_call, "close") != 0 && strcmp(failed_call, "flock") != 0)
        fail_msg("call %lld, %s, failed, and nobody said so", (long long)fail_call_at, failed_call);
    if (!well && (error.code != TG_ERROR_FILE || !strstr(error.message, "Input/output error")))
        fail_msg("call %lld, %s: %s", (long long)fail_call_at, failed_call, tg_error_message());
    tg_error_clear();
}

TEST(test_failing_calls)
{
    const tg_scope scope = tg_scope_begin();
    expected = read_all();
    tg_scope_end(scope);
    assert_true(expected > 1);
    const int64_t live = tg_memory_stats().live_bytes;
    fail_each_call(read_all_well, after_failure);
    disturb_calls(read_all_well);
    assert_true(tg_memory_stats().live_bytes == live);
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* so that each block is one that can fail */
    const struct CMUnitTest tests[] = {
        T(test_damaged_tables),   T(test_damaged_texts),       T(test_damaged_data),
        T(test_damaged_pictures), T(test_failing_allocations), T(test_failing_calls),
    };
    return cmocka_run_group_tests_name("data_hostile", tests, begin_folder, end_folder);
}
