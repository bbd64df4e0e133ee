/* librdkafka's in-process cluster for tests; include after support.h. */
#ifndef POUCH_TESTS_MOCK_H
#define POUCH_TESTS_MOCK_H

#include <base/clock.h>
#include <conf/settings.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tsan.h>

/* Protocol numbers of the requests that tests push errors for. */
enum {
    TEST_API_PRODUCE = 0,
    TEST_API_FETCH = 1,
    TEST_API_METADATA = 3,
    TEST_API_OFFSET_COMMIT = 8,
    TEST_API_INIT_PRODUCER_ID = 22,
};

struct test_mock {
    rd_kafka_t *host; /* only carries the cluster */
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers; /* bootstrap.servers, borrowed */
};

static inline void test_mock_start(struct test_mock *m, int brokers) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_conf_set_log_cb(conf, NULL);
    m->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(m->host);
    m->cluster = rd_kafka_mock_cluster_new(m->host, brokers);
    assert_non_null(m->cluster);
    m->brokers = rd_kafka_mock_cluster_bootstraps(m->cluster);
}

static inline void test_mock_stop(struct test_mock *m) {
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->host);
    memset(m, 0, sizeof *m);
}

static inline void test_mock_topic(struct test_mock *m, const char *name, int partitions) {
    assert_int_equal(rd_kafka_mock_topic_create(m->cluster, name, partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* The mock's brokers and more settings as name, value, …, NULL. Freed with pl_settings_free(). */
static inline void test_mock_settings_with(const struct test_mock *m, struct pl_settings *s, const char *const more[]) {
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pouch_options_set(o, "brokers", m->brokers), POUCH_OK);
    for (; more && *more; more += 2) assert_int_equal(pouch_options_set(o, more[0], more[1]), POUCH_OK);
    assert_int_equal(pl_settings_read(s, o), POUCH_OK);
    pouch_options_free(o);
}

/* Settings as a user leaves them, with the mock's brokers. */
static inline void test_mock_settings(const struct test_mock *m, struct pl_settings *s) {
    test_mock_settings_with(m, s, NULL);
}

/* How long a test waits for what is to come. */
enum { TEST_UNTIL_MS = 120000 };

/*
 * Calls step until it says true; fails the test after TEST_UNTIL_MS. Between calls it gives the processor away for 1
 * ms.
 */
#define test_until(step, arg) test_until_at((step), (arg), #step, __FILE__, __LINE__)

static inline void test_until_at(bool (*step)(void *), void *arg, const char *what, const char *file, int line) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + TEST_UNTIL_MS * INT64_C(1000);
    while (!step(arg)) {
        if (pl_mono_us(&pl_clock_system) > give_up) {
            print_error("%s did not come true within two minutes\n", what);
            _fail(file, line);
        }
        poll(NULL, 0, 1);
    }
}

#endif
