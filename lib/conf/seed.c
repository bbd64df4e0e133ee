#include <base/buf.h>
#include <base/why.h>
#include <conf/seed.h>
#include <conf/value.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 64 * 1024 }; /* far more than the option takes, so that it is the option that refuses it by name */

const char *pl_seed_known(const char *variable) {
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

static const char *known(const char *variable, const char *otherwise) {
    const char *value = pl_seed_known(variable);
    return value ? value : otherwise;
}

/* "a, b:9043": each host, with the port where it names none. An address of IPv6 stands in brackets. */
static pouch_err put_hosts(struct pl_buf *url, const char *hosts, const char *port) {
    pouch_err e = POUCH_OK;
    for (const char *rest = hosts; !e && *rest;) {
        size_t n = strcspn(rest, ", ");
        if (n) {
            const char *closed = memchr(rest, ']', n), *from = closed ? closed : rest;
            bool bare = !memchr(from, ':', n - (size_t)(from - rest));
            e = pl_buf_printf(url, "%s%.*s%s%s", url->at[url->len - 1] == '/' ? "" : ",", (int)n, rest,
                              bare && port ? ":" : "", bare && port ? port : "");
        }
        rest += n;
        rest += strspn(rest, ", ");
    }
    return e;
}

/* A name may have any character; in a URL only these stand for themselves. */
static pouch_err put_quoted(struct pl_buf *url, const char *name) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    pouch_err e = POUCH_OK;
    for (; !e && *name; name++)
        e = strchr(plain, *name) ? pl_buf_putc(url, *name) : pl_buf_printf(url, "%%%02X", (unsigned char)*name);
    return e;
}

static pouch_err put_cassandra(struct pl_buf *url, const char *hosts) {
    const char *dc = known("CASSANDRA_LOCAL_DATACENTER", known("CASSANDRA_DATACENTER", NULL));
    pouch_err e = pl_buf_puts(url, "cassandra://");
    if (!e) e = put_hosts(url, hosts, known("CASSANDRA_PORT", NULL));
    if (!e) e = pl_buf_putc(url, '/');
    if (!e) e = put_quoted(url, known("CASSANDRA_KEYSPACE", "messaging"));
    if (!e && dc) e = pl_buf_puts(url, "?dc=");
    return e || !dc ? e : put_quoted(url, dc);
}

pouch_err pl_seed_value(const struct pl_option *row, char **value) {
    const char *said = row->seed_env ? known(row->seed_env, NULL) : NULL;
    *value = NULL;
    if (!said) return POUCH_OK;
    struct pl_buf text;
    pl_buf_init(&text, URL_MAX);
    pouch_err e = strcmp(row->name, "store") ? pl_buf_puts(&text, said) : put_cassandra(&text, said);
    if (e) {
        pl_buf_free(&text);
        return e;
    }
    size_t n;
    *value = pl_buf_take(&text, &n);
    return *value ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %s", row->seed_env);
}

/* clang-format off */
#define COUNT(low, high) {.kind = PL_KIND_COUNT, .least = (low), .most = (high)}
#define ONE_OF(words)    {.kind = PL_KIND_CHOICE, .choices = (words)}

/* Bounds of properties are librdkafka's. */
const struct pl_seed pl_seeds[] = {
    {"CONSUMER_GROUP_ID", "group", NULL, PL_SEED_PLAIN, {0}},
    {"CONSUMER_MAX_POLL_RECORDS", "worker.max_in_flight", NULL, PL_SEED_PLAIN, {0}},
    {"CONSUMER_SESSION_TIMEOUT_MS", "kafka.session.timeout.ms", NULL, PL_SEED_PLAIN, COUNT(1, 3600000)},
    {"DEFAULT_PARTITIONS", "topic.partitions", NULL, PL_SEED_PLAIN, {0}},
    {"DEFAULT_REPLICATION_FACTOR", "topic.replication", NULL, PL_SEED_PLAIN, {0}},
    {"KAFKA_CONNECTION_TIMEOUT", "client.connect_timeout", NULL, PL_SEED_PLAIN, {0}},
    {"KAFKA_HEARTBEAT_INTERVAL", "kafka.heartbeat.interval.ms", NULL, PL_SEED_PLAIN, COUNT(1, 3600000)},
    {"KAFKA_MAX_IN_FLIGHT_REQUESTS", "kafka.max.in.flight.requests.per.connection", NULL, PL_SEED_PLAIN, COUNT(1, 5)},
    {"KAFKA_REBALANCE_TIMEOUT", "kafka.max.poll.interval.ms", NULL, PL_SEED_PLAIN, COUNT(1, 86400000)},
    {"KAFKA_REQUEST_TIMEOUT", "kafka.socket.timeout.ms", NULL, PL_SEED_PLAIN, COUNT(10, 300000)},
    {"KAFKA_SESSION_TIMEOUT", "kafka.session.timeout.ms", NULL, PL_SEED_PLAIN, COUNT(1, 3600000)},
    {"LAG_ALERT_THRESHOLD", "health.lag_alert", NULL, PL_SEED_PLAIN, {0}},
    {"MESSAGE_RETENTION_DAYS", "topic.retention", NULL, PL_SEED_DAYS, COUNT(1, 36500)},
    {"PRODUCER_ACKS", "kafka.acks", NULL, PL_SEED_ACKS, {0}},
    {"PRODUCER_BATCH_SIZE", "kafka.batch.size", NULL, PL_SEED_PLAIN, COUNT(1, INT32_MAX)},
    {"PRODUCER_COMPRESSION", "kafka.compression.type", NULL, PL_SEED_PLAIN, ONE_OF("none|gzip|snappy|lz4|zstd")},
    {"PRODUCER_LINGER_MS", "kafka.linger.ms", NULL, PL_SEED_PLAIN, COUNT(0, 900000)},
    {"SCHEMA_COMPATIBILITY_MODE", "schema.compatibility", NULL, PL_SEED_PLAIN, {0}},
    {"CIRCUIT_BREAKER_RESET_MS", "breaker.recovery", "caas", PL_SEED_PLAIN, {0}},
    {"CIRCUIT_BREAKER_THRESHOLD", "breaker.failures", "caas", PL_SEED_PLAIN, {0}},
    {"LOG_LEVEL", "log.level", "caas", PL_SEED_PLAIN, {0}},
    {"MAX_RETRIES", "retry.attempts", "caas", PL_SEED_ONE_MORE, COUNT(0, 99)},
    {"RETRY_INITIAL_DELAY_MS", "retry.delay", "caas", PL_SEED_PLAIN, {0}},
    {"RETRY_MAX_DELAY_MS", "retry.max_delay", "caas", PL_SEED_PLAIN, {0}},
    {"HOSTNAME", "gateway.instance", "task-executor", PL_SEED_PLAIN, {0}},
    {"KAFKA_RETRY_INITIAL_TIME", "retry.delay", "task-executor", PL_SEED_PLAIN, {0}},
    {"KAFKA_RETRY_MAX_TIME", "retry.max_delay", "task-executor", PL_SEED_PLAIN, {0}},
    {"KAFKA_RETRY_MULTIPLIER", "retry.delay", "task-executor", PL_SEED_DOUBLING, {0}},
    {"KAFKA_RETRY_RETRIES", "retry.attempts", "task-executor", PL_SEED_ONE_MORE, COUNT(0, 99)},
    {"PORT", "listen", "task-executor", PL_SEED_PORT, COUNT(1, 65535)},
    {.variable = NULL},
};
/* clang-format on */

pouch_err pl_seed_put(struct pl_entries *e, const char *name, const char *variable, const char *value,
                      const char *wrong) {
    char origin[sizeof "environment " + PL_OPTION_ENV_MAX];
    snprintf(origin, sizeof origin, "environment %s", variable);
    pouch_err failed = pl_entries_put(e, name, wrong ? "" : value, PL_FROM_SEED_ENV, origin);
    return failed || !wrong ? failed : pl_entries_refuse(e, name, wrong);
}

static bool has_bounds(const struct pl_option *like) {
    return like->choices || like->most;
}

static pouch_err seed_take(struct pl_entries *e, const struct pl_seed *seed, const char *text) {
    char place[PL_OPTION_ENV_MAX + 32], quoted[PL_VALUE_QUOTE_MAX], value[32], why[256];
    int64_t number = 0;
    snprintf(place, sizeof place, "%s (environment)", seed->variable);
    if (has_bounds(&seed->like) && pl_value_check(&seed->like, place, text, &number))
        return pl_seed_put(e, seed->name, seed->variable, NULL, pouch_why());
    switch (seed->form) {
    case PL_SEED_PLAIN: return pl_seed_put(e, seed->name, seed->variable, text, NULL);
    case PL_SEED_DAYS: snprintf(value, sizeof value, "%" PRId64 "d", number); break;
    case PL_SEED_ONE_MORE: snprintf(value, sizeof value, "%" PRId64, number + 1); break;
    case PL_SEED_ACKS:
        if (!strcmp(text, "all") || !strcmp(text, "-1")) return POUCH_OK;
        snprintf(why, sizeof why,
                 "%s: '%s' is not all: a record counts as stored when all in-sync replicas have it; unset it", place,
                 pl_value_quote(text, quoted));
        return pl_seed_put(e, seed->name, seed->variable, NULL, why);
    case PL_SEED_DOUBLING:
        if (!strcmp(text, "2")) return POUCH_OK;
        snprintf(why, sizeof why, "%s: '%s' is not 2: each wait is twice as long as the one before; unset it", place,
                 pl_value_quote(text, quoted));
        return pl_seed_put(e, seed->name, seed->variable, NULL, why);
    case PL_SEED_PORT: snprintf(value, sizeof value, ":%" PRId64, number); break;
    }
    return pl_seed_put(e, seed->name, seed->variable, value, NULL);
}

const char *const pl_compats[PL_COMPATS] = {"caas", "task-executor"};

static struct pl_entries *entries_of(const char *compat, struct pl_entries *entries, struct pl_entries *compats) {
    for (size_t i = 0; compat && i < PL_COMPATS; i++)
        if (!strcmp(pl_compats[i], compat)) return &compats[i];
    return entries;
}

pouch_err pl_seeds_read(struct pl_entries *entries, struct pl_entries compats[PL_COMPATS]) {
    pouch_err e = POUCH_OK;
    for (const struct pl_seed *seed = pl_seeds; !e && seed->variable; seed++) {
        const char *text = pl_seed_known(seed->variable);
        if (text) e = seed_take(entries_of(seed->compat, entries, compats), seed, text);
    }
    return e;
}
