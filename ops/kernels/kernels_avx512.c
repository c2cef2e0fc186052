/* kernels_avx512.c: the kernels for AVX-512 (F, DQ, VL, BW). */
#if defined(__x86_64__) || defined(__i386__)
#define ISA avx512
#include "body.inc"
#endif
