// report: from scores to the table of perplexities.  `report row` measures one system; `report table`
// assembles the rows.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/scoring/assemble.h"
#include "pipeline/scoring/bootstrap.h"
#include "pipeline/scoring/result.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// === report row ==================================================================================

static struct result_sources sources;
static const char *row_output;
static int64_t row_block;

static const struct option_spec row_options[] = {
    {.name = "system",
     .kind = OPTION_STRING,
     .value = &sources.system,
     .argument = "NAME",
     .required = true,
     .help = "what the row is called, such as lstm256"},
    {.name = "corpus",
     .kind = OPTION_STRING,
     .value = &sources.corpus,
     .argument = "NAME",
     .required = true,
     .help = "what the text is called, such as classics"},
    {.name = "manifest",
     .kind = OPTION_STRING,
     .value = &sources.manifest,
     .argument = "FILE",
     .required = true,
     .help = "the model's .manifest.json: parameters, bytes, training events and time"},
    {.name = "valid-shard",
     .kind = OPTION_STRING,
     .value = &sources.valid_shard,
     .argument = "FILE",
     .required = true,
     .help = "validation text"},
    {.name = "valid-scores",
     .kind = OPTION_STRING,
     .value = &sources.valid_scores,
     .argument = "FILE",
     .required = true,
     .help = "what evaluate gave for it"},
    {.name = "test-shard",
     .kind = OPTION_STRING,
     .value = &sources.test_shard,
     .argument = "FILE",
     .required = true,
     .help = "test text"},
    {.name = "test-scores",
     .kind = OPTION_STRING,
     .value = &sources.test_scores,
     .argument = "FILE",
     .required = true,
     .help = "what evaluate gave for it"},
    {.name = "block",
     .kind = OPTION_INT,
     .value = &row_block,
     .argument = "L",
     .minimum = 0,
     .maximum = 1e9,
     .help =
         "sentences in a block of the bootstrap; 0: 1 for classics and lm1b, which are shuffled, else 32"},
    {.name = "published",
     .kind = OPTION_STRING,
     .value = &sources.published,
     .argument = "FILE",
     .help =
         "the papers' numbers, results/published.tsv; used where the corpus is lm1b, or the test text the Penn Treebank's"},
    {.name = "note",
     .kind = OPTION_STRING,
     .value = &sources.note,
     .argument = "TEXT",
     .help = "for the row's last column, behind what manifest and scores note"},
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &row_output,
     .argument = "FILE",
     .required = true,
     .help = "RESULTS/CORPUS/rows/SYSTEM.json"},
    {0},
};

static const struct program row_program = {
    .name = "report row",
    .summary = "Measures one system: perplexities, interval, counts, and whether the number is VALID.",
    .arguments = "",
    .details = "Prints the row as lines of name and value.  A row that is INVALID is written all the "
               "same, with the reason.",
    .options = row_options,
};

static void check_output(void) {
    const char *slash = strrchr(row_output, '/'), *name = slash ? slash + 1 : row_output;
    size_t n = strlen(sources.system);
    if (strncmp(name, sources.system, n) != 0 || strcmp(name + n, ".json") != 0)
        die_usage("--output %s: the file must be called %s.json", row_output, sources.system);
}

static void print_row(const struct row *row) {
    printf("system\t%s\ncorpus\t%s\nstatus\t%s\n", row->system, row->corpus, row->status);
    printf("ppl_valid\t%.4f\nppl_test\t%.4f\n", row->ppl_valid, row->ppl_test);
    printf("ppl_test_low\t%.4f\nppl_test_high\t%.4f\n", row->ppl_test_low, row->ppl_test_high);
    printf("events\t%llu\noov\t%llu\n", (unsigned long long)row->events, (unsigned long long)row->oov);
    printf("block\t%llu\n", (unsigned long long)row->block);
}

static const char *const *const row_inputs[] = {&sources.manifest,     &sources.valid_shard,
                                                &sources.valid_scores, &sources.test_shard,
                                                &sources.test_scores,  &sources.published};
enum { ROW_INPUTS = sizeof row_inputs / sizeof *row_inputs };

static void commit_manifest(struct manifest *m) {
    char hash[HASH_TEXT_SIZE];
    for (size_t i = 0; i < ROW_INPUTS; i++) {
        if (!*row_inputs[i]) continue;
        hash_file(*row_inputs[i], hash);
        manifest_add_input(m, *row_inputs[i], hash);
    }
    hash_file(row_output, hash);
    manifest_add_output(m, row_output, hash);
    manifest_commit(m, row_output);
}

static int report_row(int argc, char **argv) {
    options_parse(&row_program, argc, argv);
    result_check_sources(&sources);
    check_output();
    for (size_t i = 0; i < ROW_INPUTS; i++) publish_refuse_input(row_output, *row_inputs[i]);
    sources.block = row_block ? (size_t)row_block : result_default_block(sources.corpus);
    note("bootstrap: %d replicates, seed %d, blocks of %zu sentence%s", BOOTSTRAP_REPLICATES, BOOTSTRAP_SEED,
         sources.block, sources.block == 1 ? "" : "s");
    if (options_is_dry_run()) {
        note("would read %s, %s, %s, %s, %s and write %s", sources.manifest, sources.valid_shard,
             sources.valid_scores, sources.test_shard, sources.test_scores, row_output);
        return EXIT_DONE;
    }
    struct manifest *m = manifest_start(&row_program);
    struct row row;
    result_make(&row, &sources);
    row_save(row_output, &row);
    commit_manifest(m);
    if (!row_is_valid(&row)) warn("%s on %s is %s", row.system, row.corpus, row.status);
    print_row(&row);
    message_finish_stdout();
    resources_report();
    return EXIT_DONE;
}

// === report table ================================================================================

static const char *table_corpus;

static const struct option_spec table_options[] = {
    {.name = "corpus",
     .kind = OPTION_STRING,
     .value = &table_corpus,
     .argument = "NAME",
     .required = true,
     .help = "what the text is called; rows of another corpus are left out"},
    {0},
};

static const struct program table_program = {
    .name = "report table",
    .summary =
        "Assembles perplexity.tsv and perplexity.md from the row files in FOLDER/rows and prints the table.",
    .arguments = "FOLDER",
    .options = table_options,
};

static void commit_table_manifest(struct manifest *m, const struct table *t, const char *folder,
                                  const char *path) {
    for (const struct row *row = t->rows; row < t->rows + t->count; row++) {
        char name[4096], hash[HASH_TEXT_SIZE];
        snprintf(name, sizeof name, "%s/rows/%s.json", folder, row->system);
        hash_file(name, hash);
        manifest_add_input(m, name, hash);
    }
    manifest_add_output(m, path, NULL);
    manifest_commit(m, path);
}

static int report_table(int argc, char **argv) {
    int first = options_parse(&table_program, argc, argv);
    result_check_corpus(table_corpus);
    if (argc - first != 1) die_usage("one folder RESULTS/CORPUS is needed, not %d", argc - first);
    const char *folder = argv[first];
    if (!*folder) die_usage("the folder RESULTS/CORPUS has an empty name");
    char path[4096];
    snprintf(path, sizeof path, "%s/perplexity.tsv", folder);
    if (options_is_dry_run()) {
        note("would read %s/rows/*.json and write %s and perplexity.md beside it", folder, path);
        return EXIT_DONE;
    }
    struct manifest *m = manifest_start(&table_program);
    struct table table = {0};
    char beside[4200];
    snprintf(beside, sizeof beside, "%s.manifest.json", path);
    bool changed = assemble_publish(&table, folder, table_corpus);
    if (changed || access(beside, F_OK)) // gone where a run was killed before it came
        commit_table_manifest(m, &table, folder, path);
    else
        manifest_abandon(m);
    struct buffer text = {0};
    table_format_markdown(&table, &text);
    fwrite(text.data, 1, text.size, stdout);
    message_finish_stdout();
    buffer_free(&text);
    note("%zu system%s in %s and perplexity.md beside it", table.count, table.count == 1 ? "" : "s", path);
    table_free(&table);
    resources_report();
    return EXIT_DONE;
}

// === report ======================================================================================

static const struct option_spec no_options[] = {{0}};
static const struct program report_program = {
    .name = "report",
    .summary = "Makes the table of perplexities: `row` measures one system, `table` assembles the rows.",
    .arguments = "row|table ...",
    .details = "See `report row --help` and `report table --help`.",
    .options = no_options,
};

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "row") == 0) return report_row(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "table") == 0) return report_table(argc - 1, argv + 1);
    int first = options_parse(&report_program, argc, argv);
    if (first < argc) die_usage("unknown command %s: row or table is needed", argv[first]);
    die_usage("a command is missing: row or table");
}
