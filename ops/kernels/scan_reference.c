/* scan_reference.c: running sums and the like for the reference (see reference.c): one element after the other. */
#define ISA reference
#include "scan_kernels.h"

#include <math.h>
#include <string.h>

#include "scalar.h"
#include "table_name.h"

#define DTYPE 0
#include "dtype.h"
#include "scan_reference.inc"
#define DTYPE 1
#include "dtype.h"
#include "scan_reference.inc"
#define DTYPE 2
#include "dtype.h"
#include "scan_reference.inc"
#define DTYPE 3
#include "dtype.h"
#include "scan_reference.inc"

#include "scan_table.inc"
