/* kernels_neon.c: the kernels for NEON with FMA. */
#if defined(__aarch64__)
#define ISA neon
#include "body.inc"
#endif
