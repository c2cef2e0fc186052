/* vocabulary_impl.h: what a vocabulary is made of. Internal. */
#ifndef TG_CORE_FILE_VOCABULARY_IMPL_H
#define TG_CORE_FILE_VOCABULARY_IMPL_H

#include "input_impl.h"
#include "text_table_impl.h"
#include "vocabulary.h"

TG_EXTERN_C_BEGIN

/* One block: this, the entries, the slots, the texts. */
struct tg_vocabulary {
    uint64_t alive;
    size_t bytes;
    tg_tokens by;
    bool lower;
    int64_t unknown; /* the token for those that are not there; -1: none */
    tgi_text_table table;
};

/* True when it can be used; otherwise an error of `what` is pending. */
bool tgi_vocabulary_ok(const char *where, const tg_vocabulary *v, const char *what);

/* A vocabulary of these entries in their order. One that comes twice is an error, which tells their lines of `in` where
 * the first entry's is not 0. `unknown` is the place of a token, or -1. NULL with an error pending. */
tg_vocabulary *tgi_vocabulary_new(const tgi_input *in, int64_t first_line, const tgi_text_entry *entries, int64_t count,
                                  const tg_vocabulary_options *options, int64_t unknown);
/* The same with the options' unknown token and specials before them, those that are not among the entries. */
tg_vocabulary *tgi_vocabulary_with_specials(const tgi_input *in, int64_t first_line, const tgi_text_entry *entries,
                                            int64_t count, const tg_vocabulary_options *options);
/* The specials, and before them the unknown token if it is not among them, in the innermost scope's memory. False with
 * an error pending. */
bool tgi_vocabulary_specials(const char *function, const tg_vocabulary_options *options, tg_text_list *specials);
/* False with an error pending. */
bool tgi_vocabulary_options_ok(const char *function, const tg_vocabulary_options *options);

/* A token for an error's text. */
enum { TGI_TOKEN_SHOWN = 48 };
const char *tgi_token_shown(const char *token, int64_t length, char shown[TGI_TOKEN_SHOWN]);

TG_EXTERN_C_END

#endif
