/* tapegrad: a small PyTorch in C. This is the one header a program includes. */
#ifndef TAPEGRAD_H
#define TAPEGRAD_H

#include "core/error.h"
#include "core/memory.h"
#include "core/op.h"
#include "core/print.h"
#include "core/rng.h"
#include "core/scope.h"
#include "core/shape.h"
#include "core/tape.h"
#include "core/tensor.h"

#endif
