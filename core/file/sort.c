/* sort.c: heapsort. See sort_impl.h. */
#include "sort_impl.h"

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
