/* test_char_gpt.c: the example against PyTorch, on a short text (tests/golden/char_gpt.txt): the loss of each step, and
 * the characters drawn in the end; and its command line. */
#include "tests/support/suite.h"
#include "tests/support/golden.h"

int char_gpt_main(int argc, char **argv);
#define main char_gpt_main
#include "examples/char_gpt.c"
#undef main

static config config_of(const golden *g)
{
    const int64_t *sizes;
    assert_int_equal(golden_ints(g, "sizes", &sizes), 7);
    return (config){ .block_size = sizes[0],
                     .n_layer = sizes[1],
                     .n_head = sizes[2],
                     .n_embd = sizes[3],
                     .batch_size = sizes[4],
                     .steps = sizes[5],
                     .warmup = sizes[6],
                     .lr = 1e-2,
                     .min_lr = 1e-3,
                     .weight_decay = 0.1,
                     .grad_clip = 1.0 };
}

/* What `write_text` puts into a file, without the newline at its end. */
static void read_written(gpt *m, const config *c, const tg_vocabulary *bytes, tg_tensor *data, char *text, size_t count)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    write_text(m, c, bytes, data, (int64_t)count, file);
    rewind(file);
    assert_int_equal(fread(text, 1, count + 2, file), count + 1);
    text[count] = '\0';
    fclose(file);
}

TEST(test_losses_are_pytorchs)
{
    IN_SCOPE;
    golden *g = golden_open("char_gpt.txt");
    assert_true(golden_next(g));
    const char *text = golden_string(g, "text"), *written = golden_string(g, "written");
    const golden_array losses = golden_array_of(g, "losses");
    config c = config_of(g);
    char wrote[64];
    tg_vocabulary *bytes = tg_vocabulary_of(text, .by = TG_BYTES, .order = TG_SORTED);
    tg_tensor *data = tg_encode(bytes, text);
    c.vocab_size = tg_vocabulary_size(bytes);
    tg_manual_seed((uint64_t)golden_int(g, "seed"));
    gpt *m = gpt_new(&c);
    tg_optimizer *adamw = optimizer_new(m, &c);
    assert_int_equal(losses.count, c.steps);
    for (int64_t step = 0; step < c.steps; step++) {
        const double loss = train_step(m, adamw, data, &c, step);
        if (!(fabs(loss - losses.values[step]) < 2e-5))
            fail_msg("step %d: the loss is %.7f, not %.7f", (int)step, loss, losses.values[step]);
    }
    assert_true(losses.values[c.steps - 1] < 0.9 * losses.values[0]);
    read_written(m, &c, bytes, data, wrote, strlen(written));
    assert_string_equal(wrote, written);
    tg_vocabulary_free(bytes);
    tg_optimizer_free(adamw);
    tg_module_free(m);
    golden_close(g);
    tg_scope_end(scope);
}

/* What one step prints, twice. */
TEST(test_it_prints_the_same)
{
    const char text[] = "to be or not to be";
    const config c = { .block_size = 4,
                       .n_layer = 1,
                       .n_head = 1,
                       .n_embd = 4,
                       .batch_size = 2,
                       .lr = 1e-3,
                       .min_lr = 1e-4,
                       .grad_clip = 1 };
    char printed[2][1024] = { "", "" };
    tg_vocabulary *bytes = tg_vocabulary_of(text, .by = TG_BYTES, .order = TG_SORTED);
    for (int run = 0; run < 2; run++) {
        FILE *file = tmpfile();
        assert_non_null(file);
        IN_SCOPE;
        learn(bytes, tg_encode(bytes, text), 1, c, &(long_run){ .steps = 2 }, NULL, file);
        tg_scope_end(scope);
        rewind(file);
        printed[run][fread(printed[run], 1, sizeof printed[run] - 1, file)] = '\0';
        fclose(file);
    }
    tg_vocabulary_free(bytes);
    assert_memory_equal(printed[0], "7 different characters, ", 24);
    assert_non_null(strstr(printed[0], "step   1: loss 1."));
    assert_string_equal(printed[0], printed[1]);
}

TEST(test_command_line)
{
    char name[] = "char_gpt", unknown[] = "--nothing", text[] = "--text", path[] = "/nowhere/at/all";
    assert_int_equal(char_gpt_main(2, (char *[]){ name, unknown, NULL }), 2);
    assert_int_equal(char_gpt_main(3, (char *[]){ name, unknown, path, NULL }), 2);
    assert_int_equal(char_gpt_main(3, (char *[]){ name, text, path, NULL }), 1);
    expect_error("/nowhere/at/all: cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_losses_are_pytorchs),
        T(test_it_prints_the_same),
        T(test_command_line),
    };
    return cmocka_run_group_tests_name("char_gpt", tests, NULL, NULL);
}
