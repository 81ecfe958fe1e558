#include "pipeline/neural/code_tree.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Fills the rest in from depth and leaves.  Returns what is wrong: not a tree of that many classes.
static const char *complete(struct code_tree *t, uint32_t classes) {
    uint64_t inner = 1, nodes = 0, before = 0;
    for (uint32_t d = 0; d <= t->depth; d++) {
        uint64_t places = d ? 2 * inner : 1;
        if (t->leaves[d] > places) return "more classes than places at a depth";
        inner = places - t->leaves[d];
        t->inner[d] = (uint32_t)inner;
        t->class_before[d] = (uint32_t)before, t->node_before[d] = (uint32_t)nodes;
        before += t->leaves[d], nodes += inner;
        if (before + inner > classes) return "they do not sum up to the number of output classes";
        if (inner == 0 && d < t->depth) return "classes behind the end of the tree";
    }
    if (inner) return "places are left over";
    return before == classes ? NULL : "they do not sum up to the number of output classes";
}

// The two-queue construction: the two lightest of the leaves, rising, and of the nodes made so far, which
// rise too, become the children of the next node.  parent[i] of leaf i < n or node n + j.
static void join_lightest(const uint64_t *counts, uint32_t n, uint32_t *parent, uint64_t *weight) {
    uint32_t leaf = 0, node = 0;
    for (uint32_t made = 0; made + 1 < n; made++) {
        weight[made] = 0;
        for (int child = 0; child < 2; child++) {
            uint64_t count = leaf < n ? counts[n - 1 - leaf] : 0;
            if (count == 0) count = 1;
            if (leaf < n && (node == made || count <= weight[node])) {
                weight[made] += count, parent[leaf++] = n + made;
            } else {
                weight[made] += weight[node], parent[n + node++] = n + made;
            }
        }
    }
}

void code_tree_from_counts(struct code_tree *t, const uint64_t *counts, uint32_t classes) {
    *t = (struct code_tree){0};
    size_t all = 2 * (size_t)classes - 1;
    uint32_t *parent = memory_alloc(all, sizeof *parent, "the code tree");
    uint64_t *weight = memory_alloc(classes, sizeof *weight, "the code tree");
    uint8_t *depth = memory_alloc_zero(all, 1, "the code tree");
    join_lightest(counts, classes, parent, weight);
    for (size_t i = all - 1; i-- > 0;) { // parents are made after their children
        depth[i] = (uint8_t)(depth[parent[i]] + 1);
        if (depth[i] > CODE_TREE_DEPTH)
            die("the vocabulary's counts make codes of more than %d bits", CODE_TREE_DEPTH);
        if (i < classes) t->leaves[depth[i]]++;
    }
    if (classes == 1) t->leaves[0] = 1;
    for (uint32_t d = 0; d <= CODE_TREE_DEPTH; d++)
        if (t->leaves[d]) t->depth = d;
    free(parent), free(weight), free(depth);
    const char *wrong = complete(t, classes);
    if (wrong) die("the code tree of %" PRIu32 " classes: %s", classes, wrong);
}

const char *code_tree_parse(struct code_tree *t, const char *text, uint32_t classes) {
    *t = (struct code_tree){0};
    for (const char *at = text;;) {
        char *end;
        unsigned long long value = strtoull(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end && *end != ','))
            return "numbers with commas between them are expected";
        if (t->depth == CODE_TREE_DEPTH || value > classes) return "more classes than places at a depth";
        t->leaves[++t->depth] = (uint32_t)value;
        if (!*end) return complete(t, classes);
        at = end + 1;
    }
}

void code_tree_format(const struct code_tree *t, char text[CODE_TREE_TEXT]) {
    int n = 0;
    text[0] = 0;
    for (uint32_t d = 1; d <= t->depth; d++)
        n += snprintf(text + n, (size_t)(CODE_TREE_TEXT - n), "%s%" PRIu32, d > 1 ? "," : "", t->leaves[d]);
}

uint32_t code_tree_path(const struct code_tree *t, uint32_t class, uint32_t path[CODE_TREE_DEPTH]) {
    uint32_t depth = t->depth;
    while (t->class_before[depth] > class) depth--; // depths without classes begin where the next one does
    uint32_t place = class - t->class_before[depth], length = 0;
    for (uint32_t d = depth; d > 0; d--) {
        uint32_t above = place / 2;
        path[length++] = 2 * (t->node_before[d - 1] + above) + place % 2;
        place = t->leaves[d - 1] + above;
    }
    return length;
}

void code_tree_spread(const struct code_tree *t, const float *logits, float *p) {
    double *above = memory_alloc(t->inner[0] ? t->class_before[t->depth] + t->leaves[t->depth] : 1,
                                 sizeof *above, "the probabilities of a tree"),
           *here = memory_alloc(t->class_before[t->depth] + t->leaves[t->depth], sizeof *here,
                                "the probabilities of a tree");
    above[0] = 1; // probabilities of the inner nodes of the depth above
    for (uint32_t d = 1; d <= t->depth; d++) {
        for (uint32_t place = 0; place < 2 * t->inner[d - 1]; place++) {
            double logit = (double)logits[t->node_before[d - 1] + place / 2],
                   share = 1 / (1 + exp(place % 2 ? logit : -logit)) * above[place / 2];
            if (place < t->leaves[d])
                p[t->class_before[d] + place] = (float)share;
            else
                here[place - t->leaves[d]] = share;
        }
        double *swap = above;
        above = here, here = swap;
    }
    free(above), free(here);
}

double code_tree_expected(const struct code_tree *t) {
    double sum = 0;
    for (uint32_t d = 1; d <= t->depth; d++) sum += (double)t->leaves[d] * ldexp(d, -(int)d);
    return sum;
}
