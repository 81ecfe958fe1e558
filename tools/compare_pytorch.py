"""What tools/compare_pytorch runs beside bench_training: PyTorch's words a second in the same training.

Takes the setting as options and finds PyTorch's fastest way on this machine: its modules, hand-written loops under
torch.compile, and layers whose backward is written out by hand, on one thread and on all.  Then it waits: for each line
"SECONDS" on stdin it trains for so long and answers the words a second on stdout, of the fastest way through PyTorch's
public interface and of the fastest one that calls oneDNN's products by their private operators.

What costs PyTorch nothing here: making batches, finding their unique words, drawing samples.  Tables of words are
updated by rows: only those of the batch are gathered, differentiated and written back.
"""
import argparse
import functools
import math
import sys
import time

import torch
import torch.nn.functional as F

import pytorch_layers as layers
from pytorch_batches import Batch, cut_clusters
from pytorch_layers import mm, onednn

RANGE, RATE, CLIP, BETAS = 0.05, 1e-4, 1.0, (0.9, 0.999)
BATCHES = 8  # different ones, used in turns


# === the model =========================================================================================================
class Table:
    """A table of words of which a step touches some rows: Adagrad or Adam on those (lazily), in place."""

    def __init__(self, rows, width, optimiser):
        self.weight = torch.empty(rows, width).uniform_(-RANGE, RANGE)
        values = [1.0] if optimiser == "adagrad" else [0.0, 0.0]
        self.state = [torch.full_like(self.weight, value) for value in values]

    def gather(self, ids):
        self.ids, self.rows = ids, self.weight.index_select(0, ids)
        return self.rows

    def update(self, grad, factor, step, rows_step):
        if factor != 1:
            grad.mul_(factor)
        states = [s.index_select(0, self.ids) for s in self.state]
        rows_step(self.rows, states, grad, step)
        self.weight.index_put_((self.ids,), self.rows)
        for whole, rows in zip(self.state, states):
            whole.index_put_((self.ids,), rows)


def adagrad_rows(w, states, g, _step):
    states[0].addcmul_(g, g)
    w.addcdiv_(g, states[0].sqrt().add_(1e-8), value=-RATE)


def adam_rows(w, states, g, step):
    m, v = states
    m.lerp_(g, 1 - BETAS[0])
    v.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
    scale = 1 / math.sqrt(1 - BETAS[1] ** step)
    w.addcdiv_(m, v.sqrt().mul_(scale).add_(1e-8), value=-RATE / (1 - BETAS[0] ** step))


class Way:
    """One way to write the training step: which recurrent layer, which loss, which products, how many threads."""

    def __init__(self, o, recurrent, loss, product=mm, block=0, threads=1):
        self.o, self.recurrent, self.loss, self.product, self.threads = o, recurrent, loss, product, threads
        self.T, self.B, self.block = o.bptt, o.batch, block or o.bptt * o.batch

        def fused(f):
            return torch.compile(f, dynamic=False)

        self.lstm_point, self.lstm_point_back = fused(layers.lstm_point), fused(layers.lstm_point_back)
        self.gru_point, self.gru_point_back = fused(layers.gru_point), fused(layers.gru_point_back)
        # An adaptive softmax has clusters of other sizes in each batch.
        self.slopes_full = torch.compile(layers.slopes_full, dynamic=o.softmax == "adaptive")
        self.slopes_sampled = fused(layers.slopes_sampled)
        self.loop = fused(layers.lstm_loop if o.cell == "lstm" else layers.gru_loop)
        self.plain = {"full": layers.full_plain, "sampled": layers.sampled_plain, "adaptive": layers.adaptive_plain}[o.softmax]
        if loss == "compiled":
            self.plain = torch.compile(self.plain, dynamic=o.softmax == "adaptive")

    def name(self):
        block = f" in blocks of {self.block} rows" if self.loss == "by hand" and self.o.softmax == "full" else ""
        products = "" if self.product is mm else ", oneDNN's products"
        return f"layer {self.recurrent}, softmax {self.loss}{block}{products}, {self.threads} threads"


class Model:
    def __init__(self, o):
        self.o, H, P = o, o.hidden, o.projection or o.hidden
        self.cuts = cut_clusters(o)

        def weight(*shape):
            return torch.empty(*shape).uniform_(-RANGE, RANGE).requires_grad_()

        self.embedding = Table(o.words + 1, P, o.optimiser)
        if o.cell == "lstm":
            self.module = torch.nn.LSTM(P, H, proj_size=o.projection)
        else:
            self.module = torch.nn.GRU(P, H)
        for p in self.module.parameters():
            torch.nn.init.uniform_(p, -RANGE, RANGE)
        with torch.no_grad():
            self.module.bias_hh_l0.zero_()
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "weight_hr_l0" if o.cell == "lstm" else "bias_hh_l0"]
        self.weights = [getattr(self.module, n, None) for n in names]
        self.dense = [w for w in self.weights if w is not None]
        self.tables = [self.embedding]
        if o.softmax == "full":
            self.output = [weight(o.words, P), torch.zeros(o.words, requires_grad=True)]
            self.dense += self.output
        elif o.softmax == "sampled":
            self.output = [Table(o.words, P, o.optimiser), Table(o.words, 1, o.optimiser)]
            self.tables += self.output
        else:
            self.adaptive = torch.nn.AdaptiveLogSoftmaxWithLoss(P, o.words, self.cuts, div_value=4.0)
            for w in self.adaptive.parameters():
                torch.nn.init.uniform_(w, -RANGE, RANGE)
            self.head = self.adaptive.head.weight
            self.tails = [(tail[0].weight, tail[1].weight) for tail in self.adaptive.tail]
            self.dense += [self.head, *(w for tail in self.tails for w in tail)]
        if o.optimiser == "adagrad":
            kinds = {"lr": RATE, "initial_accumulator_value": 1.0, "eps": 1e-8}
            self.optimiser, self.rows_step = torch.optim.Adagrad(self.dense, fused=True, **kinds), adagrad_rows
        else:
            self.optimiser, self.rows_step = torch.optim.Adam(self.dense, lr=RATE, betas=BETAS, fused=True), adam_rows
        self.state, self.steps = [torch.zeros(o.batch, P), torch.zeros(o.batch, H)], 0
        self.batches = [Batch(o, self.cuts) for _ in range(BATCHES)]

    def parameters(self):
        unused = self.module.bias_hh_l0.numel() - (self.weights[0].shape[0] // 3 if self.o.cell == "gru" else 0)
        count = sum(p.numel() for p in self.dense) + sum(t.weight.numel() for t in self.tables)
        return count - (unused if self.o.cell == "gru" else 0)

    def layer(self, way, x):
        T, B, state = self.o.bptt, self.o.batch, self.state
        if way.recurrent == "module":
            before = tuple(s[None] for s in state) if self.o.cell == "lstm" else state[0][None]
            out, after = self.module(x.view(T, B, -1), before)
            self.state = [s[0].detach() for s in after] if self.o.cell == "lstm" else [after[0].detach(), state[1]]
            return out.view(T * B, -1)
        if way.recurrent == "compiled":
            out, r, c = way.loop(x, *state, *self.weights, T, B)
        else:
            out, r, c = (layers.LstmByHand if self.o.cell == "lstm" else layers.GruByHand).apply(way, x, *state, *self.weights)
        self.state = [r.detach(), c.detach() if c is not None else state[1]]
        return out

    def loss(self, way, h, b):
        """The sum over the rows, and what gets it: leaves whose gradients are tables' rows."""
        o = self.o
        if o.softmax == "full":
            if way.loss == "by hand":
                return layers.FullByHand.apply(way, h, *self.output, b.targets), []
            if way.loss == "linear_cross_entropy":
                return F.linear_cross_entropy(h, self.output[0], b.targets, linear_bias=self.output[1], reduction="sum"), []
            return way.plain(h, *self.output, b.targets), []
        if o.softmax == "adaptive":
            if way.loss == "module":
                return self.adaptive(h, b.targets).loss * len(h), []
            f = functools.partial(layers.adaptive_by_hand, way) if way.loss == "by hand" else way.plain
            return f(h, b.head_targets, self.head, self.tails, self.cuts, b.places), []
        w, bias = (t.gather(b.rows) for t in self.output)
        S, correction = o.samples, b.ln_q
        leaves = [w[:S].requires_grad_(), (bias[:S, 0] - correction[:S]).requires_grad_(),
                  w.index_select(0, b.slots).requires_grad_(), (bias[:, 0] - correction)[b.slots].requires_grad_()]
        f = functools.partial(layers.SampledByHand.apply, way) if way.loss == "by hand" else way.plain
        return f(h, *leaves, b.hit), leaves

    def gradients(self, way):
        """Of the next batch: loss, gradients of dense parameters and of tables' rows, norm of all."""
        b = self.batches[self.steps % BATCHES]
        self.steps += 1
        rows = self.embedding.gather(b.input_rows)
        x = rows.index_select(0, b.input_slots).requires_grad_()
        loss, leaves = self.loss(way, self.layer(way, x), b)
        (loss if way.loss == "by hand" else loss / len(b.targets)).backward()
        with torch.no_grad():
            grads = [torch.ops.aten.embedding_dense_backward(x.grad, b.input_slots, len(rows), -1, False)]
            if leaves:
                grads += self.table_gradients(b, leaves)
            dense = [p.grad for p in self.dense if p.grad is not None]
            norm = float(torch.stack(torch._foreach_norm(dense + grads)).norm())
        return loss.detach(), dense, grads, norm

    def step(self, way):
        _, dense, grads, norm = self.gradients(way)
        with torch.no_grad():
            factor = min(1.0, CLIP / norm)
            if factor < 1:
                torch._foreach_mul_(dense, factor)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            for table, grad in zip(self.tables, grads):
                table.update(grad, factor, self.steps, self.rows_step)

    def look(self, way):
        """Loss and norm of the gradients of the first batch, nothing changed."""
        kept = self.state, self.steps
        self.state, self.steps = [torch.zeros_like(s) for s in self.state], 0
        loss, _, _, norm = self.gradients(way)
        self.optimiser.zero_grad(set_to_none=True)
        self.state, self.steps = kept
        return float(loss), norm

    def table_gradients(self, b, leaves):
        w_s, bias_s, w_t, bias_t = (leaf.grad for leaf in leaves)
        S, U = len(w_s), len(b.rows)
        dw = torch.ops.aten.embedding_dense_backward(w_t, b.slots, U, -1, False)
        db = torch.zeros(U).index_add_(0, b.slots, bias_t)
        dw[:S] += w_s
        db[:S] += bias_s
        return [dw, db[:, None]]


# === measuring =========================================================================================================
def rate(model, way, seconds):
    torch.set_num_threads(way.threads)
    start, steps = time.monotonic(), 0
    while steps == 0 or time.monotonic() - start < seconds:
        model.step(way)
        steps += 1
    return steps * model.o.batch * model.o.bptt / (time.monotonic() - start)


def try_way(model, way):
    """Words a second in a short trial; dies where the way computes something else than PyTorch's modules."""
    torch.set_num_threads(way.threads)
    expected, found = model.look(Way(model.o, "module", "plain")), model.look(way)
    if not all(abs(a - b) <= 1e-3 * abs(b) for a, b in zip(found, expected)):
        sys.exit(f"compare_pytorch: {way.name()}: loss and norm {found}, not {expected}")
    for _ in range(2):
        model.step(way)
    best = max(rate(model, way, model.o.trial) for _ in range(3))
    print(f"compare_pytorch: {best:.0f} words/s, {way.name()}", file=sys.stderr)
    return best


def fastest(model, product, threads):
    """By turns: the layer, then the loss, then the threads."""
    o = model.o
    hand = product is not mm
    kinds = ["by hand"] + (["module", "compiled"] if not hand else ["module"] * (o.cell == "lstm" and not o.projection))
    losses = ["by hand"]
    if not hand:
        losses += ["plain", "compiled"] + {"full": ["linear_cross_entropy"], "adaptive": ["module"]}.get(o.softmax, [])
    blocks = (0, 640, 256) if o.softmax == "full" else (0,)

    rates = {}  # of all ways tried so far, by name

    def best_of(ways):
        for w in ways:
            if w.name() not in rates:
                rates[w.name()] = try_way(model, w)
        return max(ways, key=lambda w: rates[w.name()])

    way = best_of([Way(o, layer, losses[0], product, 0, threads[-1]) for layer in kinds])
    ways = [Way(o, way.recurrent, loss, product, block, threads[-1]) for loss in losses
            for block in (blocks if loss == "by hand" else (0,))]
    way = best_of(ways)
    return best_of([Way(o, way.recurrent, way.loss, product, way.block, t) for t in threads])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--cell", default="lstm", choices=["lstm", "gru"])
    p.add_argument("--softmax", default="full", choices=["full", "sampled", "adaptive"])
    p.add_argument("--optimiser", default="adam", choices=["adam", "adagrad"])
    for name, default in (("hidden", 256), ("projection", 0), ("words", 33000), ("samples", 8192), ("batch", 128),
                          ("bptt", 20), ("threads", 2)):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--trial", type=float, default=0.7, help="seconds of each of three trials of a way")
    o = p.parse_args()
    torch.manual_seed(1)
    torch._dynamo.config.recompile_limit = 64
    model = Model(o)
    print(f"compare_pytorch: PyTorch {torch.__version__}, {model.parameters()} parameters", file=sys.stderr)
    threads = sorted({1, o.threads})
    ways = [fastest(model, mm, threads), fastest(model, onednn, threads)]
    print(torch.__version__, model.parameters(), *(w.name() for w in ways), sep="\t", flush=True)
    for line in sys.stdin:
        print(*(f"{rate(model, w, float(line)):.0f}" for w in ways), flush=True)


main()
