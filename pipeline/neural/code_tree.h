// The binary tree of a Huffman code over classes of falling frequency (Huffman 1952), in its canonical shape:
// classes have codes that never get shorter, so the number of classes at each depth says all.
//
// Depth 0 is the root.  The nodes of a depth stand side by side: first the classes that end there, by number,
// then the inner nodes; inner node j has the places 2j and 2j + 1 of the next depth as children.  Inner nodes
// are numbered depth by depth, so the root is 0, and there is one less than classes.
#ifndef PIPELINE_NEURAL_CODE_TREE_H
#define PIPELINE_NEURAL_CODE_TREE_H

#include <stddef.h>
#include <stdint.h>

enum { CODE_TREE_DEPTH = 96, CODE_TREE_TEXT = 11 * CODE_TREE_DEPTH }; // counts of 64 bits need less

struct code_tree {
    uint32_t depth;                                                   // of the deepest classes
    uint32_t leaves[CODE_TREE_DEPTH + 1], inner[CODE_TREE_DEPTH + 1]; // at each depth
    uint32_t class_before[CODE_TREE_DEPTH + 1];                       // classes of lower depths
    uint32_t node_before[CODE_TREE_DEPTH + 1];                        // inner nodes of lower depths
};

// The code with the least expected length for these counts (0 counts as 1).
void code_tree_from_counts(struct code_tree *t, const uint64_t *counts /* falling */, uint32_t classes);
// The classes at depths 1, 2 ... with commas between them.  Returns NULL, or what is wrong with the text.
const char *code_tree_parse(struct code_tree *t, const char *text, uint32_t classes);
void code_tree_format(const struct code_tree *t, char text[CODE_TREE_TEXT]);

// The turns that lead to a class, from its end: 2 * (inner node) + turn each.  Returns how many: its depth.
uint32_t code_tree_path(const struct code_tree *t, uint32_t class, uint32_t path[CODE_TREE_DEPTH]);
// From the logits of turn 0 at every inner node the probabilities of all classes.
void code_tree_spread(const struct code_tree *t, const float *logits /* (classes - 1) */,
                      float *p /* (classes) */);
// Turns of a class, as the code expects them: a class at depth d has the share 2^-d.
double code_tree_expected(const struct code_tree *t);

#endif
