#!/usr/bin/env python3
"""Makes the golden tensors of tests/unit/test_model.c with PyTorch in double precision:

    python3 tests/golden/model_golden.py tests/golden

For each case: initial parameters, three blocks of ids with their resets, the gradients of the first block, the loss of each,
and the parameters after three optimiser steps.  Written from the papers' formulas with autograd, sharing no code with the C side.
"""
import math
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

from philox import philox

torch.set_default_dtype(torch.float64)


def draw(classes, samples, seed, step):
    """Log-uniform without replacement; returns the ids and the number of tries."""
    found, tries, block = [], 0, 0
    while len(found) < samples:
        w = philox([block, 3 << 24, 0, step], [seed & 0xFFFFFFFF, seed >> 32])
        for high, low in ((w[0], w[1]), (w[2], w[3])):
            if len(found) == samples:
                break
            u = ((high << 21 | low >> 11) + 0.5) * 2.0**-53
            k = min(int(math.exp(u * math.log(classes + 1)) - 1), classes - 1)
            tries += 1
            if k not in found:
                found.append(k)
        block += 1
    return sorted(found), tries


def dropout_mask(seed, step, stream, site, t, width, rate):
    words = []
    for block in range((width + 3) // 4):
        words += philox([block, 2 << 24 | site << 16 | t, stream, step], [seed & 0xFFFFFFFF, seed >> 32])
    keep = [(w >> 8) * 2.0**-24 >= rate for w in words[:width]]
    return torch.tensor([1 / (1 - rate) if k else 0.0 for k in keep])


def cell(p, layer, x, r, c):
    a = x @ p[f"lstm.weight_ih_l{layer}"].T + r @ p[f"lstm.weight_hh_l{layer}"].T + p[f"lstm.bias_ih_l{layer}"]
    i, f, g, o = a.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    w = p.get(f"lstm.weight_hr_l{layer}")
    return (h if w is None else h @ w.T), c


def adaptive_logp(p, s, h, targets):
    """PyTorch's own layer, on the parameters of its names."""
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(h.shape[1], s["V"] - 1, s["cutoffs"], div_value=4.0, head_bias=False)
    own = {n: t for n, t in p.items() if n.startswith(("head", "tail"))}
    assert {n: tuple(t.shape) for n, t in own.items()} == {n: tuple(t.shape) for n, t in layer.named_parameters()}
    return torch.func.functional_call(layer, own, (h, targets)).output


def block_loss(p, s, block, state, step):
    inputs, targets, reset = block
    rows = []
    if s["window"]:
        return loss_of(p, s, window_rows(p, s, inputs, reset, state), targets, step)
    for t in range(s["T"]):
        x = p["embedding.weight"][inputs[t]]
        keep = torch.tensor(1.0 - reset[t])[:, None]
        for layer in range(s["layers"]):
            if s["dropout"]:
                x = x * torch.stack([dropout_mask(s["seed"], step, b, layer, t, x.shape[1], s["dropout"]) for b in range(s["B"])])
            r, c = state[layer]
            state[layer] = cell(p, layer, x, r * keep, c * keep)
            x = state[layer][0]
        if s["O"]:
            x = x @ p["projection.weight"].T + p["projection.bias"]
        if s["dropout"]:
            x = x * torch.stack([dropout_mask(s["seed"], step, b, s["layers"], t, x.shape[1], s["dropout"]) for b in range(s["B"])])
        rows.append(x)
    return loss_of(p, s, torch.cat(rows), targets, step)


def window_rows(p, s, inputs, reset, state):
    """Embeddings of the last words, the newest first; the begin word, the last of the vocabulary, before a sentence's first."""
    rows, begin = [], s["V"] - 1
    for t in range(s["T"]):
        for b in range(s["B"]):
            older = state[0][b][:-1] if not reset[t, b] and inputs[t, b] != begin else [begin] * (s["window"] - 1)
            state[0][b] = [int(inputs[t, b])] + older
        x = h = p["embedding.weight"][torch.tensor(state[0])].reshape(s["B"], -1)
        for layer in range(s["layers"]):
            h = torch.tanh(torch.nn.functional.linear(h, p[f"hidden.weight_l{layer}"], p[f"hidden.bias_l{layer}"]))
        rows.append(torch.cat([h, x], 1) if s["direct"] else h)
    return torch.cat(rows)


def loss_of(p, s, h, targets, step):
    flat = torch.tensor(targets.reshape(-1))
    used = flat >= 0
    h, flat = h[used], flat[used]
    if s["cutoffs"]:
        return -adaptive_logp(p, s, h, flat).sum()
    w, b = p["embedding.weight"][:-1] if s["tied"] else p["output.weight"], p["output.bias"]
    if not s["samples"]:
        logp = torch.log_softmax(h @ w.T + b, 1).gather(1, flat[:, None])
        return -logp.sum()
    ids, tries = draw(w.shape[0], s["samples"], s["seed"], step)

    def ln_q(k):
        prob = math.log((k + 2) / (k + 1)) / math.log(w.shape[0] + 1)
        return math.log(-math.expm1(tries * math.log1p(-prob)))

    idx = torch.tensor(ids)
    noise = h @ w[idx].T + b[idx] - torch.tensor([ln_q(k) for k in ids])
    noise = noise.masked_fill(idx[None, :] == flat[:, None], -math.inf)
    true = (h * w[flat]).sum(1) + b[flat] - torch.tensor([ln_q(int(k)) for k in flat])
    return -(true - torch.logsumexp(torch.cat([true[:, None], noise], 1), 1)).sum()


def touched(name, s, block, step):
    """Rows that a step touches: a row-sparse optimiser moves these only."""
    inputs, targets, _ = block
    rows = set(inputs.reshape(-1).tolist()) if name.startswith("embedding") else set()
    if s["window"]:
        return None  # under SGD the rows of a zero gradient stay
    if name.startswith("output") or s["tied"]:
        if name.startswith("lstm") or not s["samples"]:
            return None
        rows |= set(draw(s["V"] - 1, s["samples"], s["seed"], step)[0]) | {int(t) for t in targets.reshape(-1) if t >= 0}
    return sorted(rows) or None


def group_of(name):
    return {"embedding": "embedding", "lstm": "lstm", "hidden": "lstm", "projection": "projection"}.get(name.split(".")[0], "output")


def update(s, p, memory, grads, blocks, step):
    groups = {"embedding": 0.0, "lstm": 0.0, "projection": 0.0, "output": 0.0}
    for name, g in grads.items():
        groups[group_of(name)] += float((g * g).sum())
    for name, g in grads.items():
        group = group_of(name)
        norm = math.sqrt(sum(groups.values()) if s["clip_group"] == "all" else groups[group])
        if s["clip"] and (s["clip_group"] != "lstm" or group == "lstm") and norm > s["clip"]:
            g = g * (s["clip"] / norm)
        rows = touched(name, s, blocks[step], step)
        index = slice(None) if rows is None else torch.tensor(rows)
        w, g = p[name].data, g[index]
        if s["optimiser"] == "sgd":
            w[index] -= s["rate"] * g
        elif s["optimiser"] == "adagrad":
            a = memory.setdefault(name, torch.full_like(w, s["accumulator"]))
            a[index] += g * g
            w[index] -= s["rate"] * g / (a[index].sqrt() + 1e-8)
        else:
            m, v = memory.setdefault(name, (torch.zeros_like(w), torch.zeros_like(w)))
            m[index] = 0.9 * m[index] + 0.1 * g
            v[index] = 0.999 * v[index] + 0.001 * g * g
            mh, vh = m[index] / (1 - 0.9 ** (step + 1)), v[index] / (1 - 0.999 ** (step + 1))
            w[index] -= s["rate"] * mh / (vh.sqrt() + 1e-8)


CASES = {
    "full_sgd": dict(V=23, E=6, H=8, P=0, layers=1, T=5, B=3, samples=0, dropout=0.0, optimiser="sgd", rate=0.7, clip=0.5, clip_group="all"),
    "full_adam": dict(V=37, E=7, H=9, P=0, layers=2, T=4, B=5, samples=0, dropout=0.3, optimiser="adam", rate=0.01, clip=0.0, clip_group="all"),
    "sampled_adagrad": dict(V=101, E=5, H=11, P=5, layers=2, T=6, B=4, samples=20, dropout=0.2, optimiser="adagrad", rate=0.2,
                            accumulator=1.0, clip=0.05, clip_group="lstm"),
    "adaptive_adagrad": dict(V=61, E=6, H=18, P=0, layers=1, T=5, B=4, samples=0, cutoffs=[7, 20], dropout=0.1, optimiser="adagrad", rate=0.1,
                             accumulator=1e-5, clip=0.25, clip_group="all"),
    "output_projection": dict(V=53, E=5, H=9, P=0, O=4, layers=1, T=5, B=4, samples=12, dropout=0.1, optimiser="adam", rate=0.01, clip=0.1,
                              clip_group="each"),
    "tied_full_adagrad": dict(V=29, E=6, H=10, P=6, layers=1, T=5, B=4, samples=0, tied=1, dropout=0.2, optimiser="adagrad", rate=0.1,
                              accumulator=0.1, clip=0.5, clip_group="all"),
    "tied_sampled_adam": dict(V=103, E=8, H=8, P=0, layers=2, T=6, B=4, samples=20, tied=1, dropout=0.1, optimiser="adam", rate=0.01, clip=0.3,
                              clip_group="all"),
    "window": dict(V=31, E=4, H=7, P=0, layers=2, window=3, direct=1, T=6, B=3, samples=0, dropout=0.0, optimiser="sgd", rate=0.5, clip=0.6,
                   clip_group="all"),
}


def make(name, s, folder):
    s = dict({"cutoffs": [], "O": 0, "tied": 0, "window": 0, "direct": 0}, **s, seed=12345678901 + len(name))
    rng = np.random.default_rng(len(name))
    D = s["P"] or s["H"]
    shapes = {"embedding.weight": (s["V"], s["E"])}
    for layer in range(s["layers"] if s["window"] else 0):
        shapes[f"hidden.weight_l{layer}"] = (D, D if layer else s["window"] * s["E"])
        shapes[f"hidden.bias_l{layer}"] = (D,)
    for layer in range(0 if s["window"] else s["layers"]):
        shapes[f"lstm.weight_ih_l{layer}"] = (4 * s["H"], s["E"] if layer == 0 else D)
        shapes[f"lstm.weight_hh_l{layer}"] = (4 * s["H"], D)
        shapes[f"lstm.bias_ih_l{layer}"] = (4 * s["H"],)
        if s["P"]:
            shapes[f"lstm.weight_hr_l{layer}"] = (D, s["H"])
    if s["O"]:
        shapes["projection.weight"], shapes["projection.bias"] = (s["O"], D), (s["O"],)
    wide = D  # of the recurrent state
    D = s["O"] or D + s["direct"] * s["window"] * s["E"]
    if s["cutoffs"]:
        ends = s["cutoffs"] + [s["V"] - 1]
        shapes["head.weight"] = (ends[0] + len(s["cutoffs"]), D)
        for i in range(len(s["cutoffs"])):
            width = D // 4 ** (i + 1)
            shapes[f"tail.{i}.0.weight"], shapes[f"tail.{i}.1.weight"] = (width, D), (ends[i + 1] - ends[i], width)
    else:
        if not s["tied"]:
            shapes["output.weight"] = (s["V"] - 1, D)
        shapes["output.bias"] = (s["V"] - 1,)
    p = {n: torch.tensor(rng.uniform(-0.5, 0.5, shape).astype(np.float32).astype(np.float64), requires_grad=True) for n, shape in shapes.items()}
    out = {n: t.detach().numpy().astype(np.float32) for n, t in p.items()}
    blocks = []
    for step in range(3):
        inputs = rng.integers(0, s["V"], (s["T"], s["B"]))
        targets = rng.integers(0, s["V"] - 1, (s["T"], s["B"]))
        targets[rng.random(targets.shape) < 0.1] = -1
        reset = (rng.random(targets.shape) < 0.2).astype(np.float64)
        reset[0] = 1 if step == 0 else reset[0]
        blocks.append((inputs, targets, reset))
    out["inputs"] = np.stack([b[0] for b in blocks]).astype(np.int32)
    out["targets"] = np.stack([b[1] for b in blocks]).astype(np.int32)
    out["reset"] = np.stack([b[2] for b in blocks]).astype(np.uint8)
    state = [(torch.zeros(s["B"], wide), torch.zeros(s["B"], s["H"])) for _ in range(s["layers"])]
    if s["window"]:
        state = [[[s["V"] - 1] * s["window"] for _ in range(s["B"])]]
    memory, losses = {}, []
    for step, block in enumerate(blocks):
        if not s["window"]:
            state = [(r.detach(), c.detach()) for r, c in state]
        for t in p.values():
            t.grad = None
        loss = block_loss(p, s, block, state, step)
        (loss / s["B"]).backward()
        losses.append(loss.item())
        grads = {n: t.grad.clone() for n, t in p.items()}
        if step == 0:
            out.update({f"{n}.gradient": g.numpy().astype(np.float32) for n, g in grads.items()})
        update(s, p, memory, grads, blocks, step)
    out.update({f"{n}.after": t.detach().numpy().astype(np.float32) for n, t in p.items()})
    out["losses"] = np.array(losses, np.float64)
    save_file(out, f"{folder}/model_{name}.safetensors", {k: ",".join(map(str, v)) if k == "cutoffs" else str(v) for k, v in s.items() if v != [] and (k, v) != ("tied", 0)})


if __name__ == "__main__":
    for case, settings in CASES.items():
        make(case, settings, sys.argv[1] if len(sys.argv) > 1 else ".")
