/* test_notebook.c: the notebook's port against PyTorch, for many seeds, and its command line.
 *
 * The program itself is compiled in, under another name for its main. */
/* before any system header */
#define _POSIX_C_SOURCE 200809L

#include "tests/support/suite.h"

int lstm_notebook_main(int argc, char **argv);
#define main lstm_notebook_main
#include "examples/lstm_notebook/lstm_notebook.c"
#undef main
#include "examples/lstm_notebook/options.c"

#include <pthread.h>

#ifndef TG_TEST_DIR
#define TG_TEST_DIR "tests"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { USUAL_SEEDS = 10 }; /* what is sought there shows in one */
#else
enum { USUAL_SEEDS = 25 };
#endif
enum { MOST_SEEDS = 100 }; /* the golden file has these; TEST_EVERYTHING=1 runs them */
enum { EPOCHS = 100, SHOWN = EPOCHS / 10 };

/* What the code under test writes while one of these is open goes to a file. */
typedef struct capture {
    FILE *stream, *file;
    int saved;
} capture;

static capture capture_begin(FILE *stream)
{
    capture c = { .stream = stream, .file = tmpfile() };
    assert_non_null(c.file);
    fflush(stream);
    c.saved = dup(fileno(stream));
    dup2(fileno(c.file), fileno(stream));
    return c;
}

static const char *capture_end(capture c)
{
    static char text[1 << 16];
    fflush(c.stream);
    dup2(c.saved, fileno(c.stream));
    close(c.saved);
    rewind(c.file);
    text[fread(text, 1, sizeof text - 1, c.file)] = '\0';
    fclose(c.file);
    return text;
}

/* ---- losses ---- */

static void read_losses(FILE *file, int seed, int part, double *losses)
{
    int s = -1, p = -1;
    assert_int_equal(fscanf(file, "%d %d", &s, &p), 2);
    assert_true(s == seed && p == part);
    for (int i = 0; i < SHOWN; i++) assert_int_equal(fscanf(file, "%lf", &losses[i]), 1);
}

/* The line number `i` of those that show a loss prints `expected`. */
static bool same_line(const char **text, int i, double expected)
{
    char line[64];
    snprintf(line, sizeof line, "Époque [%d/%d], Perte : %.4f\n", 10 * (i + 1), EPOCHS, expected);
    const char *found = strstr(*text, "Époque [");
    assert_non_null(found);
    *text = strchr(found, '\n') + 1;
    return strncmp(found, line, strlen(line)) == 0;
}

TEST(test_seeds)
{
    const int seeds = test_everything() ? MOST_SEEDS : USUAL_SEEDS;
    FILE *file = fopen(TG_TEST_DIR "/golden/notebook.txt", "r");
    assert_non_null(file);
    for (int c = fgetc(file); c != '\n';) c = fgetc(file); /* the comment */
    int identical = 0;
    double worst = 0;
    for (int seed = 0; seed < seeds; seed++) {
        double expected[2][SHOWN], losses[2][EPOCHS];
        for (int part = 0; part < 2; part++) read_losses(file, seed, part + 1, expected[part]);
        const options o = { .seed = (uint64_t)seed, .epochs = EPOCHS };
        const capture output = capture_begin(stdout);
        run(&o, losses[0], losses[1]);
        const char *text = capture_end(output);
        for (int i = 0; i < 2 * SHOWN; i++) {
            const double want = expected[i / SHOWN][i % SHOWN], got = losses[i / SHOWN][10 * (i % SHOWN) + 9];
            const double difference = fabs(got - want) / want;
            if (difference > worst) worst = difference;
            if (difference > 1e-5) fail_msg("seed %d, line %d: %.7g instead of %.7g", seed, i, got, want);
            identical += same_line(&text, i % SHOWN, want);
        }
    }
    fclose(file);
    print_message("worst relative difference %.2g; %d of %d lines identical\n", worst, identical, seeds * 2 * SHOWN);
    assert_true(identical >= 99 * seeds * 2 * SHOWN / 100);
}

/* The warning about shapes comes once, whatever the number of epochs; seed 0 ends as PyTorch's does. */
static void *main_once(void *unused)
{
    (void)unused;
    char *argv[] = { "lstm_notebook", NULL };
    return lstm_notebook_main(1, argv) == 0 ? NULL : (void *)1;
}

TEST(test_main)
{
    tg_set_error_handler(tg_default_error_handler, NULL);
    const capture errors = capture_begin(stderr);
    const capture output = capture_begin(stdout);
    pthread_t thread; /* which warnings were given is remembered for each thread */
    void *failed = (void *)1;
    pthread_create(&thread, NULL, main_once, NULL);
    pthread_join(thread, &failed);
    const char *text = capture_end(output);
    assert_null(failed);
    assert_non_null(strstr(text, "Époque [100/100], Perte : 4.5070\n\nLSTM empilé"));
    assert_non_null(strstr(text, "Époque [100/100], Perte : 1.6848\n"));
    text = capture_end(errors);
    const char *warning =
        "Using a target size (torch.Size([100, 10, 1])) that is different to the input size (torch.Size([100, 10, 8])). "
        "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.";
    const char *first = strstr(text, warning);
    assert_non_null(first);
    assert_null(strstr(first + 1, warning));
}

/* ---- the command line ---- */

static int parse(options *o, int argc, char **argv, const char **said)
{
    const capture errors = capture_begin(stderr);
    const int status = options_parse(o, argc, argv);
    *said = capture_end(errors);
    return status;
}

TEST(test_options)
{
    const char *said;
    options o = { .epochs = 100 };
    char *good[] = { "x", "--seed", "42", "--epochs=7", "--plot", "a.svg", NULL };
    assert_int_equal(parse(&o, 6, good, &said), -1);
    assert_true(o.seed == 42 && o.epochs == 7 && strcmp(o.plot, "a.svg") == 0);
    char *bad[][3] = {
        { "x", "--seeds", "3" },
        { "x", "--seed", "-1" },
        { "x", "--seed", "3x" },
        { "x", "--seed", "" },
        { "x", "--seed", "4294967296" },
        { "x", "--epochs", "0" },
        { "x", "--epochs", "1e3" },
        { "x", "--epochs", "99999999999999999999" },
        { "x", "7", "8" },
        { "x", "--plot", "" },
        { "x", "--seed", "+1" },
        { "x", "--seed=1", "--epochs" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(&o, 3, bad[i], &said), 2);
        assert_non_null(strstr(said, "usage: lstm_notebook"));
    }
    const capture output = capture_begin(stdout);
    char *help[] = { "x", "--help", NULL };
    const int status = options_parse(&o, 2, help);
    assert_non_null(strstr(capture_end(output), "usage: lstm_notebook"));
    assert_int_equal(status, 0);
}

TEST(test_plot)
{
    char path[] = "/tmp/tapegrad-plot-XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    const double first[] = { 4, 2, 1 }, second[] = { 3, 2, 0 };
    const options o = { .epochs = 3, .plot = path }, nowhere = { .epochs = 3, .plot = "/nowhere/at/all.svg" };
    plot(&o, first, second);
    char text[8192] = "";
    FILE *file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    assert_non_null(strstr(text, ">Époque</text>"));
    assert_non_null(strstr(text, ">Perte</text>"));
    assert_non_null(strstr(text, ">CustomLSTM</text>"));
    assert_non_null(strstr(text, ">LSTM + Linear</text>"));
    assert_non_null(strstr(text, ">3</text>")); /* the epochs are counted from 1 */
    assert_null(strstr(text, ">0.5</text>"));
    assert_non_null(strstr(text, "</svg>\n"));
    plot(&nowhere, first, second);
    expect_error("/nowhere/at/all.svg");
}

static void no_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)message, (void)context;
}

int main(void)
{
    const struct CMUnitTest first[] = { T(test_main), T(test_options), T(test_plot) };
    const struct CMUnitTest seeds[] = { T(test_seeds) };
    const int failed = cmocka_run_group_tests_name("notebook", first, NULL, NULL);
    tg_set_warning_handler(no_warning, NULL);
    return failed + cmocka_run_group_tests_name("notebook, seeds", seeds, NULL, NULL);
}
