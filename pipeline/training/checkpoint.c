#include "pipeline/training/checkpoint.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/publish.h"
#include "pipeline/neural/model_file.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void checkpoint_path(char *path, size_t size, const char *folder, uint64_t step, const char *file) {
    if ((size_t)snprintf(path, size, "%s/checkpoint-%" PRIu64 "/%s", folder, step, file) >= size)
        die("the path %s is too long", folder);
}

// === finding and removing ========================================================================

static bool is_complete(const char *folder, uint64_t step) {
    char path[4096];
    struct stat s;
    checkpoint_path(path, sizeof path, folder, step, "DONE");
    return stat(path, &s) == 0;
}

// Of two complete ones: others are removed only behind the next that is saved, which needs its own room.
struct held {
    uint64_t bytes;
    int count;
};

static void visit_size(const char *folder, uint64_t step, void *x) {
    struct held *h = x;
    char path[4096];
    struct stat s;
    if (h->count == 2 || !is_complete(folder, step)) return;
    checkpoint_path(path, sizeof path, folder, step, "state.safetensors");
    if (stat(path, &s) == 0) h->bytes += (uint64_t)s.st_size, h->count++;
}

// Calls visit for each checkpoint-STEP in the folder.
static void each_checkpoint(const char *folder, void (*visit)(const char *folder, uint64_t step, void *x),
                            void *x) {
    DIR *d = opendir(folder);
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));) {
        uint64_t step;
        char rest;
        if (sscanf(e->d_name, "checkpoint-%" SCNu64 "%c", &step, &rest) == 1) visit(folder, step, x);
    }
    closedir(d);
}

struct newest {
    uint64_t step, below; // the newest complete one below `below`
    bool found;
};

static void visit_newest(const char *folder, uint64_t step, void *x) {
    struct newest *n = x;
    if (step < n->below && is_complete(folder, step) && (!n->found || step > n->step))
        n->step = step, n->found = true;
}

// Whether all of its file is as it was written; else why not (SAFETENSORS_REASON_SIZE bytes).
static bool is_whole(const char *folder, uint64_t step, char *reason) {
    char path[4096];
    checkpoint_path(path, sizeof path, folder, step, "state.safetensors");
    struct safetensors_reader *r = safetensors_try(path, NULL, reason);
    if (!r) return false;
    bool whole = safetensors_check(r, reason);
    if (whole && !safetensors_is_sealed(r)) {
        snprintf(reason, SAFETENSORS_REASON_SIZE,
                 "%.4000s: its header has no hash: it is damaged, or of an earlier version", path);
        whole = false;
    }
    safetensors_close(r);
    return whole;
}

struct passed_over {
    uint64_t above; // steps from here
    bool any;
};

static void visit_passed_over(const char *folder, uint64_t step, void *x) {
    struct passed_over *p = x;
    if (step < p->above || is_complete(folder, step)) return;
    warn("%s/checkpoint-%" PRIu64 " has no DONE, and is not used: it was never finished, or DONE was removed",
         folder, step);
    p->any = true;
}

static bool find_none(const char *folder) {
    struct passed_over p = {0};
    each_checkpoint(folder, visit_passed_over, &p);
    if (p.any) warn("%s: no checkpoint is complete: training begins at step 0", folder);
    return false;
}

uint64_t checkpoint_bytes(const char *folder) {
    struct held h = {0};
    each_checkpoint(folder, visit_size, &h);
    return h.bytes;
}

bool checkpoint_exists(const char *folder) {
    struct newest n = {.below = UINT64_MAX};
    each_checkpoint(folder, visit_newest, &n);
    return n.found;
}

bool checkpoint_find(const char *folder, uint64_t *step) {
    char reason[SAFETENSORS_REASON_SIZE], first[SAFETENSORS_REASON_SIZE] = "";
    for (struct newest n = {.below = UINT64_MAX};; n = (struct newest){.below = n.step}) {
        each_checkpoint(folder, visit_newest, &n);
        *step = n.step;
        if (!n.found && !*first) return find_none(folder);
        if (!n.found)
            die("%s; no earlier checkpoint is whole: put back a copy of it, or start anew with --fresh",
                first);
        if (is_whole(folder, n.step, reason)) break;
        warn("%s", reason);
        if (!*first) memcpy(first, reason, sizeof first);
    }
    each_checkpoint(folder, visit_passed_over, &(struct passed_over){.above = *step});
    if (*first) warn("going back to the checkpoint of step %" PRIu64 ", the newest that is whole", *step);
    return true;
}

// The folder with whatever lies in it: a killed run leaves temporaries there.
static void remove_one(const char *folder, uint64_t step) {
    char path[4096];
    checkpoint_path(path, sizeof path, folder, step, "DONE");
    unlink(path); // first, so that what is half removed does not count
    checkpoint_path(path, sizeof path, folder, step, "");
    DIR *d = opendir(path);
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(path);
}

struct sweep {
    uint64_t steps[256];
    size_t count;
};

static void visit_collect(const char *folder, uint64_t step, void *x) {
    struct sweep *s = x;
    (void)folder;
    if (s->count < sizeof s->steps / sizeof *s->steps) s->steps[s->count++] = step;
}

// Leaves the checkpoint of `step` and the newest complete one before it, up to the last good one; all others,
// complete or not, are of no use.
static void remove_others(const char *folder, uint64_t step, uint64_t good) {
    struct sweep s = {0};
    uint64_t before = UINT64_MAX, last = good ? good : UINT64_MAX;
    each_checkpoint(folder, visit_collect, &s);
    for (size_t i = 0; i < s.count; i++)
        if (s.steps[i] < step && s.steps[i] <= last && is_complete(folder, s.steps[i])
            && (before == UINT64_MAX || s.steps[i] > before))
            before = s.steps[i];
    for (size_t i = 0; i < s.count; i++)
        if (s.steps[i] != step && s.steps[i] != before) remove_one(folder, s.steps[i]);
}

void checkpoint_remove_all(const char *folder) {
    struct sweep s = {0};
    each_checkpoint(folder, visit_collect, &s);
    for (size_t i = 0; i < s.count; i++) remove_one(folder, s.steps[i]);
}

// === tensors =====================================================================================

// Calls act for every tensor of a checkpoint: value, states, running mean of each parameter.
static void each_tensor(struct model *m,
                        void (*act)(const char *name, struct parameter *p, float *device, void *x), void *x) {
    char name[96];
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        act(p->name, p, p->value, x);
        for (int s = 0; s < PARAMETER_STATES; s++) {
            if (!p->state[s]) continue;
            snprintf(name, sizeof name, "%s.state%d", p->name, s);
            struct parameter rows = {.rows = p->rows, .columns = 1, .is_vector = true};
            act(name, p->has_row_state ? &rows : p, p->state[s], x);
        }
        if (!p->average) continue;
        snprintf(name, sizeof name, "%s.average", p->name);
        act(name, p, p->average, x);
    }
}

struct tensor_context {
    struct safetensors_writer *w;
    struct safetensors_reader *r;
    const char *path;
    const struct kernels *k;
};

static void declare_tensor(const char *name, struct parameter *p, float *device, void *x) {
    (void)device;
    model_declare_tensor(((struct tensor_context *)x)->w, name, p);
}

static void write_tensor(const char *name, struct parameter *p, float *device, void *x) {
    struct tensor_context *c = x;
    (void)name;
    model_write_tensor(c->w, c->k, p, device);
}

static void read_tensor(const char *name, struct parameter *p, float *device, void *x) {
    struct tensor_context *c = x;
    model_read_tensor(c->r, c->path, name, c->k, p, device);
}

// === metadata ====================================================================================

static void add_number(struct safetensors_writer *w, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_number(struct safetensors_writer *w, const char *key, const char *format, ...) {
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    safetensors_add_metadata(w, key, text);
}

static void option_key(char *key, size_t size, const char *name) { snprintf(key, size, "option:%s", name); }

static bool is_free(const struct checkpoint_identity *id, const char *name) {
    for (const char *const *f = id->free_options; *f; f++)
        if (strcmp(*f, name) == 0) return true;
    return false;
}

static void add_metadata(struct safetensors_writer *w, const struct checkpoint_identity *id,
                         const struct checkpoint *s, int ranks) {
    char key[64], value[4096];
    add_number(w, "step", "%" PRIu64, s->step);
    add_number(w, "words", "%" PRIu64, s->words);
    add_number(w, "train_seconds", "%.17g", s->train_seconds);
    add_number(w, "best_perplexity", "%.17g", s->best_perplexity);
    add_number(w, "last_perplexity", "%.17g", s->last_perplexity);
    add_number(w, "rate_factor", "%.17g", s->rate_factor);
    add_number(w, "unimproved", "%" PRIu64, s->unimproved);
    add_number(w, "first_loss", "%.17g", s->first_loss);
    add_number(w, "good_step", "%" PRIu64, s->good_step);
    add_number(w, "ranks", "%d", ranks);
    for (int i = 0; i < RUN_LOGS; i++)
        if (s->logs[i].length)
            add_number(w, run_log_names[i], "%" PRIu64 " %s", s->logs[i].length, s->logs[i].hash);
    safetensors_add_metadata(w, "text", s->text);
    safetensors_add_metadata(w, "valid_text", s->valid_text);
    safetensors_add_metadata(w, "init", s->init);
    safetensors_add_metadata(w, "variant", id->variant);
    for (const struct option_spec *o = id->program->options; o->name; o++) {
        if (is_free(id, o->name)) continue;
        option_key(key, sizeof key, o->name);
        safetensors_add_metadata(w, key, options_format(o, value, sizeof value));
    }
}

static const char *need(const struct safetensors_reader *r, const char *path, const char *key) {
    const char *text = safetensors_metadata(r, key);
    if (!text)
        die("%s: its metadata has no \"%s\": another version of this program wrote it; go on with that one, "
            "or start over with --fresh",
            path, key);
    return text;
}

static void check_content(const struct safetensors_reader *r, const char *path, const char *key,
                          const char *now, const char *what) {
    if (strcmp(need(r, path, key), now) != 0)
        die("%s was made from another %s: use the same, or --fresh to start anew", path, what);
}

// Of the model that the run began from.  The first checkpoints do not have it.
static const char *init_hash(const struct safetensors_reader *r, const char *path) {
    const char *init = safetensors_metadata(r, "option:init");
    return init && *init ? need(r, path, "init") : "";
}

static void check_identity(const struct safetensors_reader *r, const char *path,
                           const struct checkpoint_identity *id, const struct checkpoint *now, int ranks) {
    char key[64], value[4096];
    for (const struct option_spec *o = id->program->options; o->name; o++) {
        if (is_free(id, o->name)) continue;
        option_key(key, sizeof key, o->name);
        const char *then = need(r, path, key);
        options_format(o, value, sizeof value);
        if (strcmp(then, value) != 0)
            die("%s was made with --%s %s, now it is %s: use the same options, or --fresh to start anew",
                path, o->name, *then ? then : "(none)", *value ? value : "(none)");
    }
    check_content(r, path, "text", now->text, "training text");
    check_content(r, path, "valid_text", now->valid_text, "validation text");
    check_content(r, path, "vocabulary", now->vocabulary, "vocabulary");
    if (*init_hash(r, path) && *now->init) check_content(r, path, "init", now->init, "model (--init)");
    int then = atoi(need(r, path, "ranks"));
    if (then != ranks && !id->elastic)
        die("%s was made by %d ranks, now there are %d: use as many, --elastic to go on with %d (the numbers "
            "will then differ by rounding), or --fresh to start anew",
            path, then, ranks, ranks);
    const char *variant = need(r, path, "variant");
    if (strcmp(variant, id->variant) != 0)
        warn("%s was computed on %s, now on %s: the run goes on, its numbers will differ by rounding", path,
             variant, id->variant);
}

// === saving and loading ==========================================================================

// All streams' carried states in global stream order, on every rank.
static float *gather_state(struct communicator *c, const struct model *m, const struct workspace *w) {
    size_t floats = workspace_state_floats(m), mine = w->B * floats;
    float *state = memory_alloc(mine, sizeof *state, "the carried state");
    workspace_get_state(m, w, state);
    uint64_t *sizes = memory_alloc((size_t)c->ranks, sizeof *sizes, "sizes"), total = 0;
    communicator_gather_sizes(c, mine * sizeof *state, sizes);
    for (int i = 0; i < c->ranks; i++) total += sizes[i];
    float *all = memory_alloc(total, 1, "the carried state");
    communicator_gather(c, state, sizes, all);
    free(sizes), free(state);
    return all;
}

static struct tensor_info state_tensor(const struct model *m, size_t streams) {
    struct tensor_info t = {.name = "carried_state", .type = TENSOR_F32, .dims = 2};
    t.shape[0] = streams, t.shape[1] = workspace_state_floats(m);
    return t;
}

void checkpoint_save(const char *folder, struct communicator *c, struct model *m, const struct workspace *w,
                     const struct checkpoint_identity *id, const struct checkpoint *s) {
    float *state = gather_state(c, m, w);
    if (c->rank == 0) {
        char path[4096];
        size_t streams = w->B * (size_t)c->ranks;
        checkpoint_path(path, sizeof path, folder, s->step, "state.safetensors");
        struct tensor_context x = {.w = safetensors_create(path), .path = path, .k = m->k};
        model_declare_options(x.w, &m->o);
        add_metadata(x.w, id, s, c->ranks);
        each_tensor(m, declare_tensor, &x);
        struct tensor_info t = state_tensor(m, streams);
        safetensors_declare(x.w, &t);
        each_tensor(m, write_tensor, &x);
        safetensors_write(x.w, state, streams * workspace_state_floats(m) * sizeof *state);
        safetensors_commit(x.w);
        checkpoint_path(path, sizeof path, folder, s->step, "DONE");
        publish_file(path, "", 0);
        publish_sync_folder(folder);
        remove_others(folder, s->step, s->good_step);
    }
    free(state);
    communicator_barrier(c); // nobody leaves before the checkpoint is there
}

static void read_log(const struct safetensors_reader *r, const char *path, const char *name,
                     struct run_log *log) {
    const char *text = safetensors_metadata(r, name);
    *log = (struct run_log){0};
    if (text && sscanf(text, "%" SCNu64 " %32[0-9a-f]", &log->length, log->hash) != 2)
        die("%s: damaged: its metadata say \"%s\" of %s", path, text, name);
}

void checkpoint_load(const char *folder, uint64_t step, struct communicator *c, struct model *m,
                     struct workspace *w, const struct checkpoint_identity *id, struct checkpoint *s) {
    char path[4096];
    checkpoint_path(path, sizeof path, folder, step, "state.safetensors");
    struct tensor_context x = {.r = safetensors_open(path, NULL), .path = path, .k = m->k};
    check_identity(x.r, path, id, s, c->ranks);
    s->step = strtoull(need(x.r, path, "step"), NULL, 10);
    s->words = strtoull(need(x.r, path, "words"), NULL, 10);
    s->train_seconds = strtod(need(x.r, path, "train_seconds"), NULL);
    s->best_perplexity = strtod(need(x.r, path, "best_perplexity"), NULL);
    s->last_perplexity = strtod(need(x.r, path, "last_perplexity"), NULL);
    s->rate_factor = strtod(need(x.r, path, "rate_factor"), NULL);
    s->unimproved = strtoull(need(x.r, path, "unimproved"), NULL, 10);
    s->first_loss = strtod(need(x.r, path, "first_loss"), NULL);
    s->good_step = strtoull(need(x.r, path, "good_step"), NULL, 10);
    snprintf(s->init, sizeof s->init, "%s", init_hash(x.r, path));
    for (int i = 0; i < RUN_LOGS; i++) read_log(x.r, path, run_log_names[i], &s->logs[i]);
    each_tensor(m, read_tensor, &x);
    size_t streams = w->B * (size_t)c->ranks, floats = workspace_state_floats(m);
    const struct tensor_info *t = safetensors_find(x.r, "carried_state");
    if (!t || t->type != TENSOR_F32 || t->dims != 2 || t->shape[0] != streams || t->shape[1] != floats)
        die("%s: the carried state is not float32 of shape (%zu, %zu)", path, streams, floats);
    const float *state = safetensors_data(x.r, t);
    workspace_set_state(m, w, state + (size_t)c->rank * w->B * floats);
    safetensors_close(x.r);
}
