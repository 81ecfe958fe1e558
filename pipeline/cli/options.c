#include "pipeline/cli/options.h"

#include "pipeline/cli/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool dry_run;

enum { OPTIONS_MOST = 128 };
static bool seen[OPTIONS_MOST]; // by place in the program's table

bool options_is_dry_run(void) { return dry_run; }

bool options_parse_size(const char *text, uint64_t *bytes) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || errno || !(value >= 0)) return false;
    double scale = 1;
    switch (*end) {
    case 'k':
    case 'K': scale = 1024.0; break;
    case 'm':
    case 'M': scale = 1024.0 * 1024; break;
    case 'g':
    case 'G': scale = 1024.0 * 1024 * 1024; break;
    case 't':
    case 'T': scale = 1024.0 * 1024 * 1024 * 1024; break;
    default: break;
    }
    if (scale > 1) end++;
    if (end[0] == 'i' && scale > 1) end++;
    if (end[0] == 'B') end++;
    if (*end || value * scale >= 9.2e18) return false;
    *bytes = (uint64_t)(value * scale);
    return true;
}

const char *options_format(const struct option_spec *option, char *text, size_t size) {
    switch (option->kind) {
    case OPTION_FLAG: snprintf(text, size, "%s", *(bool *)option->value ? "yes" : "no"); break;
    case OPTION_INT: snprintf(text, size, "%lld", (long long)*(int64_t *)option->value); break;
    case OPTION_REAL: snprintf(text, size, "%.10g", *(double *)option->value); break;
    case OPTION_SIZE: {
        uint64_t n = *(uint64_t *)option->value;
        static const char units[] = "KMGT";
        int unit = -1;
        while (n && n % 1024 == 0 && unit < 3) n /= 1024, unit++;
        if (unit < 0)
            snprintf(text, size, "%llu", (unsigned long long)n);
        else
            snprintf(text, size, "%llu%c", (unsigned long long)n, units[unit]);
        break;
    }
    case OPTION_STRING:
    case OPTION_CHOICE: {
        const char *s = *(const char **)option->value;
        snprintf(text, size, "%s", s ? s : "");
        break;
    }
    }
    return text;
}

static bool in_range(const struct option_spec *option, double value) {
    if (option->minimum == 0 && option->maximum == 0) return option->kind == OPTION_REAL || value >= 0;
    return value >= option->minimum && value <= option->maximum;
}

static _Noreturn void die_range(const struct option_spec *option, const char *text) {
    if (option->minimum == 0 && option->maximum == 0)
        die_usage("--%s %s: must not be negative", option->name, text);
    die_usage("--%s %s: must be from %.10g to %.10g", option->name, text, option->minimum, option->maximum);
}

static bool is_choice(const char *choices, const char *word) {
    size_t n = strlen(word);
    for (const char *p = choices; n && p; p = strchr(p, '|')) {
        if (*p == '|') p++;
        if (strncmp(p, word, n) == 0 && (p[n] == '|' || p[n] == 0)) return true;
    }
    return false;
}

static void option_set(const struct option_spec *option, const char *text) {
    char *end;
    errno = 0;
    switch (option->kind) {
    case OPTION_FLAG: break;
    case OPTION_INT: {
        long long value = strtoll(text, &end, 10);
        if (end == text || *end || errno) die_usage("--%s %s: not a whole number", option->name, text);
        if (!in_range(option, (double)value)) die_range(option, text);
        *(int64_t *)option->value = value;
        break;
    }
    case OPTION_REAL: {
        double value = strtod(text, &end);
        if (end == text || *end || errno || !isfinite(value))
            die_usage("--%s %s: not a number", option->name, text);
        if (!in_range(option, value)) die_range(option, text);
        *(double *)option->value = value;
        break;
    }
    case OPTION_SIZE: {
        uint64_t value;
        if (!options_parse_size(text, &value))
            die_usage("--%s %s: not a size such as 512, 64M or 8G", option->name, text);
        if (!in_range(option, (double)value)) die_range(option, text);
        *(uint64_t *)option->value = value;
        break;
    }
    case OPTION_STRING: *(const char **)option->value = text; break;
    case OPTION_CHOICE:
        if (!is_choice(option->choices, text))
            die_usage("--%s %s: must be one of %s", option->name, text, option->choices);
        *(const char **)option->value = text;
        break;
    }
}

static void print_help(const struct program *program) {
    printf("usage: %s [options]%s%s\n\n%s\n\noptions:\n", program->name, *program->arguments ? " " : "",
           program->arguments, program->summary);
    for (const struct option_spec *o = program->options; o->name; o++) {
        char left[128], value[256];
        if (o->kind == OPTION_FLAG)
            snprintf(left, sizeof left, "--%s", o->name);
        else if (o->kind == OPTION_CHOICE)
            snprintf(left, sizeof left, "--%s %s", o->name, o->choices);
        else
            snprintf(left, sizeof left, "--%s %s", o->name, o->argument ? o->argument : "N");
        options_format(o, value, sizeof value);
        printf("  %-32s %s", left, o->help);
        if (o->required)
            printf(" (required)");
        else if (o->kind != OPTION_FLAG && *value)
            printf(" [%s]", value);
        else if (o->kind == OPTION_FLAG && *(bool *)o->value)
            printf(" [on; --no-%s]", o->name);
        putchar('\n');
    }
    printf("  %-32s %s\n", "--dry-run", "say what would be read, written and allocated, and stop");
    printf("  %-32s %s\n", "--quiet", "print warnings and errors only");
    printf("  %-32s %s\n", "--help, --version", "print this text, or the version and what it was built with");
    if (program->details) printf("\n%s\n", program->details);
}

static const struct option_spec *find_option(const struct program *program, const char *name, size_t length) {
    for (const struct option_spec *o = program->options; o->name; o++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    return NULL;
}

// One argument that starts with "--".  Returns how many further arguments it used (0 or 1).
static int parse_long(const struct program *program, const char *name, const char *next) {
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_spec *option = find_option(program, name, length);
    if (!option && strncmp(name, "no-", 3) == 0) {
        option = find_option(program, name + 3, length - 3);
        if (option && option->kind == OPTION_FLAG && !equals) {
            seen[option - program->options] = true;
            *(bool *)option->value = false;
            return 0;
        }
        option = NULL;
    }
    if (!option) die_usage("unknown option --%.*s", (int)length, name);
    if (seen[option - program->options] && option->kind == OPTION_STRING)
        die_usage("--%s is given twice: it takes one value", option->name);
    seen[option - program->options] = true;
    if (option->kind == OPTION_FLAG) {
        if (equals) die_usage("--%s takes no value", option->name);
        *(bool *)option->value = true;
        return 0;
    }
    const char *value = equals ? equals + 1 : next;
    if (!value || (option->required && !*value)) die_usage("--%s needs a value", option->name);
    option_set(option, value);
    return equals ? 0 : 1;
}

bool options_was_given(const struct program *program, const char *name) {
    const struct option_spec *option = find_option(program, name, strlen(name));
    return option && seen[option - program->options];
}

// Where a program is started without stdin, stdout or stderr, the files that it opens would get their numbers, and
// what it says would go into them.
static void keep_standard_numbers(void) {
    for (int i = 0; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            exit(EXIT_FAILED); // so that reading and writing there go on failing
}

int options_parse(const struct program *program, int argc, char **argv) {
    keep_standard_numbers();
    memset(seen, 0, sizeof seen); // of a command line before, in tests
    dry_run = false;
    message_set_program(program->name);
    size_t count = 0;
    while (program->options[count].name) count++;
    if (count > OPTIONS_MOST)
        die("%s has more than %d options: raise OPTIONS_MOST", program->name, OPTIONS_MOST);
    char **positional = calloc((size_t)argc + 1, sizeof *positional);
    if (!positional) die("out of memory");
    int positionals = 0;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            print_help(program);
            message_finish_stdout();
            exit(EXIT_DONE);
        }
        if (strcmp(a, "--version") == 0) {
            version_print(program->name);
            message_finish_stdout();
            exit(EXIT_DONE);
        }
        if (strcmp(a, "--quiet") == 0)
            message_set_quiet(true);
        else if (strcmp(a, "--dry-run") == 0)
            dry_run = true;
        else if (strcmp(a, "--") == 0) {
            while (++i < argc) positional[positionals++] = argv[i];
        } else if (strncmp(a, "--", 2) == 0)
            i += parse_long(program, a + 2, i + 1 < argc ? argv[i + 1] : NULL);
        else if (a[0] == '-' && a[1])
            die_usage("unknown option %s", a);
        else
            positional[positionals++] = argv[i];
    }
    for (size_t i = 0; i < count; i++)
        if (program->options[i].required && !seen[i]) die_usage("--%s is missing", program->options[i].name);
    if (positionals && !*program->arguments) die_usage("unexpected argument %s", positional[0]);
    for (int i = 0; i < positionals; i++) argv[argc - positionals + i] = positional[i];
    free(positional);
    return argc - positionals;
}

void options_print(const struct program *program) {
    for (const struct option_spec *o = program->options; o->name; o++) {
        char value[1024];
        options_format(o, value, sizeof value);
        if (*value) note("  %-20s %s", o->name, value);
    }
}
