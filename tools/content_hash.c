// content_hash: the content hash of text files as manifests have it (XXH3, 128 bits, after decompression).
//
//   content_hash train.txt valid.txt.zst
//
// prints "HASH  PATH" a line, so that two texts can be told to be the same however they are compressed.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/files/hash.h"

#include <stdio.h>

int main(int argc, char **argv) {
    static const struct option_spec options[] = {{0}};
    static const struct program program = {
        .name = "content_hash",
        .summary = "Prints the content hash of each file: XXH3, 128 bits, of the text after decompression.",
        .arguments = "FILE...",
        .options = options,
    };
    int first = options_parse(&program, argc, argv);
    if (first == argc) die_usage("FILE is missing");
    for (int i = first; i < argc; i++) {
        char hash[HASH_TEXT_SIZE];
        if (options_is_dry_run()) {
            note("would read %s", argv[i]);
            continue;
        }
        hash_file(argv[i], hash);
        printf("%s  %s\n", hash, argv[i]);
    }
    message_finish_stdout();
    return EXIT_DONE;
}
