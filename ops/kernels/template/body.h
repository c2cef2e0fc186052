/* body.h: what opens every file of kernels. NAME_kernels.c is compiled once for each instruction set, with ISA defined
 * as its name and the compiler's flags doing the rest. Everything in it but its table, TGI_TABLE(NAME), is static, so
 * that no code made for one processor is ever called on another. */
#ifndef TG_OPS_KERNELS_TEMPLATE_BODY_H
#define TG_OPS_KERNELS_TEMPLATE_BODY_H

#if defined(__GNUC__) && !defined(__clang__)
/* Nobody reads errno or the exception flags: with this gcc may turn the loops below into vector code. */
#pragma GCC optimize("no-math-errno", "no-trapping-math")
#elif defined(__clang__)
/* A loop over a scalar function of libm stays a loop. */
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

#include "ops/kernels/kernels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "drive.h"
#include "scratch.h"
#include "ops/kernels/table_name.h"
#include "ops/kernels/math/vecmath.h"
#include "vectors.h"

#include "operators.inc"

#endif
