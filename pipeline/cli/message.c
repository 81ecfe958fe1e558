#include "pipeline/cli/message.h"

#include "pipeline/cli/options.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "billionword";
static bool is_first_rank = true;
static char rank_text[HOST_NAME_MAX + 32]; // "[rank 1 on host]" or empty
static bool quiet, dying;
static void (*_Atomic die_hook)(int code); // a watching thread may die while it is set

void message_set_program(const char *name) { program_name = name; }

void message_set_rank(int rank, int ranks) {
    char host[HOST_NAME_MAX + 1] = "?";
    gethostname(host, sizeof host);
    is_first_rank = rank == 0;
    if (ranks > 1) snprintf(rank_text, sizeof rank_text, "[rank %d on %s]", rank, host);
}

void message_set_quiet(bool on) { quiet = on; }
bool message_is_quiet(void) { return quiet; }
void message_set_die_hook(void (*hook)(int code)) { die_hook = hook; }

// One write a message, so that the lines of several ranks or threads do not mix.
static void message_write(const char *kind, const char *format, va_list args, const char *tail) {
    char line[4096];
    size_t room = sizeof line - 1;
    const char *where = *kind || !is_first_rank ? rank_text : ""; // what rank 0 tells is told for all
    int n = snprintf(line, room, "%s%s: %s", program_name, where, kind);
    n += vsnprintf(line + n, room - (size_t)n, format, args);
    if ((size_t)n < room) n += snprintf(line + n, room - (size_t)n, "%s", tail);
    if ((size_t)n >= room) n = (int)room - 1;
    line[n++] = '\n';
    fflush(stdout);
    if (write(STDERR_FILENO, line, (size_t)n) < 0) return; // nothing is left to say it to
}

// What LeakSanitizer asks, where there is one.  What a program holds that dies, or leaves early after a dry
// run, is no leak, though no variable may be left that leads to it; and what MPI's plugins keep, unloaded by
// then, cannot be told from leaks of ours.
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return dying || options_is_dry_run() || *rank_text; }

static _Noreturn void message_leave(int code) {
    void (*hook)(int) = die_hook;
    if (hook) hook(code);
    exit(code);
}

// A thread that fails while another is already leaving waits for the end instead of printing a second reason.
static void message_enter_death(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static _Thread_local bool leaving;
    if (leaving) _exit(EXIT_FAILED); // failed while leaving
    leaving = true;
    pthread_mutex_lock(&lock);
    dying = true;
}

void message_finish_stdout(void) {
    if (fflush(stdout) || ferror(stdout)) die_errno("cannot write to stdout");
}

void note(const char *format, ...) {
    if (quiet) return;
    va_list args;
    va_start(args, format);
    message_write("", format, args, "");
    va_end(args);
}

void warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    message_write("warning: ", format, args, "");
    va_end(args);
}

void die(const char *format, ...) {
    message_enter_death();
    va_list args;
    va_start(args, format);
    message_write("error: ", format, args, "");
    va_end(args);
    message_leave(EXIT_FAILED);
}

void die_errno(const char *format, ...) {
    char tail[256];
    snprintf(tail, sizeof tail, ": %s", strerror(errno));
    message_enter_death();
    va_list args;
    va_start(args, format);
    message_write("error: ", format, args, tail);
    va_end(args);
    message_leave(EXIT_FAILED);
}

void die_usage(const char *format, ...) {
    char tail[128];
    snprintf(tail, sizeof tail, " (see `%s --help`)", program_name);
    message_enter_death();
    va_list args;
    va_start(args, format);
    message_write("error: ", format, args, tail);
    va_end(args);
    message_leave(EXIT_USAGE);
}
