// cxx_loader.cpp: loaders from C++: a program's own dataset, and a loop that ends well when it is left, by an exception too.
#include "tapegrad.h"

#include <cstdio>
#include <stdexcept>

namespace
{
int failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::printf("FAIL  cxx_loader.cpp:%d: %s\n", __LINE__, #condition);                                        \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

std::int64_t length(void *) { return 10; }

int item(std::int64_t index, tg_tensor **fields, void *)
{
    fields[0] = tg_scalar(index);
    fields[1] = tg_full(tg_shape(2), 0.5);
    return 2;
}

tg_loader *make(std::int64_t prefetch)
{
    tg_dataset_options functions = { TG_DATASET_DEFAULTS };
    functions.length = length;
    functions.item = item;
    tg_loader_options options = { TG_LOADER_DEFAULTS };
    options.batch_size = 4;
    options.shuffle = true;
    options.prefetch = prefetch;
    return tg_loader_new(tg_concat_dataset_new(tg_datasets(tg_dataset_new(functions), tg_dataset_new(functions))),
                         options);
}

std::int64_t samples(tg_loader *loader)
{
    std::int64_t count = 0;
    TG_FOR_BATCHES(batch, loader) count += tg_size(batch->items[1], 0);
    return count;
}

void throw_in_the_body(tg_loader *loader)
{
    TG_FOR_BATCHES(batch, loader)
        if (batch->index == 1) throw std::runtime_error("enough");
}

std::int64_t return_from_the_body(tg_loader *loader)
{
    TG_FOR_BATCHES(batch, loader) return batch->size;
    return -1;
}
} // namespace

int main()
{
    for (std::int64_t prefetch = 0; prefetch < 3; prefetch++) {
        const tg_scope scope = tg_scope_begin();
        tg_loader *loader = make(prefetch);
        const std::int64_t live = tg_memory_stats().live_tensors;
        CHECK(tg_loader_length(loader) == 5);
        CHECK(samples(loader) == 20);
        bool caught = false;
        try {
            throw_in_the_body(loader);
        } catch (const std::runtime_error &) {
            caught = true;
        }
        CHECK(caught && tg_ok());
        CHECK(return_from_the_body(loader) == 4);
        CHECK(tg_loader_batches_done(loader) == 0 && tg_loader_epoch(loader) == 3);
        CHECK(samples(loader) == 20);
        CHECK(tg_memory_stats().live_tensors == live);
        tg_loader_free(loader);
        tg_scope_end(scope);
    }
    CHECK(tg_ok());
    const tg_scope scope = tg_scope_begin();
    const tg_dataset_list parts = tg_random_split(tg_tensor_dataset_new(tg_list(tg_arange(10))), tg_parts(0.7, 0.3));
    CHECK(parts.count == 2 && tg_dataset_length(parts.items[0]) == 7);
    for (int i = 0; i < 2; i++) tg_dataset_free(parts.items[i]);
    tg_scope_end(scope);
    std::printf(failures ? "%d failed\n" : "ok\n", failures);
    return failures ? 1 : 0;
}
