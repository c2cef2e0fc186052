/* page.h: a player's page, read: what it says of a run (core/watch/player/FORMAT.md), and its numbers. */
#ifndef TG_TESTS_SUPPORT_PAGE_H
#define TG_TESTS_SUPPORT_PAGE_H

#include "tapegrad.h"

/* A JSON value. */
typedef struct json {
    char kind;         /* { [ " 0 (a number) t (true or false) n (null) */
    const char *key;   /* in an object */
    const char *text;  /* of a string */
    double number;
    struct json **items;
    int64_t count;
} json;

/* A member, of which there must be one; NULL where it is null, or of an optional one that is missing. */
const json *json_member(const json *object, const char *key);
const json *json_optional(const json *object, const char *key);
const json *json_item(const json *array, int64_t i);
int64_t json_integer(const json *number);
const char *json_text(const json *object, const char *key); /* NULL: null, or missing */

typedef struct page {
    unsigned char *file, *numbers;
    size_t size, number_bytes;
    char *text;
    json *run;
} page;

/* Fails the test if it is no page. */
page *page_read(const char *path);
void page_free(page *p);

/* The value that is referred to holds the tensor's elements, to the bit, or is the heat maps that they give. */
void page_assert_value(const page *p, const json *reference, const tg_tensor *expected, const char *what);

#endif
