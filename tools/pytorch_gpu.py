"""What tools/gpu_check runs beside bench_training on a GPU: PyTorch's words a second in the same training.

Takes the setting as options, as bench_training does, and finds PyTorch's fastest way: cuDNN's layers, the loss as it is
written, under torch.compile or as PyTorch's own module, each launched operation by operation and as one CUDA graph a step.
Then it waits: for each line "SECONDS" on stdin it trains for so long and answers the words a second on stdout.

What costs PyTorch nothing here: making batches, finding their unique words, drawing samples, copying to the GPU.  Tables of
words are updated by rows: only those of the batch are gathered, differentiated and written back.  In bf16 products are
autocast, weights and sums stay float32, as ours do.  --device cpu (no graphs) tries the script where there is no GPU.
"""
import argparse
import sys
import time

import torch

import pytorch_layers as layers
from pytorch_batches import Batch, cut_clusters

RANGE, RATE, CLIP, BETAS = 0.05, 1e-4, 1.0, (0.9, 0.999)
BATCHES = 8  # different ones, used in turns; each has a graph of its own


class Table:
    """A table of words of which a step touches some rows: Adagrad or Adam on those, in place."""

    def __init__(self, rows, width, optimiser):
        self.weight = torch.empty(rows, width).uniform_(-RANGE, RANGE)
        self.state = [torch.full_like(self.weight, v) for v in {"adagrad": [1.0], "adam": [0.0, 0.0], "sgd": []}[optimiser]]

    def update(self, ids, grad, factor):
        grad = grad * factor
        states = [s.index_select(0, ids) for s in self.state]
        self.weight.index_put_((ids,), step_rows(self.weight.index_select(0, ids), states, grad))
        for whole, rows in zip(self.state, states):
            whole.index_put_((ids,), rows)


def step_rows(w, states, g):
    """Adagrad with one state, Adam with two (its bias correction, which soon is 1, left out), else SGD."""
    if len(states) == 1:
        states[0].addcmul_(g, g)
        return w.addcdiv(g, states[0].sqrt().add_(1e-8), value=-RATE)
    if len(states) == 2:
        states[0].lerp_(g, 1 - BETAS[0])
        states[1].mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
        return w.addcdiv(states[0], states[1].sqrt().add_(1e-8), value=-RATE)
    return w - RATE * g


class Model:
    def __init__(self, o):
        self.o, H, P = o, o.hidden, o.projection or o.hidden
        self.cuts = cut_clusters(o)

        def weight(*shape):
            return torch.empty(*shape).uniform_(-RANGE, RANGE).requires_grad_()

        self.embedding = Table(o.words + 1, P, o.optimiser)
        self.layer = torch.nn.LSTM(P, H, o.layers, proj_size=o.projection, dropout=o.dropout if o.layers > 1 else 0)
        for p in self.layer.parameters():
            torch.nn.init.uniform_(p, -RANGE, RANGE)
        self.dense, self.output = list(self.layer.parameters()), []
        self.unused = sum(p.numel() for n, p in self.layer.named_parameters() if n.startswith("bias_hh"))
        if o.softmax == "sampled":
            self.output = [Table(o.words, P, o.optimiser), Table(o.words, 1, o.optimiser)]
        elif o.softmax == "full":
            self.full = [weight(o.words, P), torch.zeros(o.words, requires_grad=True)]
            self.dense += self.full
        else:
            self.adaptive = torch.nn.AdaptiveLogSoftmaxWithLoss(P, o.words, self.cuts, div_value=4.0)
            self.dense += list(self.adaptive.parameters())
        self.states = [[torch.full_like(p, s.flatten()[0].item()) for s in self.embedding.state] for p in self.dense]
        self.state = [torch.zeros(o.layers, o.batch, P), torch.zeros(o.layers, o.batch, H)]
        self.batches = [Batch(o, self.cuts) for _ in range(BATCHES)]
        self.steps = 0

    def parameters(self):
        tables = [self.embedding, *self.output]
        return sum(p.numel() for p in self.dense) - self.unused + sum(t.weight.numel() for t in tables)

    def loss(self, way, h, b):
        """Mean over the rows, and the leaves whose gradients are tables' rows."""
        o, n = self.o, len(b.targets)
        if o.softmax == "full":
            return way.plain(h, *self.full, b.targets) / n, []
        if o.softmax == "adaptive":
            if way.kind == "module":
                return self.adaptive(h, b.targets).loss, []
            tails = [(tail[0].weight, tail[1].weight) for tail in self.adaptive.tail]
            return way.plain(h, b.head_targets, self.adaptive.head.weight, tails, self.cuts, b.places) / n, []
        S, (w, bias) = o.samples, (t.weight.index_select(0, b.rows) for t in self.output)
        leaves = [w.requires_grad_(), bias.requires_grad_()]
        corrected = bias[:, 0] - b.ln_q
        return way.plain(h, w[:S], corrected[:S], w[b.slots], corrected[b.slots], b.hit) / n, leaves

    def gradients(self, way, b):
        """Loss, gradients of the dense parameters and of the tables' rows, norm of all."""
        o = self.o
        rows = self.embedding.weight.index_select(0, b.input_rows).requires_grad_()
        with torch.autocast(o.device, torch.bfloat16, enabled=o.precision == "bf16", cache_enabled=False):
            x = torch.nn.functional.dropout(rows[b.input_slots], o.dropout).view(o.bptt, o.batch, -1)
            with torch.autocast(o.device, torch.bfloat16, enabled=way.narrow_layer, cache_enabled=False):
                kind = torch.bfloat16 if way.narrow_layer else torch.float32
                out, after = self.layer(x.to(kind), tuple(s.to(kind) for s in self.state))
            h = torch.nn.functional.dropout(out.reshape(o.bptt * o.batch, -1), o.dropout)
            loss, leaves = self.loss(way, h, b)
        grads = torch.autograd.grad(loss, [*self.dense, rows, *leaves])
        norm = torch.stack(torch._foreach_norm(grads)).norm()
        for mine, new in zip(self.state, after):
            mine.copy_(new.detach())
        return loss.detach(), list(grads[: len(self.dense)]), list(grads[len(self.dense):]), norm

    def step(self, way, b):
        _, dense, grads, norm = self.gradients(way, b)
        with torch.no_grad():
            factor = (CLIP / norm).clamp(max=1)
            torch._foreach_mul_(dense, factor)
            self.step_dense(dense)
            for table, ids, grad in zip([self.embedding, *self.output], [b.input_rows] + [getattr(b, "rows", None)] * 2, grads):
                table.update(ids, grad, factor)

    def step_dense(self, grads):
        kinds = len(self.states[0])
        first = [s[0] for s in self.states] if kinds else []
        if kinds == 1:
            torch._foreach_addcmul_(first, grads, grads)
            below = torch._foreach_sqrt(first)
            torch._foreach_add_(below, 1e-8)
            torch._foreach_addcdiv_(self.dense, grads, below, -RATE)
        elif kinds == 2:
            second = [s[1] for s in self.states]
            torch._foreach_lerp_(first, grads, 1 - BETAS[0])
            torch._foreach_mul_(second, BETAS[1])
            torch._foreach_addcmul_(second, grads, grads, 1 - BETAS[1])
            below = torch._foreach_sqrt(second)
            torch._foreach_add_(below, 1e-8)
            torch._foreach_addcdiv_(self.dense, first, below, -RATE)
        else:
            torch._foreach_add_(self.dense, grads, alpha=-RATE)


class Way:
    def __init__(self, o, kind, graph=False, narrow_layer=False):
        self.kind, self.graph, self.graphs, self.narrow_layer = kind, graph, {}, narrow_layer
        plain = {"full": layers.full_plain, "sampled": layers.sampled_plain, "adaptive": layers.adaptive_plain}[o.softmax]
        self.plain = torch.compile(plain, dynamic=o.softmax == "adaptive") if kind == "compiled" else plain

    def name(self):
        layers_in = "bf16" if self.narrow_layer else "float32"
        return f"cuDNN's layers in {layers_in}, softmax {self.kind}{', one graph a step' if self.graph else ''}"


def finish(o):
    if o.device == "cuda":
        torch.cuda.synchronize()


def one_step(model, way):
    i = model.steps % BATCHES
    model.steps += 1
    b = model.batches[i]
    if not way.graph:
        model.step(way, b)
        return
    if i not in way.graphs:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # once before, as capturing wants
            model.step(way, b)
        torch.cuda.current_stream().wait_stream(stream)
        way.graphs[i] = torch.cuda.CUDAGraph()
        pool = next((g.pool() for g in way.graphs.values() if g is not way.graphs[i]), None)
        with torch.cuda.graph(way.graphs[i], pool=pool):
            model.step(way, b)
    way.graphs[i].replay()


def rate(model, way, seconds):
    finish(model.o)
    start, steps = time.monotonic(), 0
    while steps == 0 or time.monotonic() - start < seconds:
        for _ in range(4):  # not so far ahead of the GPU that the clock is wrong
            one_step(model, way)
        steps += 4
        finish(model.o)
    return steps * model.o.batch * model.o.bptt / (time.monotonic() - start)


def attempt(way, what):
    """None where PyTorch cannot do it this way."""
    try:
        return what()
    except (RuntimeError, torch.cuda.OutOfMemoryError) as e:
        print(f"pytorch_gpu: not {way.name()}: {str(e).splitlines()[0]}", file=sys.stderr)
        way.graphs.clear()
        return None


def look(model, way):
    """Loss and norm of the gradients of the first batch from the zero state; nothing is changed."""
    kept = [s.clone() for s in model.state]
    for s in model.state:
        s.zero_()
    loss, _, _, norm = model.gradients(way, model.batches[0])
    for s, old in zip(model.state, kept):
        s.copy_(old)
    return float(loss), float(norm)


def try_way(model, way):
    """Words a second in a short trial."""
    for _ in range(BATCHES + 2):
        one_step(model, way)
    best = max(rate(model, way, model.o.trial) for _ in range(3))
    print(f"pytorch_gpu: {best:.0f} words/s, {way.name()}", file=sys.stderr)
    return best


def fastest(model, narrow_layer):
    """None where there is no way."""
    o = model.o
    kinds = ["plain", "compiled"] + ["module"] * (o.softmax == "adaptive")
    ways = [Way(o, kind, False, narrow_layer) for kind in kinds]
    if not o.dropout:  # all compute the same
        found = {way: attempt(way, lambda: look(model, way)) for way in ways}
        ways = [way for way in ways if found[way]]
        most = 2e-2 if o.precision == "bf16" else 2e-3
        for way in ways:
            if not all(abs(a - b) <= most * abs(b) for a, b in zip(found[way], found[ways[0]])):
                sys.exit(f"pytorch_gpu: {way.name()}: loss and norm {found[way]}, not {found[ways[0]]}")
    # An adaptive module asks the GPU for sizes in the middle of a step, which no graph can hold.
    if o.device == "cuda":
        ways += [Way(o, way.kind, True, narrow_layer) for way in ways if way.kind != "module"]
    rates = {way: attempt(way, lambda: try_way(model, way)) or 0 for way in ways}
    best = max(ways, key=rates.get, default=None)
    for way in ways:
        if way is not best:
            way.graphs.clear()
    return best if best and rates[best] else None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--softmax", default="full", choices=["full", "sampled", "adaptive"])
    p.add_argument("--optimiser", default="adam", choices=["sgd", "adam", "adagrad"])
    p.add_argument("--precision", default="bf16", choices=["bf16", "tf32", "fp32"])
    p.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    for name, default in (("hidden", 256), ("projection", 0), ("layers", 1), ("words", 33000), ("samples", 8192),
                          ("batch", 128), ("bptt", 20)):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--dropout", type=float, default=0)
    p.add_argument("--trial", type=float, default=0.5, help="seconds of each of three trials of a way")
    o = p.parse_args()
    torch.manual_seed(1)
    torch.set_default_device(o.device)
    torch.set_float32_matmul_precision("highest" if o.precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = o.precision != "fp32"
    model = Model(o)
    print(f"pytorch_gpu: PyTorch {torch.__version__}, {model.parameters()} parameters", file=sys.stderr)
    # Not every cuDNN has every layer in bf16.
    best = (fastest(model, True) if o.precision == "bf16" else None) or fastest(model, False)
    if not best:
        sys.exit("pytorch_gpu: PyTorch could not train this")
    print(torch.__version__, model.parameters(), best.name(), sep="\t", flush=True)
    for line in sys.stdin:
        print(f"{rate(model, best, float(line)):.0f}", flush=True)


main()
