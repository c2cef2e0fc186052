/* words.h: a text file as words: what word_lm.c trains on. */
#ifndef TG_EXAMPLES_WORDS_H
#define TG_EXAMPLES_WORDS_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words and punctuation marks in order, as indices into a vocabulary of those that differ. */
typedef struct words {
    int64_t *ids, count;
    char **vocabulary;
    int64_t size;
} words;

static inline int64_t find_word(words *w, const char *text, size_t length)
{
    for (int64_t i = 0; i < w->size; i++)
        if (strlen(w->vocabulary[i]) == length && memcmp(w->vocabulary[i], text, length) == 0) return i;
    char *copy = malloc(length + 1), **longer = realloc(w->vocabulary, (size_t)(w->size + 1) * sizeof *longer);
    if (longer) w->vocabulary = longer;
    if (!copy || !longer) return free(copy), -1;
    memcpy(copy, text, length);
    copy[length] = '\0';
    w->vocabulary[w->size] = copy;
    return w->size++;
}

/* Appends a text's words: runs of letters, digits and bytes beyond ASCII; any other character but blanks by itself. */
static inline int split_words(words *w, const char *text)
{
    while (*text) {
        size_t length = 0;
        while (isalnum((unsigned char)text[length]) || (unsigned char)text[length] > 127) length++;
        if (length == 0) length = 1;
        if (!isspace((unsigned char)*text)) {
            int64_t *longer = realloc(w->ids, (size_t)(w->count + 1) * sizeof *longer);
            if (!longer) return 0;
            w->ids = longer;
            if ((w->ids[w->count++] = find_word(w, text, length)) < 0) return 0;
        }
        text += length;
    }
    return 1;
}

/* A file's words; none, and a message, if it cannot be read. */
static inline words read_words(const char *path)
{
    words w = { NULL, 0, NULL, 0 };
    FILE *file = fopen(path, "rb");
    static char text[1 << 20]; /* more is left out */
    const size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file) fclose(file);
    if (!file || !split_words(&w, text)) fprintf(stderr, "%s: cannot be read\n", path);
    return w;
}

static inline void free_words(words *w)
{
    for (int64_t i = 0; i < w->size; i++) free(w->vocabulary[i]);
    free(w->vocabulary);
    free(w->ids);
}

#endif
