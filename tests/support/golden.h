/* golden.h: reads the golden files (tests/golden/ *.txt) that PyTorch wrote; tests/golden/goldenfile.py has the format.
 *
 *     golden *g = golden_open("lstm.txt");
 *     while (golden_next(g)) {
 *         if (strcmp(golden_string(g, "module"), "LSTM") != 0) continue;
 *         ... golden_int(g, "num_layers"), golden_real(g, "dropout"), golden_tensor(g, "input", TG_FLOAT64) ...
 *         golden_assert(g, "output", output, 1e-10);
 *     }
 *     golden_close(g);
 *
 * A file that is missing or malformed, and a key that is not there, fail the CMocka test that runs. Nothing here may
 * change what it reads into a more convenient value: the file is the truth. */
#ifndef TG_TESTS_SUPPORT_GOLDEN_H
#define TG_TESTS_SUPPORT_GOLDEN_H

#include "tapegrad.h"

typedef struct golden golden;

/* An array of the current case: its elements in row-major order, valid until golden_next. */
typedef struct golden_array {
    const char *key;
    tg_shape shape;
    int64_t count;
    const double *values;
} golden_array;

/* `name` is a file of the golden folder. */
golden *golden_open(const char *name);
bool golden_next(golden *g);                   /* the next case becomes the current one; false at the end */
bool golden_seek(golden *g, const char *name); /* the case of that name does; false if there is none */
void golden_close(golden *g);

const char *golden_case(const golden *g); /* its name */
bool golden_has(const golden *g, const char *key);
const char *golden_string(const golden *g, const char *key);
int64_t golden_int(const golden *g, const char *key);                          /* the first of them */
int64_t golden_ints(const golden *g, const char *key, const int64_t **values); /* how many */
double golden_real(const golden *g, const char *key);                          /* the element of a one-element array */
golden_array golden_array_of(const golden *g, const char *key);

/* All arrays, in the order of the file: for (int i = 0; i < golden_array_count(g); i++) ... */
int golden_array_count(const golden *g);
golden_array golden_array_at(const golden *g, int i);

/* A fresh tensor of the array's values. */
tg_tensor *golden_tensor(const golden *g, const char *key, tg_dtype dtype);

/* The weights of the scalar whose gradient the files hold, sum(t * weights): w[i] = ((7 i) mod 11 - 5) / 8. */
tg_tensor *golden_weights(const tg_tensor *t);

/* Fails, with the case's name and the first element that differs, unless `t` has the array's shape and every element is
 * within `tolerance` of it: |t - a| <= tolerance (1 + |a|), with NaN equal to NaN and an infinity to the same one. */
void golden_assert(const golden *g, const char *key, const tg_tensor *t, double tolerance);

/* The same for values from elsewhere: NULL if they agree, else a message, valid until the next call. */
const char *golden_difference(const golden_array *expected, const tg_tensor *t, double tolerance);

#endif
