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

int main(void)
{
    const tg_tensor_list parameters = tg_list(tg_ones(tg_shape(2, 3), .requires_grad = true));
    printf("page\tmodules\n");
#define TG_MODULE_PART(title)                       printf("part\t%s\n", title);
#define TG_MODULE_KIND(name, made, shapes, missing) module_kind(#name, #made, TG_MODULE(made), shapes, missing);
#include "nn/modules.def"
    printf("page\toptimizers\n");
#define TG_OPTIMIZER_PART(title)                        printf("part\t%s\n", title);
#define TG_OPTIMIZER_KIND(name, made, formula, missing) optimizer_kind(#name, #made, made, formula, missing);
#include "optim/optimizers.def"
    return tg_failed() ? 1 : 0;
}
