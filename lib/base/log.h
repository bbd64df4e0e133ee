/*
 * The log: one line an event on stderr, as text on a terminal and as JSON lines elsewhere
 * (ts RFC 3339, level, msg, then the fields). Never a payload, a key or an envelope.
 * Repeated lines of one place are held to a rate: at most 10 a second a call site, then one
 * line says how many were left out.
 */
#ifndef POUCH_BASE_LOG_H
#define POUCH_BASE_LOG_H

#include <stddef.h>

enum pl_log_level { PL_LOG_ERROR, PL_LOG_WARN, PL_LOG_INFO, PL_LOG_DEBUG };

void pl_log_set_level(enum pl_log_level most); /* process-wide; default PL_LOG_INFO */
void pl_log_set_name(const char *program);     /* static text in front of terminal lines */

struct pl_log_site { /* one static per call site, made by the macro */
    long second;
    unsigned in_second, left_out;
};

/*
 * fields: pairs of name, value (both text, NULL value: left out), ended by NULL:
 *   PL_LOG(PL_LOG_WARN, "reply too late", "request_id", id, "topic", topic)
 */
#define PL_LOG(level, msg, ...)                                                                    \
    do {                                                                                           \
        static struct pl_log_site pl_log_site_;                                                    \
        pl_log_write(&pl_log_site_, (level), (msg), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}); \
    } while (0)

void pl_log_write(struct pl_log_site *site, enum pl_log_level level, const char *msg, const char *const fields[]);

#endif
