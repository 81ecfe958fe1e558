"""The batches of compare_pytorch.py and pytorch_gpu.py: words drawn as bench_training draws them, with what costs PyTorch nothing
there: their unique words, the samples, the rows of each cluster of an adaptive softmax.  On torch's default device.
"""
import math

import torch


def zipf(n, classes):  # as bench_training draws its words
    return (torch.exp(torch.rand(n, dtype=torch.float64) * math.log(classes)).long() - 1).clamp(0, classes - 1)


def cut_clusters(o):  # as train does where --cutoffs is not given
    cuts, c = [], min(o.words // 8, 4000)
    while o.softmax == "adaptive" and len(cuts) < 4 and (not cuts or c < o.words // 2):
        cuts, c = [*cuts, c], c * 4
    return cuts


class Batch:
    def __init__(self, o, cuts):
        n = o.batch * o.bptt
        self.inputs, self.targets = zipf(n, o.words), zipf(n, o.words)
        self.input_rows, self.input_slots = torch.unique(self.inputs, return_inverse=True)
        if o.softmax == "sampled":
            self.draw(o)
        bounds = [*cuts, o.words]
        self.head_targets = self.targets.clone()
        self.places = []
        for i, (low, high) in enumerate(zip(bounds, bounds[1:])):
            rows = ((self.targets >= low) & (self.targets < high)).nonzero()[:, 0]
            self.head_targets[rows] = cuts[0] + i
            self.places.append((rows, self.targets[rows] - low))

    def draw(self, o):
        """Log-uniform without replacement, until there are enough; ln of the expected counts."""
        taken, tries = set(), 0
        while len(taken) < o.samples:
            for k in torch.exp(torch.rand(4096, dtype=torch.float64) * math.log(o.words + 1)).long().sub(1).tolist():
                if len(taken) < o.samples and k < o.words:
                    taken.add(k)
                    tries += 1
        samples = torch.tensor(sorted(taken))
        slot_of = torch.full((o.words,), -1)
        slot_of[samples] = torch.arange(len(samples))
        others = torch.unique(self.targets[slot_of[self.targets] < 0])
        slot_of[others] = torch.arange(len(others)) + len(samples)
        self.rows, self.slots = torch.cat((samples, others)), slot_of[self.targets]
        p = torch.log1p(1 / (self.rows + 1).double()) / math.log(o.words + 1)
        self.ln_q = (-torch.expm1(tries * torch.log1p(-p))).log().float()
        self.hit = torch.where(self.slots < len(samples), self.slots, len(samples))
