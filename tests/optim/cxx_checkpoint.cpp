// cxx_checkpoint.cpp: checkpoints from C++17, and the lists of their headers, which outlive the statement that made them.
#include <tapegrad.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

static int failures = 0;

static void check(bool ok, const char *what)
{
    std::printf("%s: %s\n", ok ? "ok" : "FAILED", what);
    failures += !ok;
}

static std::string folder;

// What would be written over the arrays of temporaries, if they lay on the stack.
static double use_the_stack()
{
    volatile double there[512];
    for (int i = 0; i < 512; i++) there[i] = -1;
    return there[511];
}

static void lists()
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2)), *y = tg_zeros(tg_shape(3));
    const tg_named_tensor_list named = tg_named_list({ "x", x }, { "y", y });
    const tg_text_list texts = tg_texts("a", "b,c", "d"), no_texts = tg_texts();
    const tg_text_pairs pairs = tg_text_pairs({ "epoch", "3" }, { "by", "me" });
    const tg_group_values values = tg_group_values(0.5, 0.25);
    const tg_milestones milestones = tg_milestones(30, 80);
    const tg_dataset_list datasets = tg_datasets(tg_tensor_dataset_new(tg_list(x)), tg_tensor_dataset_new(tg_list(y)));
    use_the_stack();
    check(named.count == 2 && named.items[1].tensor == y && !std::strcmp(named.items[0].name, "x"), "named tensors");
    check(texts.count == 3 && !std::strcmp(texts.items[1], "b,c") && no_texts.count == 0, "texts");
    check(pairs.count == 2 && !std::strcmp(tg_text_of(pairs, "by"), "me"), "pairs of texts");
    check(values.count == 2 && values.each[1] == 0.25 && milestones.items[1] == 80, "numbers");
    check(datasets.count == 2 && tg_dataset_length(datasets.items[1]) == 3, "datasets");
    check(tg_named_list().count == 0 && tg_text_pairs().count == 0 && tg_variables().count == 0, "lists of nothing");
    tg_csv *csv = tg_parse_csv("a,b\n1,2\n3,4\n");
    check(tg_size(tg_csv_tensor(csv, tg_texts("b")), 1) == 1, "a column of a table");
    tg_csv_free(csv);
    for (int i = 0; i < 2; i++) tg_dataset_free(datasets.items[i]);
    tg_scope_end(scope);
}

static void metadata()
{
    const tg_scope scope = tg_scope_begin();
    const std::string path = folder + "/m.safetensors";
    tg_save_safetensors_options saving = { TG_SAVE_SAFETENSORS_DEFAULTS };
    saving.metadata = tg_text_pairs({ "epoch", "3" });
    use_the_stack();
    tg_save_safetensors(tg_named_list({ "x", tg_ones(tg_shape(2)) }), path.c_str(), saving);
    tg_text_pairs found;
    tg_load_safetensors_options loading = { TG_LOAD_SAFETENSORS_DEFAULTS };
    loading.metadata = &found;
    check(tg_load_safetensors(path.c_str(), loading).count == 1, "a list written out");
    check(tg_text_of(found, "epoch") && !std::strcmp(tg_text_of(found, "epoch"), "3"), "metadata");
    std::remove(path.c_str());
    tg_scope_end(scope);
}

struct run {
    tg_linear *model;
    tg_optimizer *sgd;
    tg_scheduler *warm_up, *decay;
    std::int64_t step, counts[2];
    double best;
    char note[16];
    tg_checkpoint_parts parts = { TG_CHECKPOINT_PARTS_DEFAULTS };
};

static void begin(run &r)
{
    r.model = tg_linear_new(2, 2);
    r.sgd = tg_adam_new(tg_parameters(r.model));
    r.warm_up = tg_step_lr_new(r.sgd, 2);
    r.decay = tg_multi_step_lr_new(r.sgd, tg_milestones(1, 2));
    r.step = 0;
    r.best = 1;
    r.counts[0] = r.counts[1] = 0;
    r.note[0] = '\0';
    r.parts.model = TG_MODULE(r.model);
    r.parts.optimizer = r.sgd;
    r.parts.schedulers = tg_schedulers(r.warm_up, r.decay);
    r.parts.step = &r.step;
    r.parts.values =
        tg_variables(tg_variable("best", &r.best), tg_variable("counts", r.counts), tg_variable("note", r.note));
}

static void end(run &r)
{
    tg_scheduler_free(r.warm_up);
    tg_scheduler_free(r.decay);
    tg_optimizer_free(r.sgd);
    tg_module_free(r.model);
}

static void train(run &r)
{
    const tg_scope scope = tg_scope_begin();
    tg_zero_grad(r.sgd);
    tg_backward(tg_sum(tg_square(tg_linear_forward(r.model, tg_ones(tg_shape(1, 2))))));
    tg_step(r.sgd);
    tg_scheduler_step(r.warm_up);
    tg_scheduler_step(r.decay);
    r.step++;
    tg_scope_end(scope);
}

static void save_and_load()
{
    const tg_scope scope = tg_scope_begin();
    const std::string path = folder + "/run.safetensors", kept_in = folder + "/kept";
    run a, b;
    begin(a);
    begin(b);
    use_the_stack();
    train(a);
    a.best = 0.125;
    a.counts[0] = -1;
    a.counts[1] = INT64_MAX;
    std::strcpy(a.note, "noted");
    check(tg_checkpoint_save(path.c_str(), a.parts) == TG_OK, "saved");
    check(tg_checkpoint_load(path.c_str(), b.parts) == TG_OK, "loaded");
    check(b.step == 1 && b.best == 0.125 && b.counts[0] == -1 && b.counts[1] == INT64_MAX &&
              !std::strcmp(b.note, "noted"),
          "the program's own values");
    train(a);
    train(b);
    check(tg_equal(a.model->weight, b.model->weight), "goes on to the bit");

    tg_checkpoints *kept = tg_checkpoints_new(kept_in.c_str());
    check(tg_checkpoints_save(kept, a.step, 0.5, a.parts) == TG_OK, "into a folder");
    check(tg_checkpoints_load_latest(kept, b.parts) == a.step && tg_checkpoints_best_step(kept) == a.step, "from it");
    tg_checkpoints_free(kept);
    for (const char *name : { "/step-000002.safetensors", "/best.safetensors" }) std::remove((kept_in + name).c_str());
    check(std::remove(kept_in.c_str()) == 0, "and nothing else is left there");
    std::remove(path.c_str());
    end(a);
    end(b);
    tg_scope_end(scope);
}

int main()
{
    char made[] = "/tmp/tapegrad-cxx-XXXXXX";
    if (!mkdtemp(made)) return 1;
    folder = made;
    lists();
    metadata();
    save_and_load();
    std::remove(folder.c_str());
    check(tg_ok(), "without an error");
    return failures != 0;
}
