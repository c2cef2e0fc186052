/* packed.h: batches of sequences of different lengths: padded with a value, or packed, so that nothing is computed for
 * what is not there (torch.nn.utils.rnn). Gradients flow through all of it.
 *
 *     tg_packed_sequence packed = tg_pack_padded_sequence(x, lengths, .batch_first = true, .enforce_sorted = false);
 *     tg_lstm_packed_output out = tg_lstm_forward_packed(lstm, packed);
 *     tg_padded_sequence y = tg_pad_packed_sequence(out.output, .batch_first = true);
 *
 * A packed batch has the first elements of all sequences, then the second elements of those that have one, and so on,
 * longest sequence first: of "abc", "de" and "f" it is "adf be c". */
#ifndef TG_NN_PACKED_H
#define TG_NN_PACKED_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

typedef struct tg_packed_sequence {
    tg_tensor *data;             /* [sum of the lengths, *] */
    tg_tensor *batch_sizes;      /* int64 [longest length]: how many sequences have a first, second, ... element */
    tg_tensor *sorted_indices;   /* int64 [N]: which sequence of the caller's is the longest, the next, ... */
    tg_tensor *unsorted_indices; /* its inverse. Both are NULL where the caller's order is by length */
} tg_packed_sequence;            /* all NULL on error */

/* ---- padded to packed and back ---- */

typedef struct tg_pack_padded_sequence_options {
    bool batch_first;    /* x is [N, T, *]; otherwise [T, N, *] */
    bool enforce_sorted; /* a length above the one before is an error; otherwise the sequences are sorted */
    TG_OPTIONS_END
} tg_pack_padded_sequence_options;
#define TG_PACK_PADDED_SEQUENCE_DEFAULTS /* batch_first */ false, /* enforce_sorted */ true TG_DEFAULTS_END

/* `lengths` is [N], int64 or converted to it, `tg_tensor_of(5, 3, 2)`; each is at least 1 and at most T. Sequences of
 * equal lengths keep their order. (PyTorch may mix them where there are more than 16: the results are the same, but
 * dropout between layers hits other elements.) */
tg_packed_sequence tg_pack_padded_sequence_at(const char *where, tg_tensor *x, tg_tensor *lengths,
                                              tg_pack_padded_sequence_options options);
#define tg_pack_padded_sequence(x, lengths, ...)                                                                       \
    tg_pack_padded_sequence_at(                                                                                        \
        TG_HERE, x, lengths,                                                                                           \
        TG_OPTIONS(tg_pack_padded_sequence_options, TG_PACK_PADDED_SEQUENCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_padded_sequence {
    tg_tensor *output;  /* [T, N, *], or as batch_first asks */
    tg_tensor *lengths; /* int64 [N] */
} tg_padded_sequence;   /* both NULL on error */

#define TG_NO_LENGTH INT64_MIN
typedef struct tg_pad_packed_sequence_options {
    bool batch_first;
    double padding_value;
    int64_t total_length; /* T, at least the longest length, which it is with TG_NO_LENGTH */
    TG_OPTIONS_END
} tg_pad_packed_sequence_options;
#define TG_PAD_PACKED_SEQUENCE_DEFAULTS                                                                                \
    /* batch_first */ false, /* padding_value */ 0.0, /* total_length */ TG_NO_LENGTH TG_DEFAULTS_END

/* The sequences in the order that they had before they were packed. */
tg_padded_sequence tg_pad_packed_sequence_at(const char *where, tg_packed_sequence packed,
                                             tg_pad_packed_sequence_options options);
#define tg_pad_packed_sequence(packed, ...)                                                                            \
    tg_pad_packed_sequence_at(                                                                                         \
        TG_HERE, packed,                                                                                               \
        TG_OPTIONS(tg_pad_packed_sequence_options, TG_PAD_PACKED_SEQUENCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* ---- lists of sequences ---- each [length, *], the sizes after the length the same in all */

typedef struct tg_pad_sequence_options {
    bool batch_first;
    double padding_value;
    TG_OPTIONS_END
} tg_pad_sequence_options;
#define TG_PAD_SEQUENCE_DEFAULTS /* batch_first */ false, /* padding_value */ 0.0 TG_DEFAULTS_END

/* [longest length, N, *], or as batch_first asks, in the first one's dtype. */
tg_tensor *tg_pad_sequence_at(const char *where, tg_tensor_list sequences, tg_pad_sequence_options options);
#define tg_pad_sequence(sequences, ...)                                                                                \
    tg_pad_sequence_at(TG_HERE, sequences,                                                                             \
                       TG_OPTIONS(tg_pad_sequence_options, TG_PAD_SEQUENCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_unpad_sequence_options {
    bool batch_first;
    TG_OPTIONS_END
} tg_unpad_sequence_options;
#define TG_UNPAD_SEQUENCE_DEFAULTS /* batch_first */ false TG_DEFAULTS_END

/* The sequences without their padding: views, in a list that lives as long as the innermost scope. `lengths` as above,
 * but may be 0. */
tg_tensor_list tg_unpad_sequence_at(const char *where, tg_tensor *padded, tg_tensor *lengths,
                                    tg_unpad_sequence_options options);
#define tg_unpad_sequence(padded, lengths, ...)                                                                        \
    tg_unpad_sequence_at(TG_HERE, padded, lengths,                                                                     \
                         TG_OPTIONS(tg_unpad_sequence_options, TG_UNPAD_SEQUENCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_pack_sequence_options {
    bool enforce_sorted;
    TG_OPTIONS_END
} tg_pack_sequence_options;
#define TG_PACK_SEQUENCE_DEFAULTS /* enforce_sorted */ true TG_DEFAULTS_END

/* pack_sequence: as pad_sequence and pack_padded_sequence one after the other, without the padding between them;
 * unpack_sequence: back to a list, which lives as long as the innermost scope, in the caller's order. */
tg_packed_sequence tg_pack_sequence_at(const char *where, tg_tensor_list sequences, tg_pack_sequence_options options);
tg_tensor_list tg_unpack_sequence_at(const char *where, tg_packed_sequence packed);
#define tg_pack_sequence(sequences, ...)                                                                               \
    tg_pack_sequence_at(TG_HERE, sequences,                                                                            \
                        TG_OPTIONS(tg_pack_sequence_options, TG_PACK_SEQUENCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#define tg_unpack_sequence(packed) tg_unpack_sequence_at(TG_HERE, packed)

TG_END_DECLS

#endif
