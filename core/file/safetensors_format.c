/* safetensors_format.c: safetensors among the formats of tg_load and tg_save. */
#include "core/tensor_impl.h"
#include "format_impl.h"
#include "safetensors_impl.h"

#include <string.h>

/* A length that can be one, and '{' behind it. */
static bool is(const tgi_input *in)
{
    uint8_t head[9];
    uint64_t n;
    if (in->size < (int64_t)sizeof head || !tgi_input_read(in, 0, head, sizeof head)) return false;
    memcpy(&n, head, sizeof n);
    return head[8] == '{' && n <= TGI_SAFETENSORS_HEADER;
}

static tg_named_tensor_list load(const tgi_input *in)
{
    return tgi_safetensors_load(in, (tg_load_safetensors_options){ 0 });
}

static tg_status save(const char *function, tg_named_tensor_list list, const char *path)
{
    return tgi_safetensors_write(function, list, path, (tg_text_pairs){ NULL, 0 });
}

const tgi_file_format tgi_format_safetensors = {
    .name = "safetensors", .endings = ".safetensors", .is = is, .load = load, .save = save
};
