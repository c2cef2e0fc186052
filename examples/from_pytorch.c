/* from_pytorch.c: a network that PyTorch has trained, in both formats that its users keep one in: read, tried against
 * what PyTorch made of the same images, trained on where PyTorch stopped, and saved for PyTorch to read. The files come
 * from tests/golden/from_pytorch.py, whose lines stand beside ours.
 *
 *     $ build/examples/from_pytorch --save mine
 *     examples/data/from_pytorch.pt: 9 tensors; largest difference to the output in it 4.8e-07
 *     ...
 *     step 21: loss 0.225413
 *     ...
 *     saved: mine.pt, mine.safetensors
 *     $ python3 -c 'import torch; print(torch.load("mine.pt")["model"])' */
#include <tapegrad.h>

#include "arguments.h"
#include "run.h"

enum { PATH = 4096 };
static const double small_enough = 1e-5; /* sums in another order differ by less */

/* ---- the model ---- */

typedef struct net { /* class Net(nn.Module): */
    tg_module base;
    tg_conv *conv;
    tg_batch_norm *bn;
    tg_linear *fc;
} net;

static tg_tensor *net_forward(tg_module *module, tg_tensor *x)
{
    const net *m = (const net *)module;
    x = tg_relu(tg_batch_norm_forward(m->bn, tg_conv_forward(m->conv, x))); /* x = F.relu(self.bn(self.conv(x))) */
    /* return self.fc(F.max_pool2d(x, 2).flatten(1)) */
    return tg_linear_forward(m->fc, tg_flatten(tg_max_pool2d(x, tg_shape(2)), 1));
}

/* The names of its parts are the names in the files. */
static net *net_new(void)
{
    net *m = tg_module_new(net, .name = "Net", .forward = net_forward);
    /* self.conv = nn.Conv2d(1, 8, 3, padding=1) */
    TG_SUBMODULE(m, conv, tg_conv2d_new(1, 8, tg_shape(3), .padding = tg_shape(1)));
    TG_SUBMODULE(m, bn, tg_batch_norm2d_new(8));      /* self.bn = nn.BatchNorm2d(8) */
    TG_SUBMODULE(m, fc, tg_linear_new(8 * 4 * 4, 4)); /* self.fc = nn.Linear(8 * 4 * 4, 4) */
    return m;
}

static tg_tensor *output_of(net *m, tg_tensor *images)
{
    tg_module_eval(m);
    tg_scope quiet = tg_no_grad_begin(); /* with torch.no_grad(): */
    tg_tensor *output = tg_module_forward(m, images);
    tg_module_train(m);
    return tg_scope_return(quiet, output);
}

/* ---- read and tried ---- */

/* Whatever the format: the network is loaded, and its output compared with that in the file. */
static void try_file(const char *path)
{
    tg_scope scope = tg_scope_begin();
    net *m = net_new();
    tg_named_tensor_list file = tg_load(path); /* file = torch.load(path), or safetensors' load_file(path) */
    tg_named_tensor_list state = tg_named_with_prefix(file, "model.");
    tg_load_state_dict(m, state); /* model.load_state_dict(file["model"]) */
    tg_tensor *output = output_of(m, tg_tensor_named(file, "images"));
    tg_tensor *expected = tg_tensor_named(file, "output");
    const double difference = tg_item(tg_max(tg_abs(tg_sub(output, expected)))); /* (output - expected).abs().max() */
    if (tg_ok())
        printf("%s: %lld tensors; largest difference to the output in it %.2g\n", path, (long long)state.count,
               difference);
    if (tg_ok() && difference > small_enough) tg_fail("try_file", "%s: the output is another one", path);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- trained on ---- */

static double train_step(net *m, tg_optimizer *adam, tg_tensor *images, tg_tensor *labels)
{
    tg_scope scope = tg_scope_begin();
    tg_zero_grad(adam);
    tg_tensor *loss = tg_cross_entropy(tg_module_forward(m, images), labels); /* F.cross_entropy(model(images), ...) */
    tg_backward(loss);
    tg_step(adam);
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

static void save(net *m, tg_optimizer *adam, int64_t step, const tg_object *from, const char *prefix)
{
    char pt[PATH], safetensors[PATH], steps[32];
    snprintf(pt, sizeof pt, "%s.pt", prefix);
    snprintf(safetensors, sizeof safetensors, "%s.safetensors", prefix);
    snprintf(steps, sizeof steps, "%lld", (long long)step);
    tg_tensor *images = tg_object_tensor(from, "images"), *labels = tg_object_tensor(from, "labels");
    tg_object *kept =
        tg_dict("model", tg_state_dict(m), "images", images, "labels", labels, "output", output_of(m, images));
    /* Tensors alone, under the names "model.conv.weight", ..., "images" */
    tg_save_safetensors(tg_object_tensors(kept), safetensors,
                        .metadata = tg_text_pairs({ "format", "pt" }, { "step", steps }));
    tg_dict_set(kept, "optimizer", tg_optimizer_state_object(adam));
    tg_dict_set(kept, "step", step);
    tg_save_pt(kept, pt); /* torch.save({"model": model.state_dict(), "optimizer": adam.state_dict(), ...}, pt) */
    if (tg_ok()) printf("saved: %s, %s\n", pt, safetensors);
}

/* What .pt files alone have is a tree of dicts: here the optimiser's state, and the number of steps. */
static void go_on(const char *path, int64_t steps, const char *prefix)
{
    tg_scope scope = tg_scope_begin();
    const tg_object *file = tg_load_pt(path); /* file = torch.load(path) */
    int64_t step = tg_object_int(file, "step");
    net *m = net_new();
    tg_optimizer *adam = tg_adam_new(tg_parameters(m));                     /* adam = Adam(model.parameters()) */
    tg_load_state_dict(m, tg_object_tensors(file, "model"));                /* model.load_state_dict(file["model"]) */
    tg_optimizer_load_state_object(adam, tg_object_get(file, "optimizer")); /* adam.load_state_dict(...) */
    tg_tensor *images = tg_object_tensor(file, "images"), *labels = tg_object_tensor(file, "labels");
    tg_catch_interrupt(); /* Ctrl-C: no more steps, but what there is is saved */
    for (int64_t i = 0; tg_ok() && !tg_interrupted() && i < steps; i++) {
        const double loss = train_step(m, adam, images, labels);
        printf("step %lld: loss %.6g\n", (long long)++step, loss);
    }
    tg_release_interrupt();
    if (tg_ok() && prefix) save(m, adam, step, file, prefix);
    tg_optimizer_free(adam);
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    double steps = 5;
    const char *data = NULL, *prefix = NULL;
    const argument arguments[] = { { "--data", NULL, "the files' path without .pt and .safetensors", &data },
                                   { "--steps", &steps, "updates after PyTorch's", NULL },
                                   { "--save", NULL, "the path of what is saved, without .pt and .safetensors",
                                     &prefix },
                                   { NULL, NULL, NULL, NULL } };
    char pt[PATH], safetensors[PATH];
    int status;
    if (!read_arguments(argc, argv, "Goes on with a network that PyTorch trained.", arguments, &status)) return status;
    if (data)
        snprintf(pt, sizeof pt, "%s.pt", data);
    else
        snprintf(pt, sizeof pt, "%s", find_data(argv[0], "from_pytorch.pt"));
    snprintf(safetensors, sizeof safetensors, "%.*s.safetensors", (int)strlen(pt) - 3, pt);
    try_file(pt);
    try_file(safetensors);
    go_on(pt, (int64_t)steps, prefix);
    if (tg_failed()) return 1; /* the message was printed where it happened */
    if (!tg_interrupted()) return 0;
    if (prefix) print_how_to_go_on(stdout, argv, "--data", prefix);
    return 128 + tg_interrupted();
}
