// How every program talks to a person: one line a message on stderr, prefixed with the program's name
// and, in a job of several ranks, with rank and host.  stdout is kept for data.
//
// Programs here are short-lived stages: whatever cannot go on calls die(), which prints what is wrong,
// where, and what to do, removes half-written files (atexit) and leaves with the exit code.
// Exit codes: 0 done, 1 failed, 2 wrong usage.
#ifndef PIPELINE_CLI_MESSAGE_H
#define PIPELINE_CLI_MESSAGE_H

#include <stdbool.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

// Set once at the start of main; `name` must outlive the program.
void message_set_program(const char *name);
// Called when the job has several ranks; prefixes every message with "[rank R on HOST]".
void message_set_rank(int rank, int ranks);
// With --quiet only warnings and errors are printed.
void message_set_quiet(bool quiet);
bool message_is_quiet(void);

// `hook`, when set, is called by die() after the message is out, in place of exit(): a job of several ranks
// takes all of them down with it.  It may not return.
void message_set_die_hook(void (*hook)(int code));

// For the end of a program that prints data: dies where stdout did not take all of it.
void message_finish_stdout(void);

void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Wrong usage: the message, a pointer to --help, exit code 2.
_Noreturn void die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
// As die(), with ": " and the text of errno behind the message.
_Noreturn void die_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
