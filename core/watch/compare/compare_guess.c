/* compare_guess.c: what mistake a difference looks like: all guesses in turn, and what modules say of themselves. */
#include "compare_impl.h"

#include "core/error.h"
#include "core/scope.h"

#include <stdio.h>
#include <string.h>

/* ---- what modules say of themselves ---- */

/* The next "name=value" or "value" of a list that ends with a parenthesis; commas in parentheses part nothing. */
static bool next_setting(const char **at, const char **text, size_t *length)
{
    while (**at == ',' || **at == ' ') ++*at;
    *text = *at;
    for (int depth = 0; **at; ++*at) {
        if (**at == '(' || **at == '[') depth++;
        if ((**at == ')' || **at == ']') && depth-- == 0) break;
        if (**at == ',' && depth == 0) break;
    }
    *length = (size_t)(*at - *text);
    return *length;
}

static bool has_setting(const char *settings, const char *sought, size_t length)
{
    const char *at = settings + tgi_kind_length(settings), *text;
    size_t found;
    if (*at) at++;
    while (next_setting(&at, &text, &found))
        if (found == length && memcmp(text, sought, length) == 0) return true;
    return false;
}

/* Settings that only the first has, "eps=0.001, bias=False". */
static void only_in(const char *first, const char *second, char *text, size_t size)
{
    const char *at = first + tgi_kind_length(first), *setting;
    size_t length, used = 0;
    text[0] = '\0';
    if (*at) at++;
    while (next_setting(&at, &setting, &length))
        if (!has_setting(second, setting, length) && used + length + 3 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", (int)length, setting);
}

static void guess_settings(tgi_suspect *s)
{
    const tgi_role role = s->what->role;
    if (s->what->owner < 0 || role == TGI_INPUT || role == TGI_STATE || role == TGI_LOSS) return;
    const tgi_recorded_module *m = &s->run->modules[s->what->owner];
    if (!m->known) return;
    static const char *const modes[] = { "evaluation", "training" };
    if (m->trains != m->trains_here)
        tgi_guess_add(s, 10, 0, "the module is in %s mode here, in %s mode there", modes[m->trains_here],
                      modes[m->trains]);
    const size_t length = tgi_kind_length(m->settings);
    if (length != tgi_kind_length(m->settings_here) || memcmp(m->settings, m->settings_here, length) != 0) return;
    char here[100], there[100];
    only_in(m->settings_here, m->settings, here, sizeof here);
    only_in(m->settings, m->settings_here, there, sizeof there);
    if (*here && *there)
        tgi_guess_add(s, 5, 0, "the module is made in another way: %s here, %s there", here, there);
    else if (*here || *there)
        tgi_guess_add(s, 5, 0, "the module is made in another way: %s %s", *here ? here : there,
                      *here ? "here, and not there" : "there, and not here");
}

/* Modules that begin in another order: one was to begin before this one, and did not. */
static void guess_calls(tgi_suspect *s)
{
    const tgi_recorded *missed = NULL;
    char text[TGI_RECORDED_TEXT];
    if (s->what->role != TGI_INPUT) return;
    for (int64_t i = 0; i < s->run->count; i++) {
        const tgi_recorded *r = &s->run->items[i];
        if (r->role != TGI_INPUT || r->compared || r->order > s->what->order) continue;
        if (!missed || r->order > missed->order) missed = r;
    }
    if (!missed) return;
    const tgi_recorded_module *m = &s->run->modules[missed->module];
    snprintf(text, sizeof text, "%s", *m->name ? m->name : "the model");
    if (m->seen > missed->call) return;
    tgi_guess_add(s, 28, 0,
                  "modules called in another order: there %.100s (call %lld) begins before, here it has not begun",
                  text, (long long)missed->call + 1);
}

static void (*const all[])(tgi_suspect *s) = { guess_settings,      guess_calls,      tgi_guess_values,
                                               tgi_guess_order,     tgi_guess_others, tgi_guess_functions,
                                               tgi_guess_norm,      tgi_guess_linear, tgi_guess_recurrent,
                                               tgi_guess_attention, tgi_guess_loss };

void tgi_guess_all(tgi_suspect *s)
{
    for (size_t i = 0; i < sizeof all / sizeof *all && tg_ok(); i++) {
        const tg_scope scope = tg_scope_begin();
        all[i](s);
        tg_scope_end(scope);
    }
}
