/* check_finite_impl.h: what is said of numbers that are not finite (check_explain.c). Internal. */
#ifndef TG_CORE_WATCH_CHECK_CHECK_FINITE_IMPL_H
#define TG_CORE_WATCH_CHECK_CHECK_FINITE_IMPL_H

#include "check_impl.h"

TG_EXTERN_C_BEGIN

/* An op that made one of finite inputs. */
void tgi_explain_fault(tgi_finding *f, const tg_computed *what, const tg_tensor *output);
/* A node whose backward made one; `grads` came for its outputs, `walk` is the line of the backward. */
void tgi_explain_gradient(tgi_finding *f, const tg_contribution *what, tg_tensor *const *grads, const char *walk);
/* Whether there is NaN in it, and "the parameter 'fc.weight', made at net.c:9: NaN at [0, 3]; last written at
 * train.c:40; read by linear at train.c:31". */
bool tgi_describe_source(char *text, size_t size, const tg_tensor *t, const char *op, const char *where);

TG_EXTERN_C_END

#endif
