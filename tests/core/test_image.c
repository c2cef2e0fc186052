/* test_image.c: PNGs are read back by a decoder of the test's own, pixels are torchvision's, PPMs are read as NumPy
 * wrote them. */
#include "tests/support/compare.h"
#include "tests/support/golden.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <stdio.h>
#include <string.h>

#define FILES "tests/golden/files/"

static char path[4200];
static const char *folder;

static int begin_folder(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/picture", folder);
    return 0;
}
static int end_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* ---- a decoder of PNGs without compression ---- */

typedef struct picture {
    uint32_t width, height;
    int colours, chunks;
    unsigned char *pixels; /* rows, each with its filter's byte before it */
    size_t count;
} picture;

static uint32_t big(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t crc_of(const unsigned char *bytes, size_t count)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static uint32_t adler_of(const unsigned char *bytes, size_t count)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < count; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* Stored blocks of a zlib stream. */
static void unpack(picture *p, const unsigned char *z, size_t count)
{
    assert_true(count > 6 && z[0] == 0x78 && (z[0] * 256 + z[1]) % 31 == 0);
    size_t at = 2;
    p->pixels = malloc(count);
    for (bool last = false; !last; at += 5 + (z[at + 1] | (size_t)z[at + 2] << 8)) {
        assert_true(at + 5 <= count && z[at] <= 1);
        const size_t n = z[at + 1] | (size_t)z[at + 2] << 8;
        assert_true((n ^ (z[at + 3] | (size_t)z[at + 4] << 8)) == 0xffff && at + 5 + n + 4 <= count);
        memcpy(p->pixels + p->count, z + at + 5, n);
        p->count += n;
        last = z[at];
    }
    assert_int_equal(at + 4, count);
    assert_int_equal(big(z + at), adler_of(p->pixels, p->count));
}

static picture read_png(void)
{
    picture p = { 0 };
    size_t count, at = 8, packed = 0;
    unsigned char *file = read_file(path, &count), *stream = malloc(count);
    assert_memory_equal(file, "\x89PNG\r\n\x1a\n", 8);
    for (bool end = false; !end; p.chunks++) {
        assert_true(at + 12 <= count);
        const size_t n = big(file + at);
        const unsigned char *type = file + at + 4, *data = type + 4;
        assert_true(at + 12 + n <= count && big(data + n) == crc_of(type, n + 4));
        if (memcmp(type, "IHDR", 4) == 0) {
            assert_true(n == 13 && p.chunks == 0 && data[8] == 8 && !data[10] && !data[11] && !data[12]);
            p.width = big(data);
            p.height = big(data + 4);
            p.colours = data[9];
        } else if (memcmp(type, "IDAT", 4) == 0) {
            memcpy(stream + packed, data, n);
            packed += n;
        } else {
            assert_memory_equal(type, "IEND", 4);
            end = true;
        }
        at += 12 + n;
    }
    assert_int_equal(at, count);
    unpack(&p, stream, packed);
    free(stream);
    free(file);
    return p;
}

/* The picture is that of `bytes` [channels, height, width]. */
static void check_png(tg_tensor *image, const double *bytes, uint32_t channels, uint32_t height, uint32_t width)
{
    static const int colours[] = { -1, 0, -1, 2, 6 };
    assert_int_equal(tg_save_png(image, path), TG_OK);
    picture p = read_png();
    assert_true(p.width == width && p.height == height && p.colours == colours[channels]);
    assert_int_equal(p.count, (size_t)height * (width * channels + 1));
    const unsigned char *at = p.pixels;
    for (uint32_t y = 0; y < height; y++) {
        assert_int_equal(*at++, 0);
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++)
                if (*at++ != (unsigned)bytes[(c * height + y) * width + x])
                    fail_msg("row %u, column %u, channel %u: %d, not %g", y, x, c, at[-1],
                             bytes[(c * height + y) * width + x]);
    }
    free(p.pixels);
}

TEST(test_png)
{
    IN_SCOPE;
    golden *g = golden_open("data.txt");
    assert_true(golden_seek(g, "pixels"));
    tg_tensor *image = golden_tensor(g, "image", TG_FLOAT32);
    const golden_array bytes = golden_array_of(g, "bytes");
    check_png(image, bytes.values, 1, 4, 256);
    check_png(tg_unsqueeze(image, 0), bytes.values, 1, 4, 256);
    check_png(tg_reshape(tg_slice(image, 0, 0, 3), tg_shape(3, 16, 16)), bytes.values, 3, 16, 16);
    check_png(tg_reshape(image, tg_shape(4, 2, 128)), bytes.values, 4, 2, 128);
    double turned[1024];
    tg_to_array(tg_t(golden_tensor(g, "bytes", TG_FLOAT64)), turned, 1024);
    check_png(tg_t(image), turned, 1, 256, 4); /* strides */
    check_png(tg_from_data(bytes.values, tg_shape(4, 256), .dtype = TG_INT64), bytes.values, 1, 4, 256);
    golden_close(g);
    const double strange[] = { NAN, INFINITY, -INFINITY, -1, 2, 0.5 };
    check_png(tg_from_data(strange, tg_shape(2, 3)), (const double[]){ 0, 255, 0, 0, 255, 128 }, 1, 2, 3);
    check_png(tg_gt(tg_from_data(strange, tg_shape(2, 3)), 0), (const double[]){ 0, 255, 0, 0, 255, 255 }, 1, 2, 3);
    tg_scope_end(scope);
}

/* More than one block, and blocks that are full to the byte. */
TEST(test_large_png)
{
    IN_SCOPE;
    const int64_t sizes[][2] = { { 300, 700 }, { 1, 65534 }, { 1, 65535 }, { 2, 65534 }, { 3, 21844 }, { 70000, 1 } };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int64_t n = sizes[i][0] * sizes[i][1];
        tg_tensor *image = tg_reshape(tg_remainder(tg_arange(n), 251), tg_shape(sizes[i][0], sizes[i][1]));
        double *bytes = elements(image);
        check_png(image, bytes, 1, (uint32_t)sizes[i][0], (uint32_t)sizes[i][1]);
        free(bytes);
    }
    tg_scope_end(scope);
}

TEST(test_ppm)
{
    IN_SCOPE;
    golden *g = golden_open("data.txt");
    const char *const names[] = { "grey.pgm", "colour.ppm", "deep.pgm", "text.pgm", "text.ppm" };
    for (size_t i = 0; i < 5; i++) {
        char file[128];
        snprintf(file, sizeof file, FILES "%s", names[i]);
        assert_true(golden_seek(g, names[i]));
        golden_assert(g, "values", tg_load_ppm(file, .dtype = TG_INT64), 0);
        golden_assert(g, "scaled", tg_load_ppm(file), 0);
        golden_assert(g, "scaled", tg_load_ppm(file, .dtype = TG_FLOAT64), 1e-7);
        if (i > 1) continue; /* and what is read is written, and read */
        tg_tensor *t = tg_load_ppm(file), *whole = tg_load_ppm(file, .dtype = TG_INT64);
        assert_int_equal(tg_save_ppm(t, path), TG_OK);
        assert_alike(tg_load_ppm(path), t, 0);
        assert_int_equal(tg_save_ppm(whole, path), TG_OK);
        assert_alike(tg_load_ppm(path, .dtype = TG_INT64), whole, 0);
    }
    golden_close(g);
    assert_int_equal(tg_save_ppm(tg_zeros(tg_shape(1, 2)), path), TG_OK);
    size_t count;
    unsigned char *bytes = read_file(path, &count);
    assert_true(count == 13 && memcmp(bytes, "P5\n2 1\n255\n\0\0", 13) == 0);
    free(bytes);
    tg_scope_end(scope);
}

TEST(test_grid)
{
    IN_SCOPE;
    golden *g = golden_open("data.txt");
    int grids = 0;
    while (golden_next(g)) {
        if (strncmp(golden_case(g), "grid ", 5) != 0) continue;
        const int64_t *o;
        golden_ints(g, "options", &o);
        tg_tensor *images = golden_tensor(g, "images", TG_FLOAT32);
        const double pad = golden_real(g, "pad_value");
        golden_assert(g, "grid",
                      tg_image_grid(images, .nrow = o[0], .padding = o[1], .normalize = o[2], .scale_each = o[3],
                                    .pad_value = pad),
                      0);
        if (tg_ndim(images) == 4) { /* strides */
            tg_tensor *turned = tg_transpose(tg_contiguous(tg_transpose(images, 0, 3)), 0, 3);
            golden_assert(g, "grid",
                          tg_image_grid(turned, .nrow = o[0], .padding = o[1], .normalize = o[2], .scale_each = o[3],
                                        .pad_value = pad),
                          0);
        }
        grids++;
    }
    assert_int_equal(grids, 9);
    golden_close(g);
    tg_tensor *ones = tg_ones(tg_shape(2, 3, 1, 1), .dtype = TG_INT64);
    VALUES(tg_select(tg_image_grid(ones, .padding = 1, .pad_value = 7), 0, 2), 0, 7, 7, 7, 7, 7, 7, 1, 7, 1, 7, 7, 7, 7,
           7, 7);
    tg_scope_end(scope);
}

static void expect_ppm(const char *text, const char *error)
{
    write_file(path, text, strlen(text));
    assert_null(tg_load_ppm(path));
    expect_error(error);
}

TEST(test_errors)
{
    IN_SCOPE;
    expect_ppm("", "magic: a picture of this kind begins with P2, P3, P5 or P6");
    expect_ppm("P4 1 1 1", "magic");
    expect_ppm("P512 1 255\n", "magic: a blank is missing");
    expect_ppm("P5 2", "at byte 4: height: the file ends here");
    expect_ppm("P5 2 x", "at byte 5: height: no number");
    expect_ppm("P5 -2 1", "width: no number");
    expect_ppm("P5 99999999999999999999 1 255\n", "width: more than 2147483647");
    expect_ppm("P5 2 2 65536\n", "maxval: more than 65535");
    expect_ppm("P5 2 2 0\n", "one of them is 0");
    expect_ppm("P5 2 2 255", "maxval: a blank is missing");
    expect_ppm("P5 2 2 255\nabc", "the file ends, and 2 by 2 pixels do not");
    expect_ppm("P5 2147483647 2147483647 255\nabc", "the file ends");
    expect_ppm("P2 2000 2000 255\n1 2", "the file ends");
    expect_ppm("P5 2 2 255\nabcde", "something stands behind the pixels");
    expect_ppm("P2 2 1 7\n1 8\n", "pixels: more than 7");
    expect_ppm("P2 2 1 7\n1 # and\n", "pixels: the file ends here");
    expect_ppm("P5 1 1 7\nx", "pixels: a pixel is more than maxval");
    assert_int_equal(tg_save_png(tg_zeros(tg_shape(2, 4, 4)), path), TG_FAILED);
    expect_error("a picture is [height, width] or [channels, height, width] of 1, 3 or 4 channels, not [2, 4, 4]");
    assert_int_equal(tg_save_ppm(tg_zeros(tg_shape(4, 4, 4)), path), TG_FAILED);
    expect_error("of 1 or 3 channels");
    assert_int_equal(tg_save_png(tg_zeros(tg_shape(0, 4)), path), TG_FAILED);
    expect_error("a picture is");
    assert_int_equal(tg_save_png(tg_full(tg_shape(1, 2), 256.0), path), TG_OK);
    assert_int_equal(tg_save_png(tg_full(tg_shape(1, 2), 256, .dtype = TG_INT64), path), TG_FAILED);
    expect_error("256 at channel 0, row 0, column 0: int64 pixels go from 0 to 255");
    assert_null(tg_image_grid(tg_zeros(tg_shape(2, 3, 4, 4)), .nrow = 0));
    expect_error("0 pictures in a row");
    assert_null(tg_image_grid(tg_zeros(tg_shape(2, 3, 4, 4)), .padding = INT64_MAX));
    expect_error("padding of");
    assert_null(tg_image_grid(tg_zeros(tg_shape(2, 3, 4, 4), .dtype = TG_INT64), .normalize = true));
    expect_error("only floats can be normalized");
    assert_null(tg_image_grid(tg_zeros(tg_shape(2, 3, 4, 4), .dtype = TG_INT64), .pad_value = NAN));
    expect_error("no int64");
    assert_null(tg_image_grid(tg_zeros(tg_shape(3))));
    expect_error("or one of them, not of shape [3]");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_png), T(test_large_png), T(test_ppm), T(test_grid), T(test_errors) };
    return cmocka_run_group_tests_name("image", tests, begin_folder, end_folder);
}
