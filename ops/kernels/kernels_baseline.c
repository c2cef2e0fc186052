/* kernels_baseline.c: the kernels for whatever every processor of the architecture has. */
#define ISA baseline
#include "body.inc"
