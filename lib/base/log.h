/*
 * The log: one line an event on stderr, as text on a terminal and as JSON lines elsewhere
 * (ts RFC 3339, level, msg, then the fields). Never a payload, a key or an envelope.
 * Repeated lines of one place are held to a rate: at most 10 a second a call site, then one
 * line says how many were left out (it comes with the place's next line). A line ends at
 * 4,095 bytes: fields beyond are cut, and the line says so.
 */
#ifndef POUCH_BASE_LOG_H
#define POUCH_BASE_LOG_H

#include <base/clock.h>
#include <stddef.h>
#include <stdint.h>

enum pl_log_level { PL_LOG_ERROR, PL_LOG_WARN, PL_LOG_INFO, PL_LOG_DEBUG };

void pl_log_set_level(enum pl_log_level most);   /* process-wide; default PL_LOG_INFO */
void pl_log_set_name(const char *program);       /* static text in front of terminal lines */
void pl_log_set_clock(const struct pl_clock *c); /* static; before other threads log; default pl_clock_system */
uint64_t pl_log_left_out(void);                  /* lines that the rate has held back in this process */

/*
 * The last PL_LOG_KEPT lines of levels error and warn, oldest first, as JSON objects. Whoever is called must not log.
 */
enum { PL_LOG_KEPT = 8 };
void pl_log_kept(void (*each)(const char *json, size_t n, void *arg), void *arg);

struct pl_log_site { /* one static per call site, made by the macro */
    int64_t second;
    unsigned in_second, left_out;
};

/*
 * fields: pairs of name, value (both text, NULL value: left out), ended by NULL:
 *   PL_LOG(PL_LOG_WARN, "reply too late", "request_id", id, "topic", topic)
 */
#define PL_LOG(level, msg, ...)                                                                              \
    do {                                                                                                     \
        static struct pl_log_site pl_log_site_;                                                              \
        pl_log_write(&pl_log_site_, (level), (msg), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}); \
    } while (0)

/* Any thread; errno is kept. Not for signal handlers. */
void pl_log_write(struct pl_log_site *site, enum pl_log_level level, const char *msg, const char *const fields[]);

#endif
