/* sort.c: see sort_impl.h. */
#include "sort_impl.h"

#include <stdlib.h>
#include <string.h>

/* ---- heapsort ---- */

/* Lets the number at `i` sink until none below it is larger. */
static void sink(int64_t *heap, int64_t i, int64_t count, tgi_compare_fn compare, const void *context)
{
    const int64_t number = heap[i];
    for (int64_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && compare(context, heap[child], heap[child + 1]) < 0) child++;
        if (compare(context, number, heap[child]) >= 0) break;
        heap[i] = heap[child];
    }
    heap[i] = number;
}

void tgi_sort(int64_t *numbers, int64_t count, tgi_compare_fn compare, const void *context)
{
    for (int64_t i = count / 2 - 1; i >= 0; i--) sink(numbers, i, count, compare, context);
    for (int64_t last = count - 1; last > 0; last--) {
        const int64_t largest = numbers[0];
        numbers[0] = numbers[last];
        numbers[last] = largest;
        sink(numbers, 0, last, compare, context);
    }
}

/* ---- texts ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

const char *tgi_text_twice(const void *items, int64_t count, size_t size, const char **scratch)
{
    for (int64_t i = 0; i < count; i++) scratch[i] = *(const char *const *)((const char *)items + (size_t)i * size);
    if (count) qsort(scratch, (size_t)count, sizeof *scratch, by_text);
    for (int64_t i = 1; i < count; i++)
        if (strcmp(scratch[i - 1], scratch[i]) == 0) return scratch[i];
    return NULL;
}
