/* distance.c: similarities and distances as modules. The formulas are those of ops/. */
#include "distance.h"

#include "core/op.h"
#include "core/scope.h"
#include "module_hooks_impl.h"

#define DISTANCE(name_, type_, member_, text_)                                                                         \
    static tg_tensor *name_(const tg_distance *m, tg_tensor *x1, tg_tensor *x2)                                        \
    {                                                                                                                  \
        return tg_##name_##_at(NULL, x1, x2, m->options.member_);                                                      \
    }                                                                                                                  \
    tg_distance *tg_##name_##_new_at(const char *where, type_ options)                                                 \
    {                                                                                                                  \
        tg_distance *m = TGI_MODULE_NEW(where, tg_distance, .name = text_);                                            \
        if (!m) return NULL;                                                                                           \
        m->compute = name_;                                                                                            \
        TGI_SET_OPTIONS(m->options.member_, options);                                                                  \
        return m;                                                                                                      \
    }
DISTANCE(cosine_similarity, tg_cosine_options, cosine, "CosineSimilarity")
DISTANCE(pairwise_distance, tg_pairwise_options, pairwise, "PairwiseDistance")

tg_tensor *tg_distance_forward_at(const char *where, tg_distance *m, tg_tensor *x1, tg_tensor *x2)
{
    const tg_op op = { .name = tgi_module_name(m ? &m->base : NULL, "distance") };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(x1, x2))) return NULL;
    tg_tensor *in[] = { x1, x2 };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_scope_return(scope, m->compute(m, in[0], in[1]));
    tgi_call_end(&call, &y);
    return y;
}
