#include <base/clock.h>
#include <store/gap.h>
#include <sys/random.h>

void pl_gap_add(struct pl_gap *g, int64_t from_us, int64_t to_us, uint64_t rows) {
    if (!rows) return;
    if (!g->rows || from_us < g->from_us) g->from_us = from_us;
    if (!g->rows || to_us > g->to_us) g->to_us = to_us;
    g->rows += rows;
}

void pl_gap_move(struct pl_gap *g, struct pl_gap *from) {
    pl_gap_add(g, from->from_us, from->to_us, from->rows);
    *from = (struct pl_gap){0};
}

/* Without random bytes, early in a boot, the time serves. */
void pl_gap_close(struct pl_gap *g) {
    if (getrandom(&g->id, sizeof g->id, GRND_NONBLOCK) != sizeof g->id)
        g->id = (uint64_t)pl_wall_us(&pl_clock_system) ^ (uint64_t)pl_mono_us(&pl_clock_system) << 32;
    g->id |= 1;
}
