/* extreme_reference.c: the largest and the smallest for the reference (see reference.c): one element after the other. */
#define ISA reference
#include "extreme_kernels.h"

#include <math.h>
#include <string.h>

#include "scalar.h"
#include "table_name.h"

#define DTYPE 0
#include "dtype.h"
#include "extreme_reference.inc"
#define DTYPE 1
#include "dtype.h"
#include "extreme_reference.inc"
#define DTYPE 2
#include "dtype.h"
#include "extreme_reference.inc"
#define DTYPE 3
#include "dtype.h"
#include "extreme_reference.inc"

#include "extreme_table.inc"
