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

#include "ops/create.h"
#include "ops/join.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/registry.h"
#include "ops/view.h"

#include "nn/activation.h"
#include "nn/dropout.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/module.h"
#include "nn/rnn.h"
#include "nn/sequential.h"

#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/sgd.h"

#endif
