/* test_checkpoints.c: a folder of checkpoints: which are kept, which is the best, which is loaded when some are damaged,
 * and what is never touched. */
#define _GNU_SOURCE

#include "tests/support/suite.h"
#include "tests/support/caching.h"
#include "tests/support/mutate.h"
#include "tests/support/training.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;
static const char *file(const char *name)
{
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int open_folder(void **state)
{
    folder = make_folder();
    return silence_errors(state);
}
static int close_folder(void **state)
{
    remove_folder(folder);
    return expect_no_error(state);
}

static bool is_there(const char *name) { return access(file(name), F_OK) == 0; }

/* All names in the folder, sorted, with blanks between. */
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static void assert_files(const char *expected)
{
    char *names[32], all[1024] = "";
    int count = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') names[count++] = strdup(e->d_name);
    closedir(d);
    qsort(names, (size_t)count, sizeof *names, by_text);
    for (int i = 0; i < count; i++) {
        strcat(strcat(all, i ? " " : ""), names[i]);
        free(names[i]);
    }
    assert_string_equal(all, expected);
}

static char warning[1024];
static int warnings;
static void note_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)context;
    snprintf(warning, sizeof warning, "%s", message);
    warnings++;
}

/* A run whose only part is a number: ten times the step. */
static int64_t number;
#define NUMBER .step = &number
static void save_step(tg_checkpoints *c, int64_t step, double metric)
{
    number = 10 * step;
    assert_int_equal(tg_checkpoints_save(c, step, metric, NUMBER), TG_OK);
}

static int errors_told;
static void count_errors(const tg_error *error, void *context)
{
    (void)error, (void)context;
    errors_told++;
}

/* ---- which are kept ---- */

TEST(test_the_last_few_and_the_best)
{
    static const double metrics[] = { 5, 3, 4, NAN, 1, 1, 2, -0.5, INFINITY };
    tg_checkpoints *c = tg_checkpoints_new(folder, .keep = 2);
    assert_true(isnan(tg_checkpoints_best_metric(c)) && tg_checkpoints_best_step(c) == -1);
    assert_true(tg_checkpoints_load_latest(c, NUMBER) == -1 && tg_checkpoints_load_best(c, NUMBER) == -1 && tg_ok());
    for (int i = 0; i < 9; i++) {
        save_step(c, i, metrics[i]);
        const int64_t best = i < 1 ? 0 : i < 4 ? 1 : i < 7 ? 4 : 7;
        assert_true(tg_checkpoints_best_step(c) == best && tg_checkpoints_best_metric(c) == metrics[best]);
        assert_true(tg_checkpoints_load_best(c, NUMBER) == best && number == 10 * best);
        assert_true(tg_checkpoints_load_latest(c, NUMBER) == i && number == 10 * i);
        tg_checkpoint_load(file("best.safetensors"), NUMBER);
        assert_int_equal(number, 10 * best);
    }
    assert_files("best.safetensors step-000007.safetensors step-000008.safetensors");
    tg_checkpoints_free(c);
    c = tg_checkpoints_new(folder, .keep = 1); /* another program, which goes on */
    assert_true(tg_checkpoints_best_metric(c) == -0.5 && tg_checkpoints_best_step(c) == 7);
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 8);
    save_step(c, 1000000, -0.5); /* no better */
    assert_files("best.safetensors step-1000000.safetensors");
    assert_int_equal(tg_checkpoints_best_step(c), 7);
    save_step(c, 1000000, -1); /* the same step once more */
    assert_files("best.safetensors step-1000000.safetensors");
    assert_int_equal(tg_checkpoints_best_step(c), 1000000);
    tg_checkpoints_free(c);
}

TEST(test_highest_none_and_all)
{
    tg_checkpoints *c = tg_checkpoints_new(folder, .keep = TG_KEEP_ALL, .best = TG_HIGHEST);
    for (int i = 0; i < 5; i++) save_step(c, i, i == 2 ? 9 : i);
    assert_true(tg_checkpoints_best_step(c) == 2);
    tg_checkpoints_free(c);
    c = tg_checkpoints_new(folder, .best = TG_NO_BEST); /* of the five before, the last two are kept with the new one */
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 4);
    save_step(c, 5, 100);
    assert_files("best.safetensors step-000003.safetensors step-000004.safetensors step-000005.safetensors");
    tg_checkpoint_load(file("best.safetensors"), NUMBER);
    assert_int_equal(number, 20);
    tg_checkpoints_free(c);
    tg_checkpoints_free(NULL);
}

/* Two names of one file; no step that is overwritten or removed takes the best one with it. */
TEST(test_the_best_is_a_second_name)
{
    tg_checkpoints *c = tg_checkpoints_new(folder, .keep = 1);
    save_step(c, 1, 1);
    struct stat step, best;
    assert_true(stat(file("step-000001.safetensors"), &step) == 0 && stat(file("best.safetensors"), &best) == 0);
    assert_true(step.st_ino == best.st_ino);
    save_step(c, 1, 2);
    assert_true(tg_checkpoint_load(file("best.safetensors"), NUMBER) == TG_OK);
    assert_true(stat(file("step-000001.safetensors"), &step) == 0 && step.st_ino != best.st_ino);
    /* What a program that was killed may leave: the link under its first name, by which nothing may be written. */
    assert_int_equal(link(file("best.safetensors"), file("best.safetensors.link")), 0);
    save_step(c, 2, 0.5);
    assert_files("best.safetensors step-000002.safetensors");
    tg_checkpoint_load(file("best.safetensors"), NUMBER);
    assert_int_equal(number, 20);
    tg_checkpoints_free(c);
}

/* Only files of the names that are its own, and what is being written stays. */
TEST(test_what_is_not_touched)
{
    static const char *const others[] = {
        "a.safetensors",
        "step-1.safetensors",
        "step-000001.safetensors.bak",
        "step-0000001.safetensors",
        "step--00001.safetensors",
        "step-00000x.safetensors",
        "step-99999999999999999999999.safetensors",
        "step-.safetensors",
        "xstep-000001.safetensors",
        "step-000001.pt",
        "notes.part",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) write_file(file(others[i]), "x", 1);
    write_file(file("step-000077.safetensors.part"), "left by a kill", 14);
    write_file(file("step-000078.safetensors.part"), "being written", 13);
    const int fd = open(file("step-000078.safetensors.part"), O_WRONLY);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    tg_checkpoints *c = tg_checkpoints_new(folder, .keep = 1);
    for (int i = 0; i < 3; i++) save_step(c, i, 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_true(is_there(others[i]));
    assert_true(!is_there("step-000077.safetensors.part") && is_there("step-000078.safetensors.part"));
    assert_true(!is_there("step-000001.safetensors") && is_there("step-000002.safetensors"));
    close(fd);
    tg_checkpoints_free(c);
}

/* ---- steps that do not follow ---- */

TEST(test_steps_do_not_fall)
{
    tg_checkpoints *c = tg_checkpoints_new(folder);
    save_step(c, 5, 1);
    assert_int_equal(tg_checkpoints_save(c, 4, 0, NUMBER), TG_FAILED);
    expect_error("checkpoints_save: step 4 after step 5: steps do not fall");
    assert_int_equal(tg_checkpoints_save(c, -1, 0, NUMBER), TG_FAILED);
    expect_error("step -1: steps begin at 0");
    tg_checkpoints_free(c);
    c = tg_checkpoints_new(folder); /* begins anew by mistake */
    assert_int_equal(tg_checkpoints_save(c, 1, 0, NUMBER), TG_FAILED);
    expect_error("has step 5 of another run: load it (tg_checkpoints_load_latest), or take another folder");
    number = 7; /* nor over the last one of them, */
    assert_int_equal(tg_checkpoints_save(c, 5, 0, NUMBER), TG_FAILED);
    expect_error("step 5, but ");
    assert_files("best.safetensors step-000005.safetensors");
    tg_checkpoints *again = tg_checkpoints_new(folder); /* unless it was loaded */
    assert_true(tg_checkpoints_load_latest(again, NUMBER) == 5 && number == 50);
    save_step(again, 5, 1);
    tg_checkpoints_free(again);
    save_step(c, 6, 2); /* later steps are no harm */
    assert_files("best.safetensors step-000005.safetensors step-000006.safetensors");
    tg_checkpoints_free(c);
}

/* Back to the best one: what came after it is no part of the run any more. */
TEST(test_back_to_the_best)
{
    tg_checkpoints *c = tg_checkpoints_new(folder);
    for (int i = 1; i < 7; i++) save_step(c, i, i == 3 ? 0 : i);
    assert_int_equal(tg_checkpoints_load_best(c, NUMBER), 3);
    assert_files("best.safetensors step-000004.safetensors step-000005.safetensors step-000006.safetensors");
    save_step(c, 5, 1);
    assert_files("best.safetensors step-000005.safetensors");
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 5);
    tg_checkpoints_free(c);
}

/* ---- damaged ones ---- */

static void damage(const char *name)
{
    size_t count;
    unsigned char *bytes = read_file(file(name), &count);
    bytes[count - 1] ^= 1;
    unlink(file(name)); /* it may have another name */
    write_file(file(name), bytes, count);
    free(bytes);
}

TEST(test_the_newest_that_is_whole)
{
    tg_set_warning_handler(note_warning, NULL);
    tg_checkpoints *c = tg_checkpoints_new(folder);
    for (int i = 1; i < 4; i++) save_step(c, i, i);
    damage("step-000003.safetensors");
    errors_told = warnings = 0;
    tg_set_error_handler(count_errors, NULL);
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 2);
    assert_true(number == 20 && tg_ok() && errors_told == 0 && warnings == 1);
    assert_non_null(strstr(warning, "step-000003.safetensors: is damaged: its checksum is"));
    assert_non_null(strstr(warning, "; the one before it is tried"));
    damage("step-000002.safetensors");
    unlink(file("step-000001.safetensors")); /* best is its other name, and not to be emptied */
    write_file(file("step-000001.safetensors"), "", 0);
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 1);
    assert_true(number == 10 && tg_ok() && errors_told == 0);
    save_step(c, 3, 1);
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 3);
    tg_checkpoints_free(c);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
}

/* Here a link that leads to itself: the file is not damaged, and what is newer is not given up. */
TEST(test_what_cannot_be_opened_is_not_damaged)
{
    tg_checkpoints *c = tg_checkpoints_new(folder);
    for (int i = 1; i < 3; i++) save_step(c, i, i);
    assert_int_equal(rename(file("step-000002.safetensors"), file("kept")), 0);
    assert_int_equal(symlink("step-000002.safetensors", file("step-000002.safetensors")), 0);
    number = 5;
    tg_set_error_handler(NULL, NULL);
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), -1);
    expect_error("step-000002.safetensors: cannot be read: ");
    tg_set_error_handler(tg_default_error_handler, NULL);
    assert_true(number == 5);
    assert_int_equal(rename(file("kept"), file("step-000002.safetensors")), 0);
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 2);
    tg_checkpoints_free(c);
}

TEST(test_the_program_goes_to_another_folder)
{
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    tg_checkpoints *c = tg_checkpoints_new("runs/a");
    assert_int_equal(chdir("/"), 0);
    save_step(c, 7, 1);
    assert_true(is_there("runs/a/step-000007.safetensors"));
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), 7);
    tg_checkpoints_free(c);
    assert_int_equal(chdir(here), 0);
    unlink(file("runs/a/step-000007.safetensors"));
    unlink(file("runs/a/best.safetensors"));
    rmdir(file("runs/a"));
    rmdir(file("runs"));
}

TEST(test_none_is_whole)
{
    tg_set_warning_handler(note_warning, NULL);
    tg_checkpoints *c = tg_checkpoints_new(folder);
    save_step(c, 1, 1);
    damage("step-000001.safetensors");
    damage("best.safetensors");
    tg_set_error_handler(count_errors, NULL);
    errors_told = 0;
    number = 5;
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), -1);
    assert_true(errors_told == 1 && number == 5);
    expect_error("none of its checkpoints can be read");
    assert_int_equal(tg_checkpoints_load_best(c, NUMBER), -1);
    expect_error("best.safetensors: is damaged");
    tg_checkpoints_free(c);
    warnings = 0;
    c = tg_checkpoints_new(folder); /* its metric is not known any more */
    assert_true(warnings == 1 && isnan(tg_checkpoints_best_metric(c)));
    assert_non_null(strstr(warning, "the next one that is saved counts as the best"));
    save_step(c, 2, 100);
    assert_int_equal(tg_checkpoints_load_best(c, NUMBER), 2);
    tg_checkpoints_free(c);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
}

/* One that is whole but does not fit is an error, told once: none before it is tried. */
TEST(test_one_that_does_not_fit)
{
    IN_SCOPE;
    training a = usual_training(1);
    tg_linear *other = tg_linear_new(3, 3);
    tg_checkpoints *c = tg_checkpoints_new(folder);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(tg_checkpoints_save(c, i, 0.5,
                                             .model = TG_MODULE(i == 1 ? TG_MODULE(other) : TG_MODULE(a.model))),
                         TG_OK);
    tg_set_error_handler(count_errors, NULL);
    errors_told = 0;
    assert_int_equal(tg_checkpoints_load_latest(c, .model = TG_MODULE(other)), -1);
    assert_int_equal(errors_told, 1);
    expect_error("test_checkpoints.c");
    assert_int_equal(tg_checkpoints_load_latest(c, ALL_OF(&a)), -1);
    expect_error("has no optimizer");
    tg_checkpoints_free(c);
    tg_module_free(other);
    training_end(&a);
    tg_scope_end(scope);
}

/* ---- folders ---- */

TEST(test_folders_are_made)
{
    static const char *const names[] = { "a/b//c", "a/b/d/", "e" };
    tg_checkpoints *c;
    for (int i = 0; i < 3; i++) {
        c = tg_checkpoints_new(file(names[i]));
        assert_int_equal(tg_checkpoints_save(c, 1, 1, NUMBER), TG_OK);
        tg_checkpoints_free(c);
        tg_checkpoints_free(tg_checkpoints_new(file(names[i])));
    }
    assert_true(is_there("a/b/c/step-000001.safetensors") && is_there("a/b/d/best.safetensors"));
    write_file(file("f"), "x", 1);
    assert_null(tg_checkpoints_new(file("f")));
    expect_error("f: cannot be used: Not a directory");
    assert_null(tg_checkpoints_new(file("f/g")));
    expect_error("f/g: cannot be made: Not a directory");
    assert_null(tg_checkpoints_new(""));
    expect_error("the folder has no name");
    assert_null(tg_checkpoints_new(NULL));
    expect_error("the folder is NULL");
    assert_null(tg_checkpoints_new(file("e"), .keep = 0));
    expect_error("at least one checkpoint is kept");
    assert_null(tg_checkpoints_new(file("e"), .best = (tg_best)7));
    expect_error("best is TG_NO_BEST, TG_LOWEST or TG_HIGHEST");
    c = tg_checkpoints_new(file("gone"));
    assert_int_equal(rmdir(file("gone")), 0);
    assert_int_equal(tg_checkpoints_save(c, 1, 1, NUMBER), TG_FAILED);
    expect_error("gone: cannot be read: No such file or directory");
    assert_int_equal(tg_checkpoints_load_latest(c, NUMBER), -1);
    expect_error("gone: cannot be read: No such file or directory");
    tg_checkpoints_free(c);
    if (caching()) {
        assert_int_equal(tg_checkpoints_save(c, 1, 1, NUMBER), TG_FAILED);
        expect_error("the checkpoints were freed, or are none");
    }
    assert_int_equal(tg_checkpoints_load_latest(NULL, NUMBER), -1);
    expect_error("the checkpoints are NULL");
    for (int i = 0; i < 3; i++) {
        char command[4400];
        snprintf(command, sizeof command, "%s/step-000001.safetensors", file(names[i]));
        unlink(command);
        snprintf(command, sizeof command, "%s/best.safetensors", file(names[i]));
        unlink(command);
        rmdir(file(names[i]));
    }
    rmdir(file("a/b"));
    rmdir(file("a"));
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_last_few_and_the_best),
        T(test_highest_none_and_all),
        T(test_the_best_is_a_second_name),
        T(test_what_is_not_touched),
        T(test_steps_do_not_fall),
        T(test_back_to_the_best),
        T(test_the_newest_that_is_whole),
        T(test_none_is_whole),
        T(test_one_that_does_not_fit),
        T(test_what_cannot_be_opened_is_not_damaged),
        T(test_the_program_goes_to_another_folder),
        T(test_folders_are_made),
    };
    return cmocka_run_group_tests_name("checkpoints", tests, NULL, NULL);
}
