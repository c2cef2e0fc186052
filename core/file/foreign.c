/* foreign.c: see foreign_impl.h. */
#include "foreign_impl.h"

#include "core/error.h"

#include <string.h>

/* The pickle of 0x1950a86a20f9469cfc6c, with which torch.save began until 1.5. */
const char tgi_old_pt[TGI_OLD_PT + 1] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

enum { HEAD = 512, TAR_AT = 257, ZIP_NAME_LENGTH_AT = 26, ZIP_NAME_AT = 30 };

static bool begins(const char *head, int64_t bytes, const char *with, int64_t length)
{
    return bytes >= length && memcmp(head, with, (size_t)length) == 0;
}
#define BEGINS(with) begins(head, bytes, with, (int64_t)sizeof with - 1)

static bool ends(const char *name, int64_t length, const char *with)
{
    const int64_t n = (int64_t)strlen(with);
    return length >= n && memcmp(name + length - n, with, (size_t)n) == 0;
}

/* Of an archive the name of the first entry tells. */
static const char *archive(const char *head, int64_t bytes)
{
    const int64_t length = bytes < ZIP_NAME_AT ? 0
                                               : (unsigned char)head[ZIP_NAME_LENGTH_AT] +
                                                     256 * (unsigned char)head[ZIP_NAME_LENGTH_AT + 1];
    if (length == 0 || ZIP_NAME_AT + length > bytes) return NULL;
    if (ends(head + ZIP_NAME_AT, length, ".npy")) return "an .npz archive: tg_load_npz reads it";
    return ends(head + ZIP_NAME_AT, length, "/data.pkl") ? "a .pt file of PyTorch: tg_load_pt reads it" : NULL;
}

static const char *what_it_is(const char *head, int64_t bytes)
{
    if (BEGINS("PK\3\4")) return archive(head, bytes);
    if (BEGINS("\x93NUMPY")) return "an .npy file: tg_load_npy reads it";
    if (bytes > 9 && memcmp(head + 4, "\0\0\0\0{", 5) == 0) return "a safetensors file: tg_load_safetensors reads it";
    if (begins(head, bytes, tgi_old_pt, TGI_OLD_PT))
        return "written by PyTorch before 1.6, or with _use_new_zipfile_serialization=False: "
               "load it in Python and save it again with torch.save";
    if (bytes > TAR_AT && begins(head + TAR_AT, bytes - TAR_AT, "ustar", 5))
        return "a tar archive, as PyTorch before 0.2 wrote them: load it in Python and save it again";
    if (bytes > 1 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5)
        return "a bare pickle, which torch.save did not write";
    return BEGINS("\x89HDF") ? "an HDF5 file" : NULL;
}

bool tgi_is_foreign(const tgi_input *in, const char *reader)
{
    char head[HEAD];
    const int64_t bytes = in->size < HEAD ? in->size : HEAD;
    if (!tgi_input_read(in, 0, head, bytes)) return true;
    const char *what = what_it_is(head, bytes);
    if (!what || strstr(what, reader)) return false;
    tgi_input_fail(in, 0, NULL, "%s", what);
    return true;
}
