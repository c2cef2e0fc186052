/* scope.h: who owns the tensors that nobody names.
 *
 * A tensor made by an op belongs to the innermost open scope. Ending the scope releases those tensors and what the tape
 * recorded since it began. Open one scope for each training step. Without any, everything lives until the thread
 * ends.
 *
 *     tg_scope step = tg_scope_begin();
 *     ...
 *     tg_scope_end(step);
 *
 * Ending an outer scope closes forgotten inner ones and restores the grad mode, so `break` and `continue` do no
 * harm. */
#ifndef TG_CORE_SCOPE_H
#define TG_CORE_SCOPE_H

#include "base.h"

TG_BEGIN_DECLS

typedef struct tg_scope {
    int32_t depth;
    uint64_t serial;
} tg_scope;

TG_MUST_USE tg_scope tg_scope_begin_at(const char *where);
#define tg_scope_begin() tg_scope_begin_at(TG_HERE)

void tg_scope_end_at(const char *where, tg_scope scope);
#define tg_scope_end(scope) tg_scope_end_at(TG_HERE, scope)

/* Ends the scope but hands the named results, and the nodes recorded since, to the scope around it:
 * `tg_scope_end_with(s, &h, &c);`. Every other handle goes: what backward needs lives on through the nodes that saved
 * it, the rest dies now, as Python's temporaries do. The nodes go, too, when none of the results came from them. A
 * result that is NULL is passed over. A state that a loop carries from step to step would pile up in the scope around:
 * use tg_scope_next. */
void tg_scope_end_with_at(const char *where, tg_scope scope, tg_tensor **const *results, int count);
#ifndef __cplusplus
#define tg_scope_end_with(scope, ...)                                                                                 \
    tg_scope_end_with_at(TG_HERE, scope, (tg_tensor **[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, TGI_COUNTED(__VA_ARGS__))
#endif

/* For a loop that carries a state from step to step: ends the scope and opens the next one, which holds the named
 * results. What was carried before and is not named again goes with the rest, so the loop cannot grow.
 *
 *     tg_scope step = tg_scope_begin();
 *     tg_tensor *h = tg_zeros(tg_shape(1, batch, hidden));
 *     for (...) {
 *         ...
 *         h = tg_detach(state.h);
 *         step = tg_scope_next(step, &h);
 *     }
 *     tg_scope_end(step);
 *
 * The grad mode is what it was when the scope began. As above, nodes stay while a result comes from them. */
TG_MUST_USE tg_scope tg_scope_next_at(const char *where, tg_scope scope, tg_tensor **const *results, int count);
#ifndef __cplusplus
#define tg_scope_next(scope, ...)                                                                                     \
    tg_scope_next_at(TG_HERE, scope, (tg_tensor **[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, TGI_COUNTED(__VA_ARGS__))
#endif

/* tg_scope_end_with for one result: `return tg_scope_return(s, y);`. */
tg_tensor *tg_scope_return_at(const char *where, tg_scope scope, tg_tensor *result);
#define tg_scope_return(scope, result) tg_scope_return_at(TG_HERE, scope, result)

/* Scopes in which nothing is recorded, and in which recording is on again. End them with tg_scope_end or
 * tg_scope_end_with: a result that is to outlive the block must be handed out, as from any scope. */
TG_MUST_USE tg_scope tg_no_grad_begin_at(const char *where);
TG_MUST_USE tg_scope tg_enable_grad_begin_at(const char *where);
#define tg_no_grad_begin()     tg_no_grad_begin_at(TG_HERE)
#define tg_enable_grad_begin() tg_enable_grad_begin_at(TG_HERE)

/* The grad mode alone, until the innermost open scope ends. */
bool tg_is_grad_enabled(void);
void tg_set_grad_enabled(bool enabled);

/* Holds a tensor beyond its scope, until as many tg_release calls. tg_keep returns `t`. A kept tensor whose nodes are
 * gone is severed: backward through it is an error (detach it first, as one does in PyTorch). */
tg_tensor *tg_keep_at(const char *where, tg_tensor *t);
void tg_release_at(const char *where, tg_tensor *t);
#define tg_keep(t)    tg_keep_at(TG_HERE, t)
#define tg_release(t) tg_release_at(TG_HERE, t)

TG_END_DECLS

#ifdef __cplusplus
template <int N> struct tgi_cxx_results {
    tg_tensor **items[N + 1];
    operator tg_tensor **const *() const { return items; }
};
#define tg_scope_end_with(scope, ...)                                                                                 \
    tg_scope_end_with_at(TG_HERE, scope, tgi_cxx_results<TG_COUNT(__VA_ARGS__)>{ { __VA_ARGS__ } }, TG_COUNT(__VA_ARGS__))
#define tg_scope_next(scope, ...)                                                                                     \
    tg_scope_next_at(TG_HERE, scope, tgi_cxx_results<TG_COUNT(__VA_ARGS__)>{ { __VA_ARGS__ } }, TG_COUNT(__VA_ARGS__))
#endif

#endif
