/* compare_sum.c: what is shown as the comparison goes on, and the sum at its end. */
#include "compare_impl.h"

#include "core/thread.h"

#include <stdio.h>

void tgi_compare_say(tgi_compare *c, int64_t from)
{
    if (c->options.quiet || c->page.failed || from >= c->page.length) return;
    if (tgi_around_message) tgi_around_message(true);
    fwrite(c->page.text + from, 1, (size_t)(c->page.length - from), stderr);
    if (tgi_around_message) tgi_around_message(false);
}

int64_t tgi_compare_missing(const tgi_compare *c)
{
    int64_t missing = 0;
    for (int64_t i = 0; i < c->run.count; i++) missing += c->run.items[i].role < TGI_ROLES && !c->run.items[i].compared;
    return missing;
}

/* Of what was recorded and not seen here the names of a few; modules whole. */
static void put_missing(tgi_compare *c)
{
    enum { SAID = 6 };
    int64_t modules = 0;
    const int64_t missing = tgi_compare_missing(c);
    if (!missing) return;
    tgi_page_format(&c->page, "not compared: %lld tensors that were recorded", (long long)missing);
    for (int64_t i = 0; i < c->run.module_count; i++) {
        const tgi_recorded_module *m = &c->run.modules[i];
        if (m->seen >= m->calls || !*m->name) continue;
        if (modules++ < SAID)
            tgi_page_format(&c->page, "%s%.80s (%lld of %lld calls)",
                            modules == 1 ? "; modules not called here: " : ", ", m->name,
                            (long long)(m->calls - m->seen), (long long)m->calls);
    }
    tgi_page_put(&c->page, modules > SAID ? ", ...\n" : "\n");
}

/* Parameters that were drawn otherwise are not told one by one: what to do about it is. */
void tgi_compare_state_done(tgi_compare *c, int64_t from)
{
    if (!c->options.load && c->state_unexplained && 2 * c->state_findings >= c->names.count && !c->page.failed) {
        c->page.length = from;
        tgi_page_format(
            &c->page,
            "the parameters are others than the recorded ones: %lld of %lld differ, so that nothing else can "
            "be compared.\n",
            (long long)c->state_findings, (long long)c->names.count);
        tgi_page_put(&c->page, "To load those: TAPEGRAD_COMPARE=load:");
        tgi_page_put(&c->page, c->path);
        tgi_page_put(&c->page, "\n  or in the program, before its first step:\n"
                               "    tg_load_state_dict(model, tg_named_with_prefix(tg_load_safetensors(\"");
        tgi_page_put(&c->page, c->path);
        tgi_page_put(&c->page, "\"), \"state.\"));\n");
    }
    tgi_compare_say(c, from);
}

static void put_sum(tgi_compare *c)
{
    if (!c->begun) {
        tgi_page_put(&c->page, c->outer_count
                                   ? "nothing was compared: no model here has the recorded one's parameters\n"
                                   : "nothing was compared: no module began\n");
        return;
    }
    put_missing(c);
    char text[TGI_RECORDED_TEXT];
    tgi_page_format(&c->page, "compared with %.150s: ", c->path);
    if (c->agreed == c->compared)
        tgi_page_format(&c->page, "all %lld tensors agree", (long long)c->compared);
    else
        tgi_page_format(&c->page, "%lld of %lld tensors agree, %lld differ", (long long)c->agreed,
                        (long long)c->compared, (long long)(c->compared - c->agreed));
    if (c->drifted) {
        tgi_page_format(&c->page,
                        "; of those that agree the one that differs most, by %.1g of its largest element, is ",
                        c->drift);
        tgi_page_put(&c->page, tgi_recorded_text(&c->run, c->drifted, text));
    }
    tgi_page_put(&c->page, "\n");
}

void tgi_compare_finish(tgi_compare *c)
{
    if (c->done) return;
    c->done = true;
    const int64_t from = c->page.length;
    put_sum(c);
    tgi_compare_say(c, from);
    if (c->of_environment) tg_unobserve(c->observer);
}
