/* isa.h: what the tables of the instruction sets and the file that picks one know of each other. */
#ifndef TG_OPS_KERNELS_ISA_H
#define TG_OPS_KERNELS_ISA_H

#include "kernels.h"

#if defined(__x86_64__) || defined(__i386__)
#define TGI_ON_X86 1
#elif defined(__aarch64__)
#define TGI_ON_ARM64 1
#endif

/* Asked of the processor and the operating system; compiled for no particular instruction set. */
bool tgi_supports_baseline(void);
bool tgi_supports_reference(void);
extern const tgi_kernels tgi_kernels_baseline;
#ifdef TGI_ON_X86
bool tgi_supports_avx2(void);
bool tgi_supports_avx512(void);
extern const tgi_kernels tgi_kernels_avx2;
extern const tgi_kernels tgi_kernels_avx512;
#endif
#ifdef TGI_ON_ARM64
bool tgi_supports_neon(void);
extern const tgi_kernels tgi_kernels_neon;
#endif

#endif
