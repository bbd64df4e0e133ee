/* A mock cluster of three brokers, and a handle on it. Include after support.h. */
#ifndef POUCH_TESTS_CLUSTER_FIXTURE_H
#define POUCH_TESTS_CLUSTER_FIXTURE_H

#include <mock.h>

#include <base/log.h>
#include <cluster/topics.h>

enum { TIMEOUT_MS = 30000, BROKERS = 3 };

struct fixture {
    struct test_mock mock;
    struct pl_settings settings;
    struct pl_cluster *cluster;
    rd_kafka_t *rk;
};

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    pl_log_set_level(PL_LOG_ERROR);
    test_mock_start(&f->mock, BROKERS);
    test_mock_settings(&f->mock, &f->settings);
    assert_int_equal(pl_cluster_open(&f->cluster, &f->settings, "tester"), POUCH_OK);
    f->rk = pl_cluster_handle(f->cluster);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;
    pl_cluster_close(f->cluster);
    pl_settings_free(&f->settings);
    test_mock_stop(&f->mock);
    free(f);
    return 0;
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
