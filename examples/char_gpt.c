/* char_gpt.c: a small GPT, in the shape of nanoGPT, learns to write like a text, character by character. PyTorch's lines
 * stand beside ours. On README.md it takes half a minute of a processor, and prints something like
 *
 *     96 different characters, 813824 parameters
 *     step   0: loss 4.5987
 *     step  30: loss 3.2308
 *     ...
 *     step 299: loss 2.4211
 *
 * and some characters: words of the right length, brackets and tables after some thousands of steps (--steps). Ctrl-C
 * ends it after a step; it says then how to go on. */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

#include <math.h>

typedef struct config {
    int64_t vocab_size, block_size, n_layer, n_head, n_embd;
    int64_t batch_size, steps, warmup;
    double lr, min_lr, weight_decay, grad_clip;
} config;

/* ---- the model ---- */

typedef struct causal_self_attention { /* class CausalSelfAttention(nn.Module): */
    tg_module base;
    int64_t n_head;
    tg_linear *c_attn, *c_proj;
} causal_self_attention;

/* B, T, C -> B, heads, T, C / heads */
static tg_tensor *heads(const causal_self_attention *m, tg_tensor *t)
{
    t = tg_unflatten(t, 2, tg_shape(m->n_head, -1)); /* t.unflatten(2, (n_head, -1)) */
    return tg_transpose(t, 1, 2);                    /* .transpose(1, 2) */
}

static tg_tensor *attention_forward(tg_module *module, tg_tensor *x)
{
    const causal_self_attention *m = (const causal_self_attention *)module;
    /* q, k, v = self.c_attn(x).chunk(3, dim=2) */
    tg_tensor_list qkv = tg_chunk(tg_linear_forward(m->c_attn, x), 3, 2);
    tg_tensor *q = heads(m, qkv.items[0]), *k = heads(m, qkv.items[1]), *v = heads(m, qkv.items[2]);
    /* F.scaled_dot_product_attention(q, k, v, is_causal=True) */
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, v, .is_causal = true);
    /* self.c_proj(y.transpose(1, 2).flatten(2)) */
    return tg_linear_forward(m->c_proj, tg_flatten(tg_transpose(y, 1, 2), 2));
}

static causal_self_attention *attention_new(const config *c)
{
    causal_self_attention *m =
        tg_module_new(causal_self_attention, .name = "CausalSelfAttention", .forward = attention_forward);
    if (!m) return NULL;
    m->n_head = c->n_head;
    TG_SUBMODULE(m, c_attn, tg_linear_new(c->n_embd, 3 * c->n_embd)); /* self.c_attn = nn.Linear(n_embd, 3 * n_embd) */
    TG_SUBMODULE(m, c_proj, tg_linear_new(c->n_embd, c->n_embd));     /* self.c_proj = nn.Linear(n_embd, n_embd) */
    return m;
}

typedef struct mlp { /* class MLP(nn.Module): */
    tg_module base;
    tg_linear *c_fc, *c_proj;
} mlp;

static tg_tensor *mlp_forward(tg_module *module, tg_tensor *x)
{
    const mlp *m = (const mlp *)module;
    /* self.c_proj(F.gelu(self.c_fc(x))) */
    return tg_linear_forward(m->c_proj, tg_gelu(tg_linear_forward(m->c_fc, x)));
}

static mlp *mlp_new(const config *c)
{
    mlp *m = tg_module_new(mlp, .name = "MLP", .forward = mlp_forward);
    TG_SUBMODULE(m, c_fc, tg_linear_new(c->n_embd, 4 * c->n_embd));
    TG_SUBMODULE(m, c_proj, tg_linear_new(4 * c->n_embd, c->n_embd));
    return m;
}

typedef struct block { /* class Block(nn.Module): */
    tg_module base;
    tg_layer_norm *ln_1, *ln_2;
    causal_self_attention *attn;
    mlp *mlp;
} block;

static tg_tensor *block_forward(tg_module *module, tg_tensor *x)
{
    const block *m = (const block *)module;
    /* x = x + self.attn(self.ln_1(x)) */
    x = tg_add(x, tg_module_forward(m->attn, tg_layer_norm_forward(m->ln_1, x)));
    /* return x + self.mlp(self.ln_2(x)) */
    return tg_add(x, tg_module_forward(m->mlp, tg_layer_norm_forward(m->ln_2, x)));
}

static block *block_new(const config *c)
{
    block *m = tg_module_new(block, .name = "Block", .forward = block_forward);
    TG_SUBMODULE(m, ln_1, tg_layer_norm_new(tg_shape(c->n_embd)));
    TG_SUBMODULE(m, attn, attention_new(c));
    TG_SUBMODULE(m, ln_2, tg_layer_norm_new(tg_shape(c->n_embd)));
    TG_SUBMODULE(m, mlp, mlp_new(c));
    return m;
}

typedef struct gpt { /* class GPT(nn.Module): */
    tg_module base;
    tg_embedding *wte, *wpe;
    tg_module_list *h;
    tg_layer_norm *ln_f;
    tg_linear *lm_head;
} gpt;

/* Tokens B, T -> logits B, T, vocab_size. */
static tg_tensor *gpt_forward(tg_module *module, tg_tensor *tokens)
{
    const gpt *m = (const gpt *)module;
    /* self.wpe(torch.arange(T)) */
    tg_tensor *positions = tg_embedding_forward(m->wpe, tg_arange(tg_size(tokens, 1)));
    /* x = self.wte(tokens) + positions */
    tg_tensor *x = tg_add(tg_embedding_forward(m->wte, tokens), positions);
    /* for block in self.h: x = block(x) */
    for (int64_t i = 0; i < tg_module_list_len(m->h); i++) x = tg_module_forward(tg_module_list_get(m->h, i), x);
    /* return self.lm_head(self.ln_f(x)) */
    return tg_linear_forward(m->lm_head, tg_layer_norm_forward(m->ln_f, x));
}

static void init_weights(tg_module *module, void *context)
{
    (void)context;
    tg_linear *linear = tg_module_as(module, tg_linear); /* if isinstance(module, nn.Linear): */
    tg_embedding *embedding = tg_module_as(module, tg_embedding);
    if (linear) tg_init_normal_(linear->weight, 0, 0.02); /* nn.init.normal_(module.weight, 0, 0.02) */
    if (linear && linear->bias) tg_init_zeros_(linear->bias);
    if (embedding) tg_init_normal_(embedding->weight, 0, 0.02);
}

/* What is added to the residual stream begins smaller, the deeper the model. */
static void init_residual(gpt *m, int64_t n_layer)
{
    tg_scope scope = tg_scope_begin();
    tg_named_tensor_list named = tg_named_parameters(m); /* for name, p in self.named_parameters(): */
    for (int64_t i = 0; i < named.count; i++)            /*     if name.endswith("c_proj.weight"): */
        if (strstr(named.items[i].name, "c_proj.weight"))
            tg_init_normal_(named.items[i].tensor, 0, 0.02 / sqrt(2.0 * (double)n_layer));
    tg_scope_end(scope);
}

static gpt *gpt_new(const config *c)
{
    gpt *m = tg_module_new(gpt, .name = "GPT", .forward = gpt_forward);
    TG_SUBMODULE(m, wte, tg_embedding_new(c->vocab_size, c->n_embd));
    TG_SUBMODULE(m, wpe, tg_embedding_new(c->block_size, c->n_embd));
    /* self.h = nn.ModuleList([Block() for _ in range(n_layer)]) */
    TG_SUBMODULE(m, h, tg_module_list_new());
    for (int64_t i = 0; m && i < c->n_layer; i++) tg_module_list_append(m->h, block_new(c));
    TG_SUBMODULE(m, ln_f, tg_layer_norm_new(tg_shape(c->n_embd)));
    TG_SUBMODULE(m, lm_head, tg_linear_new(c->n_embd, c->vocab_size, .bias = false));
    if (!m) return NULL;
    /* self.wte.weight = self.lm_head.weight */
    TG_REPLACE_PARAMETER(m->wte, weight, m->lm_head->weight);
    tg_module_apply(m, init_weights, NULL); /* self.apply(self.init_weights) */
    init_residual(m, c->n_layer);
    return m;
}

/* ---- training ---- */

/* Matrices decay, vectors do not. */
static tg_optimizer *optimizer_new(gpt *m, const config *c)
{
    tg_tensor_list all = tg_parameters(m);
    tg_tensor *matrices[all.count + 1], *vectors[all.count + 1];
    int64_t rows = 0, columns = 0;
    for (int64_t i = 0; i < all.count; i++) /* if p.dim() >= 2: ... else: ... */
        *(tg_ndim(all.items[i]) >= 2 ? &matrices[rows++] : &vectors[columns++]) = all.items[i];
    tg_optimizer *adamw =
        tg_adamw_new(tg_list_of(matrices, rows), .lr = c->lr, .beta2 = 0.99, .weight_decay = c->weight_decay);
    tg_optimizer_add_param_group(adamw, tg_list_of(vectors, columns), .weight_decay = 0);
    return adamw;
}

/* Up to lr in a straight line, then down to min_lr along a cosine. */
static double learning_rate(const config *c, int64_t step)
{
    if (step < c->warmup) return c->lr * (double)(step + 1) / (double)(c->warmup + 1);
    const double done = (double)(step - c->warmup) / (double)(c->steps - c->warmup);
    return c->min_lr + 0.5 * (1 + cos(3.14159265358979323846 * done)) * (c->lr - c->min_lr);
}

/* One step on random pieces of the text; its loss. */
static double train_step(gpt *m, tg_optimizer *adamw, tg_tensor *data, const config *c, int64_t step)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *start = tg_randint(0, tg_numel(data) - c->block_size, tg_shape(c->batch_size, 1));
    tg_tensor *at = tg_add(start, tg_arange(c->block_size));
    /* x, y = data[at], data[at + 1] */
    tg_tensor *x = tg_index(data, tg_list(at)), *y = tg_index(data, tg_list(tg_add(at, 1)));
    tg_tensor *logits = tg_module_forward(m, x);
    tg_tensor *loss = tg_cross_entropy(tg_flatten(logits, 0, 1), tg_flatten(y));
    tg_set_lr(adamw, learning_rate(c, step));
    tg_zero_grad(adamw);
    tg_backward(loss); /* loss.backward() */
    /* clip_grad_norm_(model.parameters(), grad_clip) */
    tg_clip_grad_norm_(tg_parameters(m), c->grad_clip);
    tg_step(adamw); /* optimizer.step() */
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

static void train(gpt *m, tg_optimizer *adamw, tg_tensor *data, const config *c, long_run *r, FILE *out)
{
    const int64_t every = c->steps < 10 ? 1 : c->steps / 10;
    while (long_run_goes_on(r)) { /* for step in tqdm(range(steps)): */
        const int64_t step = r->step;
        const double loss = train_step(m, adamw, data, c, step);
        if (step % every == 0 || step == c->steps - 1)
            tg_progress_print(out, "step %3lld: loss %.4f\n", (long long)step, loss);
        tg_progress_set(r->bar, "lr", tg_lr(adamw));
        long_run_step(r, loss); /* bar.set_postfix(loss=loss) */
    }
}

/* Draws the token that comes after some; only the last block_size are looked at. */
static int64_t next_token(gpt *m, const config *c, const int64_t *tokens, int64_t count)
{
    const int64_t seen = count < c->block_size ? count : c->block_size;
    tg_scope quiet = tg_no_grad_begin(); /* with torch.no_grad(): */
    tg_tensor *x = tg_from_data(tokens + count - seen, tg_shape(1, seen));
    /* logits = model(x)[0, -1] */
    tg_tensor *logits = tg_select(tg_select(tg_module_forward(m, x), 0, 0), 0, -1);
    tg_tensor *below = tg_cumsum(tg_softmax(logits, 0), 0);
    tg_tensor *level = tg_mul(tg_rand(tg_shape(1)), tg_select(below, 0, -1));
    const double token = tg_item(tg_sum(tg_le(below, level))); /* (below <= level).sum().item() */
    tg_scope_end(quiet);
    return tg_ok() ? (int64_t)token : 0;
}

/* Writes `count` characters that follow the text's first one. */
static void write_text(gpt *m, const config *c, const tg_vocabulary *bytes, tg_tensor *data, int64_t count, FILE *out)
{
    int64_t tokens[count + 1];
    tg_module_eval(m);
    tokens[0] = (int64_t)tg_item(tg_select(data, 0, 0));
    for (int64_t i = 0; tg_ok() && i < count; i++) {
        tokens[i + 1] = next_token(m, c, tokens, i + 1);
        fputc(tg_vocabulary_token(bytes, tokens[i + 1])[0], out);
    }
    fputc('\n', out);
    tg_module_train(m);
}

static void learn(const tg_vocabulary *bytes, tg_tensor *data, uint64_t seed, config c, long_run *r, char **argv,
                  FILE *out)
{
    enum { WRITTEN = 400 };
    c.vocab_size = tg_vocabulary_size(bytes);
    c.steps = (int64_t)r->steps;
    tg_manual_seed(seed);
    gpt *m = gpt_new(&c);
    tg_optimizer *adamw = optimizer_new(m, &c);
    if (!r->resume)
        fprintf(out, "%lld different characters, %lld parameters\n", (long long)c.vocab_size,
                (long long)tg_module_parameter_count(m));
    const tg_checkpoint_parts all = { .model = TG_MODULE(m), .optimizer = adamw, .step = &r->step };
    long_run_begin(r, &all, argv);
    train(m, adamw, data, &c, r, out);
    if (long_run_end(r)) write_text(m, &c, bytes, data, WRITTEN, out);
    tg_optimizer_free(adamw);
    tg_module_free(m);
}

/* ---- the program ---- */

int main(int argc, char **argv)
{
    const char *path = "README.md";
    double seed = 1337;
    long_run run = { .steps = 300, .file = "char_gpt.safetensors" };
    const config c = { .block_size = 64,
                       .n_layer = 4,
                       .n_head = 4,
                       .n_embd = 128,
                       .batch_size = 12,
                       .warmup = 30,
                       .lr = 1e-3,
                       .min_lr = 1e-4,
                       .weight_decay = 0.1,
                       .grad_clip = 1.0 };
    const argument arguments[] = { { "--text", NULL, "the file it learns from", &path },
                                   { "--steps", &run.steps, "updates", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Learns to write like a text, character by character.", arguments, &status))
        return status;
    /* chars = sorted(set(text)); data = torch.tensor([chars.index(c) for c in text]) */
    tg_vocabulary *bytes = tg_vocabulary_of_file(path, .by = TG_BYTES, .order = TG_SORTED);
    tg_tensor *data = tg_encode_file(bytes, path);
    if (tg_ok() && tg_numel(data) > c.block_size)
        learn(bytes, data, (uint64_t)seed, c, &run, argv, stdout);
    else if (tg_ok())
        tg_fail("char_gpt", "%s has fewer than %lld characters", path, (long long)c.block_size + 1);
    tg_vocabulary_free(bytes);
    return long_run_status(&run);
}
