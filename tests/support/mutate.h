/* mutate.h: files that were damaged, thousands of them, each the same in every run, and what a loader must do about it:
 * report an error or load something sound; lose no memory and no file; ask for no more memory than a small multiple of
 * the file's size.
 *
 *     static bool load(const char *path) { return walk(tg_load_npy(path)); }
 *     const char *const seeds[] = { "tests/golden/files/a.npy", NULL };
 *     load_mutants((mutation){ .seeds = seeds, .load = load });
 *
 * How many: TEST_MUTANTS of the environment, or 3,000. */
#ifndef TG_TESTS_SUPPORT_MUTATE_H
#define TG_TESTS_SUPPORT_MUTATE_H

#include "tapegrad.h"

/* Bytes that grow. */
typedef struct mutant {
    unsigned char *bytes;
    size_t count, capacity; /* there is room for 4 KiB more than the seed has */
} mutant;

typedef struct mutation {
    const char *const *seeds; /* paths of sound files of a few kilobytes, NULL at the end */
    /* True when the file was loaded, and what came of it looked at; false when an error is pending. Called in a scope,
     * with no error pending. */
    bool (*load)(const char *path);
    /* Makes lengths and sums right again, so that damage behind them is reached; done to every other mutant. Or
     * NULL. */
    void (*repair)(mutant *m);
    bool text;     /* the file is text: bytes become other letters more often than other bits */
    double factor; /* the memory asked for is at most so many times the file's size, and 1 MiB; 0: 16 times */
} mutation;

/* Fails the test, naming the mutant; its file is then left, and named, too. */
void load_mutants(mutation m);

/* Reads every element of every tensor; true unless an error is pending. */
bool walk(tg_named_tensor_list list);
bool walk_tensor(const tg_tensor *t);

/* A whole file; free() it. */
unsigned char *read_file(const char *path, size_t *count);
void write_file(const char *path, const void *bytes, size_t count);
/* A new empty folder for a test's files, in memory if the system has such a place; remove_folder takes it away with the
 * files in it. */
const char *make_folder(void);
void remove_folder(const char *folder);

#endif
