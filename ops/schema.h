/* schema.h: what an op's schema says, read from its text. Internal to ops/. */
#ifndef TG_OPS_SCHEMA_H
#define TG_OPS_SCHEMA_H

#include "registry.h"

TG_EXTERN_C_BEGIN

#define TGI_MAX_ARGUMENTS 16

typedef struct tgi_parameter {
    tg_argument argument;
    bool number; /* "Scalar": a number is taken as well as a tensor */
    bool named;  /* "int[2]|str": a string is taken as well */
} tgi_parameter;

typedef struct tgi_schema {
    char name[64];
    int count;
    tgi_parameter parameters[TGI_MAX_ARGUMENTS];
    bool returns_list; /* "-> Tensor[]", or several: "-> (Tensor values, Tensor indices)" */
} tgi_schema;

/* Reads "cat(Tensor[] tensors, int dim=0) -> Tensor". False when the text is not of that form. The kinds are Tensor,
 * Tensor?, Tensor[], Tensor?[], Scalar, int, int?, float, float?, float|str, bool, int[], int[2], int?[2], int[]?,
 * int[]|str, ScalarType?, str and str?; defaults
 * are None, True, False, numbers, [], lists of integers and quoted strings; a lone '*' is passed over. */
bool tgi_schema_read(const char *text, tgi_schema *schema);

/* The schema's word for a kind: "int[]". */
const char *tgi_kind_name(tg_value_kind kind);

TG_EXTERN_C_END

#endif
