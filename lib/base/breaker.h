/*
 * A circuit breaker: whether to call what keeps failing. It has no clock and does not wait: its owner says what time
 * it is, on the monotonic clock.
 *
 *   CLOSED     calls go. So many failures in a row, all of them within the period, open it; a success ends the row
 *   OPEN       no call goes until the recovery time has passed. How those end that began before says nothing new
 *   HALF_OPEN  one call at a time goes, the probe: its success closes the breaker, its failure opens it again
 */
#ifndef POUCH_BASE_BREAKER_H
#define POUCH_BASE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_breaker_state { PL_BREAKER_CLOSED, PL_BREAKER_OPEN, PL_BREAKER_HALF_OPEN };

enum { PL_BREAKER_FAILURES_MOST = 100 };

struct pl_breaker_limits {
    size_t failures; /* at most PL_BREAKER_FAILURES_MOST; 0: it never opens */
    int64_t period_us, recovery_us;
};

struct pl_breaker {
    struct pl_breaker_limits limits;
    enum pl_breaker_state state;
    int64_t since_us;                     /* in this state */
    bool probing;                         /* HALF_OPEN, and the probe is under way */
    size_t failures;                      /* in a row, those of probes included */
    int64_t at[PL_BREAKER_FAILURES_MOST]; /* a ring: when the latest of them were */
};

void pl_breaker_init(struct pl_breaker *b, const struct pl_breaker_limits *limits, int64_t now_us);

/* Makes it HALF_OPEN when it is time. True: it has just become that. */
bool pl_breaker_look(struct pl_breaker *b, int64_t now_us);

/* When that will be; INT64_MAX: it is not OPEN. */
int64_t pl_breaker_due(const struct pl_breaker *b);

/* HALF_OPEN: whether the next call may go now, as the probe. Whoever is told so says how the probe ends. */
bool pl_breaker_probe(struct pl_breaker *b);

/* A call has ended. True: that opened (_failed) or closed (_succeeded) it. */
bool pl_breaker_failed(struct pl_breaker *b, bool probe, int64_t now_us);
bool pl_breaker_succeeded(struct pl_breaker *b, bool probe, int64_t now_us);

/* The probe has ended, and nobody knows how: another may go. */
void pl_breaker_unknown(struct pl_breaker *b);

/* "closed", "open", "half_open" */
const char *pl_breaker_state_name(enum pl_breaker_state state);

#endif
