/* attention_kernels.c: softmax in pieces. Compiled once for each instruction set. */
#include "attention_kernels.h"

#include "body.h"

enum { DOT_BLOCK = 512 };

#define DTYPE 0
#include "dtype.h"
#include "lanes.inc"
#include "attention.inc"
#define DTYPE 1
#include "dtype.h"
#include "lanes.inc"
#include "attention.inc"

#include "attention_table.inc"
