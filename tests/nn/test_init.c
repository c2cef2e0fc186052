/* test_init.c: initial values, which are what PyTorch draws after torch.manual_seed(3), and what is refused. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

/* ---- initial values: what PyTorch draws after torch.manual_seed(3) ---- */

static tg_tensor *fresh(int64_t rows, int64_t columns)
{
    tg_manual_seed(3);
    return tg_empty(tg_shape(rows, columns), .requires_grad = true);
}

TEST(test_init)
{
    tg_scope scope = tg_scope_begin();
    const double e = 2e-7;
    VALUES(tg_init_uniform_(fresh(2, 3), -2, 3), e, -1.9786824, -1.47215319, -0.570787609, -1.86522579, 0.358071804,
           -1.69941854);
    VALUES(tg_init_normal_(fresh(2, 3), 1, 0.5), e, 1.40163803, 1.08741665, 1.04448903, 0.693140984, 1.0230912,
           0.315870404);
    VALUES(tg_init_normal_(fresh(4, 5), 1, 0.5), e, 0.961677849, 1.1799407, 0.608991623, 1.03576386, 1.52301145,
           1.2610935, 0.916595399, 1.02651668, 1.20230353, 1.30564976, 1.38019514, 0.983178377, 1.49896121, 1.22959018,
           2.21819854, 0.926595926, 1.24255705, 1.10261714, 1.16921413, 1.67637706);
    VALUES(tg_init_xavier_uniform_(fresh(2, 3), .gain = 2), e, -2.17220855, -1.72830856, -0.938391268, -2.07278013,
           -0.124379642, -1.9274739);
    VALUES(tg_init_xavier_normal_(fresh(2, 3)), e, 0.508036375, 0.11057435, 0.0562746897, -0.388149351, 0.0292083472,
           -0.865363061);
    VALUES(tg_init_kaiming_uniform_(fresh(2, 3)), e, -1.40215445, -1.11561835, -0.605728924, -1.33797371, -0.0802867115,
           -1.24417901);
    VALUES(tg_init_kaiming_normal_(fresh(2, 3), .nonlinearity = TG_NONLINEARITY_RELU), e, 0.655872166, 0.142750874,
           0.0726503134, -0.501098633, 0.0377078131, -1.11717892);
    VALUES(tg_init_kaiming_normal_(fresh(2, 3), .mode = TG_FAN_OUT, .nonlinearity = TG_NONLINEARITY_TANH), e,
           0.946669936, 0.206043124, 0.104861692, -0.723273635, 0.0544265397, -1.61250889);
    tg_manual_seed(3);
    VALUES(tg_init_kaiming_uniform_(tg_empty(tg_shape(2, 3, 2)), .a = 0.5, .mode = TG_FAN_OUT), e, -1.08610427,
           -0.864154279, -0.469195634, -1.03639007, -0.0621898212, -0.963736951, 0.595628262, 0.533918619, 0.206866503,
           0.849751413, -0.107284993, 0.656151116);
    VALUES(tg_init_constant_(fresh(1, 3), 0.5), 0, 0.5, 0.5, 0.5);
    VALUES(tg_init_zeros_(fresh(1, 2)), 0, 0, 0);
    VALUES(tg_init_ones_(fresh(1, 2)), 0, 1, 1);
    VALUES(tg_init_uniform_(fresh(1, 2), 0, 0), 0, 0, 0);
    VALUES(tg_init_normal_(fresh(1, 2), 3, 0), 0, 3, 3);
    VALUES(tg_init_xavier_uniform_(fresh(1, 2), .gain = 0), 0, 0, 0);
    tg_scope_end(scope);
}

TEST(test_init_of_a_view)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_zeros(tg_shape(3, 2));
    tg_manual_seed(3);
    const int64_t version = tg_version(t);
    tg_init_uniform_(tg_transpose(t, 0, 1), -2, 3); /* in the view's row-major order */
    VALUES(tg_transpose(t, 0, 1), 2e-7, -1.9786824, -1.47215319, -0.570787609, -1.86522579, 0.358071804, -1.69941854);
    assert_true(tg_version(t) > version);
    tg_scope_end(scope);
}

TEST(test_init_errors)
{
    tg_scope scope = tg_scope_begin();
    assert_null(tg_init_kaiming_uniform_(tg_ones(tg_shape(3))));
    expect_error("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
    assert_null(tg_init_uniform_(tg_ones(tg_shape(3)), 1, 0));
    expect_error("uniform_ expects to return a [from, to) range, but found from=1 > to=0");
    assert_null(tg_init_normal_(tg_ones(tg_shape(3)), 0, -1));
    expect_error("normal expects std >= 0.0, but found std -1");
    assert_null(tg_init_normal_(tg_ones(tg_shape(3), .dtype = TG_INT64), 0, 1));
    expect_error("floating dtype");
    assert_null(tg_init_zeros_(NULL));
    expect_error("NULL");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_init),
        T(test_init_of_a_view),
        T(test_init_errors),
    };
    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
