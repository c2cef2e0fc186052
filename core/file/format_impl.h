/* format_impl.h: what a format of files that hold named tensors is to tg_load and tg_save (load.c, which lists them).
 * Internal. */
#ifndef TG_CORE_FILE_FORMAT_IMPL_H
#define TG_CORE_FILE_FORMAT_IMPL_H

#include "core/tensor.h"
#include "input_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_file_format {
    const char *name;    /* as errors list it, "safetensors" */
    const char *endings; /* of file names, the first one the usual: ".pt .pth" */
    /* Whether the file's content is of this format, by a look at its first bytes or its directory. An error becomes
     * pending where the file cannot be read, not where it is another one. */
    bool (*is)(const tgi_input *in);
    /* Everything in it, in the innermost scope. Empty with an error pending; then nothing of it is left there. */
    tg_named_tensor_list (*load)(const tgi_input *in);
    /* The list was found to be good by tgi_named_tensors_ok. TG_FAILED with an error pending. */
    tg_status (*save)(const char *function, tg_named_tensor_list list, const char *path);
} tgi_file_format;

/* One in the .c file of each format; only load.c uses them, so that a program that calls one format by its name links
 * none of the others. */
extern const tgi_file_format tgi_format_safetensors, tgi_format_npy, tgi_format_pytorch, tgi_format_npz;

/* True for a list that can be saved: every name and tensor is there, no name comes twice. False with an error
 * pending. */
bool tgi_named_tensors_ok(const char *function, tg_named_tensor_list list);

TG_EXTERN_C_END

#endif
