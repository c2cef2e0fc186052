/* safetensors.h: named tensors in Hugging Face's format: 8 bytes, a header of JSON, the elements. What that library and
 * every other one of the format write is read, and they read what is written here.
 *
 *     tg_save_safetensors(tg_state_dict(model), "model.safetensors", .metadata = tg_text_pairs({ "epoch", "3" }));
 *     tg_text_pairs metadata;
 *     tg_load_state_dict(model, tg_load_safetensors("model.safetensors", .metadata = &metadata));
 *
 * F64, F32, I64 and BOOL are float64, float32, int64 and bool; F16 and BF16 become float32, I32, I16, I8, U64, U32, U16
 * and U8 int64. Every bit is kept, of NaNs, too. */
#ifndef TG_CORE_FILE_SAFETENSORS_H
#define TG_CORE_FILE_SAFETENSORS_H

#include "../tensor.h"

TG_BEGIN_DECLS

/* Texts under keys, in order: what a file says of itself. */
typedef struct tg_text_pair {
    const char *key, *text;
} tg_text_pair;
typedef struct tg_text_pairs {
    const tg_text_pair *items;
    int64_t count;
} tg_text_pairs;
/* `tg_text_pairs({ "epoch", "3" }, { "by", "me" })`; as an argument's literal it lives to the end of the block, in C++
 * as long as the innermost scope. */
#ifdef __cplusplus
#define tg_text_pairs(...) (tgi_list_in_scope<tg_text_pairs, tg_text_pair>({ __VA_ARGS__ }))
#else
#define tg_text_pairs(...)                                                                                            \
    ((tg_text_pairs){ (const tg_text_pair[]){ __VA_ARGS__ },                                                          \
                      (int64_t)(sizeof((const tg_text_pair[]){ __VA_ARGS__ }) / sizeof(tg_text_pair)) })
#endif
/* The text under a key; NULL if there is none, or the pairs are NULL. */
const char *tg_text_of(tg_text_pairs pairs, const char *key);

typedef struct tg_save_safetensors_options {
    tg_text_pairs metadata; /* no key comes twice; PyTorch's users write { "format", "pt" } */
    TG_OPTIONS_END
} tg_save_safetensors_options;
#define TG_SAVE_SAFETENSORS_DEFAULTS /* metadata */ { NULL, 0 } TG_DEFAULTS_END

/* Writes them all. Tensors may be views, expanded, of no dimension, without elements; what shares memory is written
 * under each of its names (Hugging Face's own function for PyTorch refuses such a list: give it one of the names). No
 * name comes twice or is "__metadata__"; names and metadata are UTF-8. The file is there whole or, on an error, as it
 * was before. Nothing is saved while an error is pending. */
tg_status tg_save_safetensors_at(const char *where, tg_named_tensor_list list, const char *path,
                                 tg_save_safetensors_options options);
#ifdef __cplusplus
#define tg_save_safetensors(list, path, ...)                                                                          \
    tg_save_safetensors_at(                                                                                           \
        TG_HERE, list, path,                                                                                          \
        TG_OPTIONS(tg_save_safetensors_options, TG_SAVE_SAFETENSORS_DEFAULTS __VA_OPT__(, ) __VA_ARGS__))
#else /* pairs among the arguments live until the call is over */
#define tg_save_safetensors(list, path, ...)                                                                          \
    __extension__({                                                                                                   \
        TGI_DECLARE_OPTIONS(const tg_save_safetensors_options,                                                        \
                            TG_SAVE_SAFETENSORS_DEFAULTS __VA_OPT__(, ) __VA_ARGS__)                                  \
        tg_save_safetensors_at(TG_HERE, list, path, tg_options_must_be_named_);                                       \
    })
#endif

typedef struct tg_load_safetensors_options {
    bool mapped; /* read nothing now: elements come from the file when they are first looked at; see below */
    /* Where to put it, empty if there is none; it lives as long as the innermost scope. NULL: nowhere */
    tg_text_pairs *metadata;
    TG_OPTIONS_END
} tg_load_safetensors_options;
#define TG_LOAD_SAFETENSORS_DEFAULTS /* mapped */ false, /* metadata */ NULL TG_DEFAULTS_END

/* Every tensor of the file, in the order of its header. The list and the tensors live as long as the innermost scope.
 * All or nothing: with an error, which names the file, the byte and the field, the list is empty. Everything that the
 * format demands is checked: a header of at most 100 MB, elements that lie side by side without a hole and end where
 * the file ends, sizes that are those of the shapes. Nothing is loaded while an error is pending.
 *
 * Mapped, a file of any size is there at once, and its pages are shared with whoever else reads it. Tensors of the four
 * dtypes lie in the file's own pages; what they are, the file is: who wants to change it writes a new one and renames
 * it, as tg_save does. (A file that is cut short under its tensors ends the program by the signal SIGBUS when they are
 * looked at; one that is written over changes them.) What the program writes into them stays its own. Other element
 * types, bools and elements at odd places are copied. */
tg_named_tensor_list tg_load_safetensors_at(const char *where, const char *path, tg_load_safetensors_options options);
#define tg_load_safetensors(path, ...)                                                                                \
    tg_load_safetensors_at(                                                                                           \
        TG_HERE, path,                                                                                                \
        TG_OPTIONS(tg_load_safetensors_options, TG_LOAD_SAFETENSORS_DEFAULTS __VA_OPT__(, ) __VA_ARGS__))

TG_END_DECLS

#endif
