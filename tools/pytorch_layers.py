"""The layers of compare_pytorch.py: for PyTorch's modules and torch.compile, and with backward written out by hand.

Shapes as in kernels/recurrent.h and kernels/softmax.h; a `way` says T, B, which products, and the compiled functions.
"""
import math

import torch
import torch.nn.functional as F


# === products ==========================================================================================================
def mm(a, b):
    return torch.mm(a, b)


def onednn(a, b):  # a b by oneDNN: PyTorch itself takes MKL for float32
    return torch.ops.mkldnn._linear_pointwise(a.contiguous(), b.t().contiguous(), None, "none", [], "")


# === recurrent layers ==================================================================================================
# Each is a function (x (T*B, I), state) -> (outputs (T*B, P), new state) over the weights in PyTorch's layout.
def lstm_point(gates, c):
    i, f, g, o = gates.chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    tc = c.tanh()
    return torch.cat((i, f, g, o), 1), c, tc, o * tc


def lstm_point_back(a, c_before, tc, dh, dc):
    i, f, g, o = a.chunk(4, 1)
    d = dc + dh * o * (1 - tc * tc)
    return torch.cat((d * g * i * (1 - i), d * c_before * f * (1 - f), d * i * (1 - g * g), dh * tc * o * (1 - o)), 1), d * f


def gru_point(gx, gh, h):
    (xr, xz, xn), (hr, hz, hn) = gx.chunk(3, 1), gh.chunk(3, 1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    return torch.cat((r, z, n, hn), 1), n + z * (h - n)


def gru_point_back(a, h_before, dh):
    r, z, n, q = a.chunk(4, 1)
    dn = dh * (1 - z) * (1 - n * n)
    dr, dz = dn * q * r * (1 - r), dh * (h_before - n) * z * (1 - z)
    return torch.cat((dr, dz, dn), 1), torch.cat((dr, dz, dn * r), 1), dh * z


class LstmByHand(torch.autograd.Function):
    """One product for all inputs' gates; backward: the weights' gradients by one product over all steps."""

    @staticmethod
    def forward(ctx, way, x, r, c, w_x, w_h, b, w_p):
        T, B, product = way.T, way.B, way.product
        gx = (product(x, w_x.t()) + b).view(T, B, -1)
        gates, cells, tanhs, hidden, rs = [], [c], [], [], [r]
        for t in range(T):
            a, c, tc, h = way.lstm_point(gx[t] + product(rs[-1], w_h.t()), c)
            gates.append(a), cells.append(c), tanhs.append(tc), hidden.append(h)
            rs.append(product(h, w_p.t()) if w_p is not None else h)
        ctx.way, ctx.kept = way, (x, gates, cells, tanhs, hidden, rs, w_x, w_h, w_p)
        return torch.cat(rs[1:]), rs[-1], c

    @staticmethod
    def backward(ctx, dout, _r, _c):
        way, (x, gates, cells, tanhs, hidden, rs, w_x, w_h, w_p) = ctx.way, ctx.kept
        T, B, product = way.T, way.B, way.product
        dout, dr, dc, dgates, drs = dout.view(T, B, -1), 0, torch.zeros_like(cells[0]), [None] * T, [None] * T
        for t in reversed(range(T)):
            drs[t] = dr = dout[t] + dr
            dh = product(dr, w_p) if w_p is not None else dr
            dgates[t], dc = way.lstm_point_back(gates[t], cells[t], tanhs[t], dh, dc)
            dr = product(dgates[t], w_h)
        dg = torch.cat(dgates)
        dw_p = product(torch.cat(drs).t(), torch.cat(hidden)) if w_p is not None else None
        return (None, product(dg, w_x), None, None, product(dg.t(), x), product(dg.t(), torch.cat(rs[:-1])), dg.sum(0),
                dw_p)


class GruByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx, way, x, h, _c, w_x, w_h, b, b_h):
        T, B, product = way.T, way.B, way.product
        gx = (product(x, w_x.t()) + b).view(T, B, -1)
        gates, hs = [], [h]
        for t in range(T):
            a, h = way.gru_point(gx[t], torch.add(product(hs[-1], w_h.t()), b_h), hs[-1])
            gates.append(a), hs.append(h)
        ctx.way, ctx.kept = way, (x, gates, hs, w_x, w_h)
        return torch.cat(hs[1:]), h, None

    @staticmethod
    def backward(ctx, dout, _h, _c):
        way, (x, gates, hs, w_x, w_h) = ctx.way, ctx.kept
        T, B, product = way.T, way.B, way.product
        dout, dh, dgx, dgh = dout.view(T, B, -1), 0, [None] * T, [None] * T
        for t in reversed(range(T)):
            dgx[t], dgh[t], through = way.gru_point_back(gates[t], hs[t], dout[t] + dh)
            dh = through + product(dgh[t], w_h)
        gx, gh = torch.cat(dgx), torch.cat(dgh)
        return (None, product(gx, w_x), None, None, product(gx.t(), x), product(gh.t(), torch.cat(hs[:-1])), gx.sum(0),
                gh.sum(0))


def lstm_loop(x, r, c, w_x, w_h, b, w_p, T, B):  # for torch.compile, which fuses what is between the products
    gx, outs = F.linear(x, w_x, b).view(T, B, -1), []
    for t in range(T):
        i, f, g, o = (gx[t] + F.linear(r, w_h)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        r = o.sigmoid() * c.tanh()
        if w_p is not None:
            r = F.linear(r, w_p)
        outs.append(r)
    return torch.cat(outs), r, c


def gru_loop(x, h, c, w_x, w_h, b, b_h, T, B):
    gx, outs = F.linear(x, w_x, b).view(T, B, -1), []
    for t in range(T):
        (xr, xz, xn), (hr, hz, hn) = gx[t].chunk(3, 1), F.linear(h, w_h, b_h).chunk(3, 1)
        n = (xn + (xr + hr).sigmoid() * hn).tanh()
        h = n + (xz + hz).sigmoid() * (h - n)
        outs.append(h)
    return torch.cat(outs), h, c


# === losses ============================================================================================================
# Sums over the rows; their gradients are scaled by 1 / rows.
def full_plain(h, w, b, targets):
    return F.cross_entropy(F.linear(h, w, b), targets, reduction="sum")


def slopes_full(logits, targets, scale):  # the loss, and d loss / d logit in place of the logits
    logits = logits - logits.amax(1, keepdim=True)
    e = logits.exp()
    sums = e.sum(1, keepdim=True)
    loss = (sums.log() - logits.gather(1, targets[:, None])).sum()
    return loss, e * (scale / sums)


class FullByHand(torch.autograd.Function):
    """Block by block of rows, forward and backward at once: the logits of a block only.  b may be None."""

    @staticmethod
    def forward(ctx, way, h, w, b, targets):
        product, scale, loss = way.product, 1 / (way.T * way.B), 0
        dh, dw, db = torch.empty_like(h), None, torch.zeros_like(b) if b is not None else None
        for at in range(0, len(h), way.block):
            x, t = h[at:at + way.block], targets[at:at + way.block]
            if product is onednn:
                logits = torch.ops.mkldnn._linear_pointwise(x, w, b, "none", [], "")
            else:
                logits = torch.addmm(b, x, w.t()) if b is not None else torch.mm(x, w.t())
            part, p = way.slopes_full(logits, t, scale)
            loss = loss + part
            p[torch.arange(len(t)), t] -= scale
            dh[at:at + way.block] = product(p, w)
            if dw is not None and product is mm:
                dw.addmm_(p.t(), x)
            else:
                part = product(p.t(), x)
                dw = part if dw is None else dw.add_(part)
            if b is not None:
                db += p.sum(0)
        ctx.kept = dh, dw, db
        return loss

    @staticmethod
    def backward(ctx, _):  # already scaled
        return (None, *ctx.kept, None)


def sampled_plain(h, w_s, bias_s, w_t, bias_t, hit):
    """w_s (S, D) the samples' rows, w_t (N, D) each row's target; hit: the sample that is the target, or S."""
    target = (h * w_t).sum(1) + bias_t
    logits = F.linear(h, w_s, bias_s)
    logits = torch.where(hit[:, None] == torch.arange(len(w_s)), -math.inf, logits)
    most = torch.maximum(logits.amax(1), target).detach()
    return (((logits - most[:, None]).exp().sum(1) + (target - most).exp()).log() + most - target).sum()


def slopes_sampled(logits, target, scale):
    most = torch.maximum(logits.amax(1), target)
    e, own = (logits - most[:, None]).exp(), (target - most).exp()
    sums = e.sum(1) + own
    return (sums.log() + most - target).sum(), e * (scale / sums)[:, None], (own / sums - 1) * scale


class SampledByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx, way, h, w_s, bias_s, w_t, bias_t, hit):
        product, N = way.product, len(h)
        logits = torch.addmm(bias_s, h, w_s.t()) if product is mm else torch.ops.mkldnn._linear_pointwise(
            h, w_s, bias_s, "none", [], "")
        rows = (hit < len(w_s)).nonzero()[:, 0]
        logits[rows, hit[rows]] = -math.inf
        loss, p, own = way.slopes_sampled(logits, (h * w_t).sum(1) + bias_t, 1 / N)
        own = own[:, None]
        dh = product(p, w_s).addcmul_(own, w_t)
        ctx.kept = dh, product(p.t(), h), p.sum(0), own * h, own[:, 0]
        return loss

    @staticmethod
    def backward(ctx, _):
        return (None, *ctx.kept, None)


class ProductByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx, way, x, w):
        ctx.kept = way.product, x, w
        return way.product(x, w.t())

    @staticmethod
    def backward(ctx, dy):
        product, x, w = ctx.kept
        return None, product(dy, w), product(dy.t(), x)


def adaptive_by_hand(way, h, targets, head, tails, _cuts, places):
    loss = FullByHand.apply(way, h, head, None, targets)
    for (low, weight), (rows, inside) in zip(tails, places):
        if len(rows):
            inner = ProductByHand.apply(way, h.index_select(0, rows), low)
            loss = loss + FullByHand.apply(way, inner, weight, None, inside)
    return loss


def adaptive_plain(h, targets, head, tails, cuts, places):
    """head (n0 + clusters, D); tails: (projection, weight) each; places: the rows of each tail and their targets in it."""
    loss = F.cross_entropy(F.linear(h, head), targets, reduction="sum")
    for (low, weight), (rows, inside) in zip(tails, places):
        if len(rows):
            loss = loss + F.cross_entropy(F.linear(F.linear(h[rows], low), weight), inside, reduction="sum")
    return loss
