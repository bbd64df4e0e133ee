/* What the doctor says of settings, topics and peers: each row is one thing that is wrong. */
#include <support.h>

#include <conf/settings.h>
#include <doctor/look.h>
#include <pouch/pouch.h>
#include <pouch/version.h>
#include <stdio.h>

struct fixture {
    struct pl_settings settings;
    struct doctor doctor;
};

/* name, value, …, NULL */
static void start(struct fixture *f, const char *const settings[]) {
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    for (size_t i = 0; settings && settings[i]; i += 2)
        if (pouch_options_set(o, settings[i], settings[i + 1])) fail_msg("%s", pouch_why());
    if (pl_settings_read(&f->settings, o)) fail_msg("%s", pouch_why());
    pouch_options_free(o);
    assert_int_equal(doctor_init(&f->doctor, &f->settings), POUCH_OK);
}

static void stop(struct fixture *f) {
    doctor_free(&f->doctor);
    pl_settings_free(&f->settings);
}

static const char *text_at(const struct fixture *f, size_t i, const char *name) {
    return json_string_value(json_object_get(json_array_get(f->doctor.findings, i), name));
}

/* Exactly one finding, of that level, that names where and what; with advice unless all is well. */
static void assert_found(const struct fixture *f, enum doctor_level level, const char *where, const char *what) {
    size_t n = json_array_size(f->doctor.findings);
    if (n != 1) fail_msg("%zu findings where '%s' was to be found", n, what);
    assert_string_equal(text_at(f, 0, "level"), doctor_word(level));
    assert_string_equal(text_at(f, 0, "where"), where);
    if (!strstr(text_at(f, 0, "what"), what)) fail_msg("'%s' does not say '%s'", text_at(f, 0, "what"), what);
    assert_int_equal(text_at(f, 0, "advice") != NULL, level != DOCTOR_OK);
    if (level != DOCTOR_OK) assert_true(strlen(text_at(f, 0, "advice")) > 10);
    assert_int_equal(f->doctor.worst, level);
}

static void settings_that_hurt_are_found(void **state) {
    (void)state;
    static const struct {
        const char *settings[5];
        enum doctor_level level;
        const char *where, *what;
    } rows[] = {
        {{NULL}, DOCTOR_OK, "all", "none"},
        {{"kafka.linger.ms", "5"}, DOCTOR_WARN, "kafka.linger.ms", "hops"},
        {{"kafka.linger.ms", "0"}, DOCTOR_OK, "all", "none"},
        {{"kafka.queue.buffering.max.ms", "5"}, DOCTOR_WARN, "kafka.queue.buffering.max.ms", "hops"},
        {{"kafka.message.timeout.ms", "1000"}, DOCTOR_WARN, "kafka.message.timeout.ms", "away"},
        {{"kafka.session.timeout.ms", "5000", "drain", "1s"}, DOCTOR_WARN, "kafka.session.timeout.ms", "pause"},
        {{"kafka.session.timeout.ms", "600000"}, DOCTOR_WARN, "kafka.session.timeout.ms", "stand still"},
        {{"kafka.auto.commit.interval.ms", "60000"}, DOCTOR_WARN, "kafka.auto.commit.interval.ms", "again"},
        {{"kafka.reconnect.backoff.max.ms", "60000"}, DOCTOR_WARN, "kafka.reconnect.backoff.max.ms", "outage"},
        {{"kafka.topic.metadata.refresh.interval.ms", "-1"},
         DOCTOR_WARN,
         "kafka.topic.metadata.refresh.interval.ms",
         "leaders"},
        {{"kafka.queue.buffering.max.kbytes", "2000000"}, DOCTOR_WARN, "kafka.queue.buffering.max.kbytes", "memory"},
        {{"kafka.queued.max.messages.kbytes", "2000000"}, DOCTOR_WARN, "kafka.queued.max.messages.kbytes", "memory"},
        {{"kafka.isolation.level", "read_committed"}, DOCTOR_WARN, "kafka.isolation.level", "transaction"},
        {{"kafka.isolation.level", "read_uncommitted"}, DOCTOR_OK, "all", "none"},
        {{"kafka.enable.ssl.certificate.verification", "false"},
         DOCTOR_WARN,
         "kafka.enable.ssl.certificate.verification",
         "pose"},
        {{"kafka.debug", "all"}, DOCTOR_WARN, "kafka.debug", "time"},
        {{"drain", "1m"}, DOCTOR_WARN, "drain", "session.timeout"},
        {{"drain", "10m"}, DOCTOR_FAIL, "drain", "max.poll.interval"},
        {{"drain", "1m", "kafka.session.timeout.ms", "100000"}, DOCTOR_OK, "all", "none"},
        {{"handler.timeout", "31s"}, DOCTOR_WARN, "handler.timeout", "given up"},
        {{"deadline.skew", "31s"}, DOCTOR_WARN, "deadline.skew", "nobody waits"},
        {{"center.publisher_burst", "5"}, DOCTOR_WARN, "center.publisher_burst", "nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        start(&f, rows[i].settings);
        doctor_settings(&f.doctor);
        assert_found(&f, rows[i].level, rows[i].where, rows[i].what);
        stop(&f);
    }
}

enum { HOUR = 3600000 };

static const struct doctor_topic good = {.name = "t",
                                         .partitions = 3,
                                         .replication = 3,
                                         .least_in_sync = 3,
                                         .configs_known = true,
                                         .min_insync = 2,
                                         .retention_ms = INT64_C(7) * 24 * HOUR,
                                         .max_bytes = 1048588};

static void records_are_as_large_as_these_settings_let_them_be(void **state) {
    (void)state;
    static const struct {
        const char *settings[3];
        enum doctor_level level;
        const char *what;
    } rows[] = {{{NULL}, DOCTOR_OK, "3 partitions"},
                {{"kafka.message.max.bytes", "5000000"}, DOCTOR_WARN, "send up to 5000000"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        start(&f, rows[i].settings);
        f.doctor.brokers = 3;
        doctor_judge_topic(&f.doctor, &good);
        assert_found(&f, rows[i].level, "t", rows[i].what);
        stop(&f);
    }
}

static void assert_topic(struct doctor_topic t, int brokers, enum doctor_level level, const char *what) {
    struct fixture f;
    start(&f, NULL);
    f.doctor.brokers = brokers;
    doctor_judge_topic(&f.doctor, &t);
    assert_found(&f, level, "t", what);
    stop(&f);
}

#define WITH(...)                     \
    ({                                \
        struct doctor_topic t = good; \
        __VA_ARGS__;                  \
        t;                            \
    })

static void topics_that_lose_or_refuse_records_are_found(void **state) {
    (void)state;
    const struct {
        struct doctor_topic topic;
        int brokers;
        enum doctor_level level;
        const char *what;
    } rows[] = {
        {good, 3, DOCTOR_OK, "3 partitions, replication 3"},
        {WITH(t.offline = 1), 3, DOCTOR_FAIL, "1 of 3 partitions have no leader"},
        {WITH(t.lagging = 2, t.least_in_sync = 2), 3, DOCTOR_WARN, "2 of 3 partitions have replicas that lag"},
        {WITH(t.lagging = 2, t.least_in_sync = 1), 3, DOCTOR_FAIL, "1 replicas in sync"},
        {WITH(t.replication = 1, t.least_in_sync = 1, t.min_insync = 1), 3, DOCTOR_WARN, "replication 1 on 3 brokers"},
        {WITH(t.replication = 1, t.least_in_sync = 1, t.min_insync = 1), 1, DOCTOR_OK, "replication 1"},
        {WITH(t.replication = 2, t.least_in_sync = 2, t.min_insync = 1), 2, DOCTOR_OK, "replication 2"},
        {WITH(t.min_insync = 1), 3, DOCTOR_WARN, "one broker alone"},
        {WITH(t.min_insync = 3), 3, DOCTOR_WARN, "one broker away"},
        {WITH(t.retention_ms = 1000), 3, DOCTOR_FAIL, "go after 1 s"},
        {WITH(t.retention_ms = 1000, t.use = DOCTOR_REPLIES), 3, DOCTOR_FAIL, "go after 1 s"},
        {WITH(t.retention_ms = HOUR / 2), 3, DOCTOR_WARN, "go after 1800 s"},
        {WITH(t.retention_ms = 2 * HOUR, t.use = DOCTOR_LETTERS), 3, DOCTOR_WARN, "go after 7200 s"},
        {WITH(t.delay_ms = 8 * HOUR, t.retention_ms = 8 * HOUR), 3, DOCTOR_FAIL, "go after 28800 s"},
        {WITH(t.delay_ms = HOUR, t.retention_ms = 8 * HOUR), 3, DOCTOR_OK, "3 partitions"},
        {WITH(t.retention_ms = -1), 3, DOCTOR_OK, "3 partitions"},
        {WITH(t.compacted = true), 3, DOCTOR_FAIL, "it is compacted"},
        {WITH(t.use = DOCTOR_CHANGES), 3, DOCTOR_FAIL, "it is not compacted"},
        {WITH(t.use = DOCTOR_CHANGES, t.compacted = true, t.retention_ms = 1), 3, DOCTOR_OK, "3 partitions"},
        {WITH(t.max_bytes = 999999), 3, DOCTOR_WARN, "up to 999999 bytes"},
        {WITH(t.configs_known = false, t.max_bytes = 0), 3, DOCTOR_OK, "3 partitions"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_topic(rows[i].topic, rows[i].brokers, rows[i].level, rows[i].what);
}

#define PEER "{\"role\":\"worker\",\"version\":\"" POUCH_VERSION "\",\"now_ms\":100000"

static void what_ails_a_peer_is_found(void **state) {
    (void)state;
    static const struct {
        const char *status;
        int64_t took_ms;
        enum doctor_level level;
        const char *what;
    } rows[] = {
        {PEER ",\"ready\":true,\"reasons\":[],\"notes\":[]}", 5, DOCTOR_OK, "worker, version"},
        {PEER ",\"ready\":false,\"reasons\":[\"it is stopping\"]}", 5, DOCTOR_FAIL, "it is stopping"},
        {PEER ",\"ready\":true,\"notes\":[\"the store does not answer\"]}", 5, DOCTOR_WARN, "the store does not"},
        {"{\"role\":\"center\",\"version\":\"0.0.1\",\"now_ms\":100000}", 5, DOCTOR_WARN, "it is version 0.0.1"},
        {"{\"role\":\"center\",\"version\":\"" POUCH_VERSION "\",\"now_ms\":103000}", 5, DOCTOR_FAIL, "2997 ms apart"},
        {"{\"role\":\"center\",\"version\":\"" POUCH_VERSION "\",\"now_ms\":98500}", 5, DOCTOR_WARN, "1497 ms apart"},
        {"{\"role\":\"center\",\"version\":\"" POUCH_VERSION "\",\"now_ms\":98500}", 2000, DOCTOR_OK, "center"},
        {"{\"role\":\"center\",\"version\":\"" POUCH_VERSION "\",\"now_ms\":-9223372036854775808}", 5, DOCTOR_OK,
         "center"},
        {PEER ",\"store\":{\"spooling\":true,\"missing\":0}}", 5, DOCTOR_WARN, "spool"},
        {PEER ",\"store\":{\"spooling\":false,\"missing\":7}}", 5, DOCTOR_WARN, "7 of its trace rows"},
        {PEER ",\"breakers\":[{\"name\":\"a\",\"state\":\"closed\"},{\"name\":\"b\",\"state\":\"open\"}]}", 5,
         DOCTOR_WARN, "the breaker of b is open"},
        {PEER ",\"reasons\":\"x\",\"store\":[],\"breakers\":{\"a\":1},\"notes\":[7]}", 5, DOCTOR_OK, "worker"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        json_t *status;
        start(&f, NULL);
        if (pl_json_read(&status, "status", rows[i].status, strlen(rows[i].status))) fail_msg("%s", pouch_why());
        doctor_judge_peer(&f.doctor, "a:1", status, 100000, rows[i].took_ms);
        assert_found(&f, rows[i].level, "a:1", rows[i].what);
        json_decref(status);
        stop(&f);
    }
}

static void what_is_too_long_is_cut_between_two_characters(void **state) {
    (void)state;
    char text[1200];
    for (size_t shift = 0; shift < 4; shift++) {
        struct fixture f;
        start(&f, NULL);
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 3) strcpy(text + i, "\u20ac");
        doctor_bad(&f.doctor, DOCTOR_WARN, "check", "a:1", "do something about it", "%s", text);
        assert_found(&f, DOCTOR_WARN, "a:1", "\u20ac\u20ac");
        assert_in_range(strlen(text_at(&f, 0, "what")), 1018, 1023);
        stop(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_hurt_are_found),
        cmocka_unit_test(topics_that_lose_or_refuse_records_are_found),
        cmocka_unit_test(records_are_as_large_as_these_settings_let_them_be),
        cmocka_unit_test(what_ails_a_peer_is_found),
        cmocka_unit_test(what_is_too_long_is_cut_between_two_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
