/* compare_report.c: what is said of a tensor that differs, and of names. */
#include "compare_impl.h"

#include "core/tensor_impl.h"

#include <math.h>
#include <string.h>

enum { SAID_GUESSES = 3, SAID_NAMES = 6 };

static void put_index(tgi_page *page, const tg_shape *shape, int64_t at)
{
    int64_t index[TG_MAX_DIMS];
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index[d] = at % shape->dims[d];
        at /= shape->dims[d];
    }
    tgi_page_put(page, "[");
    for (int d = 0; d < shape->ndim; d++) tgi_page_format(page, "%s%lld", d ? ", " : "", (long long)index[d]);
    tgi_page_put(page, "]");
}

static void put_difference(tgi_page *page, const tgi_mismatch *f)
{
    const tgi_difference *d = &f->difference;
    const tgi_reals *ours = &f->suspect->ours, *theirs = &f->suspect->theirs;
    char here[TG_SHAPE_TEXT], there[TG_SHAPE_TEXT];
    if (f->none) return;
    if (!d->same_shape) {
        tgi_page_format(page, "  its shape  %s here, %s there\n", tg_shape_text(&ours->shape, here),
                        tg_shape_text(&theirs->shape, there));
        return;
    }
    tgi_page_format(page, "  what       %lld of %lld elements of %s%s differ; most", (long long)d->differing,
                    (long long)ours->count, tg_dtype_name(f->dtype), tg_shape_text(&ours->shape, here));
    tgi_page_put(page, " at ");
    put_index(page, &ours->shape, d->at);
    tgi_page_format(page, ": %.7g here, %.7g there\n", d->ours, d->theirs);
    if (d->finite)
        tgi_page_format(page, "  by         %.3g: %.2g of the largest element, %.3g ulps\n", d->largest, d->relative,
                        d->ulps);
}

static void put_ops(tgi_page *page, const tgi_mismatch *f)
{
    if (!f->op_count) return;
    tgi_page_put(page, "  computed   since the last tensor that agrees: ");
    if (f->op_count > TGI_OPS_SINCE)
        tgi_page_format(page, "%lld ops, the last: ", (long long)(f->op_count - TGI_OPS_SINCE));
    const int64_t count = f->op_count < TGI_OPS_SINCE ? f->op_count : TGI_OPS_SINCE;
    for (int64_t i = 0; i < count; i++) {
        const tgi_op_since *op = &f->ops[i];
        const bool same = i + 1 < count && op->where && f->ops[i + 1].where && !strcmp(op->where, f->ops[i + 1].where);
        tgi_page_format(page, "%s%.40s", i ? ", " : "", op->name);
        if (!same && op->where) tgi_page_format(page, " (%.120s)", op->where);
    }
    tgi_page_put(page, "\n");
}

static void put_before(tgi_page *page, const tgi_mismatch *f)
{
    const tgi_suspect *s = f->suspect;
    char text[TGI_RECORDED_TEXT];
    if (s->what->role == TGI_STATE) return;
    tgi_page_format(page, "  before it  %lld tensors agree", (long long)f->agreed);
    if (s->recent_count) {
        tgi_page_put(page, ", the last ");
        tgi_page_put(page, tgi_recorded_text(s->run, s->recent[0], text));
    }
    tgi_page_format(page, "; they differ by %.1g of the largest element at most\n", f->drift);
    if (f->grown)
        tgi_page_put(page,
                     "  but        what it was made of differed already, by rounding that grew: see whether it is so\n"
                     "             in float64, too\n");
}

static void put_guesses(tgi_page *page, const tgi_suspect *s)
{
    for (int i = 0; i < s->guess_count && i < SAID_GUESSES; i++) {
        tgi_page_put(page, i ? "             or " : "  looks like ");
        tgi_page_put(page, s->guesses[i].text);
        if (s->guesses[i].misfit > 0) tgi_page_format(page, " (but for %.0e)", s->guesses[i].misfit);
        tgi_page_put(page, "\n");
    }
    if (!s->guess_count && s->what->role != TGI_STATE)
        tgi_page_put(page, "  looks like no mistake that is known here\n");
}

void tgi_report_mismatch(tgi_page *page, const tgi_mismatch *f)
{
    const tgi_suspect *s = f->suspect;
    char text[TGI_RECORDED_TEXT];
    tgi_page_put(page, s->what->role == TGI_STATE ? "differs: " : "the first that differs: ");
    tgi_page_put(page, tgi_recorded_text(s->run, s->what, text));
    if (f->here) tgi_page_format(page, ", here %.200s", f->here);
    tgi_page_put(page, "\n");
    if (f->where) tgi_page_format(page, "  made at    %.200s\n", f->where);
    put_difference(page, f);
    put_before(page, f);
    put_ops(page, f);
    put_guesses(page, s);
}

void tgi_report_names(tgi_page *page, const tgi_run *run, const tgi_names_map *names)
{
    int64_t renamed = 0, none = 0;
    for (int64_t i = 0; i < names->count; i++) {
        const tgi_parameter *p = &names->items[i];
        if (!p->there && none++ < SAID_NAMES)
            tgi_page_format(page, "%.200s is here, and nothing there that it could be\n", p->name);
        if (p->there && strcmp(p->there, p->name) != 0 && renamed++ < SAID_NAMES)
            tgi_page_format(page, "%.100s here is taken for %.100s there, by its shape and order\n", p->name, p->there);
    }
    if (renamed > SAID_NAMES) tgi_page_format(page, "and so are %lld more\n", (long long)(renamed - SAID_NAMES));
    if (none > SAID_NAMES) tgi_page_format(page, "and so are %lld more without any\n", (long long)(none - SAID_NAMES));
    int64_t left = 0;
    for (int64_t i = 0; i < run->count; i++) {
        const tgi_recorded *r = &run->items[i];
        if (r->role == TGI_STATE && !r->taken && left++ < SAID_NAMES)
            tgi_page_format(page, "%.200s is there, and nothing here that it could be\n", r->name);
    }
    if (left > SAID_NAMES) tgi_page_format(page, "and so are %lld more there\n", (long long)(left - SAID_NAMES));
}
