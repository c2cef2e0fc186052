/* test_vocabulary.c: texts become the ids that counting by hand gives, come back letter by letter, and vocabularies are
 * kept in files. */
#include "tests/support/golden.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <stdio.h>
#include <string.h>

static char path[4200];
static const char *folder;

static int begin_folder(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/text", folder);
    return 0;
}
static int end_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void write_text(const char *text) { write_file(path, text, strlen(text)); }

/* The tokens, with | between them. */
static void expect_tokens(const tg_vocabulary *v, const char *expected)
{
    char all[512] = "";
    for (int64_t i = 0; i < tg_vocabulary_size(v); i++) {
        if (i) strcat(all, "|");
        strcat(all, tg_vocabulary_token(v, i));
        assert_true(tg_vocabulary_id(v, tg_vocabulary_token(v, i)) == i);
    }
    assert_string_equal(all, expected);
}

/* ---- what texts are split into ---- */

TEST(test_characters)
{
    IN_SCOPE;
    tg_vocabulary *v = tg_vocabulary_of("héé日\n𝄞h");
    expect_tokens(v, "h|é|日|\n|𝄞");
    tg_tensor *ids = tg_encode(v, "𝄞é\n");
    VALUES(ids, 0, 4, 1, 3);
    assert_int_equal(tg_dtype_of(ids), TG_INT64);
    assert_string_equal(tg_decode(v, ids), "𝄞é\n");
    assert_int_equal(tg_vocabulary_id(v, "x"), -1);
    assert_null(tg_encode(v, "h日x"));
    expect_error("the text: at byte 4: 'x' is not in the vocabulary");
    VALUES(tg_encode(v, ""), 0);
    assert_string_equal(tg_decode(v, tg_encode(v, "")), "");
    tg_vocabulary_free(v);
    tg_scope_end(scope);
}

TEST(test_bytes)
{
    IN_SCOPE;
    write_file(path,
               "b\0\xff"
               "a\0",
               5);
    tg_vocabulary *v = tg_vocabulary_of_file(path, .by = TG_BYTES, .order = TG_SORTED);
    assert_int_equal(tg_vocabulary_size(v), 4);
    tg_tensor *ids = tg_encode_file(v, path);
    VALUES(ids, 0, 2, 0, 3, 1, 0);
    assert_memory_equal(tg_decode(v, ids),
                        "b\0\xff"
                        "a\0",
                        6);
    tg_vocabulary_free(v);
    tg_scope_end(scope);
}

TEST(test_words)
{
    IN_SCOPE;
    const char *text = "The naïve cat's 2nd_try...  the\tend\x7f\n";
    tg_vocabulary *v = tg_vocabulary_of(text, .by = TG_WORDS);
    expect_tokens(v, "The|naïve|cat|'|s|2nd|_|try|.|the|end|\x7f");
    VALUES(tg_encode(v, text), 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 9, 10, 11);
    assert_string_equal(tg_decode(v, tg_encode(v, "the\n\n cat")), "the cat");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of("ÀÉ Straße ΑΒΓ Жук İ", .by = TG_WORDS, .lower = true);
    expect_tokens(v, "àé|straße|αβγ|жук|İ");
    VALUES(tg_encode(v, "Жук STRAßE"), 0, 3, 1);
    tg_vocabulary_free(v);
    tg_scope_end(scope);
}

/* As Python has them. */
TEST(test_small_letters)
{
    golden *g = golden_open("data.txt");
    assert_true(golden_seek(g, "lower"));
    const int64_t *capitals, *small;
    const int64_t count = golden_ints(g, "capitals", &capitals);
    assert_true(golden_ints(g, "lower", &small) == count && count > 300);
    for (int64_t i = 0; i < count; i++) {
        char capital[3] = { (char)(0xc0 | capitals[i] >> 6), (char)(0x80 | (capitals[i] & 0x3f)), 0 };
        char letter[3] = { (char)(0xc0 | small[i] >> 6), (char)(0x80 | (small[i] & 0x3f)), 0 };
        tg_vocabulary *v = tg_vocabulary_of(capital, .lower = true);
        if (strcmp(tg_vocabulary_token(v, 0), letter) != 0)
            fail_msg("U+%04x becomes %s, not %s", (unsigned)capitals[i], tg_vocabulary_token(v, 0), letter);
        tg_vocabulary_free(v);
    }
    golden_close(g);
}

/* The decoder of the standard's other table: the number, and the length that it wants. */
static bool is_utf8(const unsigned char *b, int count)
{
    for (int i = 0, n; i < count; i += n) {
        static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        n = b[i] < 0x80 ? 1 : b[i] >> 5 == 6 ? 2 : b[i] >> 4 == 14 ? 3 : b[i] >> 3 == 30 ? 4 : 0;
        if (n == 0 || i + n > count) return false;
        unsigned c = n == 1 ? b[i] : b[i] & (0x7fu >> n);
        for (int k = 1; k < n; k++) {
            if (b[i + k] >> 6 != 2) return false;
            c = c << 6 | (b[i + k] & 0x3fu);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
    }
    return true;
}

TEST(test_utf8)
{
    static const unsigned char edges[] = { 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
                                           0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
    const int n = sizeof edges;
    for (int i = 0; i < n * n * n * n; i++) {
        const unsigned char text[] = { edges[i % n], edges[i / n % n], edges[i / n / n % n], edges[i / n / n / n], 0 };
        tg_vocabulary *v = tg_vocabulary_of((const char *)text);
        if ((v != NULL) != is_utf8(text, 4)) fail_msg("%02x %02x %02x %02x", text[0], text[1], text[2], text[3]);
        tg_vocabulary_free(v);
        tg_error_clear();
    }
    assert_null(tg_vocabulary_of("ab\xc3"));
    expect_error("the text: at byte 2: no UTF-8 (0xc3); .by = TG_BYTES takes any file");
}

/* ---- which tokens, in which order ---- */

TEST(test_order)
{
    const char *text = "e d b a b c a b c";
    tg_vocabulary *v = tg_vocabulary_of(text, .by = TG_WORDS, .order = TG_BY_FREQUENCY);
    expect_tokens(v, "b|a|c|d|e");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of(text, .by = TG_WORDS, .order = TG_SORTED, .min_freq = 2);
    expect_tokens(v, "a|b|c");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of(text, .by = TG_WORDS, .max_tokens = 4, .unknown = "<unk>");
    expect_tokens(v, "<unk>|b|a|c");
    IN_SCOPE;
    VALUES(tg_encode(v, "a d z c"), 0, 2, 0, 0, 3);
    assert_int_equal(tg_vocabulary_id(v, "d"), 0);
    tg_vocabulary_free(v);
    v = tg_vocabulary_of(text, .by = TG_WORDS, .max_tokens = 2, .specials = "<pad>,<unk>,a", .unknown = "<unk>");
    expect_tokens(v, "<pad>|<unk>|a");
    VALUES(tg_encode(v, "a b"), 0, 2, 1);
    tg_vocabulary_free(v);
    v = tg_vocabulary_of(text, .by = TG_WORDS, .max_tokens = 5, .specials = "a, \",\"");
    expect_tokens(v, "a|,|d|b|c");
    tg_vocabulary_free(v);
    tg_scope_end(scope);
}

/* As many tokens as make the table grow, and shuffled: each is found. */
TEST(test_many_tokens)
{
    IN_SCOPE;
    enum { COUNT = 5000 };
    static char text[COUNT * 8];
    char *to = text;
    for (int i = 0; i < COUNT; i++) to += sprintf(to, "w%d ", i * 37 % COUNT);
    tg_vocabulary *v = tg_vocabulary_of(text, .by = TG_WORDS);
    assert_int_equal(tg_vocabulary_size(v), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char word[16];
        snprintf(word, sizeof word, "w%d", i * 37 % COUNT);
        assert_int_equal(tg_vocabulary_id(v, word), i);
        assert_int_equal(tg_vocabulary_id(v, strcat(word, "x")), -1);
    }
    tg_tensor *ids = tg_encode(v, text), *wanted = tg_arange(COUNT);
    assert_int_equal(tg_item(tg_sum(tg_ne(ids, wanted))), 0);
    tg_vocabulary_free(v);
    tg_scope_end(scope);
}

TEST(test_lists)
{
    IN_SCOPE;
    tg_vocabulary *v = tg_vocabulary_of_list(tg_texts("Italian", "Irish", "Old English"), .by = TG_WORDS);
    expect_tokens(v, "Italian|Irish|Old English");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_list(tg_texts("a", "b"), .unknown = "?", .specials = "b,#");
    expect_tokens(v, "?|#|a|b");
    VALUES(tg_encode(v, "abc"), 0, 2, 3, 0);
    assert_string_equal(tg_decode(v, tg_t(tg_reshape(tg_encode(v, "aabb"), tg_shape(2, 2)))), "abab"); /* strides */
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_list(tg_texts());
    assert_true(v && tg_vocabulary_size(v) == 0);
    tg_vocabulary_free(v);
    tg_scope_end(scope);
}

/* ---- files ---- */

static void expect_kept(tg_vocabulary *v)
{
    assert_int_equal(tg_save_vocabulary(v, path), TG_OK);
    tg_vocabulary *back = tg_load_vocabulary(path);
    assert_int_equal(tg_vocabulary_size(back), tg_vocabulary_size(v));
    for (int64_t i = 0; i < tg_vocabulary_size(v); i++)
        assert_string_equal(tg_vocabulary_token(back, i), tg_vocabulary_token(v, i));
    assert_int_equal(tg_vocabulary_id(back, "none of them"), tg_vocabulary_id(v, "none of them"));
    tg_vocabulary_free(v);
    IN_SCOPE;
    tg_tensor *ids = tg_encode(back, "Ä\\");
    assert_true(ids || tg_vocabulary_id(back, "none of them") == -1);
    tg_error_clear();
    tg_scope_end(scope);
    tg_vocabulary_free(back);
}

/* As of one text with something between that is no token. */
TEST(test_texts)
{
    IN_SCOPE;
    tg_text_list names = tg_texts("Éva", "", "Bo", "Abe");
    tg_vocabulary *v = tg_vocabulary_of_texts(names, .lower = true, .unknown = "?");
    expect_tokens(v, "?|é|v|a|b|o|e");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_texts(names, .order = TG_SORTED);
    expect_tokens(v, "A|B|a|b|e|o|v|É");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_texts(tg_texts("the en", "d the", "d"), .by = TG_WORDS, .order = TG_BY_FREQUENCY);
    expect_tokens(v, "d|the|en");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_texts(tg_texts("a\xff", "\x80"), .by = TG_BYTES);
    expect_tokens(v, "a|\xff|\x80");
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_texts(tg_texts(""));
    assert_true(v && tg_vocabulary_size(v) == 0);
    tg_vocabulary_free(v);
    v = tg_vocabulary_of_texts(tg_texts(), .specials = "<pad>");
    expect_tokens(v, "<pad>");
    tg_vocabulary_free(v);
    assert_null(tg_vocabulary_of_texts(tg_texts("ab", "c\xc3", "d")));
    expect_error("text 1: at byte 1: no UTF-8 (0xc3)");
    assert_null(tg_vocabulary_of_texts(tg_texts("ab", NULL)));
    expect_error("text 1 is NULL");
    assert_null(tg_vocabulary_of_texts(((tg_text_list){ NULL, 2 })));
    expect_error("a list of 2 texts is NULL");
    tg_scope_end(scope);
}

TEST(test_kept)
{
    expect_kept(tg_vocabulary_of("a\\n\n\r\t\x7f\x01 é|", .unknown = "<unk>"));
    expect_kept(tg_vocabulary_of("a\xff\\\x80", .by = TG_BYTES));
    expect_kept(
        tg_vocabulary_of("The end, the END", .by = TG_WORDS, .lower = true, .specials = "a b, \", \"", .unknown = " "));
    expect_kept(tg_vocabulary_of_list(tg_texts("\\vocabulary words lower=0 unknown=0", "\r", "x\r")));
    expect_kept(tg_vocabulary_of(""));
    write_file(path, "", 0);
    tg_vocabulary *v = tg_vocabulary_of_list(tg_texts("é", "\n", "\\", "\x01"), .unknown = "\n");
    tg_save_vocabulary(v, path);
    tg_vocabulary_free(v);
    size_t count;
    unsigned char *bytes = read_file(path, &count);
    const char wanted[] = "\\vocabulary characters lower=0 unknown=1\né\n\\n\n\\\\\n\\x01\n";
    assert_int_equal(count, sizeof wanted - 1);
    assert_memory_equal(bytes, wanted, count);
    free(bytes);
}

/* A byte of zero is a token like any other. */
TEST(test_all_bytes_kept)
{
    IN_SCOPE;
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)(i * 7);
    write_file(path, all, 256);
    tg_vocabulary *v = tg_vocabulary_of_file(path, .by = TG_BYTES);
    tg_tensor *ids = tg_encode_file(v, path);
    tg_save_vocabulary(v, path);
    tg_vocabulary *back = tg_load_vocabulary(path, .by = TG_WORDS, .lower = true, .unknown = "x"); /* not asked for */
    assert_memory_equal(tg_decode(back, ids), all, 256);
    tg_vocabulary_free(v);
    tg_vocabulary_free(back);
    tg_scope_end(scope);
}

TEST(test_foreign_lists)
{
    write_text("\xef\xbb\xbf[PAD]\r\n[UNK]\r\n\\n\r\nthe\r\n##s");
    tg_vocabulary *v = tg_load_vocabulary(path, .by = TG_WORDS, .unknown = "[UNK]");
    expect_tokens(v, "[PAD]|[UNK]|\\n|the|##s");
    assert_int_equal(tg_vocabulary_id(v, "cat"), 1);
    tg_vocabulary_free(v);
    write_text("a\nb\n");
    v = tg_load_vocabulary(path, .unknown = "?");
    expect_tokens(v, "?|a|b");
    tg_vocabulary_free(v);
}

static void expect_refused(const char *text, const char *error)
{
    write_text(text);
    assert_null(tg_load_vocabulary(path));
    expect_error(error);
}

TEST(test_errors)
{
    IN_SCOPE;
    expect_refused("a\nb\n\nc\n", "line 3: a token of no characters");
    expect_refused("a\nb\nc\nb\n", "line 4: the token 'b' stands in line 2, too");
    expect_refused("a\n\xc3\n", "line 2: no UTF-8");
    expect_refused("\\vocabulary words lower=0 unknown=-1\na\nb\\x0\n", "line 3: a backslash begins");
    expect_refused("\\vocabulary words lower=0 unknown=-1\na\nb\\", "line 3: a backslash begins");
    expect_refused("\\vocabulary words lower=0 unknown=2\na\nb\n", "line 1: the unknown token is none of those below");
    expect_refused("\\vocabulary words lower=0 unknown=0x\na\n", "line 1: it begins as a vocabulary of tapegrad");
    expect_refused("\\vocabulary sounds lower=0 unknown=0\na\n", "line 1: it begins as a vocabulary of tapegrad");
    expect_refused("\\vocabulary words lower=0 unknown=-1\na\na\n", "line 3: the token 'a' stands in line 2, too");
    assert_null(tg_vocabulary_of_list(tg_texts("a", "b", "a")));
    expect_error("the token 'a' comes twice");
    assert_null(tg_vocabulary_of_list(tg_texts("a", "")));
    expect_error("a token of no characters");
    assert_null(tg_vocabulary_of("a", .unknown = ""));
    expect_error("a token of no characters");
    assert_null(tg_vocabulary_of_list(tg_texts("a", NULL)));
    expect_error("token 1 is NULL");
    assert_null(tg_vocabulary_of("a", .specials = "x,x"));
    expect_error(".specials: a token comes twice");
    assert_null(tg_vocabulary_of("a", .by = (tg_tokens)3));
    expect_error("by is TG_CHARACTERS, TG_BYTES or TG_WORDS");
    assert_null(tg_vocabulary_of("a", .max_tokens = -1));
    expect_error("a negative number of tokens");
    assert_null(tg_vocabulary_of(NULL));
    expect_error("the text is NULL");
    assert_null(tg_vocabulary_of_file("/nowhere"));
    expect_error("/nowhere: cannot be read");
    tg_vocabulary *v = tg_vocabulary_of("ab");
    assert_null(tg_decode(v, tg_full(tg_shape(2), 2, .dtype = TG_INT64)));
    expect_error("id 2, at place 0, of 2 tokens");
    assert_null(tg_decode(v, tg_zeros(tg_shape(2))));
    expect_error("ids are int64, not float32");
    assert_null(tg_vocabulary_token(v, -1));
    expect_error("id -1 of 2 tokens");
    write_text("ab\xff");
    assert_null(tg_encode_file(v, path));
    expect_error("at byte 2: no UTF-8 (0xff)");
    tg_vocabulary_free(v);
#if !defined(__SANITIZE_ADDRESS__)
    assert_null(tg_encode(v, "a"));
    expect_error("the vocabulary was freed");
#endif
    assert_null(tg_encode(NULL, "a"));
    expect_error("the vocabulary is NULL");
    tg_vocabulary_free(NULL);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_characters),     T(test_bytes),         T(test_words),  T(test_small_letters), T(test_utf8),
        T(test_order),          T(test_many_tokens),   T(test_lists),  T(test_texts),         T(test_kept),
        T(test_all_bytes_kept), T(test_foreign_lists), T(test_errors),
    };
    return cmocka_run_group_tests_name("vocabulary", tests, begin_folder, end_folder);
}
