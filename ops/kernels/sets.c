/* sets.c: the tables of one family, FAMILY, one for each instruction set of the build, in the order of select_isa.c. Compiled
 * once for each family into an object of its own, so that a program that names no other family links no other.
 *
 * TGI_SETS, from the Makefile, is SET(avx512) SET(avx2) SET(baseline), or some of these. */
#include "kernels.h"

#define JOIN_(family, rest) tgi_##family##_##rest
#define JOIN(family, rest)  JOIN_(family, rest)

typedef struct JOIN(FAMILY, kernels) table;

#define SET(isa) extern const table JOIN(FAMILY, kernels_##isa);
TGI_SETS
#undef SET

#define SET(isa) &JOIN(FAMILY, kernels_##isa),
const table *const JOIN(FAMILY, sets)[] = { TGI_SETS };
