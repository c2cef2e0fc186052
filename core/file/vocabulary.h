/* vocabulary.h: texts as numbers: characters, bytes or words, each with an id.
 *
 *     tg_vocabulary *v = tg_vocabulary_of_file("book.txt", .by = TG_WORDS, .lower = true, .max_tokens = 10000,
 *                                              .unknown = "<unk>");
 *     tg_tensor *ids = tg_encode_file(v, "book.txt");              [tokens] int64
 *     puts(tg_decode(v, tg_narrow(ids, 0, 0, 20)));
 *     tg_vocabulary_free(v);
 *
 * A vocabulary never changes once it is made: threads may share it. */
#ifndef TG_CORE_FILE_VOCABULARY_H
#define TG_CORE_FILE_VOCABULARY_H

#include "core/tensor.h"
#include "texts.h"

TG_BEGIN_DECLS

typedef struct tg_vocabulary tg_vocabulary;

/* What a text is split into. */
typedef enum tg_tokens {
    TG_CHARACTERS, /* Unicode's, one by one; a text that is no UTF-8 is an error */
    TG_BYTES,      /* of any file */
    TG_WORDS       /* runs of letters, digits and characters beyond ASCII; any other character but blanks by itself.
                    * UTF-8, too */
} tg_tokens;

typedef enum tg_vocabulary_order {
    TG_BY_OCCURRENCE, /* as they first come in the text */
    TG_BY_FREQUENCY,  /* the most frequent first; of equal ones the first by their bytes (torchtext's order) */
    TG_SORTED         /* by their bytes, which is by Unicode's numbers */
} tg_vocabulary_order;

typedef struct tg_vocabulary_options {
    tg_tokens by;
    bool lower;         /* Latin, Greek and Cyrillic capitals become small letters, in what is encoded later, too */
    int64_t min_freq;   /* rarer tokens are left out */
    int64_t max_tokens; /* how many there are at most, the specials and the most frequent; 0: all */
    const char *unknown; /* the token that stands for all that are left out; NULL: none, and they are errors */
    /* Tokens that have the first ids, whether or not they are in the text, such as "<pad>,<bos>,<eos>": a list that
     * looks like a line of CSV. If `unknown` is not in it, that comes first of all. NULL: none */
    const char *specials;
    tg_vocabulary_order order;
    TG_OPTIONS_END
} tg_vocabulary_options;
#define TG_VOCABULARY_DEFAULTS                                                                                         \
    /* by */ TG_CHARACTERS, /* lower */ false, /* min_freq */ 1, /* max_tokens */ 0, /* unknown */ NULL,               \
        /* specials */ NULL, /* order */ TG_BY_OCCURRENCE TG_DEFAULTS_END

/* The different tokens of a file, or of a text: `tg_vocabulary_of_file("names.txt")`. To be freed. NULL on error. */
tg_vocabulary *tg_vocabulary_of_file_at(const char *where, const char *path, tg_vocabulary_options options);
tg_vocabulary *tg_vocabulary_of_at(const char *where, const char *text, tg_vocabulary_options options);
#define tg_vocabulary_of_file(path, ...)                                                                               \
    tg_vocabulary_of_file_at(TG_HERE, path,                                                                            \
                             TG_OPTIONS(tg_vocabulary_options, TG_VOCABULARY_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#define tg_vocabulary_of(text, ...)                                                                                    \
    tg_vocabulary_of_at(TG_HERE, text,                                                                                 \
                        TG_OPTIONS(tg_vocabulary_options, TG_VOCABULARY_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The same of several texts, such as a column of a table: `tg_vocabulary_of_texts(tg_csv_text(csv, "name"))`. No token
 * begins in one and ends in another. */
tg_vocabulary *tg_vocabulary_of_texts_at(const char *where, tg_text_list texts, tg_vocabulary_options options);
#define tg_vocabulary_of_texts(texts, ...)                                                                             \
    tg_vocabulary_of_texts_at(TG_HERE, texts,                                                                          \
                              TG_OPTIONS(tg_vocabulary_options, TG_VOCABULARY_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* These tokens in this order, such as the classes of labels; one that comes twice is an error. Of `unknown` and
 * `specials` those that are not among them come first. */
tg_vocabulary *tg_vocabulary_of_list_at(const char *where, tg_text_list tokens, tg_vocabulary_options options);
#define tg_vocabulary_of_list(tokens, ...)                                                                             \
    tg_vocabulary_of_list_at(TG_HERE, tokens,                                                                          \
                             TG_OPTIONS(tg_vocabulary_options, TG_VOCABULARY_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* NULL is fine. */
void tg_vocabulary_free_at(const char *where, tg_vocabulary *v);
#define tg_vocabulary_free(v) tg_vocabulary_free_at(TG_HERE, v)

/* How many tokens there are; 0 of a NULL one. */
int64_t tg_vocabulary_size_at(const char *where, const tg_vocabulary *v);
#define tg_vocabulary_size(v) tg_vocabulary_size_at(TG_HERE, v)
/* The token of an id; it lives as long as `v`. NULL on error. */
const char *tg_vocabulary_token_at(const char *where, const tg_vocabulary *v, int64_t id);
#define tg_vocabulary_token(v, id) tg_vocabulary_token_at(TG_HERE, v, id)
/* The id of a token, letter by letter; of one that is not there that of the unknown one, or -1, which is no error. */
int64_t tg_vocabulary_id_at(const char *where, const tg_vocabulary *v, const char *token);
#define tg_vocabulary_id(v, token) tg_vocabulary_id_at(TG_HERE, v, token)

/* [tokens] int64: the ids of a text's or a file's tokens, in order. */
tg_tensor *tg_encode_at(const char *where, const tg_vocabulary *v, const char *text);
tg_tensor *tg_encode_file_at(const char *where, const tg_vocabulary *v, const char *path);
#define tg_encode(v, text)      tg_encode_at(TG_HERE, v, text)
#define tg_encode_file(v, path) tg_encode_file_at(TG_HERE, v, path)

/* The text of ids (int64, of any shape, in row-major order), words with a blank between them. It lives as long as the
 * innermost scope. NULL on error. */
const char *tg_decode_at(const char *where, const tg_vocabulary *v, const tg_tensor *ids);
#define tg_decode(v, ids) tg_decode_at(TG_HERE, v, ids)

/* Writes and reads a vocabulary as text, one token a line, below a first line that holds the rest of it. A file without
 * such a line, as others write them, is read token by token; then the options say the rest, as in
 * `tg_load_vocabulary("vocab.txt", .by = TG_WORDS, .unknown = "[UNK]")`. */
tg_status tg_save_vocabulary_at(const char *where, const tg_vocabulary *v, const char *path);
tg_vocabulary *tg_load_vocabulary_at(const char *where, const char *path, tg_vocabulary_options options);
#define tg_save_vocabulary(v, path) tg_save_vocabulary_at(TG_HERE, v, path)
#define tg_load_vocabulary(path, ...)                                                                                  \
    tg_load_vocabulary_at(TG_HERE, path,                                                                               \
                          TG_OPTIONS(tg_vocabulary_options, TG_VOCABULARY_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
