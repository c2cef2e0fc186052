/* texts.h: a list of texts, counted: names of columns, classes, tokens. */
#ifndef TG_CORE_FILE_TEXTS_H
#define TG_CORE_FILE_TEXTS_H

#include "core/base.h"

TG_BEGIN_DECLS

/* `tg_texts("height", "weight")`, `tg_texts()` for none. In C the array lives to the end of the block it stands in, in
 * C++ as long as the innermost scope. */
typedef struct tg_text_list {
    const char *const *items;
    int64_t count;
} tg_text_list;
#ifdef __cplusplus
#define tg_texts(...) (tgi_list_in_scope<tg_text_list, const char *>({ __VA_ARGS__ }))
#else
#define tg_texts(...)                                                                                                  \
    ((tg_text_list){ (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, TGI_COUNTED(__VA_ARGS__) })
#endif

TG_END_DECLS

#endif
