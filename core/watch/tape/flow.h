/* flow.h: how gradients flow while a program trains: how large they are at each parameter and at each time step, and
 * how far each step moves the weights.
 *
 *     tg_flow *flow = tg_flow_begin(.state = "h");          h = tg_set_name(h, "h") in the loop over time
 *     for (...) { ... tg_backward(loss); tg_step(optimizer); ... }
 *     tg_flow_print(flow);
 *     tg_chart *chart = tg_flow_chart(flow);                a heat map: walks downwards, time steps to the right
 *     tg_chart_print(chart);
 *     tg_chart_free(chart);
 *     tg_flow_end(flow);
 *
 * Each tg_backward or tg_grad is one walk. A time step is what was recorded under a label that ends in a number,
 * `tg_label("t=%d", t)`. */
#ifndef TG_CORE_WATCH_TAPE_FLOW_H
#define TG_CORE_WATCH_TAPE_FLOW_H

#include "core/observe.h"
#include "core/show/chart.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_flow tg_flow;

typedef struct tg_flow_options {
    const char *state;  /* the name of the tensors whose gradients are taken at each step, dL/dh_t (tg_set_name); under
                         * no label they are numbered in their order. NULL: all results that are read outside of their
                         * step, which are what it hands on */
    bool updates;       /* keep a copy of each leaf, to see how far it moves between two walks */
    TG_OPTIONS_END
} tg_flow_options;
#define TG_FLOW_DEFAULTS /* state */ NULL, /* updates */ true TG_DEFAULTS_END

/* From here on this thread's walks are measured; until tg_flow_end, which frees what was collected. NULL on error. */
tg_flow *tg_flow_begin_at(const char *where, tg_flow_options options);
#define tg_flow_begin(...)                                                                                             \
    tg_flow_begin_at(TG_HERE, TG_OPTIONS(tg_flow_options, TG_FLOW_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
void tg_flow_end_at(const char *where, tg_flow *flow);
#define tg_flow_end(flow) tg_flow_end_at(TG_HERE, flow)

/* ---- what was collected ---- */
typedef enum tg_flow_kind {
    TG_FLOW_STEPS,       /* the norm of the gradient at each time step: of each loop over time one series */
    TG_FLOW_PARAMETERS,  /* the norm of what came to a leaf; of each leaf one series */
    TG_FLOW_UPDATES      /* |w after - w before| / |w before| of a leaf: from one walk to the next, of the last one to now */
} tg_flow_kind;

int64_t tg_flow_walks_at(const char *where, const tg_flow *flow);
#define tg_flow_walks(flow) tg_flow_walks_at(TG_HERE, flow)
/* How many series there are of a kind, and their names: "h in Net.t", "Net.t", "cell.W_f.weight"; NULL out of range. */
int64_t tg_flow_count_at(const char *where, const tg_flow *flow, tg_flow_kind kind);
const char *tg_flow_name_at(const char *where, const tg_flow *flow, tg_flow_kind kind, int64_t i);
#define tg_flow_count(flow, kind)   tg_flow_count_at(TG_HERE, flow, kind)
#define tg_flow_name(flow, kind, i) tg_flow_name_at(TG_HERE, flow, kind, i)
/* Its numbers, float64: [walks, steps] of time steps, [walks] of leaves; NaN where nothing came. */
tg_tensor *tg_flow_norms_at(const char *where, const tg_flow *flow, tg_flow_kind kind, int64_t i);
#define tg_flow_norms(flow, kind, i) tg_flow_norms_at(TG_HERE, flow, kind, i)

/* A table: of each leaf the norm in the latest walk, the mean and the largest of all, the latest update; of each loop
 * over time the norms of the latest walk. */
tg_status tg_flow_print_to_at(const char *where, FILE *file, const tg_flow *flow);
#define tg_flow_print_to(file, flow) tg_flow_print_to_at(TG_HERE, file, flow)
#define tg_flow_print(flow)          tg_flow_print_to_at(TG_HERE, stdout, flow)

typedef struct tg_flow_chart_options {
    tg_flow_kind kind;
    int64_t series;      /* of time steps: which loop */
    const char *title;   /* NULL: what it shows */
    double low, high;    /* of the colours, as powers of ten; NAN: the least and the largest that there are. The same for
                          * several charts, so that they can be compared */
    TG_OPTIONS_END
} tg_flow_chart_options;
#define TG_FLOW_CHART_DEFAULTS                                                                                         \
    /* kind */ TG_FLOW_STEPS, /* series */ 0, /* title */ NULL, /* low */ NAN, /* high */ NAN TG_DEFAULTS_END

/* A heat map of the powers of ten: walks downwards and time steps to the right, or leaves downwards and walks to the
 * right. The chart is the caller's: print it, write it as SVG, free it. NULL on error. */
tg_chart *tg_flow_chart_at(const char *where, const tg_flow *flow, tg_flow_chart_options options);
#define tg_flow_chart(flow, ...)                                                                                       \
    tg_flow_chart_at(TG_HERE, flow, TG_OPTIONS(tg_flow_chart_options, TG_FLOW_CHART_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
