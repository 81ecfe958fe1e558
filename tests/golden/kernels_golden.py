#!/usr/bin/env python3
"""Makes the golden tensors of tests/unit/test_kernels_golden.c with PyTorch, computed in double and stored as float32:

    python3 tests/golden/kernels_golden.py tests/golden

nn.LSTM with and without proj_size, nn.GRU, nn.RNN, the softmax cross-entropies with their gradients, and steps of torch.optim.
The names of the tensors are those of kernels/*.h.
"""
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

SEED = 20260102
torch.set_default_dtype(torch.float64)
torch.manual_seed(SEED)


def uniform(*shape, scale=1.0):
    """Inputs are exact in float32, so that both sides start from the same numbers."""
    return (scale * (2 * torch.rand(*shape) - 1)).to(torch.float32).to(torch.float64)


def save(name, tensors):
    out = {}
    for key, value in tensors.items():
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        out[key] = np.ascontiguousarray(value.astype(np.int32 if value.dtype.kind == "i" else np.float32))
    save_file(out, f"{sys.argv[1]}/kernels_{name}.safetensors",
              metadata={"seed": str(SEED), "torch": torch.__version__})


def lstm(name, T, B, I, H, P):
    module = torch.nn.LSTM(I, H, proj_size=P if P < H else 0)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(uniform(*p.shape))
        module.bias_hh_l0.zero_()  # one bias here
    x, r0, c0 = uniform(T, B, I).requires_grad_(), uniform(1, B, P), uniform(1, B, H)
    slopes = uniform(T, B, P)
    r, (_, c) = module(x, (r0, c0))
    (r * slopes).sum().backward()
    tensors = {"x": x, "r0": r0[0], "c0": c0[0], "slopes": slopes, "r": r, "c": c[0], "dx": x.grad,
               "w_x": module.weight_ih_l0, "dw_x": module.weight_ih_l0.grad,
               "w_h": module.weight_hh_l0, "dw_h": module.weight_hh_l0.grad,
               "b": module.bias_ih_l0, "db": module.bias_ih_l0.grad}
    if P < H:
        tensors |= {"w_p": module.weight_hr_l0, "dw_p": module.weight_hr_l0.grad}
    save(name, tensors)


def cell(name, module, T, B, I, H):
    """nn.GRU or nn.RNN; of the second bias only the part that the first does not make superfluous."""
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(uniform(*p.shape))
        module.bias_hh_l0[:2 * H if name == "gru" else H] = 0
    x, h0, slopes = uniform(T, B, I).requires_grad_(), uniform(1, B, H), uniform(T, B, H)
    h, _ = module(x, h0)
    (h * slopes).sum().backward()
    tensors = {"x": x, "h0": h0[0], "slopes": slopes, "h": h, "dx": x.grad,
               "w_x": module.weight_ih_l0, "dw_x": module.weight_ih_l0.grad,
               "w_h": module.weight_hh_l0, "dw_h": module.weight_hh_l0.grad,
               "b": module.bias_ih_l0, "db": module.bias_ih_l0.grad}
    if name == "gru":
        tensors |= {"c": module.bias_hh_l0[2 * H:], "dc": module.bias_hh_l0.grad[2 * H:]}
    save(name, tensors)


def gru_before(T, B, I, H):
    """Cho et al. 2014: the reset gate before the matrix, which nn.GRU does not have."""
    x, h0, slopes = uniform(T, B, I).requires_grad_(), uniform(B, H), uniform(T, B, H)
    w_x, w_h, b = (uniform(*s).requires_grad_() for s in ((3 * H, I), (3 * H, H), (3 * H,)))
    h, states = h0, []
    for t in range(T):
        a = x[t] @ w_x.T + b
        r, z = torch.sigmoid(a[:, :2 * H] + h @ w_h[:2 * H].T).chunk(2, 1)
        n = torch.tanh(a[:, 2 * H:] + (r * h) @ w_h[2 * H:].T)
        h = z * h + (1 - z) * n
        states.append(h)
    h = torch.stack(states)
    (h * slopes).sum().backward()
    save("gru_before", {"x": x, "h0": h0, "slopes": slopes, "h": h, "dx": x.grad, "w_x": w_x, "dw_x": w_x.grad,
                        "w_h": w_h, "dw_h": w_h.grad, "b": b, "db": b.grad})


def softmax(N, V, D, scale):
    h, w, b = (uniform(*s).requires_grad_() for s in ((N, D), (V, D), (V,)))
    targets = torch.randint(V, (N,))
    targets[2] = -1
    logp = -torch.nn.functional.cross_entropy(h @ w.T + b, targets, ignore_index=-1, reduction="none")
    (-scale * logp.sum()).backward()
    save("softmax", {"h": h, "w": w, "b": b, "targets": targets, "scale": torch.tensor([scale]), "logp": logp,
                     "dh": h.grad, "dw": w.grad, "db": b.grad})


def sampled(N, U, S, D, scale):
    h, w, b, ln_q = uniform(N, D).requires_grad_(), uniform(U, D).requires_grad_(), uniform(U).requires_grad_(), uniform(U)
    targets = torch.randint(U, (N,))
    targets[0], targets[1], targets[2] = 3, U - 1, -1  # a hit, no hit, ignored
    losses = []
    for r in range(N):
        t = int(targets[r])
        if t < 0:
            losses.append(torch.zeros(()))
            continue
        logits = w[:S] @ h[r] + b[:S] - ln_q[:S]
        logits = torch.where(torch.arange(S) == t, torch.tensor(-torch.inf), logits)
        target = w[t] @ h[r] + b[t] - ln_q[t]
        losses.append(target - torch.logsumexp(torch.cat([logits, target[None]]), 0))
    logp = torch.stack(losses)
    (-scale * logp.sum()).backward()
    save("sampled", {"h": h, "w": w, "b": b, "ln_q": ln_q, "targets": targets, "samples": torch.tensor([S]),
                     "scale": torch.tensor([scale]), "logp": logp, "dh": h.grad, "dw": w.grad, "db": b.grad})


def updates(n, steps, clip):
    start, gradients = uniform(n), uniform(steps, n)
    tensors = {"w": start, "g": gradients, "clip": torch.tensor([clip])}
    makers = {"sgd": lambda p: torch.optim.SGD(p, lr=0.5),
              "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.2, initial_accumulator_value=0.1, eps=1e-6),
              "adam": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.99), eps=1e-6)}
    for name, make in makers.items():
        p = torch.nn.Parameter(start.clone())
        optimiser = make([p])
        for g in gradients:
            p.grad = clip * g
            optimiser.step()
        tensors[name] = p
        state = optimiser.state[p]
        if name == "adagrad":
            tensors["adagrad_a"] = state["sum"]
        if name == "adam":
            tensors["adam_m"], tensors["adam_v"] = state["exp_avg"], state["exp_avg_sq"]
    save("updates", tensors)


lstm("lstm", 6, 3, 7, 19, 19)
lstm("lstm_projection", 5, 4, 9, 17, 6)
softmax(9, 37, 11, 0.25)
sampled(10, 29, 17, 11, 0.5)
updates(101, 4, 0.3)
torch.manual_seed(SEED + 1)
cell("gru", torch.nn.GRU(7, 19), 6, 3, 7, 19)
cell("rnn_tanh", torch.nn.RNN(7, 19), 6, 3, 7, 19)
cell("rnn_relu", torch.nn.RNN(7, 19, nonlinearity="relu"), 6, 3, 7, 19)
gru_before(5, 4, 9, 17)
