/* load.h: named tensors into a file and out of it, whatever its format: a model that is kept is
 *
 *     tg_save(tg_state_dict(model), "model.safetensors");
 *     ...
 *     tg_load_state_dict(model, tg_load("model.safetensors"));
 *
 * Each format also has functions of its own, with more to choose. A program that calls those alone links no other
 * format. */
#ifndef TG_CORE_FILE_LOAD_H
#define TG_CORE_FILE_LOAD_H

#include "../tensor.h"

TG_BEGIN_DECLS

/* Every tensor in the file, under its name. Which format it has is seen from what it holds, not from the path. The list
 * and its tensors live as long as the innermost scope. All or nothing: with an error, which names the file, the byte
 * and what is wrong there, the list is empty. Nothing is loaded while an error is pending. */
tg_named_tensor_list tg_load_at(const char *where, const char *path);
#define tg_load(path) tg_load_at(TG_HERE, path)

/* Writes them all, in the format that the path's ending says: .safetensors; .pt, .pth or .bin, PyTorch's; .npz;
 * .npy, which holds one tensor without its name (it is read as ""). The file is there whole or, on an error, as it was
 * before. Nothing is saved while an error is pending. */
tg_status tg_save_at(const char *where, tg_named_tensor_list list, const char *path);
#define tg_save(list, path) tg_save_at(TG_HERE, list, path)

/* The first tensor of that name, `tg_tensor_named(tg_load(path), "fc.weight")`; an error if there is none. */
tg_tensor *tg_tensor_named_at(const char *where, tg_named_tensor_list list, const char *name);
#define tg_tensor_named(list, name) tg_tensor_named_at(TG_HERE, list, name)

TG_END_DECLS

#endif
