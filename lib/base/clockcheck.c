#include <base/clockcheck.h>
#include <base/log.h>
#include <stdio.h>
#include <stdlib.h>

void pl_clockcheck_init(struct pl_clockcheck *c, const struct pl_clock *clock, int64_t tolerance_ms) {
    c->clock = clock;
    c->tolerance_ms = tolerance_ms > PL_CLOCK_UNSURE_MS ? tolerance_ms : PL_CLOCK_UNSURE_MS;
    c->wall_ms = pl_wall_ms(clock);
    c->mono_us = pl_mono_us(clock);
    c->trust_from_us = 0;
    atomic_init(&c->trusted, true);
}

static void distrust(struct pl_clockcheck *c, const char *why, int64_t by_ms) {
    if (pl_clockcheck_trusted(c)) {
        char ms[24];
        snprintf(ms, sizeof ms, "%lld", (long long)by_ms);
        PL_LOG(PL_LOG_ERROR, "the clock cannot be believed, so deadlines are ignored; check time synchronisation",
               "why", why, "by_ms", ms);
    }
    c->trust_from_us = pl_mono_us(c->clock) + (int64_t)PL_CLOCK_DISTRUST_MS * 1000;
    atomic_store_explicit(&c->trusted, false, memory_order_relaxed);
}

void pl_clockcheck_tick(struct pl_clockcheck *c) {
    int64_t wall_ms = pl_wall_ms(c->clock), mono_us = pl_mono_us(c->clock);
    int64_t jump_ms = (wall_ms - c->wall_ms) - (mono_us - c->mono_us) / 1000;
    c->wall_ms = wall_ms;
    c->mono_us = mono_us;
    if (llabs(jump_ms) > c->tolerance_ms) {
        distrust(c, "the wall clock jumped", jump_ms);
    } else if (!pl_clockcheck_trusted(c) && mono_us >= c->trust_from_us) {
        atomic_store_explicit(&c->trusted, true, memory_order_relaxed);
        PL_LOG(PL_LOG_INFO, "the clock has been steady for a minute; deadlines count again");
    }
}

void pl_clockcheck_record(struct pl_clockcheck *c, int64_t ms) {
    int64_t ahead_ms = ms - c->wall_ms - (pl_mono_us(c->clock) - c->mono_us) / 1000;
    if (ahead_ms > c->tolerance_ms) distrust(c, "a record comes from the future", ahead_ms);
}
