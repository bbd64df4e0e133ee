#include <base/clock.h>
#include <bus/kafka.h>
#include <cluster/configs.h>
#include <doctor/look.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 10000, SLOW_MS = 500, OLDEST = 2 };

static const char check[] = "brokers";

static void judge(struct doctor *d, const char *cluster, int64_t took_ms) {
    const char *where = d->settings->brokers;
    if (pl_kafka_is_mock(cluster))
        doctor_bad(d, DOCTOR_WARN, check, where, "use a Kafka for anything but trying out",
                   "this is the embedded broker of `pouch dev`: it keeps nothing on disk");
    else if (d->brokers < 2)
        doctor_bad(
            d, DOCTOR_WARN, check, where, "run three brokers, with topics of replication 3",
            "there is one broker: while it is away everything waits, and a disk that is lost is all that is lost");
    else
        doctor_good(d, check, where, "cluster %s, %d brokers", cluster, d->brokers);
    if (took_ms > SLOW_MS)
        doctor_bad(d, DOCTOR_WARN, check, where, "look at the network and at the brokers' load",
                   "an answer took %lld ms; a request passes several times", (long long)took_ms);
}

/* Brokers tell no version but that of the protocol among them, and from 4.0 on not that. */
static void judge_version(struct doctor *d, const char *protocol) {
    if (!protocol[0])
        doctor_good(d, "version", d->settings->brokers, "Kafka 4 or later; librdkafka %s", rd_kafka_version_str());
    else if (strtol(protocol, NULL, 10) < OLDEST)
        doctor_bad(d, DOCTOR_WARN, "version", d->settings->brokers, "bring the brokers to Kafka 2.0 at least",
                   "the brokers speak protocol %s, older than what this is tested with", protocol);
    else
        doctor_good(d, "version", d->settings->brokers, "Kafka of protocol %s; librdkafka %s", protocol,
                    rd_kafka_version_str());
}

/* Who may not ask it is told nothing. */
static void version(struct doctor *d, rd_kafka_t *rk, int32_t broker) {
    struct pl_configs configs;
    if (!pl_broker_configs(rk, broker, &configs, TIMEOUT_MS))
        judge_version(d, pl_configs_value(&configs, "inter.broker.protocol.version"));
    pl_configs_free(&configs, 1);
}

static void unreachable(struct doctor *d, const char *why) {
    doctor_bad(d, DOCTOR_FAIL, check, d->settings->brokers,
               "check `brokers`, that Kafka runs there, and kafka.security.protocol and credentials",
               "no broker answers: %s", why);
}

bool doctor_brokers(struct doctor *d, rd_kafka_t *rk) {
    const rd_kafka_metadata_t *md;
    char *cluster = rd_kafka_clusterid(rk, TIMEOUT_MS); /* also makes the connection */
    int64_t began = pl_mono_us(&pl_clock_system);
    rd_kafka_resp_err_t e = cluster ? rd_kafka_metadata(rk, 0, NULL, &md, TIMEOUT_MS) : RD_KAFKA_RESP_ERR__TRANSPORT;
    if (e) {
        unreachable(d, rd_kafka_err2str(e));
    } else {
        d->brokers = md->broker_cnt;
        judge(d, cluster, (pl_mono_us(&pl_clock_system) - began) / 1000);
        if (md->broker_cnt && !pl_kafka_is_mock(cluster)) version(d, rk, md->brokers[0].id);
        rd_kafka_metadata_destroy(md);
    }
    if (cluster) rd_kafka_mem_free(rk, cluster);
    return !e;
}
