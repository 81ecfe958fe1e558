#include "pipeline/cli/progress.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };
static const double TERMINAL_INTERVAL = 0.2, FILE_INTERVAL = 20; // seconds between two lines

void progress_start(struct progress *p, const char *what, const char *unit, double unit_size,
                    uint64_t total) {
    double now = time_now();
    *p = (struct progress){.what = what,
                           .unit = unit,
                           .unit_size = unit_size,
                           .total = total,
                           .start = now,
                           .last_shown = now,
                           .terminal = isatty(STDERR_FILENO),
                           .on = !message_is_quiet()};
}

static void progress_show(const struct progress *p, uint64_t done, const char *extra, double now, bool last) {
    double elapsed = now - p->start, rate = elapsed > 0 ? (double)(done - p->first) / elapsed : 0;
    char bar[BAR_WIDTH + 4] = "", left[32] = "";
    if (p->total) {
        double part = (double)done / (double)p->total;
        int filled = (int)(part * BAR_WIDTH + 0.5);
        if (p->terminal) {
            memset(bar, ' ', BAR_WIDTH + 3);
            bar[0] = '[', bar[BAR_WIDTH + 1] = ']';
            for (int i = 0; i < filled && i < BAR_WIDTH; i++) bar[1 + i] = '#';
            bar[BAR_WIDTH + 3] = 0;
        }
        if (!last && rate > 0 && done < p->total) time_format((double)(p->total - done) / rate, left);
    }
    char took[32], percent[16] = "";
    time_format(elapsed, took);
    if (p->total) snprintf(percent, sizeof percent, "%3.0f %% ", 100.0 * (double)done / (double)p->total);
    char line[512];
    snprintf(line, sizeof line, "%s: %s%s%.1f %s, %.1f %s/s, %s%s%s%s%s", p->what, bar, percent,
             (double)done / p->unit_size, p->unit, rate / p->unit_size, p->unit, took, *left ? ", left " : "",
             left, extra ? ", " : "", extra ? extra : "");
    if (p->terminal) {
        fprintf(stderr, "\r%s\033[K%s", line, last ? "\n" : "");
        fflush(stderr);
    } else {
        note("%s", line);
    }
}

void progress_update(struct progress *p, uint64_t done, const char *extra) {
    if (!p->on) return;
    double now = time_now();
    if (now - p->last_shown < (p->terminal ? TERMINAL_INTERVAL : FILE_INTERVAL)) return;
    p->last_shown = now;
    progress_show(p, done, extra, now, false);
}

void progress_end(struct progress *p, uint64_t done, const char *extra) {
    if (p->on) progress_show(p, done, extra, time_now(), true);
}
