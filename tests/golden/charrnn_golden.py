#!/usr/bin/env python3
"""Makes the learning curve of tests/cli/train_as_taught.sh with plain Python in double precision:

    python3 tests/golden/charrnn_golden.py tests/golden

The minimal character-level recurrent network as it is taught: blocks of 25 characters of charrnn_text.txt, tanh units on one-hot
characters, cross-entropy summed over the block, its gradients cut at 5, Adagrad with 1e-8 inside the root, the state carried from
block to block and zero at the text's start.  Written from the formulas, sharing no code with the C side; the initial weights are
those that kernels/random.h draws.  The first input is the line end before the text; the last characters, which fill no block, are
one.  charrnn_curve.tsv: lines of the text, step, characters of the block, loss in nats.
"""
import math
import sys

from philox import philox

HIDDEN, BLOCK, RATE, DEVIATION, SEED = 100, 25, 0.1, 0.01, 11
# By this seed the rounding of float32 grows slowly; lines of the text, steps: those of the second run begin it again.
RUNS = ((9, 5), (2, 3))


def normal(index, rows, columns):
    """The parameter's matrix: N(0, DEVIATION), by the pairs of Box and Muller."""
    x = []
    for block in range((rows * columns + 3) // 4):
        w = philox([block, 1 << 24, index, 0], [SEED, 0])
        for a, b in ((w[0], w[1]), (w[2], w[3])):
            radius, angle = math.sqrt(-2 * math.log((a + 1) * 2.0**-32)), 2 * math.pi * b * 2.0**-32
            x += [DEVIATION * radius * math.cos(angle), DEVIATION * radius * math.sin(angle)]
    return [x[i * columns : (i + 1) * columns] for i in range(rows)]


def characters(text):
    """As numbers; that of line ends, and how many there are.  By count, then by name; <UNK>, which is not seen, counts as one."""
    names = [{" ": "<SPACE>", "\n": "</S>"}.get(c, c) for c in text]
    counts = {"<UNK>": 1}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    number = {name: i for i, name in enumerate(sorted(counts, key=lambda name: (-counts[name], name)))}
    return [number[name] for name in names], number["</S>"], len(number)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def zeros(rows, columns):
    return [[0.0] * columns for _ in range(rows)]


class Network:
    """Wxh has a row for each character, which is its column as taught; biases are matrices of one row."""

    def __init__(self, classes):
        self.classes = classes
        self.p = {
            "Wxh": normal(0, classes + 1, HIDDEN),  # and the row of <S>, which nobody reads
            "Whh": normal(1, HIDDEN, HIDDEN),
            "bh": zeros(1, HIDDEN),
            "Why": normal(3, classes, HIDDEN),
            "by": zeros(1, classes),
        }
        self.memory = {name: zeros(len(w), len(w[0])) for name, w in self.p.items()}

    def forward(self, inputs, targets, h):
        p, hs, ps, loss = self.p, [h], [], 0.0
        for x, target in zip(inputs, targets):
            a = p["Wxh"][x]
            hs.append([math.tanh(a[i] + dot(p["Whh"][i], hs[-1]) + p["bh"][0][i]) for i in range(HIDDEN)])
            e = [math.exp(dot(row, hs[-1]) + bias) for row, bias in zip(p["Why"], p["by"][0])]
            ps.append([v / sum(e) for v in e])
            loss -= math.log(ps[-1][target])
        return hs, ps, loss

    def backward(self, inputs, targets, hs, ps):
        p, d = self.p, {name: zeros(len(w), len(w[0])) for name, w in self.p.items()}
        later = [0.0] * HIDDEN
        for t in reversed(range(len(inputs))):
            dy = list(ps[t])
            dy[targets[t]] -= 1
            h, before = hs[t + 1], hs[t]
            for c in range(self.classes):
                d["by"][0][c] += dy[c]
                for i in range(HIDDEN):
                    d["Why"][c][i] += dy[c] * h[i]
            dh = [later[i] + sum(dy[c] * p["Why"][c][i] for c in range(self.classes)) for i in range(HIDDEN)]
            raw = [(1 - h[i] * h[i]) * dh[i] for i in range(HIDDEN)]
            for i in range(HIDDEN):
                d["bh"][0][i] += raw[i]
                d["Wxh"][inputs[t]][i] += raw[i]
                for j in range(HIDDEN):
                    d["Whh"][i][j] += raw[i] * before[j]
            later = [sum(p["Whh"][i][j] * raw[i] for i in range(HIDDEN)) for j in range(HIDDEN)]
        return d

    def update(self, d):
        for name, w in self.p.items():
            for row, memory, gradient in zip(w, self.memory[name], d[name]):
                for i, g in enumerate(gradient):
                    g = max(-5.0, min(5.0, g))
                    memory[i] += g * g
                    row[i] -= RATE * g / math.sqrt(memory[i] + 1e-8)


def train(text, line_end, classes, steps):
    """Yields characters and loss of each block."""
    network, at = Network(classes), len(text)
    for _ in range(steps):
        if at >= len(text):
            at, h = 0, [0.0] * HIDDEN
        targets = text[at : at + BLOCK]
        inputs = ([line_end] + text)[at : at + len(targets)]
        hs, ps, loss = network.forward(inputs, targets, h)
        network.update(network.backward(inputs, targets, hs, ps))
        at, h = at + BLOCK, hs[-1]
        yield len(targets), loss


def main():
    folder = sys.argv[1]
    with open(folder + "/charrnn_text.txt", encoding="utf-8") as f:
        text = f.readlines()
    with open(folder + "/charrnn_curve.tsv", "w", encoding="utf-8") as out:
        for lines, steps in RUNS:
            blocks = train(*characters("".join(text[:lines])), steps)
            for step, (length, loss) in enumerate(blocks, 1):
                out.write(f"{lines}\t{step}\t{length}\t{loss:.10g}\n")


main()
