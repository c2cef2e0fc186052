/* foreign_impl.h: a file in the wrong hands: what its first bytes say that it is. Internal.
 *
 * Nothing here calls a format, so that a program that reads one links no other. */
#ifndef TG_CORE_FILE_FOREIGN_IMPL_H
#define TG_CORE_FILE_FOREIGN_IMPL_H

#include "input_impl.h"

TG_EXTERN_C_BEGIN

/* How a file of PyTorch before 1.6 begins. */
enum { TGI_OLD_PT = 14 };
extern const char tgi_old_pt[TGI_OLD_PT + 1];

/* Whether it is known to be something else than what `reader`, "tg_load_npy", reads. Then an error is pending, which
 * says what it is and who reads it; and so where it cannot be read. */
bool tgi_is_foreign(const tgi_input *in, const char *reader);

TG_EXTERN_C_END

#endif
