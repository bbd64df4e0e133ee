#include <base/clock.h>
#include <stddef.h>
#include <time.h>

static int64_t mono_us(void *arg) {
    (void)arg;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wall_ms(void *arg) {
    (void)arg;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t pl_wall_us(const struct pl_clock *c) {
    struct timespec t;
    if (c != &pl_clock_system) return pl_wall_ms(c) * 1000;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const struct pl_clock pl_clock_system = {mono_us, wall_ms, NULL};
