/* One line of the log, in one of its two forms, in a fixed place. Always whole: valid JSON, whole UTF-8, one '\n'. */
#ifndef POUCH_BASE_LOG_LINE_H
#define POUCH_BASE_LOG_LINE_H

#include <base/log.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_LOG_LINE_MAX = 4095 }; /* with the '\n'; a pipe takes 4,096 bytes in one piece */

struct pl_log_line {
    char at[PL_LOG_LINE_MAX];
    size_t len;
    bool cut; /* something did not fit */
};

/* What both forms are made from. */
struct pl_log_event {
    int64_t wall_ms;
    enum pl_log_level level;
    const char *msg;
    const char *const *fields; /* as for pl_log_write() */
};

void pl_log_line_json(struct pl_log_line *line, const struct pl_log_event *event);

/* program may be NULL; colour: ANSI sequences. */
void pl_log_line_text(struct pl_log_line *line, const struct pl_log_event *event, const char *program, bool colour);

#endif
