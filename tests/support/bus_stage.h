/* A cluster and a producer on it, for tests of what producers do and of what is written with them. */
#ifndef POUCH_TESTS_BUS_STAGE_H
#define POUCH_TESTS_BUS_STAGE_H

#include <bus/producer.h>
#include <mock.h>

struct bus_stage {
    struct test_mock mock;
    struct pl_settings settings;
    struct pl_kafka_health *health;
    struct pl_wake wake;
    struct pl_producer *producer; /* NULL: the test has freed it */
};

/* settings: name, value, …, NULL; may be NULL. Deliveries go to fn with owner. */
static inline void bus_stage_set_up(struct bus_stage *s, const char *const settings[], pl_delivered_fn *fn,
                                    void *owner) {
    test_mock_start(&s->mock, 1);
    test_mock_settings_with(&s->mock, &s->settings, settings);
    s->health = pl_kafka_health_new();
    assert_non_null(s->health);
    assert_int_equal(pl_wake_init(&s->wake), POUCH_OK);
    assert_int_equal(pl_producer_new(&s->producer, &s->settings, "test", s->health, &s->wake, fn, owner), POUCH_OK);
}

static inline void bus_stage_tear_down(struct bus_stage *s) {
    pl_producer_free(s->producer, 0);
    pl_wake_free(&s->wake);
    pl_kafka_health_free(s->health);
    pl_settings_free(&s->settings);
    test_mock_stop(&s->mock);
}

#endif
