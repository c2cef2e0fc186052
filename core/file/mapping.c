/* mapping.c: see mapping_impl.h. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_NORESERVE */
#endif
#include "mapping_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

struct tgi_mapping {
    int32_t users; /* tensors in it, and the one who loads them */
    char *address;
    size_t bytes;
};

/* Most pages are only read, so no memory is set aside for copies of them: a file may be larger than that. */
tgi_mapping *tgi_mapping_open(const tgi_input *in)
{
    tgi_mapping *mapping = tgi_calloc(sizeof *mapping);
    if (!mapping) return NULL;
    mapping->users = 1;
    mapping->bytes = (size_t)in->size;
    void *address = mmap(NULL, mapping->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, in->fd, 0);
    if (address == MAP_FAILED) {
        tgi_input_fail(in, TGI_NOWHERE, NULL, "cannot be mapped: %s", strerror(errno));
        tgi_free(mapping, sizeof *mapping);
        return NULL;
    }
    mapping->address = address;
    return mapping;
}

void tgi_mapping_close(tgi_mapping *mapping)
{
    if (!mapping || tgi_count(&mapping->users, -1) > 0) return;
    munmap(mapping->address, mapping->bytes);
    tgi_free(mapping, sizeof *mapping);
}

static void release(void *data, void *context)
{
    (void)data;
    tgi_mapping_close(context);
}

tg_tensor *tgi_mapping_tensor(tgi_mapping *mapping, const tgi_input *in, int64_t at, tgi_element element,
                              const tg_shape *shape, const char *name)
{
    if (!tgi_input_fits(in, at, element, shape, name)) return NULL;
    char *data = mapping->address + at;
    if (!tgi_elements[element].as_it_is || (uintptr_t)data % (size_t)tgi_elements[element].bytes ||
        tg_shape_numel(shape) == 0)
        return tgi_input_tensor(in, at, element, shape, name);
    tg_tensor *t = tgi_new_on(data, shape, tgi_elements[element].dtype, release, mapping);
    if (t) tgi_count(&mapping->users, 1);
    return t;
}
