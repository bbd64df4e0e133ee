/* A librdkafka configuration as Pouch needs it, and what its callbacks tell. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/kafka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct property {
    const char *name, *value;
};

/* reconnect.backoff.max.ms is 10 s by default, which would decide how long a recovery takes. */
static const struct property common[] = {
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.refresh.interval.ms", "10000"}, /* new partitions are seen within it */
    {"topic.metadata.propagation.max.ms", "2000"},   /* how long a record waits for a topic that is not there */
    {"allow.auto.create.topics", "false"},
    {"socket.nagle.disable", "true"},
    {"log.connection.close", "false"},
};

static const struct property producing[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"linger.ms", "0"}, /* a batch fills while the one before it is on its way */
    {"max.in.flight.requests.per.connection", "5"},
    {"queue.buffering.max.kbytes", "65536"},
    {"queue.buffering.max.messages", "1000000"},
    {"message.timeout.ms", "120000"},
    {"partitioner", "murmur2_random"}, /* Java's: a key has the same partition whoever sends it */
};

/* With a full fetch queue librdkafka 2.0.2 sleeps a second; the bytes are what bounds it, not the count. */
static const struct property consuming[] = {
    {"isolation.level", "read_uncommitted"}, /* else a stranger's open transaction stalls us */
    {"enable.auto.offset.store", "false"},   {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "50"},        {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "65536"},
};

/* What a user may not set, with the reason. Names that librdkafka has two of stand here twice. */
static const struct property locked[] = {
    {"acks", "a record counts as stored when all in-sync replicas have it"},
    {"request.required.acks", "a record counts as stored when all in-sync replicas have it"},
    {"enable.idempotence", "without it a retry could store a record twice or out of order"},
    {"transactional.id", "Pouch sends outside transactions"},
    {"delivery.report.only.error", "each record's end must be known"},
    {"allow.auto.create.topics", "a mistyped topic must be an error and not a new topic"},
    {"enable.auto.offset.store", "an offset is stored when its record's outcome is"},
    {"enable.auto.commit", "Pouch decides when offsets are committed"},
    {"auto.commit.enable", "Pouch decides when offsets are committed"},
    {"auto.offset.reset", "the setting `start` decides where reading begins"},
    {"partitioner", "a key must have the same partition whoever sends it: Java's, murmur2_random"},
    {"enable.partition.eof", "Pouch does not read partitions to an end"},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const char *why_locked(const char *name) {
    for (size_t i = 0; i < COUNT(locked); i++)
        if (!strcmp(locked[i].name, name)) return locked[i].value;
    return NULL;
}

/* librdkafka's complaint may quote the value. */
static bool is_secret(const char *name) {
    return strstr(name, "password") || strstr(name, "secret") || strstr(name, "key.pem") || strstr(name, "oauthbearer");
}

static pouch_err set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return POUCH_OK;
    if (is_secret(name)) return pl_fail(POUCH_E_CONFIG, "kafka.%s: librdkafka refuses the value; correct it", name);
    return pl_fail(POUCH_E_CONFIG, "kafka.%s: %s; librdkafka's CONFIGURATION.md lists names and values", name, why);
}

static pouch_err set_table(rd_kafka_conf_t *conf, const struct property *table, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pouch_err e = set(conf, table[i].name, table[i].value);
        if (e) return e;
    }
    return POUCH_OK;
}

static pouch_err set_pairs(rd_kafka_conf_t *conf, const char *const pairs[]) {
    for (; pairs && *pairs; pairs += 2) {
        pouch_err e = set(conf, pairs[0], pairs[1]);
        if (e) return e;
    }
    return POUCH_OK;
}

static pouch_err set_users(rd_kafka_conf_t *conf, const struct pl_settings *s) {
    for (size_t i = 0; i < s->n_kafka; i++) {
        const char *name = s->kafka[i].name, *reason = why_locked(name);
        if (reason) return pl_fail(POUCH_E_CONFIG, "kafka.%s cannot be set: %s; remove it", name, reason);
        pouch_err e = set(conf, name, s->kafka[i].value);
        if (e) return e;
    }
    return POUCH_OK;
}

static enum pl_log_level level_of(int syslog_level) {
    if (syslog_level <= 3) return PL_LOG_ERROR;
    if (syslog_level == 4) return PL_LOG_WARN;
    return syslog_level <= 6 ? PL_LOG_INFO : PL_LOG_DEBUG;
}

/*
 * Warnings that ask nothing of anybody. One list of kafka.* serves producers and consumers, and each property
 * that only the other kind reads is warned of; so is our allow.auto.create.topics, at each
 * metadata request, by the mock, which is the only broker that does not know it.
 */
static bool is_noise(const char *text) {
    return strstr(text, "will be ignored by this") || strstr(text, "allow.auto.create.topics=false not supported");
}

/* Lost connections come in floods: they have a rate limit of their own and cannot crowd out other lines. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    if (is_noise(text)) return;
    if (!strcmp(facility, "FAIL"))
        PL_LOG(PL_LOG_WARN, "connection to a broker failed", "client", rd_kafka_name(rk), "reason", text);
    else
        PL_LOG(level_of(level), text, "client", rd_kafka_name(rk), "facility", facility);
}

/* The password may have been changed, in its file too, since we were started. */
static void read_password_again(rd_kafka_t *rk, const struct pl_settings *s) {
    char username[256], password[PL_SECRET_MAX];
    size_t n = sizeof username;
    if (!s || !s->password_file) return;
    if (rd_kafka_conf_get(rd_kafka_conf(rk), "sasl.username", username, &n) ||
        pl_secret_read(s->password_file, password))
        return;
    rd_kafka_error_t *e = rd_kafka_sasl_set_credentials(rk, username, password);
    explicit_bzero(password, sizeof password);
    if (e) rd_kafka_error_destroy(e);
}

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque) {
    const struct pl_kafka_opaque *o = opaque;
    char fatal[256];
    rd_kafka_resp_err_t e = (rd_kafka_resp_err_t)error;
    if (e == RD_KAFKA_RESP_ERR__FATAL) {
        e = rd_kafka_fatal_error(rk, fatal, sizeof fatal);
        reason = fatal;
    }
    if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !(o && o->alone)) /* a call that waits tells it itself */
        PL_LOG(PL_LOG_WARN, "no broker is reachable", "client", rd_kafka_name(rk));
    if (e == RD_KAFKA_RESP_ERR__AUTHENTICATION && o) read_password_again(rk, o->settings);
    if (o && o->refused && pl_kafka_class(e) == PL_KAFKA_PERMANENT)
        o->refused(e, reason, o->owner);
    else if (o)
        pl_kafka_trouble(o->health, e, reason);
}

pouch_err pl_kafka_conf(rd_kafka_conf_t **conf, const struct pl_settings *s, const char *client_id, bool consumer,
                        struct pl_kafka_opaque *opaque, const char *const pairs[]) {
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    const struct property own[] = {{"bootstrap.servers", s->brokers}, {"client.id", client_id}};
    pouch_err e = set_table(c, own, COUNT(own));
    if (!e) e = set_table(c, common, COUNT(common));
    if (!e) e = consumer ? set_table(c, consuming, COUNT(consuming)) : set_table(c, producing, COUNT(producing));
    if (!e) e = set_pairs(c, pairs);
    if (!e) e = set_users(c, s);
    if (e) {
        rd_kafka_conf_destroy(c);
        return e;
    }
    rd_kafka_conf_set_log_cb(c, on_log);
    rd_kafka_conf_set_error_cb(c, on_error);
    rd_kafka_conf_set_opaque(c, opaque);
    if (opaque && !opaque->alone) opaque->settings = s;
    *conf = c;
    return POUCH_OK;
}

pouch_err pl_kafka_new(rd_kafka_t **rk, rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char why[512];
    (void)pl_kafka_threads(conf); /* without it all is slower, and nothing else */
    *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (*rk) return POUCH_OK;
    rd_kafka_resp_err_t e = rd_kafka_last_error();
    rd_kafka_conf_destroy(conf);
    if (e == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        return pl_fail(POUCH_E_NO_MEMORY, "no Kafka client: %s; check the limits on memory and threads", why);
    return pl_fail(POUCH_E_CONFIG, "no Kafka client: %s; check the kafka.* settings", why);
}

struct ending {
    rd_kafka_t *rk;
    void (*ended)(void *arg);
    void *arg;
};

static void *destroy(void *arg) {
    struct ending *e = arg;
    rd_kafka_destroy_flags(e->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    e->ended(e->arg);
    free(e);
    return NULL;
}

/* Without memory or a thread there is no bound. */
void pl_kafka_close_with(rd_kafka_t *rk, void (*ended)(void *arg), void *arg) {
    enum { WAIT_US = 3000000 };
    pthread_t thread;
    struct ending *e = malloc(sizeof *e);
    if (e) *e = (struct ending){rk, ended, arg};
    if (!e || pthread_create(&thread, NULL, destroy, e)) {
        free(e);
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        ended(arg);
        return;
    }
    int64_t until = pl_mono_us(&pl_clock_system) + WAIT_US;
    while (pthread_tryjoin_np(thread, NULL)) {
        if (pl_mono_us(&pl_clock_system) > until) {
            PL_LOG(PL_LOG_WARN, "a Kafka client does not end; its threads are left behind");
            pthread_detach(thread);
            return;
        }
        poll(NULL, 0, 1);
    }
}

static void nothing_left(void *arg) {
    (void)arg;
}

void pl_kafka_close(rd_kafka_t *rk) {
    pl_kafka_close_with(rk, nothing_left, NULL);
}

bool pl_kafka_is_mock(const char *cluster_id) {
    static const char prefix[] = "mockCluster";
    return cluster_id && !strncmp(cluster_id, prefix, sizeof prefix - 1);
}

void pl_kafka_wake_on(rd_kafka_queue_t *q, struct pl_wake *w) {
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(q, w->fd, &one, sizeof one);
}

void pl_kafka_wake_off(rd_kafka_queue_t *q) {
    rd_kafka_queue_io_event_enable(q, -1, NULL, 0);
}
