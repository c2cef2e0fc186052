/* test_kernels_attention.c: attention's kernels of every set this machine can run, next to the slow reference, over lengths
 * around those of vectors and blocks. */
#include "tests/support/kernels_rows.h"

#include "ops/kernels/attention/attention_kernels.h"

enum { NO_MASK, BOOLS, NUMBERS, ONE_NUMBER, MASKS };

/* Two blocks of columns one after the other, then their weights again. */
static void run_attention(const tgi_attention_kernels *k, int d, tgi_attention_block block, numbers *s,
                          double most[ROWS], double total[ROWS], double factor[ROWS])
{
    for (int i = 0; i < ROWS; i++) {
        most[i] = -INFINITY;
        total[i] = 0;
    }
    block.s = start(s);
    k->weigh[d](&block, most, total, factor);
    for (int64_t i = 0; i < ROWS * block.row; i++) set(d, start(s) + i * sizes[d], (double)(i % 17) / 3 - 1);
    k->weigh[d](&block, most, total, factor);
}

static void check_attention(int d, int64_t n, int mask_kind, int64_t diagonal)
{
    static numbers s, s_want, mask, again, again_want;
    static char bools[ROOM];
    double most[ROWS], total[ROWS], factor[ROWS], most_want[ROWS], total_want[ROWS], factor_want[ROWS], part[ROWS];
    fill(d, &s, ROWS * n, -3, 3);
    fill(d, &mask, ROWS * n, -1, 1);
    for (int64_t i = 0; i < ROWS * n; i++) bools[i] = (char)(draw() % 3 > 0);
    const tgi_attention_block block = {
        .rows = ROWS,
        .n = n,
        .row = n,
        .scale = 0.75,
        .diagonal = diagonal,
        .mask = mask_kind == NO_MASK ? NULL
                : mask_kind == BOOLS ? bools
                                     : start(&mask),
        .mask_is_bool = mask_kind == BOOLS,
        .mask_row = mask_kind == ONE_NUMBER ? 1 : n,
        .mask_column = mask_kind != ONE_NUMBER,
    };
    s_want = again = again_want = s;
    run_attention(K(attention), d, block, &s, most, total, factor);
    run_attention(R(attention), d, block, &s_want, most_want, total_want, factor_want);
    all_near(d, "weights", n, &s, &s_want, ROWS * n, 16);
    for (int i = 0; i < ROWS; i++) {
        if (most_want[i] == -INFINITY) {
            assert_true(most[i] == -INFINITY && total[i] == 0);
            part[i] = 0;
            continue;
        }
        near(d, "most", n, most[i], most_want[i], 2);
        near(d, "total", n, total[i], total_want[i], 16);
        near(d, "factor", n, factor[i], factor_want[i], 16);
        part[i] = 1 / total[i];
    }
    tgi_attention_block once = block;
    once.s = start(&again);
    K(attention)->weigh_again[d](&once, most, part);
    once.s = start(&again_want);
    R(attention)->weigh_again[d](&once, most, part);
    all_near(d, "weights again", n, &again, &again_want, ROWS * n, 16);
}

static void test_attention(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++)
        for (int64_t n = 1; n < 300; n += n < 70 ? 3 : 47)
            for (int mask = 0; mask < MASKS; mask++) {
                check_attention(d, n, mask, n);
                check_attention(d, n, mask, 0);
                check_attention(d, n, mask, -2); /* the first rows see nothing */
            }
}

static void test_attention_gradient(void **unused)
{
    (void)unused;
    static numbers x, g, got, want;
    double dot[ROWS], dot_want[ROWS];
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int l = 0; l < LENGTHS; l++) {
            const int64_t n = lengths[l];
            fill(d, &x, ROWS * n, 2, 6);
            fill(d, &g, ROWS * n, -1, 1);
            K(attention)->dots[d](ROWS, n, start(&x), n, start(&g), n, dot);
            R(attention)->dots[d](ROWS, n, start(&x), n, start(&g), n, dot_want);
            for (int i = 0; i < ROWS; i++) near(d, "dot", n, dot[i], dot_want[i], 40 + 2 * (double)n);
            got = want = g;
            K(attention)->differentiate[d](ROWS, n, start(&x), start(&got), n, dot_want, 0.5);
            R(attention)->differentiate[d](ROWS, n, start(&x), start(&want), n, dot_want, 0.5);
            all_near(d, "gradient of the scores", n, &got, &want, ROWS * n, 8);
            K(attention)->scale_rows[d](ROWS, n, start(&got), (const double[ROWS]){ 1, 0.5, 3, 0, -1 });
            R(attention)->scale_rows[d](ROWS, n, start(&want), (const double[ROWS]){ 1, 0.5, 3, 0, -1 });
            all_near(d, "scaled rows", n, &got, &want, ROWS * n, 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_gradient),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
