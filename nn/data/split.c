/* split.c: tg_random_split, with PyTorch's rules for fractions and its permutation. */
#include "dataset_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/create.h"
#include "ops/view.h"

#include <math.h>

static const char what[] = "random_split";

/* math.isclose(sum, 1) and sum <= 1 */
static bool are_fractions(tg_parts parts)
{
    double sum = 0;
    for (int64_t i = 0; i < parts.count; i++) sum += parts.sizes[i];
    return fabs(sum - 1) <= 1e-9 && sum <= 1;
}

/* False with an error pending. */
static bool lengths_of_fractions(tg_parts parts, int64_t length, int64_t *lengths)
{
    int64_t left = length;
    for (int64_t i = 0; i < parts.count; i++) {
        if (!(parts.sizes[i] >= 0 && parts.sizes[i] <= 1)) {
            tg_fail_at(NULL, TG_ERROR_VALUE, what, "Fraction at index %lld is not between 0 and 1", (long long)i);
            return false;
        }
        lengths[i] = (int64_t)floor((double)length * parts.sizes[i]);
        left -= lengths[i];
    }
    for (int64_t i = 0; left > 0; i = (i + 1) % parts.count, left--) lengths[i]++;
    for (int64_t i = 0; i < parts.count; i++)
        if (lengths[i] == 0)
            tg_warn_at(NULL, "Length of split at index %lld is 0. This might result in an empty dataset.",
                       (long long)i);
    return true;
}

/* False with an error pending. */
static bool lengths_of(tg_parts parts, int64_t length, int64_t *lengths)
{
    if (parts.count < 1 || parts.count > TG_MAX_PARTS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "%lld parts; there can be 1 to %d", (long long)parts.count,
                   TG_MAX_PARTS);
        return false;
    }
    if (are_fractions(parts)) return lengths_of_fractions(parts, length, lengths);
    double sum = 0;
    bool whole = true;
    for (int64_t i = 0; i < parts.count; i++) {
        whole =
            whole && parts.sizes[i] >= 0 && parts.sizes[i] <= (double)length && parts.sizes[i] == floor(parts.sizes[i]);
        lengths[i] = whole ? (int64_t)parts.sizes[i] : 0;
        sum += parts.sizes[i];
    }
    if (whole && sum == (double)length) return true;
    tg_fail_at(
        NULL, TG_ERROR_VALUE, what,
        "Sum of input lengths does not equal the length of the input dataset! (%g, of %lld samples; they are whole "
        "numbers, or fractions that sum up to 1)",
        sum, (long long)length);
    return false;
}

/* One part for each length; their number, less when one cannot be made, and an error is pending then. */
static int64_t make_parts(tg_dataset *d, tg_parts parts, tg_generator *generator, tg_dataset **made)
{
    int64_t lengths[TG_MAX_PARTS], begin = 0, count = 0;
    const int64_t length = tgi_dataset_length(d);
    if (length < 0 || !lengths_of(parts, length, lengths)) return 0;
    const tg_scope scope = tg_no_grad_begin();
    tg_tensor *order = tg_randperm(length, .generator = generator);
    for (; order && count < parts.count; begin += lengths[count++]) {
        tg_tensor *indices = tg_narrow(order, 0, begin, lengths[count]);
        if (!indices || !(made[count] = tg_subset_new(d, indices))) break;
    }
    tg_scope_end(scope);
    return count;
}

tg_dataset_list tg_random_split_at(const char *where, tg_dataset *d, tg_parts parts, tg_random_split_options options)
{
    static tg_dataset *const nothing[TG_MAX_PARTS];
    tg_dataset_list list = { nothing, 0 };
    if (tgi_dataset_ok(where, d, what)) {
        tgi_dataset_own(d); /* until it belongs to the parts, or to nobody */
        tg_dataset **made = tgi_scope_alloc(TG_MAX_PARTS * sizeof *made);
        const int64_t count = made ? make_parts(d, parts, options.generator, made) : 0;
        if (tg_failed())
            for (int64_t i = 0; i < count; i++) tgi_dataset_drop(made[i]);
        else
            list = (tg_dataset_list){ made, count };
        tgi_dataset_disown(d);
    } else {
        tgi_dataset_drop(d);
    }
    return list;
}
