"""Records one step of a PyTorch program, for a port of it to tapegrad to be compared with: docs/port-checker.md.

    from record_run import record

    with record("run.safetensors", model, criterion):   # modules beside the model, as a loss, under their kind's name
        loss = criterion(model(x), y)
        loss.backward()

    $ TAPEGRAD_COMPARE=run.safetensors ./port

For PyTorch 1.13 and later, and nothing else. Only the first call of backward counts. What is in the file:

    state.NAME                   parameters and buffers, as they are when the block begins
    state_after.NAME             buffers, as they are when backward begins
    gradient.NAME                what backward brings to a parameter
    input/MODULE/CALL/I          what a module is given, by position; a tuple of states counts as so many tensors.
                                 MODULE is the dotted name, empty of the model itself; CALL counts from 0: the time step
    output/MODULE/CALL/I         what it returns
    output_gradient/MODULE/CALL/I    the gradient of that
    loss                         what backward was called on
    generator                    the random numbers' state when the first module began: 624 words, and the next one's place

and as metadata, `module.NAME`: "train" or "eval", a blank, and the module as print shows it; `attributes.NAME`: its
numbers, flags and texts, "num_heads=4, batch_first=False".
"""
import contextlib
import json
import struct

import torch

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
          torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
          torch.bool: "BOOL"}


def save(path, tensors, metadata):
    """The safetensors format: 8 bytes, a header of JSON, the elements."""
    header, at = {"__metadata__": metadata}, 0
    for name, t in tensors.items():
        end = at + t.numel() * t.element_size()
        header[name] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            as_bytes = t.view(torch.int16) if t.dtype == torch.bfloat16 else t  # NumPy has no bfloat16
            file.write(as_bytes.numpy().tobytes())


def copied(t):
    return t.detach().cpu().clone(memory_format=torch.contiguous_format)


def flat(values):
    """The tensors in nested tuples, lists and dictionaries, in order; None where there is something else."""
    if isinstance(values, torch.nn.utils.rnn.PackedSequence):
        values = values.data
    if isinstance(values, dict):
        values = tuple(values.values())
    if isinstance(values, (tuple, list)):
        return [t for v in values for t in flat(v)]
    return [values if isinstance(values, torch.Tensor) and values.layout == torch.strided else None]


def generator_state():
    raw = torch.get_rng_state().numpy().tobytes()
    left, _, following = struct.unpack_from("<iiQ", raw, 8)
    words = struct.unpack_from("<624Q", raw, 24)
    return torch.tensor([*words, 624 if left == 1 else following])


def described(module):
    """The module as print shows it, without its children."""
    return f"{type(module).__name__}({' '.join(module.extra_repr().split())})"


def attributes(module):
    plain = {k: v for k, v in vars(module).items() if not k.startswith("_") and isinstance(v, (bool, int, float, str))}
    return ", ".join(f"{k}={v}" for k, v in plain.items() if k != "training")


class Recorder:
    def __init__(self):
        self.tensors, self.calls, self.handles, self.buffers = {}, {}, [], {}
        self.metadata = {"format": "tapegrad-run", "version": "1"}

    def put(self, name, t):
        if t is not None and t.dtype in DTYPES:
            self.tensors.setdefault(name, copied(t))

    def watch(self, name, module):
        mode = "train" if module.training else "eval"
        self.metadata[f"module.{name}"] = f"{mode} {described(module)}"
        self.metadata[f"attributes.{name}"] = attributes(module)
        open_calls = []

        def before(_, inputs):
            self.put("generator", generator_state())
            call = self.calls[name] = self.calls.get(name, -1) + 1
            open_calls.append(call)
            for i, t in enumerate(flat(inputs)):
                self.put(f"input/{name}/{call}/{i}", t)

        def after(_, inputs, outputs):
            call = open_calls.pop()
            for i, t in enumerate(flat(outputs)):
                self.put(f"output/{name}/{call}/{i}", t)
                if t is not None and t.requires_grad:
                    key = f"output_gradient/{name}/{call}/{i}"
                    t.register_hook(lambda gradient, key=key: self.put(key, gradient))

        self.handles += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]

    def watch_model(self, prefix, model):
        for name, module in model.named_modules():
            self.watch(".".join(part for part in (prefix, name) if part), module)
        dotted = f"{prefix}." if prefix else ""
        for name, t in model.named_buffers():
            self.put(f"state.{dotted}{name}", t)
            self.buffers[f"state_after.{dotted}{name}"] = t
        for name, t in model.named_parameters():
            self.put(f"state.{dotted}{name}", t)
            if t.requires_grad:
                key = f"gradient.{dotted}{name}"
                self.handles.append(t.register_hook(lambda gradient, key=key: self.put(key, gradient)))


@contextlib.contextmanager
def record(path, model, *others):
    recorder, backward = Recorder(), torch.Tensor.backward
    for i, module in enumerate((model, *others)):
        recorder.watch_model(type(module).__name__ if i else "", module)

    def backward_once(loss, *arguments, **options):
        recorder.put("loss", loss)
        for key, t in recorder.buffers.items():
            recorder.put(key, t)
        result = backward(loss, *arguments, **options)
        for handle in recorder.handles:
            handle.remove()
        return result

    torch.Tensor.backward = backward_once
    try:
        yield recorder
    finally:
        torch.Tensor.backward = backward
        for handle in recorder.handles:
            handle.remove()
    save(path, recorder.tensors, recorder.metadata)
