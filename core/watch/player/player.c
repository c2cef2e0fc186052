/* player.c: tg_tape_write_html: the walk that a page shows is the latest one, or made for it. */
#include "player_impl.h"

#include "core/observe_impl.h"
#include "core/tape_impl.h"
#include "core/thread.h"

static const char name[] = "tape_write_html";

/* ---- the walk ---- */

/* Gradients that tg_retain_grad asked for, which any walk adds to, set aside and put back. */
static void swap_retained(const tgi_player_run *run, tg_tensor **aside)
{
    for (int64_t n = 0; n < run->node_count; n++) {
        const tg_node *node = run->nodes[n].node;
        for (int i = 0; i < node->output_count; i++) {
            const tgi_watch *watch = tgi_outputs(node)[i].watch;
            tgi_extra *extra = watch && watch->retained ? watch->retained->extra : NULL;
            if (!extra) continue;
            tg_tensor *now = extra->grad;
            extra->grad = aside[run->nodes[n].first_output + i];
            aside[run->nodes[n].first_output + i] = now;
        }
    }
}

static void check_unspent(const tgi_player_run *run)
{
    for (int64_t n = 0; n < run->node_count; n++)
        if (run->nodes[n].node->spent) {
            tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
                       "backward of %s at %s has run, and the tape was not watched: there is no walk to show. Call "
                       "tg_watch(true) before it, or specify .retain_graph = true in backward",
                       run->nodes[n].node->op->name, tg_node_where(run->nodes[n].node));
            return;
        }
}

/* A walk that is watched and changes no .grad. */
static bool make_walk(tg_tensor *loss, const tgi_player_run *run, tg_tensor *gradient)
{
    const size_t bytes = ((size_t)run->value_count + 1) * sizeof(tg_tensor *);
    check_unspent(run);
    tg_tensor **aside = tg_failed() ? NULL : tgi_calloc(bytes);
    if (!aside) return false;
    swap_retained(run, aside);
    const tg_tensor_list leaves = tg_list_of((tg_tensor *const *)run->leaves.items, run->leaves.count);
    tg_grad(tg_list(loss), leaves, .grad_outputs = { gradient }, .retain_graph = true, .allow_unused = true);
    swap_retained(run, aside);
    for (int64_t i = 0; i < run->value_count; i++) tgi_unref(aside[i]);
    tgi_free(aside, bytes);
    return !tg_failed();
}

/* ---- tg_tape_write_html ---- */

static bool has_walk(tg_tensor *loss, const tgi_edge *edge, tg_tensor *gradient)
{
    if (tgi_player_walk_is_from(edge->to.node, edge->output)) return true;
    tgi_player_run run;
    const bool ok = tgi_player_collect(&run, edge->to.node, edge->output, loss) && make_walk(loss, &run, gradient);
    tgi_player_run_free(&run);
    return ok;
}

static bool write_html(tg_tensor *loss, const char *path, const tg_tape_html_options *options)
{
    tgi_edge edge;
    if (!tgi_output_edge(name, loss, &edge)) return false;
    if (edge.output < 0) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
                   "nothing is recorded that this tensor was computed from: it is a leaf");
        return false;
    }
    const bool was_watched = tg_is_watched();
    const tgi_traces traces = tgi_traces_begin();
    tgi_player_written written;
    bool ok = was_watched || tg_watch_at(NULL, true) == TG_OK;
    ok = ok && has_walk(loss, &edge, options->gradient) &&
         tgi_player_write(name, path, edge.to.node, edge.output, loss, options, &written);
    if (!was_watched) {
        tg_watch_at(NULL, false);
        tgi_traces_end(&traces);
    }
    return ok;
}

tg_status tg_tape_write_html_at(const char *where, tg_tensor *loss, const char *path, tg_tape_html_options options)
{
    tgi_begin(where, name);
    if (tg_failed() || !tgi_handle_ok(name, loss) || !tgi_handle_or_null(name, options.gradient)) return TG_FAILED;
    if (!path) {
        tg_fail_at(NULL, TG_ERROR_NULL, name, "the path is NULL");
        return TG_FAILED;
    }
    const tg_scope scope = tg_scope_begin();
    const bool ok = scope.depth >= 0 && write_html(loss, path, &options);
    tg_scope_end(scope);
    return ok ? TG_OK : TG_FAILED;
}
