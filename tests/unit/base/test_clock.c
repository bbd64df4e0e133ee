/* The system's clock counts in the units it says. */
#include <support.h>

#include <time.h>

static void monotonic_time_is_in_microseconds_and_never_goes_back(void **state) {
    (void)state;
    int64_t last = pl_mono_us(&pl_clock_system);
    for (int i = 0; i < 10000; i++) {
        struct timespec t;
        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
        int64_t now = pl_mono_us(&pl_clock_system);
        assert_true(now >= last && now >= (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
        last = now;
    }
}

static void wall_time_is_in_milliseconds_since_the_epoch(void **state) {
    (void)state;
    time_t before = time(NULL);
    int64_t now = pl_wall_ms(&pl_clock_system);
    assert_true(now / 1000 >= before && now / 1000 <= time(NULL) + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_is_in_microseconds_and_never_goes_back),
        cmocka_unit_test(wall_time_is_in_milliseconds_since_the_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
