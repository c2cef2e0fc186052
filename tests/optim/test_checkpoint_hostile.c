/* test_checkpoint_hostile.c: checkpoints that are damaged, and a machine that fails: every allocation, every call of the
 * system in turn. A run that is there stays loadable, and what a load does not finish it has not begun. */
#define _GNU_SOURCE
#include "tests/support/failing.h"
#include "tests/support/failing_calls.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <stdio.h>

/* More calls that may fail. */
int link(const char *from, const char *to)
{
    return call_fails("link", false) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int unlink(const char *path)
{
    return call_fails("unlink", false) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
int mkdir(const char *path, mode_t mode)
{
    return call_fails("mkdir", false) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static const char *folder;
static char sealed[4200], unsealed[4200], path[4200];

/* ---- damaged files ---- */

static training_copy *saved;

/* One that has a checksum is what was saved, or an error. */
static bool load_and_compare(const char *from, bool has_sum)
{
    training b = usual_training(2);
    training_copy *before = copy_of_training(&b);
    const bool loaded = tg_checkpoint_load(from, ALL_OF(&b)) == TG_OK;
    const tg_error_code code = tg_error_get().code;
    if (!loaded) assert_true(code == TG_ERROR_FILE || code == TG_ERROR_VALUE);
    char message[200];
    snprintf(message, sizeof message, "%s", tg_error_message());
    tg_error_clear();
    training_copy *after = copy_of_training(&b);
    const char *what = loaded ? has_sum ? difference(saved, after) : NULL : difference(before, after);
    if (what) fail_msg("%s: %s%s", loaded ? "another state was loaded" : "an error, and changed", what, message);
    copy_end(before);
    copy_end(after);
    training_end(&b);
    if (!loaded) tg_fail_at(NULL, TG_ERROR_FILE, "checkpoint", "%s", message); /* a part that does not fit, too */
    return loaded;
}
static bool load_sealed(const char *from) { return load_and_compare(from, true); }
static bool load_unsealed(const char *from) { return load_and_compare(from, false); }

/* The same of which nobody knows the checksum: what lies behind it is reached. */
static void write_unsealed(void)
{
    IN_SCOPE;
    tg_text_pairs texts;
    tg_text_pair kept[16];
    int64_t count = 0;
    const tg_named_tensor_list list = tg_load_safetensors(sealed, .metadata = &texts);
    for (int64_t i = 0; i < texts.count; i++)
        if (strcmp(texts.items[i].key, "checksum") != 0) kept[count++] = texts.items[i];
    kept[count++] = (tg_text_pair){ "checksum", "none" };
    assert_int_equal(tg_save_safetensors(list, unsealed, .metadata = { kept, count }), TG_OK);
    tg_scope_end(scope);
}

static void repair(mutant *m)
{
    if (m->count < 8) return;
    size_t end = m->count;
    while (end > 8 && m->bytes[end - 1] != '}') end--;
    uint64_t n = end - 8;
    while (end < m->count && m->bytes[end] == ' ') end++, n++;
    memcpy(m->bytes, &n, sizeof n);
}

TEST(test_mutants)
{
    IN_SCOPE;
    training a = usual_training(1);
    train(&a, 3);
    strcpy(a.note, "kept");
    tg_checkpoint_save(sealed, ALL_OF(&a));
    saved = copy_of_training(&a);
    write_unsealed();
    const char *const with_sum[] = { sealed, NULL }, *const without[] = { unsealed, NULL };
    load_mutants((mutation){ .seeds = with_sum, .load = load_sealed, .repair = repair });
    load_mutants((mutation){ .seeds = without, .load = load_unsealed, .repair = repair, .text = true });
    copy_end(saved);
    training_end(&a);
    tg_scope_end(scope);
}

/* ---- no memory ---- */

static float first_weight(const training *t)
{
    return *(const float *)tg_data(tg_get_parameter(t->model, "0.weight"), TG_FLOAT32);
}

static double save_without_memory(void)
{
    training a = usual_training(1);
    train(&a, 2);
    const double result = tg_ok() && tg_checkpoint_save(path, ALL_OF(&a)) == TG_OK ? 1 : 0;
    training_end(&a);
    return result;
}

/* What fails can be done again, and has changed nothing. */
static double load_without_memory(void)
{
    training b = usual_training(2);
    train(&b, 1);
    double result = 0;
    if (tg_ok()) {
        const float before = first_weight(&b);
        const tg_generator generator = *tg_default_generator();
        if (tg_checkpoint_load(sealed, ALL_OF(&b)) != TG_OK) {
            tg_error_clear();
            if (first_weight(&b) != before || b.step != 1 || !same_generator(&generator, tg_default_generator()))
                result = 1e9;
            tg_checkpoint_load(sealed, ALL_OF(&b));
        }
        if (tg_ok()) result += (double)first_weight(&b) + (double)b.step;
    }
    training_end(&b);
    return result;
}

static double checkpoints_without_memory(void)
{
    double result = 0;
    tg_checkpoints *c = tg_checkpoints_new(folder, .keep = 1);
    training a = usual_training(1);
    for (int64_t i = 0; tg_ok() && i < 2; i++) tg_checkpoints_save(c, i, -(double)i, ALL_OF(&a));
    const int64_t latest = tg_ok() ? tg_checkpoints_load_latest(c, ALL_OF(&a)) : -1;
    const int64_t best = tg_ok() ? tg_checkpoints_load_best(c, ALL_OF(&a)) : -1;
    if (tg_ok()) result = 1 + (double)(latest + 2 * best);
    tg_checkpoints_free(c);
    training_end(&a);
    for (int64_t i = 0; i < 2; i++) {
        char name[4300];
        snprintf(name, sizeof name, "%s/step-%06d.safetensors", folder, (int)i);
        unlink(name);
    }
    snprintf(path, sizeof path, "%s/best.safetensors", folder);
    unlink(path);
    return result;
}

static tg_tensor *square(void *context)
{
    tg_tensor *x = context, *loss = tg_sum(tg_square(tg_square(x)));
    tg_backward(loss);
    return loss;
}

/* L-BFGS remembers vectors, which are another thing to lose. */
static double load_lbfgs_without_memory(void)
{
    tg_tensor *x = tg_full(tg_shape(3), 2.0, .requires_grad = true);
    tg_optimizer *o = tg_lbfgs_new(tg_list(x), .max_iter = 3);
    tg_step_closure(o, square, x);
    double result = 0;
    if (tg_ok() && tg_checkpoint_save(path, .optimizer = o) == TG_OK &&
        tg_checkpoint_load(path, .optimizer = o) == TG_OK)
        result = tg_item(tg_sum(x));
    if (o) tg_optimizer_free(o);
    return tg_ok() ? result : 0;
}

TEST(test_allocations)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* of the threads to come every block is an allocation */
    fail_each_allocation(save_without_memory);
    fail_each_allocation(load_without_memory);
    fail_each_allocation(load_lbfgs_without_memory);
    fail_each_allocation(checkpoints_without_memory);
    unsetenv("TAPEGRAD_POOL");
}

/* ---- calls of the system ---- */

static training run;

static int64_t step_in(const char *from)
{
    int64_t step = -1;
    tg_checkpoint_load(from, .step = &step, .leave_generator = true);
    return step;
}

static bool saves_over(void)
{
    const call_fate for_library = fate;
    fate = CALLS_WORK;
    run.step = 1;
    assert_int_equal(tg_checkpoint_save(path, ALL_OF(&run)), TG_OK);
    fate = for_library;
    calls = 0;
    run.step = 2;
    return tg_checkpoint_save(path, ALL_OF(&run)) == TG_OK;
}

static void after_saving(bool well)
{
    char part[4300];
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(well, tg_ok());
    if (!well) expect_error(path);
    const int64_t step = step_in(path);
    assert_true(tg_ok() && (step == 2 || (step == 1 && !well)));
}

static char best_path[4300];
static tg_checkpoints *kept;
static void at(char *to, size_t size, int64_t step)
{
    snprintf(to, size, "%s/step-%06d.safetensors", folder, (int)step);
}

/* Step 3 is better than 2, and makes 1 one too many. */
static bool saves_third(void)
{
    const call_fate for_library = fate;
    fate = CALLS_WORK;
    char name[4300];
    for (int64_t i = 0; i < 4; i++) {
        at(name, sizeof name, i);
        unlink(name);
    }
    unlink(best_path);
    tg_checkpoints_free(kept);
    kept = tg_checkpoints_new(folder, .keep = 2);
    for (run.step = 1; run.step < 3; run.step++)
        assert_int_equal(tg_checkpoints_save(kept, run.step, -(double)run.step, ALL_OF(&run)), TG_OK);
    fate = for_library;
    calls = 0;
    return tg_checkpoints_save(kept, 3, -3, ALL_OF(&run)) == TG_OK;
}

static void after_third(bool well)
{
    char name[4300];
    at(name, sizeof name, 2);
    assert_int_equal(well, tg_ok());
    if (!well) expect_error(folder);
    assert_int_equal(step_in(name), 2);
    const int64_t best = step_in(best_path);
    assert_true(best == 3 || (best == 2 && !well));
    at(name, sizeof name, 3);
    assert_true(access(name, F_OK) != 0 || step_in(name) == 3);
    if (well) assert_int_equal(access(name, F_OK), 0);
    assert_true(tg_ok());
    tg_checkpoints *again = tg_checkpoints_new(folder, .keep = 2); /* another program goes on from there */
    const int64_t latest = tg_checkpoints_load_latest(again, ALL_OF(&run));
    assert_true(latest == 3 || (latest == 2 && !well));
    assert_int_equal(tg_checkpoints_save(again, 4, 0, ALL_OF(&run)), TG_OK);
    at(name, sizeof name, 1);
    assert_int_equal(access(name, F_OK), -1);
    at(name, sizeof name, 4);
    assert_int_equal(tg_checkpoints_load_latest(again, ALL_OF(&run)), 4);
    unlink(name);
    tg_checkpoints_free(again);
}

/* What could not be read is passed over with a warning, or an error. */
static int64_t latest;
static bool loads_latest(void)
{
    run.step = 0;
    latest = tg_checkpoints_load_latest(kept, ALL_OF(&run));
    return latest >= 0;
}
static void after_loading(bool well)
{
    assert_int_equal(well, tg_ok());
    if (well)
        assert_true((latest == 2 || latest == 3) && run.step == latest);
    else
        assert_int_equal(run.step, 0);
    tg_error_clear();
}

static bool makes_folder(void)
{
    char name[4300];
    snprintf(name, sizeof name, "%s/new/folder", folder);
    tg_checkpoints *c = tg_checkpoints_new(name);
    const call_fate for_library = fate;
    fate = CALLS_WORK;
    if (c) assert_int_equal(access(name, F_OK), 0);
    tg_checkpoints_free(c);
    rmdir(name);
    name[strlen(name) - 7] = '\0';
    rmdir(name);
    fate = for_library;
    return c != NULL;
}
static void after_making(bool well)
{
    assert_int_equal(well, tg_ok());
    if (!well) expect_error("Input/output error");
}

TEST(test_calls)
{
    IN_SCOPE;
    tg_set_warning_handler(NULL, NULL);
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    snprintf(best_path, sizeof best_path, "%s/best.safetensors", folder);
    run = usual_training(1);
    train(&run, 2);
    fail_each_call(saves_over, after_saving);
    disturb_calls(saves_over);
    fail_each_call(saves_third, after_third);
    disturb_calls(saves_third);
    assert_true(saves_third());
    fail_each_call(loads_latest, after_loading);
    disturb_calls(loads_latest);
    fail_each_call(makes_folder, after_making);
    disturb_calls(makes_folder);
    tg_checkpoints_free(kept);
    training_end(&run);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    tg_scope_end(scope);
}

int main(void)
{
    folder = make_folder();
    snprintf(sealed, sizeof sealed, "%s/sealed.safetensors", folder);
    snprintf(unsealed, sizeof unsealed, "%s/unsealed.safetensors", folder);
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    const struct CMUnitTest tests[] = { T(test_mutants), T(test_allocations), T(test_calls) };
    const int failed = cmocka_run_group_tests_name("checkpoint_hostile", tests, NULL, NULL);
    remove_folder(folder);
    return failed;
}
