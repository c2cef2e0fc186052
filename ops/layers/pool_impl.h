/* pool_impl.h: what the files of the pooling family share. Internal to ops/. */
#ifndef TG_OPS_LAYERS_POOL_IMPL_H
#define TG_OPS_LAYERS_POOL_IMPL_H

#include "ops/base/iterate.h"
#include "ops/kernels/image/pool_kernels.h"
#include "ops/pool.h"

TG_EXTERN_C_BEGIN

/* Which windows; rows first. Of sequences the height is 1, as are the rows' kernel and stride. */
typedef struct tgi_windows {
    int spatial; /* dimensions, 1 or 2: the last ones of the input */
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t divisor; /* of averages; 0: none of its own */
    bool adaptive;   /* in and out say it all */
    bool include_pad;
} tgi_windows;

/* A call's lists. An empty stride is the kernel size. */
typedef struct tgi_window_lists {
    tg_shape kernel, stride, padding, dilation;
    bool ceil_mode;
} tgi_window_lists;

/* How many windows there are in one dimension. */
int64_t tgi_pooled_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil_mode);

/* Reads the lists, fills in `w` and checks it against the input, in PyTorch's order and words. False: an error was
 * recorded. */
bool tgi_windows_check(const tg_op *op, tg_tensor *input, int spatial, const tgi_window_lists *lists, tgi_windows *w);
/* The same from an output size; -1 in it keeps the input's. */
bool tgi_windows_adaptive(const tg_op *op, tg_tensor *input, int spatial, tg_shape output_size, tgi_windows *w);

/* The options among a max pool's arguments, by its schema. */
void tgi_max_pool_options_of(const tg_value *v, tg_max_pool_options *options);

/* The shape of `t` with its spatial dimensions set to `size`. */
tg_shape tgi_windows_shape(const tg_shape *t, const tgi_windows *w, const int64_t size[2]);

/* Calls `run` for stretches of planes, on several threads if that pays; with tables of windows, false without memory
 * for them. */
typedef struct tgi_pool_job {
    const tgi_pool *pool;
    void (*run)(const struct tgi_pool_job *job, int64_t first, int64_t planes);
    const void *from;
    void *to;
    int64_t *indices;
    int dtype;
    int64_t planes, in, out; /* elements of a plane on either side */
} tgi_pool_job;
void tgi_pool_planes(const tgi_pool_job *job);
bool tgi_pool_run(const tgi_windows *w, tgi_pool_job *job);

TG_EXTERN_C_END

#endif
