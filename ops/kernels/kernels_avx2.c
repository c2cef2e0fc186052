/* kernels_avx2.c: the kernels for AVX2 with FMA. */
#if defined(__x86_64__) || defined(__i386__)
#define ISA avx2
#include "body.inc"
#endif
