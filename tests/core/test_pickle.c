/* test_pickle.c: pickles made byte by byte: those of every opcode that is read, and those that want something done,
 * which is refused by name, or more than there is. */
#include "tests/support/compare.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include "core/file/zip_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char path[5000];

/* An archive as PyTorch's, of that pickle and a storage "0" of three float32: 1, 2, 3. */
static void write_archive(const void *pickle, size_t bytes)
{
    static const float elements[] = { 1, 2, 3 };
    tgi_output out;
    tgi_zip_writer zip;
    assert_true(tgi_output_open(&out, "test", path));
    tgi_zip_begin(&zip, &out);
    tgi_zip_add(&zip, "a/data.pkl", 1, pickle, bytes, NULL);
    tgi_zip_add(&zip, "a/data/0", 64, elements, sizeof elements, NULL);
    tgi_zip_add(&zip, "a/data/1", 64, NULL, 0, NULL);
    assert_true(tgi_zip_end(&zip) && tgi_output_commit(&out));
}

static const tg_object *load(const void *pickle, size_t bytes)
{
    write_archive(pickle, bytes);
    return tg_load_pt(path);
}
#define LOAD(literal) load(literal, sizeof(literal) - 1)

/* The pickle is refused, with an error that contains the text. */
static void refused(int line, const void *pickle, size_t bytes, const char *text)
{
    IN_SCOPE;
    const tg_object *o = load(pickle, bytes);
    if (o || !strstr(tg_error_message(), text))
        fail_msg("line %d: expected \"%s\", got \"%s\"", line, text, tg_error_message());
    assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
    tg_error_clear();
    tg_scope_end(scope);
}
#define REFUSED(literal, text) refused(__LINE__, literal, sizeof(literal) - 1, text)

/* ---- what is read ---- */

TEST(test_numbers)
{
    IN_SCOPE;
    const tg_object *o = LOAD("\x80\x02]("
                              "I01\nI00\nI12\nI-3\nL45L\nL-9223372036854775808L\nL9223372036854775807\n"
                              "K\xff"
                              "M\xff\xff"
                              "J\xff\xff\xff\xff"
                              "\x8a\x00"
                              "\x8a\x01\xff"
                              "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00"
                              "\x8b\x02\x00\x00\x00\x00\x80"
                              "G\x3f\xe0\x00\x00\x00\x00\x00\x00"
                              "N\x88\x89"
                              "e.");
    static const double values[] = { 1, 0, 12, -3, 45, -0x1p63, 0x1p63, 255, 65535, -1, 0, -1, 0x1p63, -32768, 0.5 };
    for (int i = 0; i < 15; i++) assert_true(tg_object_number(tg_object_item(o, i)) == values[i]);
    assert_int_equal(tg_object_kind_of(tg_object_item(o, 0)), TG_OBJECT_BOOL);
    assert_int_equal(tg_object_int(tg_object_item(o, 6)), INT64_MAX);
    assert_int_equal(tg_object_int(tg_object_item(o, 5)), INT64_MIN);
    assert_int_equal(tg_object_kind_of(tg_object_item(o, 15)), TG_OBJECT_NONE);
    assert_int_equal(tg_object_count(o), 18);
    tg_scope_end(scope);
}

TEST(test_containers)
{
    IN_SCOPE;
    const tg_object *o = LOAD("(I1\nI2\nl."); /* protocol 0 */
    assert_int_equal(tg_object_int(o, "1"), 2);
    o = LOAD("(U\x01"
             "aI1\nT\x01\x00\x00\x00"
             "bI2\ndU\x01"
             "cI3\ns.");
    assert_int_equal(tg_object_int(o, "c"), 3);
    o = LOAD("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00(K\x01\x85K\x02K\x03\x86K\x04K\x05K\x06\x87t.");
    assert_int_equal(tg_object_int(o, "2.2"), 6);
    o = LOAD("\x8f\x94(K\x01K\x02\x90(K\x03\x91\x86."); /* sets */
    assert_int_equal(tg_object_count(tg_object_item(o, 0)), 2);
    assert_int_equal(tg_object_int(o, "1.0"), 3);
    o = LOAD("]q\x00K\x05"
             "aK\x06"
             "0(K\x07K\x08"
             "1h\x00j\x00\x00\x00\x00\x86"
             "20."); /* pops, and one twice */
    assert_int_equal(tg_object_int(o, "1.0"), 5);
    o = LOAD("(K\x07"
             "0"
             "0K\x09."); /* a mark is popped, too */
    assert_int_equal(tg_object_int(o), 9);
    o = LOAD("ccollections\nOrderedDict\n](](X\x01\x00\x00\x00"
             "aK\x05"
             "ee\x85R."); /* as Python 2 wrote them */
    assert_int_equal(tg_object_int(o, "a"), 5);
    o = LOAD("\x8c\x0b"
             "collections\x8c\x0b"
             "OrderedDict\x93)\x81}\x8c\x09_metadataNsb."); /* made as an object is */
    assert_int_equal(tg_object_count(o), 0);
    tg_scope_end(scope);
}

#define STORAGE(type, key, count)                                                                                      \
    "(X\x07\x00\x00\x00storagectorch\n" type "\nX\x01\x00\x00\x00" key "X\x03\x00\x00\x00"                             \
    "cpu" count "tQ"
#define FLOATS  STORAGE("FloatStorage", "0", "K\x03")
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n("
#define HOOKS                                                                                                          \
    "\x89"                                                                                                             \
    "ccollections\nOrderedDict\n)RtR."

TEST(test_tensors)
{
    IN_SCOPE;
    const tg_object *o = LOAD(REBUILD FLOATS "K\x01K\x02\x85K\x01\x85" HOOKS);
    VALUES(tg_object_tensor(o), 0, 2, 3);
    o = LOAD("ctorch._utils\n_rebuild_tensor\n(" FLOATS "K\x00)K\x03"
             "0)tR."); /* a 0-d tensor of the oldest kind */
    assert_true(tg_item(tg_object_tensor(o)) == 1);
    o = LOAD("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n(" FLOATS
             "K\x00K\x03\x85K\x01\x85\x88"
             "ccollections\nOrderedDict\n)Rt}tR.");
    assert_true(tg_requires_grad(tg_object_tensor(o)));
    VALUES(tg_detach(tg_object_tensor(o)), 0, 1, 2, 3);
    o = LOAD(
        "ctorch._utils\n_rebuild_tensor_v3\n((X\x07\x00\x00\x00storagectorch.storage\nUntypedStorage\nX\x01\x00\x00\x00"
        "0"
        "X\x03\x00\x00\x00"
        "cpuK\x0ctQK\x00K\x06\x85K\x01\x85\x89Nctorch\nuint16\ntR.");
    VALUES(tg_object_tensor(o), 0, 0, 16256, 0, 16384, 0, 16448); /* the halves of 1, 2 and 3 */
    o = LOAD(REBUILD STORAGE("LongStorage", "1", "K\x00") "K\x00K\x00K\x05\x86K\x05K\x01\x86" HOOKS);
    assert_int_equal(tg_numel(tg_object_tensor(o)), 0);
    tg_scope_end(scope);
}

/* ---- what wants something done ---- */

TEST(test_nothing_is_called)
{
    REFUSED("cos\nsystem\n(X\x04\x00\x00\x00"
            "echotR.",
            "it wants os.system to be called, and nothing in a file is");
    REFUSED("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04"
            "echo\x85R.",
            "posix.system");
    REFUSED("cbuiltins\neval\n(X\x01\x00\x00\x00"
            "1tR.",
            "builtins.eval");
    REFUSED("c__main__\nNet\n)\x81}b.", "it holds a __main__.Net object");
    REFUSED("ccopy_reg\n_reconstructor\n(c__main__\nNet\nc__builtin__\nobject\nNtR.", "it holds a __main__.Net object");
    REFUSED("(i__main__\nNet\n.", "an opcode that is not known here: 0x69");
    REFUSED("(c__main__\nNet\no.", "an opcode that is not known here: 0x6f");
    REFUSED("P0\n.", "an opcode that is not known here: 0x50");
    REFUSED("\x82\x01.", "an opcode that is not known here: 0x82"); /* an extension's number */
    REFUSED("ctorch.storage\n_load_from_bytes\n(NtR.", "torch.storage._load_from_bytes");
    REFUSED("ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n)}tR.",
            "a tensor is made by os.system");
    REFUSED("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nctorch\nTensor\n)}tR.",
            "a tensor is made by torch._tensor");
    REFUSED("X\x01\x00\x00\x00"
            "a)R.",
            "a text is to be called");
    REFUSED("ccollections\nOrderedDict\nNR.", "collections.OrderedDict is to be called, with None");
    REFUSED("cos\nsystem\n.", "it holds os.system");
    REFUSED("]cos\nsystem\na.", "os.system cannot lie in a list");
    REFUSED("}X\x01\x00\x00\x00"
            "acos\nsystem\n\x85s.",
            "os.system cannot lie in a dict");     /* within a tuple, too */
    REFUSED("cevil\x1b[2J\nx\n)R.", "evil?[2J.x"); /* no orders to a terminal */
}

TEST(test_what_is_told_of_tensors)
{
#define TENSOR(rest) REBUILD FLOATS rest HOOKS
    REFUSED(TENSOR("K\x00K\x04\x85K\x01\x85"), "reaches beyond the 3 elements of storage \"0\"");
    REFUSED(TENSOR("K\x03K\x01\x85K\x01\x85"), "reaches beyond");
    REFUSED(TENSOR("K\x00K\x02\x85K\x03\x85"), "reaches beyond");
    REFUSED(TENSOR("J\xff\xff\xff\xffK\x01\x85K\x01\x85"), "begins at an element below 0");
    REFUSED(TENSOR("K\x00J\xff\xff\xff\xff\x85K\x01\x85"), "sizes is one that is below 0");
    REFUSED(TENSOR("K\x00K\x02\x85J\xff\xff\xff\xff\x85"), "strides is one that is below 0");
    REFUSED(TENSOR("K\x00K\x02\x85K\x01K\x01\x86"), "1 sizes and 2 strides");
    REFUSED(TENSOR("K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t)"), "9 sizes: there may be 8");
    REFUSED(TENSOR("K\x00K\x02K\x02\x86K\x01K\x01\x86"), "lie over one another");
    REFUSED(TENSOR("K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85K\x01\x85"), "too large");
    REFUSED(TENSOR("K\x00J\x00\x00\x10\x00J\x00\x00\x10\x00\x86J\x00\x00\x10\x00K\x01\x86"), "reaches beyond");
    REFUSED(TENSOR("K\x00J\x00\x00\x00\x40\x85K\x00\x85"), "as 1073741824: clone it");
    REFUSED(TENSOR("K\x00N)"), "sizes are None, not a tuple");
    REFUSED(TENSOR("NK\x01\x85K\x01\x85"), "at no integer");
    REFUSED(REBUILD "NK\x00K\x01\x85K\x01\x85" HOOKS, "made of None, not of a storage");
    REFUSED(REBUILD STORAGE("FloatStorage", "0", "K\x04") "K\x00)"
                                                          ")" HOOKS,
            "has 12 bytes in the archive, which are not 4 of float32");
    REFUSED(REBUILD STORAGE("DoubleStorage", "0", "K\x03") "K\x00)"
                                                           ")" HOOKS,
            "not 3 of float64");
    REFUSED(REBUILD STORAGE("FloatStorage", "0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f") "K\x00)"
                                                                                             ")" HOOKS,
            "has 12 bytes");
    REFUSED(REBUILD STORAGE("FloatStorage", "0", "J\xff\xff\xff\xff") "K\x00)"
                                                                      ")" HOOKS,
            "has -1 elements");
    REFUSED(REBUILD STORAGE("FloatStorage", "7", "K\x03") "K\x00)"
                                                          ")" HOOKS,
            "storage \"7\" is not in the archive");
    REFUSED(REBUILD STORAGE("ComplexFloatStorage", "0", "K\x03") "K\x00)"
                                                                 ")" HOOKS,
            "a storage of torch.ComplexFloatStorage");
    REFUSED("(" FLOATS STORAGE("IntStorage", "0", "K\x03") "t.", "told in two ways: 3 float32 and 3 int32");
    REFUSED("(" FLOATS STORAGE("FloatStorage", "0", "K\x02") "t.", "told in two ways: 3 float32 and 2 float32");
    REFUSED("]" FLOATS "a.", "a storage that is no tensor's cannot lie in a list");
    REFUSED("NQ.", "no storage of PyTorch");
    REFUSED("K\x01\x85Q.", "no storage of PyTorch");
    REFUSED(REBUILD "tR.", "needs more arguments");
    REFUSED(REBUILD STORAGE("IntStorage", "0", "K\x03") "K\x00K\x03\x85K\x01\x85\x88NtR.", "int64 cannot require grad");
    REFUSED("ctorch._utils\n_rebuild_parameter\n(N\x88NtR.", "a parameter is made of None");
    REFUSED("ctorch._utils\n_rebuild_tensor_v3\n(" FLOATS "K\x00)"
            ")\x89NNtR.",
            "a tensor's dtype is None");
    REFUSED("ctorch._utils\n_rebuild_tensor_v3\n(" FLOATS "K\x00)"
            ")\x89Nctorch\ncomplex64\ntR.",
            "a tensor of torch.complex64");
    REFUSED("ctorch._tensor\n_rebuild_from_type_v2\n(Nctorch\nWeird\n)}tR.", "it holds a torch.Weird object");
}

TEST(test_broken)
{
    REFUSED("ccollections\nOrderedDict\n]K\x01"
            "a\x85R.",
            "something that is no pair");
    REFUSED("ccollections\nOrderedDict\nK\x01\x85R.", "a dict is made of no list of pairs");
    REFUSED("cbuiltins\nset\nK\x01\x85R.", "a set is made of no list");
    REFUSED("", "the pickle has no end");
    REFUSED("N", "the pickle has no end");
    REFUSED(".", "takes from an empty stack");
    REFUSED("\x80\x09N.", "protocol 9");
    REFUSED("0.", "takes from an empty stack");
    REFUSED("(a.", "takes from an empty stack");
    REFUSED("N(a.", "takes from an empty stack"); /* below a mark is another's */
    REFUSED("]N(\x85.", "takes from an empty stack");
    REFUSED("1.", "no mark was set");
    REFUSED("e.", "no mark was set");
    REFUSED("t.", "no mark was set");
    REFUSED("q\x01.", "looks at an empty stack");
    REFUSED("h\x00.", "nothing was remembered under the number 0");
    REFUSED("Nq\x02h\x01.", "nothing was remembered under the number 1");
    REFUSED("Nr\xff\xff\xff\xff.", "remembers something under the number 4294967295");
    REFUSED("NNa.", "puts something into None as if it were a list");
    REFUSED("]NNs.", "puts something into a list as if it were a dict");
    REFUSED("}(Nu.", "a key without a value");
    REFUSED("(Nd.", "a key without a value");
    REFUSED("}NNs.", "a key is a text or an integer, not None");
    REFUSED("}G\x3f\xe0\x00\x00\x00\x00\x00\x00Ns.", "not a number");
    REFUSED("}K\x01NsK\x01Ns.", "the key 1 comes twice");
    REFUSED("}(X\x01\x00\x00\x00"
            "aNX\x01\x00\x00\x00"
            "aNu.",
            "the key \"a\" comes twice");
    REFUSED("]}(K\x01NK\x02NK\x01Nua.", "the key 1 comes twice");
    REFUSED("X\xff\xff\xff\xff"
            "a.",
            "the pickle ends within what it says here");
    REFUSED("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
            "a.",
            "the pickle ends within");
    REFUSED("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "an integer of 9 bytes has no int64");
    REFUSED("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff.", "an integer of 9 bytes has no int64");
    REFUSED("L9223372036854775808L\n.", "is no int64");
    REFUSED("L-9223372036854775809L\n.", "is no int64");
    REFUSED("I\n.", "\"\" is no int64");
    REFUSED("I1x\n.", "\"1x\" is no int64");
    REFUSED("I12", "a line without an end");
    REFUSED("X\x01\x00\x00\x00\xff.", "a text that is not UTF-8");
    REFUSED("X\x01\x00\x00\x00\x00.", "a text with a zero byte");
    REFUSED("]X\x01\x00\x00\x00\x00"
            "a.",
            "a text with a zero byte in it cannot lie in a list");
    REFUSED("C\x01"
            "a.",
            "it holds bytes");
    REFUSED("c\xff\nx\n.", "the name of a class is no name");
    REFUSED("NN\x93.", "the name of a class is no text");
    REFUSED("N}b.", "None is given attributes");
    REFUSED("cnumpy\ndtype\n(X\x02\x00\x00\x00"
            "c8tR.",
            "numpy's dtype c8 is not known");
    REFUSED("cnumpy\ndtype\n(X\x02\x00\x00\x00"
            "f8tR(K\x03X\x01\x00\x00\x00>tb.",
            "byte order is big-endian");
    REFUSED("cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\x00\x00\x00"
            "f8tRC\x01"
            "atR.",
            "a float64 of numpy has 1 bytes");
    REFUSED("cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\x00\x00\x00"
            "u8tRC\x08\xff\xff\xff\xff\xff\xff\xff\xfftR.",
            "a uint64 of 2^63 or more");
}

/* ---- what wants more than there is ---- */

typedef struct builder {
    unsigned char bytes[1 << 19];
    size_t count;
} builder;
static builder b;

static void emit(const char *bytes, size_t count)
{
    assert_true(b.count + count <= sizeof b.bytes);
    memcpy(b.bytes + b.count, bytes, count);
    b.count += count;
}
#define EMIT(literal) emit(literal, sizeof(literal) - 1)

/* Refused with that text, and no more memory is asked for than a hundred times the file. */
static void bomb(const char *text)
{
    refused(__LINE__, b.bytes, b.count, text); /* what is made once is made */
    tg_memory_reset_peak();
    const int64_t before = tg_memory_stats().live_bytes;
    refused(__LINE__, b.bytes, b.count, text);
    assert_true(tg_memory_stats().peak_bytes - before < 100 * (int64_t)b.count + (2 << 20));
    assert_int_equal(tg_memory_stats().live_bytes, before);
    b.count = 0;
}

TEST(test_bombs)
{
    /* Lists of lists of lists, 200,000 deep. */
    for (int i = 0; i < 200000; i++) EMIT("]");
    for (int i = 0; i < 200000; i++) EMIT("a");
    EMIT(".");
    bomb("more than 100 deep");
    /* Marks without end, and tuples of tuples. */
    for (int i = 0; i < 400000; i++) EMIT("(");
    bomb("the pickle has no end");
}

TEST(test_laughs)
{
    /* Each list holds the one before it ten times: 10^40 things. */
    EMIT("]K\x01"
         "aq\x00");
    for (int i = 0; i < 40; i++)
        EMIT("](h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00"
             "eq\x00");
    EMIT(".");
    bomb("more than 16777216 objects in one");
    /* So few that they could be counted, but more than the pickle's bytes warrant. */
    EMIT("]K\x01"
         "aq\x00");
    for (int i = 0; i < 5; i++)
        EMIT("](h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00"
             "eq\x00");
    EMIT(".");
    bomb("lists of the same lists");
    /* A long list copied into sets again and again. */
    EMIT("](");
    for (int i = 0; i < 50000; i++) EMIT("N");
    EMIT("e\x85q\x00"
         "0(cbuiltins\nset\nq\x01");
    for (int i = 0; i < 20000; i++) EMIT("h\x01h\x00R");
    EMIT("t.");
    bomb("more is copied than the pickle can hold");
    /* A long text made into bytes again and again. */
    EMIT("X\x00\x00\x01\x00");
    for (int i = 0; i < 65536; i++) EMIT("a");
    EMIT("\x85q\x00"
         "0(c_codecs\nencode\nq\x01");
    for (int i = 0; i < 20000; i++) EMIT("h\x01h\x00R");
    EMIT("t.");
    bomb("it holds bytes");
    /* In itself, by itself and by another. */
    EMIT("]q\x00h\x00"
         "a.");
    bomb("it would lie in itself");
    EMIT("]q\x00]q\x01h\x00"
         "aa.");
    bomb("cannot change");
}

/* One long key above another, under many tensors: names that are longer than the file. */
TEST(test_long_names)
{
    IN_SCOPE;
    static char key[1000];
    memset(key, 'k', sizeof key);
    EMIT(REBUILD FLOATS "K\x00K\x03\x85K\x01\x85\x89Nt"
                        "Rq\x05"
                        "0X\xe8\x03\x00\x00");
    emit(key, sizeof key);
    EMIT("q\x06"
         "0](");
    for (int i = 0; i < 2000; i++) EMIT("h\x05");
    EMIT("eq\x07");
    for (int i = 0; i < 90; i++)
        EMIT("q\x07"
             "0}h\x06h\x07s");
    EMIT(".");
    write_archive(b.bytes, b.count);
    b.count = 0;
    assert_non_null(tg_load_pt(path));
    assert_int_equal(tg_load(path).count, 0);
    expect_error("the names of its tensors are longer than the file");
    /* Two paths that read the same. */
    assert_non_null(LOAD(REBUILD FLOATS "K\x00K\x03\x85K\x01\x85\x89NtRq\x05"
                                        "0}X\x03\x00\x00\x00"
                                        "a.bh\x05sX\x01\x00\x00\x00"
                                        "a"
                                        "}X\x01\x00\x00\x00"
                                        "bh\x05ss."));
    assert_int_equal(tg_load(path).count, 0);
    expect_error("two tensors have the name \"a.b\"");
    tg_scope_end(scope);
}

/* Of a dict of many keys each is found, as of one of few: 12 is the integer or the text, whichever comes first. */
static void find_among(int texts_first, int count)
{
    EMIT("}(");
    for (int half = 0; half < 2; half++)
        for (int i = count - 1; i >= 0; i--) {
            const char number[] = { 'M', (char)(i & 255), (char)(i >> 8) }, value[] = { 'K', (char)half };
            char text[16] = "X";
            if (half == texts_first)
                emit(number, sizeof number);
            else
                emit(text, 5 + (size_t)(text[1] = (char)snprintf(text + 5, sizeof text - 5, "%d", i)));
            emit(value, sizeof value);
        }
    EMIT("X\x01\x00\x00\x00wK\x07u.");
    const tg_object *o = load(b.bytes, b.count);
    b.count = 0;
    assert_int_equal(tg_object_count(o), 2 * count + 1);
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(tg_object_int(o, key), 0);
    }
    assert_int_equal(tg_object_int(o, "w"), 7);
    static const char *const missing[] = { "", "v", "x", "-1", "01", "ww", "99999" };
    for (int i = 0; i < 7; i++) assert_false(tg_object_has(o, missing[i]) && missing[i][0]);
    assert_true(tg_ok());
}

TEST(test_keys_are_found)
{
    IN_SCOPE;
    for (int texts_first = 0; texts_first < 2; texts_first++) {
        find_among(texts_first, 3);
        find_among(texts_first, 500);
    }
    tg_scope_end(scope);
}

static int set_up(void **state)
{
    (void)state;
    const char *folder = make_folder();
    snprintf(path, sizeof path, "%s/pickle.pt", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    *strrchr(path, '/') = '\0';
    remove_folder(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_numbers),
        T(test_containers),
        T(test_tensors),
        T(test_nothing_is_called),
        T(test_what_is_told_of_tensors),
        T(test_broken),
        T(test_bombs),
        T(test_laughs),
        T(test_long_names),
        T(test_keys_are_found),
    };
    return cmocka_run_group_tests_name("pickle", tests, set_up, tear_down);
}
