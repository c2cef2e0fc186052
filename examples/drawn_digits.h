/* drawn_digits.h: digits that look as if somebody had written them, for those who have no MNIST: letters of 5 x 7
 * cells, shifted, stretched, slanted, in more or less ink, and grainy. */
#ifndef TG_EXAMPLES_DRAWN_DIGITS_H
#define TG_EXAMPLES_DRAWN_DIGITS_H

#include <tapegrad.h>

enum { DRAWN_SIDE = 28, DRAWN_ROWS = 7, DRAWN_COLUMNS = 5 };

static const char *const drawn_font[DRAWN_ROWS] = {
    " ###    #    ###   ###     #  #####  ###  #####  ###   ### ", /* one digit in six columns */
    "#   #  ##   #   # #   #   ##  #     #         # #   # #   #", /* */
    "#   #   #       #     #  # #  ####  #        #  #   # #   #", /* */
    "#   #   #      #    ##  #  #      # ####    #    ###   ####", /* */
    "#   #   #     #       # #####     # #   #   #   #   #     #", /* */
    "#   #   #    #    #   #    #  #   # #   #  #    #   #     #", /* */
    " ###   ###  #####  ###     #   ###   ###   #     ###   ### ", /* */
};

/* [10, 7, 5]: 1 where there is ink. */
static inline tg_tensor *drawn_letters(void)
{
    tg_tensor *letters = tg_zeros(tg_shape(10, DRAWN_ROWS, DRAWN_COLUMNS));
    float *ink = tg_mutable_data(letters, TG_FLOAT32);
    for (int i = 0; ink && i < 10 * DRAWN_ROWS * DRAWN_COLUMNS; i++) {
        const int digit = i / (DRAWN_ROWS * DRAWN_COLUMNS), cell = i % (DRAWN_ROWS * DRAWN_COLUMNS);
        ink[i] = drawn_font[cell / DRAWN_COLUMNS][6 * digit + cell % DRAWN_COLUMNS] == '#';
    }
    tg_data_written(letters);
    return letters;
}

static inline tg_tensor *drawn_uniform(int64_t n, double low, double high)
{
    return tg_add(tg_mul(tg_rand(tg_shape(n, 1, 1)), high - low), low);
}

/* How much each of `cells` cells has of what is looked at, by its distance: 1 - |at - cell|, not below 0. */
static inline tg_tensor *drawn_share(tg_tensor *at, int64_t cells)
{
    tg_tensor *distance = tg_abs(tg_sub(tg_unsqueeze(at, -1), tg_arange(cells)));
    return tg_relu(tg_sub(1, distance));
}

typedef struct drawn_digits {
    tg_tensor *images; /* [n, 28, 28], from 0 to 1 */
    tg_tensor *labels; /* [n] int64 */
} drawn_digits;

/* Draws n digits by the thread's default generator. */
static inline drawn_digits draw_digits(int64_t n)
{
    tg_tensor *labels = tg_randint(0, 10, tg_shape(n));
    tg_tensor *height = drawn_uniform(n, 2.2, 3.4), *width = drawn_uniform(n, 2, 3.8); /* of a cell, in pixels */
    tg_tensor *slant = drawn_uniform(n, -0.3, 0.5);
    tg_tensor *down = drawn_uniform(n, -3, 3), *right = drawn_uniform(n, -3, 3);
    tg_tensor *ink = drawn_uniform(n, 0.5, 1);

    tg_tensor *pixel = tg_sub(tg_arange(0, DRAWN_SIDE, 1, .dtype = TG_FLOAT32), (DRAWN_SIDE - 1) / 2.0);
    tg_tensor *y = tg_unsqueeze(pixel, 1), *x = pixel;
    /* where a pixel is in its letter, in rows and columns of cells */
    tg_tensor *row = tg_add(tg_div(tg_sub(y, down), height), (DRAWN_ROWS - 1) / 2.0);
    tg_tensor *column = tg_add(tg_div(tg_add(tg_sub(x, right), tg_mul(slant, y)), width), (DRAWN_COLUMNS - 1) / 2.0);
    /* a row of pixels as it would lie in the cells' columns, [n, 28, 5]; then its pixels, [n, 28, 28] */
    tg_tensor *letters = tg_index_select(drawn_letters(), 0, labels);
    tg_tensor *rows = tg_matmul(drawn_share(tg_squeeze(row, -1), DRAWN_ROWS), letters);
    tg_tensor *images = tg_squeeze(tg_matmul(drawn_share(column, DRAWN_COLUMNS), tg_unsqueeze(rows, -1)), -1);
    images = tg_add(tg_mul(images, ink), tg_mul(tg_randn_like(images), 0.15));
    return (drawn_digits){ tg_clamp(images, .min = 0, .max = 1), labels };
}

#endif
