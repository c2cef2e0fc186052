/* names.h: the names in a list of named tensors, in tests. */
#ifndef TG_TESTS_SUPPORT_NAMES_H
#define TG_TESTS_SUPPORT_NAMES_H

#include "cmocka_all.h"
#include "nn/module.h"

#include <stdio.h>

/* The list has these names, "fc.weight fc.bias", in this order. */
static inline void assert_names(tg_named_tensor_list list, const char *expected)
{
    char text[1024] = "";
    size_t used = 0;
    for (int64_t i = 0; i < list.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", list.items[i].name);
    assert_string_equal(text, expected);
}

#endif
