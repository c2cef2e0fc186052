/* test_sequence_tagger.c: the example loses what it loses in PyTorch (tests/golden/tagger.txt), and learns. */
#include "tests/support/golden.h"
#include "tests/support/suite.h"

int sequence_tagger_main(int argc, char **argv);
#define main sequence_tagger_main
#include "examples/sequence_tagger.c"
#undef main

#include <math.h>

static void assert_near(const golden *g, int64_t step, const char *what, double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s: at step %d the %s is %.9g, not %.9g", golden_case(g), (int)step, what, got, expected);
}

TEST(test_losses_are_pytorchs)
{
    golden *g = golden_open("tagger.txt");
    int cases = 0;
    for (; golden_next(g); cases++) {
        const golden_array losses = golden_array_of(g, "losses"), right = golden_array_of(g, "right");
        tg_manual_seed((uint64_t)golden_int(g, "seed"));
        tagger *m = tagger_new();
        tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.01);
        for (int64_t i = 0; i < losses.count; i++) {
            const progress p = train_step(m, adam);
            assert_near(g, i, "loss", p.loss, losses.values[i], 5e-5);
            assert_near(g, i, "share of right tags", p.right, right.values[i], 1e-2);
        }
        tg_optimizer_free(adam);
        tg_module_free(m);
    }
    golden_close(g);
    assert_int_equal(cases, 3);
}

TEST(test_it_learns)
{
    char text[1024], *last = text;
    FILE *file = tmpfile();
    assert_non_null(file);
    learn(0, &(long_run){ .steps = 400 }, NULL, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_memory_equal(text, "step 50: loss ", 14);
    for (char *at = text; (at = strstr(at, "step ")); at++) last = at;
    int step = 0;
    double loss = 0, right = 0;
    assert_int_equal(sscanf(last, "step %d: loss %lf, %lf", &step, &loss, &right), 3);
    assert_int_equal(step, 400);
    assert_true(right > 95);
}

TEST(test_command_line)
{
    char *few[] = { "x", "--steps", "2", "--seed", "3", NULL }, *unknown[] = { "x", "--steeps", "2", NULL };
    char *no_number[] = { "x", "--seed", "3x", NULL }, *nothing[] = { "x", "--seed", NULL };
    assert_int_equal(sequence_tagger_main(5, few), 0);
    assert_int_equal(sequence_tagger_main(3, unknown), 2);
    assert_int_equal(sequence_tagger_main(3, no_number), 2);
    assert_int_equal(sequence_tagger_main(2, nothing), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_losses_are_pytorchs), T(test_it_learns), T(test_command_line) };
    return cmocka_run_group_tests_name("sequence_tagger", tests, NULL, NULL);
}
