/* test_convnet.c: the example learns, and prints the same at every run. */
#include "tests/support/suite.h"

int convnet_main(int argc, char **argv);
#define main convnet_main
#include "examples/convnet.c"
#undef main

static double learn_into(char *text, size_t size, uint64_t seed)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    const double right = learn(seed, &(long_run){ .steps = EPOCHS * STEPS }, NULL, file);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return right;
}

TEST(test_it_learns)
{
    char first[1024], second[1024];
    assert_true(learn_into(first, sizeof first, 0) > 0.95);
    assert_memory_equal(first, "epoch 1: loss ", 14);
    assert_true(learn_into(second, sizeof second, 0) > 0.95);
    assert_string_equal(first, second);
    assert_true(learn_into(second, sizeof second, 1) > 0.95);
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_it_learns) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
