"""Writes attention.txt: nn.MultiheadAttention and the modules of transformers, in all their options, as PyTorch 1.13.1
has them.

    OMP_NUM_THREADS=1 python3 attention.py > attention.txt

modulecase.py describes how every case is made, and its keys.

`s module`: MultiheadAttention, TransformerEncoderLayer, TransformerDecoderLayer, TransformerEncoder,
    TransformerDecoder or Transformer.
Options, one line each. MultiheadAttention: `i embed_dim`, `num_heads`, `bias`, `add_bias_kv`, `add_zero_attn`, `kdim`,
    `vdim`, `batch_first`, and `a dropout`. The others: `i d_model`, `nhead`, `dim_feedforward`, `batch_first`,
    `norm_first`, `a dropout`, `layer_norm_eps`, `s activation` (relu, gelu, or tanh, which is passed as a function);
    stacks `i num_layers` and `norm`, whether there is one behind the layers; Transformer `i num_encoder_layers` and
    `num_decoder_layers`.
Arguments of the call: `a NAME` of a mask of floats, `a NAME.bool` of a bool one; `i need_weights` and
    `average_attn_weights`.
The inputs, in the order in which they are drawn: `s inputs`. Those of MultiheadAttention may be one: `i sources`, 1 if
    query is key and value, 2 if key is value. `i causal`, of Transformer: tgt_mask is generate_square_subsequent_mask.
The results: `output`, and of MultiheadAttention `weights`.
`a losses`, in the cases called training: see modulecase.py. The result is what `output` is less goldenfile's weights:
    the mean square of what LayerNorm returns is 1, whatever it is given.
"""
import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F

import goldenfile as g
from modulecase import DTYPES, begin, end, rand, train

E, HEADS, N, L, S = 4, 2, 2, 3, 4

asked = 0


def left_out(dtype):
    """float32 has every fifth case: the file stays small."""
    global asked
    asked += 1
    return dtype == "float32" and asked % 5


# ---- what is called ----

def TransformerEncoder(num_layers, norm, **layer):
    first = nn.TransformerEncoderLayer(**activated(layer))
    return nn.TransformerEncoder(first, num_layers, nn.LayerNorm(layer["d_model"]) if norm else None)


def TransformerDecoder(num_layers, norm, **layer):
    first = nn.TransformerDecoderLayer(**activated(layer))
    return nn.TransformerDecoder(first, num_layers, nn.LayerNorm(layer["d_model"]) if norm else None)


def TransformerEncoderLayer(**options):
    return nn.TransformerEncoderLayer(**activated(options))


def TransformerDecoderLayer(**options):
    return nn.TransformerDecoderLayer(**activated(options))


def Transformer(**options):
    return nn.Transformer(**activated(options))


def activated(options):
    return {**options, "activation": torch.tanh} if options["activation"] == "tanh" else options


# ---- masks ----

def write(masks):
    for key, mask in masks.items():
        g.array(key + ".bool" if mask.dtype == torch.bool else key, mask)


generator = torch.Generator().manual_seed(0)  # the default one draws what a case draws


def hidden(*sizes):
    """A bool mask that leaves each query a key: the first."""
    mask = torch.rand(sizes, generator=generator) < 0.4
    mask[..., 0] = False
    return mask


def padding(samples, keys):
    """The last keys of the last sample are padding."""
    mask = torch.zeros(samples, keys, dtype=torch.bool)
    mask[-1, keys // 2:] = True
    return mask


def added(*sizes):
    return torch.randn(sizes, generator=generator)


# ---- MultiheadAttention ----

def attention(name, dtype, call=None, masks=None, sources=3, batched=True, evaluated=False, kdim=E, vdim=E,
              batch_first=False, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False):
    if left_out(dtype):
        return
    call = {"need_weights": True, "average_attn_weights": True, **(call or {})}
    m = begin("MultiheadAttention " + name, nn.MultiheadAttention, dtype, not evaluated, embed_dim=E, num_heads=HEADS,
              dropout=dropout, bias=bias, add_bias_kv=add_bias_kv, add_zero_attn=add_zero_attn, kdim=kdim, vdim=vdim,
              batch_first=batch_first)

    def draw(time, features):
        return rand(*((N, time) if batch_first else (time, N)) if batched else (time,), features)

    inputs = {"query": draw(L, E)}
    if sources > 1:
        inputs["key"] = draw(S, kdim)
    if sources > 2:
        inputs["value"] = draw(S, vdim)
    key = inputs.get("key", inputs["query"])
    masks = masks() if masks else {}
    write(masks)
    for option, value in call.items():
        g.ints(option, value)
    g.ints("sources", sources)
    output, weights = m(inputs["query"], key, inputs.get("value", key), **masks, **call)
    end(m, inputs, {"output": output, **({} if weights is None else {"weights": weights})})


def attention_cases(dtype):
    keys = L, S
    heads = N * HEADS
    fast, separate = {"need_weights": False}, {"average_attn_weights": False}
    for sources, bias, batch_first in itertools.product((1, 2, 3), (1, 0), (0, 1)):
        if bias == 0 and sources != 3 - batch_first:
            continue
        attention(f"of {sources} sources bias={bias} batch_first={batch_first}", dtype, fast if batch_first else None,
                  sources=sources, bias=bool(bias), batch_first=bool(batch_first))
    attention("separate weights", dtype, separate)
    attention("unbatched", dtype, batched=False, sources=1)
    attention("unbatched, batch_first, masks", dtype, separate, batched=False, batch_first=True,
              masks=lambda: {"attn_mask": hidden(*keys), "key_padding_mask": padding(1, S)[0]})
    attention("unbatched, a mask for each head", dtype, fast, batched=False,
              masks=lambda: {"attn_mask": added(HEADS, *keys)})
    attention("kdim and vdim", dtype, kdim=3, vdim=2)
    attention("vdim without bias", dtype, fast, vdim=3, bias=False, batch_first=True)
    masks = {
        "bool mask": lambda: {"attn_mask": hidden(*keys)},
        "float mask": lambda: {"attn_mask": added(*keys)},
        "bool masks of each head": lambda: {"attn_mask": hidden(heads, *keys)},
        "float masks of each head": lambda: {"attn_mask": added(heads, *keys)},
        "padding": lambda: {"key_padding_mask": padding(N, S)},
        "float padding": lambda: {"key_padding_mask": added(N, S)},
        "bool mask and padding": lambda: {"attn_mask": hidden(*keys), "key_padding_mask": padding(N, S)},
        "float masks of each head and padding": lambda: {"attn_mask": added(heads, *keys),
                                                         "key_padding_mask": padding(N, S)},
    }
    for (name, make), call in itertools.product(masks.items(), (separate, fast)):
        attention(f"{name} {call}", dtype, call, make, batch_first=call is fast)
    both = masks["bool mask and padding"]
    for bias_kv, zero_attn, call in itertools.product((0, 1), (0, 1), ({}, fast)):
        if bias_kv + zero_attn:
            attention(f"add_bias_kv={bias_kv} add_zero_attn={zero_attn} {call}", dtype, call,
                      both if bias_kv else masks["float masks of each head"], sources=2 + zero_attn,
                      add_bias_kv=bool(bias_kv), add_zero_attn=bool(zero_attn), batch_first=bool(bias_kv))
    attention("everything hidden from one sample", dtype, fast, lambda: {"key_padding_mask": padding(N, S).cummax(1)[0]
              | torch.tensor([[False], [True]])})
    for call, evaluated in itertools.product(({}, fast), (False, True)):
        attention(f"dropout {call} evaluated={evaluated}", dtype, call, both, dropout=0.4, evaluated=evaluated,
                  batch_first=evaluated)


# ---- transformers ----

def layer_options(activation="relu", dropout=0.0, layer_norm_eps=1e-5, batch_first=False, norm_first=False):
    return {"d_model": E, "nhead": HEADS, "dim_feedforward": 5, "activation": activation, "dropout": dropout,
            "layer_norm_eps": layer_norm_eps, "batch_first": batch_first, "norm_first": norm_first}


def distance(output):
    return output - g.weights(output)


def transformer(make, name, dtype, inputs, masks=None, evaluated=False, batched=True, more=None, losses=False,
                causal=False, **options):
    if left_out(dtype):
        return
    m = begin(f"{make.__name__} {name}", make, dtype, not evaluated, **(more or {}), **layer_options(**options))
    sizes = {"src": L, "tgt": L, "memory": S}

    def draw(time):
        return rand(*((N, time) if options.get("batch_first") else (time, N)) if batched else (time,), E)

    drawn = {key: draw(S if key == "src" and "tgt" in inputs else sizes[key]) for key in inputs}
    masks = masks() if masks else {}
    write(masks)
    if causal:
        g.ints("causal", 1)
        masks["tgt_mask"] = m.generate_square_subsequent_mask(L).to(DTYPES[dtype])
    if losses:
        train(m, drawn, lambda: distance(m(*drawn.values(), **masks)))
    else:
        end(m, drawn, {"output": m(*drawn.values(), **masks)})


def encoder_cases(dtype):
    layer, inputs = TransformerEncoderLayer, ["src"]
    for norm_first, batch_first in itertools.product((0, 1), (0, 1)):
        activation = "gelu" if batch_first else "relu"
        transformer(layer, f"{activation} norm_first={norm_first} batch_first={batch_first}", dtype, inputs,
                    activation=activation, norm_first=bool(norm_first), batch_first=bool(batch_first))
    transformer(layer, "unbatched, of a function", dtype, inputs, batched=False, activation="tanh",
                layer_norm_eps=1e-2)
    transformer(layer, "masks", dtype, inputs,
                lambda: {"src_mask": hidden(L, L), "src_key_padding_mask": padding(N, L)})
    for norm_first, evaluated in itertools.product((0, 1), (0, 1)):
        transformer(layer, f"dropout norm_first={norm_first} evaluated={evaluated}", dtype, inputs,
                    lambda: {"src_key_padding_mask": padding(N, L)}, bool(evaluated), dropout=0.3,
                    norm_first=bool(norm_first))
    transformer(layer, "training", dtype, inputs, losses=True, dropout=0.1)
    for norm, batch_first in itertools.product((0, 1), (0, 1)):
        transformer(TransformerEncoder, f"norm={norm} batch_first={batch_first}", dtype, inputs,
                    (lambda: {"mask": added(L, L), "src_key_padding_mask": padding(N, L)}) if norm else None,
                    more={"num_layers": 2, "norm": bool(norm)}, batch_first=bool(batch_first), dropout=0.2 * norm)
    transformer(TransformerEncoder, "training", dtype, inputs, losses=True, norm_first=True,
                more={"num_layers": 3, "norm": True})


def decoder_cases(dtype):
    layer, inputs = TransformerDecoderLayer, ["tgt", "memory"]
    masks = {
        0: lambda: {"tgt_mask": hidden(L, L), "memory_mask": added(L, S)},
        1: lambda: {"tgt_key_padding_mask": padding(N, L), "memory_key_padding_mask": padding(N, S)},
    }
    for norm_first, batch_first in itertools.product((0, 1), (0, 1)):
        transformer(layer, f"norm_first={norm_first} batch_first={batch_first}", dtype, inputs,
                    norm_first=bool(norm_first), batch_first=bool(batch_first), activation="gelu")
    transformer(layer, "unbatched", dtype, inputs, batched=False)
    for norm_first, evaluated, which in itertools.product((0, 1), (0, 1), (0, 1)):
        if norm_first == which or not evaluated:
            transformer(layer, f"dropout norm_first={norm_first} evaluated={evaluated} masks={which}", dtype, inputs,
                        masks[which], bool(evaluated), dropout=0.3, norm_first=bool(norm_first))
    transformer(layer, "training", dtype, inputs, losses=True)
    for norm in (0, 1):
        transformer(TransformerDecoder, f"norm={norm}", dtype, inputs, masks[norm],
                    more={"num_layers": 2, "norm": bool(norm)})


def whole_cases(dtype):
    inputs, few = ["src", "tgt"], {"num_encoder_layers": 1, "num_decoder_layers": 1}
    transformer(Transformer, "causal", dtype, inputs, more=few, causal=True)
    transformer(Transformer, "all masks, batch_first, dropout", dtype, inputs,
                lambda: {"src_mask": hidden(S, S), "tgt_mask": hidden(L, L), "memory_mask": hidden(L, S),
                         "src_key_padding_mask": padding(N, S), "tgt_key_padding_mask": padding(N, L),
                         "memory_key_padding_mask": padding(N, S)},
                more=few, batch_first=True, dropout=0.2, activation="gelu")
    transformer(Transformer, "unbatched, norm_first", dtype, inputs, batched=False, norm_first=True,
                more={"num_encoder_layers": 2, "num_decoder_layers": 1}, activation="tanh")
    transformer(Transformer, "training", dtype, inputs, losses=True, causal=True,
                more={"num_encoder_layers": 2, "num_decoder_layers": 2})


def main():
    torch.set_num_threads(1)
    print("# Attention and transformers as PyTorch computes them; attention.py, which wrote this file, describes each key.")
    for dtype in DTYPES:
        attention_cases(dtype)
        encoder_cases(dtype)
        decoder_cases(dtype)
        whole_cases(dtype)


main()
