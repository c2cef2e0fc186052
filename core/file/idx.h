/* idx.h: data sets in the formats they come in: IDX, as of MNIST, and CIFAR's records. */
#ifndef TG_CORE_FILE_IDX_H
#define TG_CORE_FILE_IDX_H

#include "core/shape.h"
#include "core/tensor.h"

TG_BEGIN_DECLS

typedef struct tg_load_idx_options {
    /* Of the tensor. What is not said: float32 of a scale that is not 1, otherwise int64 of whole numbers, and what
     * the floats are. Whole numbers take 8 bytes each as int64, 4 as float32, and 1 in the file */
    tg_dtype dtype;
    double scale; /* what elements are multiplied by; with 1 / 255. bytes become numbers from 0 to 1, as torchvision's
                   * ToTensor makes them */
    TG_OPTIONS_END
} tg_load_idx_options;
#define TG_LOAD_IDX_DEFAULTS /* dtype */ TG_DEFAULT_DTYPE, /* scale */ 1 TG_DEFAULTS_END

/* An IDX file, plain or made shorter by gzip: a tensor of its sizes, [60000, 28, 28] of MNIST's training images, of any
 * element type that the format has. `tg_load_idx("train-images-idx3-ubyte.gz", .scale = 1 / 255.)`,
 * `tg_load_idx("train-labels-idx1-ubyte.gz")`. NULL on error. */
tg_tensor *tg_load_idx_at(const char *where, const char *path, tg_load_idx_options options);
#define tg_load_idx(path, ...)                                                                                         \
    tg_load_idx_at(TG_HERE, path, TG_OPTIONS(tg_load_idx_options, TG_LOAD_IDX_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_cifar {
    tg_tensor *images; /* [n, 3, 32, 32]: red, green, blue; NULL on error */
    tg_tensor *labels; /* [n] int64 */
    tg_tensor *coarse; /* CIFAR-100: the superclasses, [n] int64; NULL of CIFAR-10 */
} tg_cifar;

/* A file of the binary versions of CIFAR-10 ("data_batch_1.bin") and CIFAR-100 ("train.bin"), plain or made shorter by
 * gzip; the options are for the images. Several files are joined by tg_cat. */
tg_cifar tg_load_cifar10_at(const char *where, const char *path, tg_load_idx_options options);
tg_cifar tg_load_cifar100_at(const char *where, const char *path, tg_load_idx_options options);
#define tg_load_cifar10(path, ...)                                                                                     \
    tg_load_cifar10_at(TG_HERE, path,                                                                                  \
                       TG_OPTIONS(tg_load_idx_options, TG_LOAD_IDX_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#define tg_load_cifar100(path, ...)                                                                                    \
    tg_load_cifar100_at(TG_HERE, path,                                                                                 \
                        TG_OPTIONS(tg_load_idx_options, TG_LOAD_IDX_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
