/* A producer on a cluster of its own, and what it reports of each record. Include after support.h. */
#ifndef POUCH_TESTS_PRODUCER_BENCH_H
#define POUCH_TESTS_PRODUCER_BENCH_H

#include <bus_stage.h>

enum { MOST = 4096, MANY = 12 };

struct told {
    int reports;
    enum pl_kafka_class class;
    rd_kafka_resp_err_t error;
    int64_t at_ms;
};

/* A producer on a fresh cluster, and what was reported for each record: arg is its place here, NULL: just counted. */
struct bench {
    struct bus_stage on;
    struct told record[MOST];
    size_t reported, target;
    bool resend; /* records reported TRANSIENT are sent again from the report */
    bool keyed;  /* each record has a key of its own */
    enum pl_goes goes;
    char name[64]; /* of the handle at first, where a test asks for it */
    bool closing;  /* the producer may refuse what is sent again */
};

static inline pouch_err send_number(struct bench *b, size_t i) {
    char text[24];
    struct pl_record r = {.topic = "orders", .value = text, .arg = &b->record[i], .goes = b->goes};
    r.value_n = (size_t)snprintf(text, sizeof text, "%zu", i);
    if (b->keyed) {
        r.key = text;
        r.key_n = r.value_n;
    }
    return pl_producer_send(b->on.producer, &r);
}

static inline void on_delivered(const struct pl_delivery *d, void *owner) {
    struct bench *b = owner;
    if (!d->arg) {
        b->reported++;
        return;
    }
    struct told *told = d->arg;
    assert_true(told >= b->record && told < b->record + MOST);
    assert_string_equal(d->topic, "orders");
    if (b->resend && d->class == PL_KAFKA_TRANSIENT) {
        pouch_err e = send_number(b, (size_t)(told - b->record));
        if (!e) return;
        assert_true(b->closing);
    }
    told->reports++;
    told->class = d->class;
    told->error = d->error;
    told->at_ms = d->at_ms;
    b->reported++;
}

/* settings: names and values, ended by NULL. */
static inline struct bench *bench_of(const char *const settings[], int partitions) {
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    bus_stage_set_up(&b->on, settings, on_delivered, b);
    test_mock_topic(&b->on.mock, "orders", partitions);
    return b;
}

static inline struct bench *bench_new(const char *const settings[]) {
    return bench_of(settings, 1);
}

static inline void bench_free(struct bench *b) {
    bus_stage_tear_down(&b->on);
    free(b);
}

static inline bool all_reported(void *arg) {
    struct bench *b = arg;
    pl_producer_poll(b->on.producer);
    return b->reported >= b->target;
}

static inline void wait_reported(struct bench *b, size_t n) {
    b->target = n;
    test_until(all_reported, b);
    assert_int_equal(b->reported, n);
    assert_int_equal(pl_producer_waiting(b->on.producer), 0);
}

#endif
