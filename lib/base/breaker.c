#include <base/breaker.h>

void pl_breaker_init(struct pl_breaker *b, const struct pl_breaker_limits *limits, int64_t now_us) {
    *b = (struct pl_breaker){.limits = *limits, .since_us = now_us};
}

static void enter(struct pl_breaker *b, enum pl_breaker_state state, int64_t now_us) {
    b->state = state;
    b->since_us = now_us;
    b->probing = false;
}

int64_t pl_breaker_due(const struct pl_breaker *b) {
    return b->state == PL_BREAKER_OPEN ? b->since_us + b->limits.recovery_us : INT64_MAX;
}

bool pl_breaker_look(struct pl_breaker *b, int64_t now_us) {
    if (now_us < pl_breaker_due(b)) return false;
    enter(b, PL_BREAKER_HALF_OPEN, now_us);
    return true;
}

bool pl_breaker_probe(struct pl_breaker *b) {
    if (b->state != PL_BREAKER_HALF_OPEN || b->probing) return false;
    b->probing = true;
    return true;
}

/*
 * Notes one more failure: whether there are too many now. The slot that is written next holds the oldest that counts.
 */
static bool is_too_many(struct pl_breaker *b, int64_t now_us) {
    size_t most = b->limits.failures;
    b->at[b->failures++ % most] = now_us;
    return b->failures >= most && now_us - b->at[b->failures % most] <= b->limits.period_us;
}

bool pl_breaker_failed(struct pl_breaker *b, bool probe, int64_t now_us) {
    if (!b->limits.failures || (b->state != PL_BREAKER_CLOSED && !probe)) return false;
    bool opens = is_too_many(b, now_us) || probe;
    if (opens) enter(b, PL_BREAKER_OPEN, now_us);
    return opens;
}

bool pl_breaker_succeeded(struct pl_breaker *b, bool probe, int64_t now_us) {
    if (b->state != PL_BREAKER_CLOSED && !probe) return false;
    bool closes = b->state != PL_BREAKER_CLOSED;
    b->failures = 0;
    if (closes) enter(b, PL_BREAKER_CLOSED, now_us);
    return closes;
}

void pl_breaker_unknown(struct pl_breaker *b) {
    b->probing = false;
}

const char *pl_breaker_state_name(enum pl_breaker_state state) {
    static const char *const names[] = {
        [PL_BREAKER_CLOSED] = "closed", [PL_BREAKER_OPEN] = "open", [PL_BREAKER_HALF_OPEN] = "half_open"};
    return names[state];
}
