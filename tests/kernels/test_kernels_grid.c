/* test_kernels_grid.c: planes read at places of a grid by every set of kernels this machine can run, against the slow
 * reference, on sizes drawn at random. */
#include "tests/support/kernels_drawn.h"

#include "ops/kernels/image/grid_kernels.h"

static tgi_grid drawn(int i)
{
    return (tgi_grid){ .h = between(1, 9),
                       .w = between(1, 9),
                       .outside = (tgi_outside)between(0, TGI_OUTSIDES - 1),
                       .align_corners = i % 2 == 0,
                       .nearest = i % 5 == 0,
                       .channels = between(1, i % 7 == 0 ? 40 : 5), /* more than are summed together */
                       .places = between(1, 150) };
}

/* A third of a block's places is outside; the last entries not a number. */
static void *drawn_grid(int d, int64_t places)
{
    char *grid = numbers(d, 2 * places);
    for (int64_t i = 0; i < 2 * places; i++) set(d, grid + i * sizes[d], uniform(-1.5, 1.5));
    if (places > 20) set(d, grid + (2 * places - 1) * sizes[d], NAN), set(d, grid + 20 * sizes[d], 1e30);
    return grid;
}

/* The same, or not a number in both. */
static void assert_alike(int d, const char *what, void *got, void *want, int64_t count, double terms)
{
    for (int64_t i = 0; i < count; i++) {
        char *a = (char *)got + i * sizes[d], *b = (char *)want + i * sizes[d];
        if (isnan(get(d, a)) && isnan(get(d, b))) set(d, a, 0), set(d, b, 0);
    }
    assert_near(d, what, got, want, count, terms);
}

static void test_grids(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++)
        for (int d = TGI_F32; d <= TGI_F64; d++) {
            const tgi_grid g = drawn(i);
            const int64_t in = g.channels * g.h * g.w, out = g.channels * g.places, n = g.places;
            const int64_t first = n > TGI_GRID_BLOCK ? n - TGI_GRID_BLOCK : n / 3, block = n - first;
            void *x = numbers(d, in), *grid = drawn_grid(d, n), *dy = numbers(d, out);
            void *got = numbers(d, in + out + 4 * n), *want = malloc((size_t)((in + out + 4 * n) * sizes[d]));
            memcpy(want, got, (size_t)((in + out + 4 * n) * sizes[d]));
            K(grid)->places[d](&g, n, grid, got, i % 3 ? (char *)got + 2 * n * sizes[d] : NULL);
            R(grid)->places[d](&g, n, grid, want, i % 3 ? (char *)want + 2 * n * sizes[d] : NULL);
            assert_alike(d, "places", got, want, 2 * n, 0);
            K(grid)->read[d](&g, first, block, grid, x, got);
            R(grid)->read[d](&g, first, block, grid, x, want);
            assert_alike(d, "read", got, want, out, 100);
            char *gots = got, *wants = want;
            void *grid_got = gots + in * sizes[d], *grid_want = wants + in * sizes[d];
            K(grid)->read_backward[d](&g, first, block, grid, x, dy, got, g.nearest ? NULL : grid_got);
            R(grid)->read_backward[d](&g, first, block, grid, x, dy, want, g.nearest ? NULL : grid_want);
            assert_alike(d, "read backward", got, want, in + 2 * n, 4000);
            free(x), free(grid), free(dy), free(got), free(want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grids),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
