/* pytorch.h: PyTorch's own files, .pt and .pth, read and written: what torch.save writes since PyTorch 1.6, and what
 * torch.load opens.
 *
 *     tg_save_pt(tg_state_dict(model), "model.pt");                       model.load_state_dict(torch.load("model.pt"))
 *     tg_load_state_dict(model, tg_object_tensors(tg_load_pt("model.pt"))); torch.save(model.state_dict(), "model.pt")
 *
 * A file is a zip archive: a pickle, which says what there is, and the elements of each storage. Nothing in a file is
 * executed. */
#ifndef TG_CORE_FILE_PYTORCH_H
#define TG_CORE_FILE_PYTORCH_H

#include "object.h"

TG_BEGIN_DECLS

/* What was saved: a state dict, a dict of such dicts and numbers, a tensor (object.h says how it is asked). None,
 * bools, integers of 64 bits, numbers (numpy's, too), texts, lists, tuples, dicts and OrderedDicts of text or integer
 * keys, sets (as lists), torch.Size (a tuple), devices and dtypes (texts) and tensors are read; of any other class
 * the error names it, as of a whole module that was saved. Tensors of float16 and bfloat16 become float32, integers
 * of fewer bits and uint8 int64; complex, quantised and sparse ones are errors. Those that shared their elements when
 * they were saved share them again; strides, and that a tensor requires grad, are kept.
 *
 * NULL with an error pending, which names the file, the byte and what is wrong there: files of before PyTorch 1.6, of
 * TorchScript, of big-endian machines, truncated ones, elements that are not there, more than 100 containers in one
 * another. Nothing is loaded while an error is pending. */
const tg_object *tg_load_pt_at(const char *where, const char *path);
#define tg_load_pt(path) tg_load_pt_at(TG_HERE, path)

/* Writes what stands there, an object, a tensor, a list of named ones: `tg_save_pt(tg_dict("epoch", 3, "model",
 * tg_state_dict(m)), "checkpoint.pt")`. Of a storage that several tensors share the part that they show is written
 * once; an expanded tensor takes the room of what it shows. The same objects give the same bytes. The file is there
 * whole or, on an error, as it was before. Nothing is saved while an error is pending. */
tg_status tg_save_pt_at(const char *where, tg_any what, const char *path);
#define tg_save_pt(what, path) tg_save_pt_at(TG_HERE, TG_ANY(what), path)

TG_END_DECLS

#endif
