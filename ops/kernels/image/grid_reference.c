/* grid_reference.c: planes read at places that a grid tells, for the reference. */
#define ISA reference
#include "grid_kernels.h"

#include "grid_place.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "grid_places.inc"
#include "grid_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "grid_places.inc"
#include "grid_reference.inc"

#include "grid_table.inc"
