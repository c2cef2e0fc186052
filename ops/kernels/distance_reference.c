/* distance_reference.c: distances of rows for the reference (see reference.c): one difference after the other, summed in
 * double. */
#define ISA reference
#include "distance_kernels.h"

#include <math.h>

#include "scalar.h"
#include "table_name.h"

#define DTYPE 0
#include "dtype.h"
#include "distance_reference.inc"
#define DTYPE 1
#include "dtype.h"
#include "distance_reference.inc"

#include "distance_table.inc"
