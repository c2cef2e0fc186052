// cxx_linear.cpp: the library from C++17: the header compiles, macros and plain functions work, a Linear trains.
#include <tapegrad.h>

#include <cmath>
#include <cstdio>

struct my_model {
    tg_module base;
    tg_linear *fc;
    tg_tensor *scale;
    tg_linear *layers[2];
};

static int failures = 0;

static void check(bool ok, const char *what)
{
    std::printf("%s: %s\n", ok ? "ok" : "FAILED", what);
    failures += !ok;
}

static void train_a_linear()
{
    tg_manual_seed(0);
    tg_tensor *x = tg_randn(tg_shape(32, 3));
    const float truth[] = { 1.0f, -2.0f, 0.5f };
    tg_tensor *y = tg_add(tg_matmul(x, tg_from_data(truth, tg_shape(3, 1))), 0.25);

    tg_linear *model = tg_linear_new(3, 1);
    tg_sgd_options options = { TG_SGD_DEFAULTS };
    options.lr = 0.1;
    tg_optimizer *sgd = tg_sgd_new(tg_parameters(model), options);
    double loss_value = 0;
    for (int step = 0; step < 300; step++) {
        tg_scope scope = tg_scope_begin();
        tg_zero_grad(sgd);
        tg_tensor *loss = tg_mse_loss(tg_linear_forward(model, x), y);
        tg_backward(loss);
        tg_step(sgd);
        loss_value = tg_item(loss);
        tg_scope_end(scope);
    }
    check(loss_value < 1e-9, "a Linear learns a linear map");
    check(std::fabs(tg_item(model->bias) - 0.25) < 1e-4, "its bias is the map's");
    tg_optimizer_free(sgd);
    tg_module_free(model);
}

static tg_tensor *my_forward(tg_module *m, tg_tensor *x)
{
    return tg_linear_forward(reinterpret_cast<my_model *>(m)->fc, x);
}

static void build_a_module()
{
    tg_module_class kind = { TG_MODULE_DEFAULTS("MyModel") };
    kind.forward = my_forward;
    my_model *m = tg_module_new(my_model, kind);
    TG_SUBMODULE(m, fc, tg_linear_new(2, 2));
    TG_PARAMETER(m, scale, tg_ones(tg_shape(2)));
    check(tg_module_parameter_count(m) == 8 && tg_module_is(m, "MyModel"), "a module of one's own");
    check(tg_numel(tg_module_forward(m, tg_ones(tg_shape(3, 2)))) == 6, "its forward");
    TG_REPLACE_SUBMODULE(m, fc, tg_linear_new(2, 2));
    for (int i = 0; i < 2; i++) TG_SUBMODULES(m, layers, i, tg_linear_new(2, 2));
    TG_REPLACE_SUBMODULES(m, layers, 1, tg_linear_new(2, 2));
    check(tg_get_parameter(m, "layers.1.weight") == m->layers[1]->weight, "an array of modules");
    my_model *copy = tg_module_copy(m);
    check(copy->fc != m->fc && tg_equal(copy->layers[0]->bias, m->layers[0]->bias), "a deep copy");
    check(tg_module_as(copy->fc, tg_linear) == copy->fc && !tg_module_as(copy, tg_linear), "kinds");
    tg_module_list *list = tg_module_list_new(tg_relu_new(), tg_linear_new(1, 1));
    check(tg_module_is(tg_module_list_get(list, 0), "ReLU") && tg_module_list_len(list) == 2, "ModuleList");
    tg_module_free(list);
    tg_module_free(copy);
    tg_sequential *net = tg_sequential_new(tg_linear_new(2, 4), tg_relu_new(), tg_linear_new(4, 1));
    check(tg_ndim(tg_sequential_forward(net, tg_ones(tg_shape(5, 2)))) == 2, "Sequential");
    tg_module_free(net);
    tg_module_free(m);
}

static void use_no_lists_and_sizes()
{
    tg_scope scope = tg_scope_begin();
    scope = tg_scope_next(scope);
    check(tg_list().count == 0, "an empty list");
    tg_scope_end_with(scope);
    const size_t sizes[] = { 1, 2 };
    const unsigned short shorts[] = { 65535 };
    check(tg_item(tg_sum(tg_from_data(sizes, tg_shape(2)))) == 3 && tg_item(tg_from_data(shorts, tg_shape(1))) == 65535,
          "unsigned data");
}

static void use_lists_and_numbers()
{
    tg_create_options options = { TG_CREATE_DEFAULTS };
    options.dtype = TG_FLOAT64;
    options.requires_grad = true;
    tg_tensor *x = tg_full(tg_shape(2), 3.0, options);
    tg_tensor *y = tg_sum(tg_cat(tg_list(tg_mul(x, 2), tg_sub(1.0, x)), 0));
    tg_tensor *dx = tg_grad(tg_list(y), tg_list(x)).items[0];
    check(tg_item(y) == 8 && tg_item(tg_select(dx, 0, 0)) == 1, "lists, numbers and gradients");
    check(tg_numel(tg_arange(5)) == 5 && tg_numel(tg_arange(2, 5)) == 3 && tg_numel(tg_eye(3)) == 9, "short forms");
}

/* A list that is kept in a variable, in a struct, made in a loop. */
static tg_tensor_list first_two(tg_tensor *const *t) { return tg_list(t[0], t[1]); }

static void keep_lists()
{
    tg_tensor *a = tg_ones(tg_shape(2, 3)), *b = tg_zeros(tg_shape(2, 3));
    tg_tensor_list lists[4];
    for (int i = 0; i < 4; i++) lists[i] = i % 2 ? tg_list(a, b) : tg_list(b, a, b);
    bool right = true;
    for (int i = 0; i < 4; i++) right = right && tg_size(tg_cat(lists[i], 0), 0) == (i % 2 ? 4 : 6);
    tg_tensor *const pair[] = { a, b };
    const tg_tensor_list returned = first_two(pair);
    check(right && tg_item(tg_sum(tg_cat(returned, 0))) == 6, "lists kept in variables");
    const auto automatic = tg_list(a, a);
    check(tg_item(tg_sum(tg_cat(automatic, 0))) == 12 && automatic.count == 2, "auto");
}

static void take_data()
{
    const unsigned char pixels[] = { 0, 127, 255 };
    const double table[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    const long long *none = nullptr;
    tg_create_options options = { TG_CREATE_DEFAULTS };
    options.dtype = TG_FLOAT64;
    check(tg_item(tg_sum(tg_from_data(pixels, tg_shape(3)))) == 382, "bytes");
    check(tg_item(tg_sum(tg_from_data(table, tg_shape(2, 3)))) == 21, "a table");
    check(tg_dtype_of(tg_from_data(&pixels[1], tg_shape(2), options)) == TG_FLOAT64, "a pointer, and options");
    check(tg_dtype_of(tg_tensor_of(1, 2)) == TG_INT64 && tg_item(tg_sum(tg_tensor_of(1, 2.5))) == 3.5 &&
              tg_dtype_of(tg_tensor_of(true, false)) == TG_BOOL && tg_numel(tg_tensor_of()) == 0,
          "numbers");
    tg_set_error_handler(nullptr, nullptr);
    check(!tg_from_data(table, tg_shape(7)) && tg_failed(), "a table that is too short");
    tg_error_clear();
    check(!tg_from_data(none, tg_shape(1)) && tg_failed(), "no data");
    tg_error_clear();
    tg_set_error_handler(tg_default_error_handler, nullptr);
}

static void hand_out_results()
{
    tg_scope scope = tg_scope_begin();
    tg_values_indices top = tg_topk(tg_arange(8), 2);
    tg_tensor *picked = tg_index(tg_eye(8), tg_list(nullptr, top.indices));
    tg_scope_end_with(scope, &top.values, &picked);
    check(tg_item(tg_sum(top.values)) == 13 && tg_item(tg_sum(picked)) == 2, "results handed out of a scope");
}

int main()
{
    train_a_linear();
    build_a_module();
    use_lists_and_numbers();
    use_no_lists_and_sizes();
    keep_lists();
    take_data();
    hand_out_results();
    check(!tg_failed(), "no error");
    return failures != 0;
}
