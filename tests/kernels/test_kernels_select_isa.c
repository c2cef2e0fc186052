/* test_kernels_select_isa.c: which set of kernels a process picks, and what TAPEGRAD_ISA makes of that. */
#define _POSIX_C_SOURCE 200809L /* setenv, fork */
#include "tests/support/kernels.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a fresh process with TAPEGRAD_ISA=value picks and says. */
static void fresh_choice(const char *value, char *name, char *said, size_t room)
{
    int names[2], words[2];
    assert_int_equal(pipe(names) | pipe(words), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(words[1], STDERR_FILENO);
        if (value)
            setenv("TAPEGRAD_ISA", value, 1);
        else
            unsetenv("TAPEGRAD_ISA");
        const char *chosen = tgi_set_name(tgi_set());
        ssize_t written = write(names[1], chosen, strlen(chosen));
        _exit(written < 0);
    }
    close(names[1]);
    close(words[1]);
    ssize_t length = read(names[0], name, room - 1), words_length = read(words[0], said, room - 1);
    name[length > 0 ? length : 0] = '\0';
    said[words_length > 0 ? words_length : 0] = '\0';
    close(names[0]);
    close(words[0]);
    waitpid(child, NULL, 0);
}

/* Must run before anything else in this process asks for the kernels. */
static void test_choice(void **unused)
{
    (void)unused;
    char name[200], said[200], best[200];
    fresh_choice(NULL, best, said, sizeof said);
    assert_string_equal(said, "");
    for (int set = 0; tgi_set_name(set); set++) {
        if (!tgi_set_supported(set)) continue;
        fresh_choice(tgi_set_name(set), name, said, sizeof said);
        assert_string_equal(name, tgi_set_name(set));
        assert_string_equal(said, "");
    }
    fresh_choice("pentium", name, said, sizeof said);
    assert_string_equal(name, best);
    assert_non_null(strstr(said, "TAPEGRAD_ISA=pentium"));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void test_select(void **unused)
{
    (void)unused;
    const int before = tgi_set();
    assert_true(tgi_set_supported(before) && !tgi_set_supported(-1));
    assert_false(tgi_set_select("pentium"));
    assert_false(tgi_set_select(NULL));
    assert_int_equal(tgi_set(), before);
    int set = 0;
    for (; tgi_set_name(set); set++) {
        assert_int_equal(tgi_set_select(tgi_set_name(set)), tgi_set_supported(set));
        if (tgi_set_supported(set)) assert_int_equal(tgi_set(), set);
    }
    assert_null(tgi_set_name(-1));
    assert_false(tgi_set_supported(set)); /* there are not so many */
    assert_true(tgi_set_select(tgi_set_name(before)));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_choice), cmocka_unit_test(test_select) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
