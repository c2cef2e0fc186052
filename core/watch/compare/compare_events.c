/* compare_events.c: what the program does, as the observer is told, and which recorded tensor that is. */
#include "compare_impl.h"

#include "core/error.h"
#include "core/rng.h"
#include "core/tape_impl.h"
#include "core/thread.h"

#include <stdio.h>
#include <string.h>

/* ---- the state, when the first module begins ---- */

static void write_element(tg_tensor *t, int64_t at, double value)
{
    switch ((tg_dtype)t->dtype) {
    case TG_FLOAT32: ((float *)tgi_ptr(t))[at] = (float)value; break;
    case TG_FLOAT64: ((double *)tgi_ptr(t))[at] = value; break;
    case TG_INT64: ((int64_t *)tgi_ptr(t))[at] = (int64_t)value; break;
    default: ((bool *)tgi_ptr(t))[at] = value != 0; break;
    }
}

/* Of another shape it stays as it is, and is found to differ. */
static bool load_one(const tgi_parameter *p, const tgi_recorded *r)
{
    const tg_shape ours = tgi_shape(p->tensor), theirs = tgi_shape(r->tensor);
    tgi_reals values;
    if (!tg_shape_equal(&ours, &theirs) || !p->tensor->contiguous) return true;
    if (!tgi_reals_of(&values, r->tensor)) return false;
    tg_bump_version(p->tensor);
    for (int64_t i = 0; i < values.count; i++) write_element(p->tensor, i, values.at[i]);
    return true;
}

static void load_generator(const tgi_run *run)
{
    const tgi_recorded *r = tgi_run_find(run, "generator");
    tgi_reals words;
    if (!r || r->tensor->numel != 625 || !tgi_reals_of(&words, r->tensor)) return;
    if (!(words.at[624] >= 0 && words.at[624] <= 624)) return;
    tg_generator *g = tg_default_generator();
    for (int i = 0; i < 624; i++) g->state[i] = (uint32_t)(int64_t)words.at[i];
    g->index = (int)words.at[624];
    g->has_next_normal = false;
}

static bool compare_state(tgi_compare *c, int64_t from)
{
    for (int64_t i = from; i < c->names.count; i++) {
        const tgi_parameter *p = &c->names.items[i];
        tgi_recorded *r = p->there ? tgi_run_find_named(&c->run, TGI_STATE, p->there) : NULL;
        if (!r) continue;
        if (c->options.load && !load_one(p, r)) return false;
        if (!tgi_compare_one(c, r, p->tensor, p->tensor->where)) return false;
    }
    return true;
}

/* A module that no other is around begins. Whether its model is the recorded one: then its state is compared, or loaded,
 * when it begins for the first time. */
static bool know_model(tgi_compare *c, const tg_place *place)
{
    for (int64_t i = 0; i < c->outer_count; i++)
        if (c->outer[i].place == place->number) return c->outer[i].recorded;
    if (!tgi_grow(&c->outer, &c->outer_capacity, c->outer_count + 1, sizeof *c->outer)) return false;
    const tg_named_tensor_list named = tgi_self.inside->kind->state(tgi_self.inside);
    const bool recorded = tg_ok() && tgi_names_fit(&c->names, &c->run, named, place);
    if (!named.count) return recorded; /* a loss, say: it belongs to the model that has begun */
    c->outer[c->outer_count++] = (tgi_outer){ place->number, recorded };
    if (!recorded) return false;
    if (!c->begun && c->options.load) load_generator(&c->run);
    const int64_t before = c->names.count, page = c->page.length;
    if (!tgi_names_add(&c->names, &c->run, named)) return false;
    if (!c->begun) tgi_report_names(&c->page, &c->run, &c->names);
    c->begun = true;
    tgi_compare_say(c, page);
    const int64_t state = c->page.length;
    const bool fine = compare_state(c, before);
    tgi_compare_state_done(c, state);
    return fine;
}

/* ---- forward ---- */

static void note_settings(tgi_recorded_module *m)
{
    if (m->known) return;
    m->known = true;
    m->trains_here = tgi_self.inside->kind->trains(tgi_self.inside);
    tgi_self.inside->kind->settings(tgi_self.inside, m->settings_here, sizeof m->settings_here);
}

static void entered(void *context, const tg_place *place, tg_tensor_list inputs)
{
    tgi_compare *c = context;
    if (c->done || !tgi_self.inside) return;
    const bool recorded = c->call_count ? c->calls[0].recorded : know_model(c, place);
    if (tg_failed() || !tgi_grow(&c->calls, &c->call_capacity, c->call_count + 1, sizeof *c->calls)) return;
    tgi_open_call *call = &c->calls[c->call_count++];
    *call = (tgi_open_call){ .place = place->number, .recorded = recorded, .module = -1 };
    if (recorded) call->module = tgi_module_of_place(&c->names, &c->run, place);
    if (call->module < 0) return;
    tgi_recorded_module *m = &c->run.modules[call->module];
    call->call = m->seen++;
    note_settings(m);
    for (int64_t i = 0; i < inputs.count && tg_ok(); i++) {
        const tg_tensor *t = inputs.items[i];
        tgi_recorded *r = tgi_run_find_call(&c->run, TGI_INPUT, call->module, call->call, (int)i);
        if (r && t) tgi_compare_one(c, r, t, t->where);
    }
}

/* The call of a place that is left; what was open inside it failed. NULL: it is none of ours. */
static tgi_open_call *call_of(tgi_compare *c, const tg_place *place)
{
    int64_t i = c->call_count;
    while (i > 0 && c->calls[i - 1].place != place->number) i--;
    if (i > 0) c->call_count = i;
    return i > 0 ? &c->calls[i - 1] : NULL;
}

static void await_gradient(tgi_compare *c, const tgi_open_call *call, int index, const tg_tensor *output)
{
    const tg_node *node = tgi_node_of(output);
    tgi_recorded *gradient = tgi_run_find_call(&c->run, TGI_OUTPUT_GRADIENT, call->module, call->call, index);
    if (!node || !gradient) return;
    if (!tgi_grow(&c->awaited, &c->awaited_capacity, c->awaited_count + 1, sizeof *c->awaited)) return;
    c->awaited[c->awaited_count++] = (tgi_awaited){ node->serial, output->origin.output, gradient };
}

static void left(void *context, const tg_place *place, tg_tensor_list outputs)
{
    tgi_compare *c = context;
    tgi_open_call *call = c->done ? NULL : call_of(c, place);
    if (!call) return;
    for (int64_t i = 0; call->module >= 0 && i < outputs.count && tg_ok(); i++) {
        const tg_tensor *t = outputs.items[i];
        if (!t) continue;
        tgi_recorded *r = tgi_run_find_call(&c->run, TGI_OUTPUT, call->module, call->call, (int)i);
        if (r) tgi_compare_one(c, r, t, t->where);
        await_gradient(c, call, (int)i, t);
    }
    c->call_count--;
}

static void computed(void *context, const tg_computed *what)
{
    tgi_compare *c = context;
    if (c->walking || c->done) return;
    c->ops[c->op_count++ % TGI_OPS_SINCE] = (tgi_op_since){ what->op->name, tgi_self.where };
}

/* ---- backward ---- */

static void walk(void *context, const tg_walk *walk)
{
    tgi_compare *c = context;
    if (c->done || strcmp(walk->function, "backward") != 0 || !c->begun) return;
    c->walking = true;
    tgi_recorded *loss = tgi_run_find(&c->run, "loss");
    if (loss && walk->roots.count && !tgi_compare_one(c, loss, walk->roots.items[0], walk->where)) return;
    for (int64_t i = 0; i < c->names.count && tg_ok(); i++) {
        const tgi_parameter *p = &c->names.items[i];
        tgi_recorded *r = p->there ? tgi_run_find_named(&c->run, TGI_STATE_AFTER, p->there) : NULL;
        if (r) tgi_compare_one(c, r, p->tensor, NULL);
    }
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    tgi_compare *c = context;
    if (!c->walking) return;
    for (int64_t i = c->awaited_count - 1; i >= 0 && tg_ok(); i--) {
        const tgi_awaited *a = &c->awaited[i];
        if (a->serial != node->serial) continue;
        if (grads[a->output])
            tgi_compare_one(c, a->gradient, grads[a->output], node->where);
        else
            tgi_compare_none(c, a->gradient);
    }
}

static void leaf_ready(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    tgi_compare *c = context;
    if (!c->walking) return;
    for (int64_t i = 0; i < c->names.count; i++) {
        const tgi_parameter *p = &c->names.items[i];
        if (p->tensor != leaf || !p->there) continue;
        tgi_recorded *r = tgi_run_find_named(&c->run, TGI_GRADIENT, p->there);
        if (r) tgi_compare_one(c, r, grad, NULL);
    }
}

static void walked(void *context, tg_status status)
{
    tgi_compare *c = context;
    if (!c->walking) return;
    c->walking = false;
    for (int64_t i = 0; status == TG_OK && i < c->names.count && tg_ok(); i++) {
        const tgi_parameter *p = &c->names.items[i];
        tgi_recorded *r = p->there ? tgi_run_find_named(&c->run, TGI_GRADIENT, p->there) : NULL;
        if (r && !r->compared) tgi_compare_none(c, r);
    }
    tgi_compare_finish(c);
}

const tg_observer tgi_compare_observer = { .entered = entered,
                                           .left = left,
                                           .computed = computed,
                                           .walk = walk,
                                           .visit = visit,
                                           .leaf_ready = leaf_ready,
                                           .walked = walked };
