/* npy.h: NumPy's arrays: one tensor in a .npy file, named tensors in a .npz archive.
 *
 *     tg_save_npy(y, "y.npy");                               y = numpy.load("y.npy")
 *     tg_tensor *x = tg_load_npy("x.npy");                   numpy.save("x.npy", x)
 *     tg_named_tensor_list all = tg_load_npz("all.npz");     numpy.savez("all.npz", x=x, y=y), or savez_compressed
 *
 * float64, float32, int64 and bool are what they are in tensors; float16 becomes float32; int32, int16, int8, uint64,
 * uint32, uint16 and uint8 become int64. Every bit is kept, of NaNs, too. Whatever else an array can be made of is
 * refused by its name: numbers in big-endian order, complex ones, texts, dates, records, Python objects (which would
 * need pickle: nothing in a file is ever executed). */
#ifndef TG_CORE_FILE_NPY_H
#define TG_CORE_FILE_NPY_H

#include "../tensor.h"

TG_BEGIN_DECLS

/* The array, of up to 8 dimensions, which lives as long as the innermost scope. It is contiguous: what NumPy wrote in
 * Fortran's order (the first index running fastest) is put into C's, with the same shape. NULL on an error, which names
 * the file, the byte and what is wrong there; a file that goes on behind the array is one. Nothing is loaded while an
 * error is pending. */
tg_tensor *tg_load_npy_at(const char *where, const char *path);
#define tg_load_npy(path) tg_load_npy_at(TG_HERE, path)

/* Writes the elements in C's order, byte for byte as numpy.save does, so that numpy.load can map the file. The file is
 * there whole or, on an error, as it was before. Nothing is saved while an error is pending. */
tg_status tg_save_npy_at(const char *where, const tg_tensor *t, const char *path);
#define tg_save_npy(t, path) tg_save_npy_at(TG_HERE, t, path)

/* Every array of the archive, compressed or not, in its order, under the names that numpy.savez was given: without the
 * ".npy" that they have in the archive. Each as tg_load_npy has it; the sums of the archive are checked. All or
 * nothing: the list is empty on an error. */
tg_named_tensor_list tg_load_npz_at(const char *where, const char *path);
#define tg_load_npz(path) tg_load_npz_at(TG_HERE, path)

/* Writes them as numpy.savez does, without compression. No name may come twice. A name is what a key of numpy.load will
 * be, "layer.weight" or "a/b"; nobody makes a file of it. The archive is there whole or, on an error, as it was
 * before. */
tg_status tg_save_npz_at(const char *where, tg_named_tensor_list list, const char *path);
#define tg_save_npz(list, path) tg_save_npz_at(TG_HERE, list, path)

TG_END_DECLS

#endif
