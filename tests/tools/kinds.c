/* kinds.c: tells kinds.awk what modules and optimisers say of themselves: a line for each row of nn/modules.def and
 * optim/optimizers.def, its fields between tabs. */
#include "tapegrad.h"

#include <stdio.h>
#include <string.h>

static void begin_kind(const char *name, const char *made, const char *text, const char *missing, bool maps)
{
    printf("kind\t%s\t%.*s\t%s\t%s\t%d\t", name, (int)strcspn(made, "("), made, text, missing, maps);
}

/* A line's end as two characters, so that a row stays one. */
static void print_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", stdout);
        else
            putchar(*text);
    }
}

static void print_tensors(tg_named_tensor_list list, const char **before)
{
    char text[TG_SHAPE_TEXT];
    for (int64_t i = 0; i < list.count; i++) {
        const tg_shape shape = tg_shape_of(list.items[i].tensor);
        printf("%s`%s` %s", *before, list.items[i].name, tg_shape_text(&shape, text));
        *before = ", ";
    }
}

static void module_kind(const char *name, const char *made, tg_module *m, const char *shapes, const char *missing)
{
    char text[2000], of[200];
    const char *before = of;
    snprintf(of, sizeof of, "state of `%s`: ", made);
    begin_kind(name, made, shapes, missing, m && m->base.forward);
    print_tensors(tg_named_parameters(m), &before);
    print_tensors(tg_named_buffers(m), &before);
    putchar('\t');
    tg_module_format(m, text, sizeof text);
    print_text(text);
    putchar('\n');
    tg_module_free(m);
}

static void optimizer_kind(const char *name, const char *made, tg_optimizer *o, const char *formula,
                           const char *missing)
{
    const tg_optimizer_class *kind = tg_optimizer_class_of(o);
    begin_kind(name, made, formula, missing, false);
    for (int i = 0; kind && i < TG_MAX_STATES && kind->states[i]; i++)
        printf("%s`%s`", i ? ", " : "state of each parameter: ", kind->states[i]);
    printf("\t\n");
    tg_optimizer_free(o);
}

static void scheduler_kind(const char *name, const char *made, tg_scheduler *s, const char *formula,
                           const char *missing)
{
    tg_scope scope = tg_scope_begin();
    const tg_named_tensor_list state = tg_scheduler_state_dict(s);
    begin_kind(name, made, formula, missing, false);
    for (int64_t i = 0; i < state.count; i++) printf("%s`%s`", i ? ", " : "state: ", state.items[i].name);
    printf("\t\n");
    tg_scheduler_free(s);
    tg_scope_end(scope);
}

static double halved(int64_t epoch, void *context) { return (void)context, 1.0 / (double)(epoch + 1); }

int main(void)
{
    const tg_tensor_list parameters = tg_list(tg_ones(tg_shape(2, 3), .requires_grad = true));
    tg_optimizer *optimizer = tg_sgd_new(parameters, .momentum = 0.9);
    tg_linear *model = tg_linear_new(4, 6);
    printf("page\tmodules\n");
#define TG_MODULE_PART(title)                       printf("part\t%s\n", title);
#define TG_MODULE_KIND(name, made, shapes, missing) module_kind(#name, #made, TG_MODULE(made), shapes, missing);
#include "nn/modules.def"
    printf("page\toptimizers\n");
#define TG_OPTIMIZER_PART(title)                        printf("part\t%s\n", title);
#define TG_OPTIMIZER_KIND(name, made, formula, missing) optimizer_kind(#name, #made, made, formula, missing);
#define TG_SCHEDULER_KIND(name, made, formula, missing) scheduler_kind(#name, #made, made, formula, missing);
#define TG_AVERAGE_KIND(name, made, text, missing)      module_kind(#name, #made, TG_MODULE(made), text, missing);
#include "optim/optimizers.def"
    tg_optimizer_free(optimizer);
    tg_module_free(model);
    return tg_failed() ? 1 : 0;
}
