/* grid_kernels.c: planes read at places that a grid tells. Compiled once for each instruction set. */
#include "grid_kernels.h"

#include "grid_place.h"
#include "ops/kernels/template/body.h"
#include "ops/kernels/template/look_up.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "grid_places.inc"
#include "grid.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "grid_places.inc"
#include "grid.inc"

#include "grid_table.inc"
