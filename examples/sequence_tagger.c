/* sequence_tagger.c: a bidirectional LSTM tags each word of a sequence: did it occur before, will it occur again? Neither
 * can be told without the whole sequence. The sequences have 3 to 12 words and are packed, so that nothing is computed for
 * what is not there. PyTorch's lines stand beside ours, and print the same from the same seed.
 *
 *     $ build/examples/sequence_tagger
 *     step 50: loss 1.0058, 55.7 % right
 *     step 100: loss 0.6915, 68.8 % right
 *     step 150: loss 0.5225, 74.9 % right
 *     ...
 *     step 400: loss 0.0663, 98.7 % right */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

enum { WORDS = 8, TAGS = 4, LONGEST = 12, BATCH = 32, EMBEDDED = 16, HIDDEN = 32 };

typedef struct batch {
    tg_tensor *words, *tags; /* int64 [BATCH, LONGEST]; behind a sequence's end there is anything */
    tg_tensor *lengths;      /* int64 [BATCH] */
} batch;

static batch draw(void)
{
    tg_tensor *lengths = tg_randint(3, LONGEST + 1, tg_shape(BATCH)); /* torch.randint(3, LONGEST + 1, (BATCH,)) */
    tg_tensor *words = tg_randint(0, WORDS, tg_shape(BATCH, LONGEST));
    tg_tensor *there = tg_lt(tg_arange(LONGEST), tg_unsqueeze(lengths, 1)); /* arange(LONGEST) < lengths[:, None] */
    /* same = (words[:, :, None] == words[:, None, :]) & there[:, None, :] */
    tg_tensor *same = tg_eq(tg_unsqueeze(words, 2), tg_unsqueeze(words, 1));
    same = tg_logical_and(same, tg_unsqueeze(there, 1));
    tg_tensor *before = tg_any(tg_tril(same, -1), .dim = 2);            /* same.tril(-1).any(2) */
    tg_tensor *again = tg_any(tg_triu(same, 1), .dim = 2);              /* same.triu(1).any(2) */
    return (batch){ words, tg_add(tg_mul(before, 2), again), lengths }; /* 2 * before + again */
}

typedef struct tagger {
    tg_module base;
    tg_embedding *embedding;
    tg_lstm *lstm;
    tg_linear *fc;
} tagger;

static tagger *tagger_new(void)
{
    tagger *m = tg_module_new(tagger, .name = "Tagger");
    TG_SUBMODULE(m, embedding, tg_embedding_new(WORDS, EMBEDDED)); /* self.embedding = nn.Embedding(WORDS, EMBEDDED) */
    TG_SUBMODULE(m, lstm, tg_lstm_new(EMBEDDED, HIDDEN, .batch_first = true, .bidirectional = true));
    TG_SUBMODULE(m, fc, tg_linear_new(2 * HIDDEN, TAGS)); /* self.fc = nn.Linear(2 * HIDDEN, TAGS) */
    return m;
}

/* pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False) */
static tg_packed_sequence packed(tg_tensor *x, tg_tensor *lengths)
{
    return tg_pack_padded_sequence(x, lengths, .batch_first = true, .enforce_sorted = false);
}

/* The scores of the tags of all words that are there, [sum of the lengths, TAGS], in a packed sequence's order. */
static tg_tensor *tagger_forward(tagger *m, tg_tensor *words, tg_tensor *lengths)
{
    tg_tensor *x = tg_embedding_forward(m->embedding, words);
    tg_packed_sequence y = tg_lstm_forward_packed(m->lstm, packed(x, lengths)).output; /* y, _ = self.lstm(packed) */
    return tg_linear_forward(m->fc, y.data);                                           /* self.fc(y.data) */
}

typedef struct progress {
    double loss, right;
} progress;

/* One step on new sequences: the loss before it, and the share of words that are tagged rightly. */
static progress train_step(tagger *m, tg_optimizer *adam)
{
    tg_scope scope = tg_scope_begin();
    batch b = draw();
    tg_tensor *tags = packed(b.tags, b.lengths).data; /* in the same order */
    tg_zero_grad(adam);
    tg_tensor *scores = tagger_forward(m, b.words, b.lengths);
    tg_tensor *loss = tg_cross_entropy(scores, tags); /* F.cross_entropy(scores, tags) */
    tg_backward(loss);
    tg_step(adam);
    tg_tensor *right = tg_mean(tg_to(tg_eq(tg_argmax(scores, .dim = 1), tags), TG_FLOAT32));
    progress p = { tg_item(loss), tg_item(right) };
    tg_scope_end(scope);
    return p;
}

static void learn(uint64_t seed, long_run *r, char **argv, FILE *out)
{
    tg_manual_seed(seed);
    tagger *m = tagger_new();
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.01);
    const tg_checkpoint_parts all = { .model = TG_MODULE(m), .optimizer = adam, .step = &r->step };
    long_run_begin(r, &all, argv);
    while (long_run_goes_on(r)) {
        const progress p = train_step(m, adam);
        long_run_step(r, p.loss);
        if (r->step % 50 == 0)
            tg_progress_print(out, "step %lld: loss %.4f, %.1f %% right\n", (long long)r->step, p.loss, 100 * p.right);
    }
    long_run_end(r);
    tg_optimizer_free(adam);
    tg_module_free(m);
}

int main(int argc, char **argv)
{
    double seed = 0;
    long_run run = { .steps = 400, .file = "sequence_tagger.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "how many batches", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    const char *about = "Tags each word of a sequence: did it occur before, will it occur again?";
    if (!read_arguments(argc, argv, about, arguments, &status)) return status;
    learn((uint64_t)seed, &run, argv, stdout);
    return long_run_status(&run);
}
