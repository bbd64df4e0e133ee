/* How a topic should stand, by what it is for. */
#include <doctor/look.h>
#include <stdio.h>

static const char check[] = "topic";

enum { COPIES = 3, SECOND = 1000, HOUR = 3600 * SECOND, DAY = 24 * HOUR };

/* What librdkafka's producers send at most, unless told otherwise. */
enum { RECORD_MAX = 1000000 };

static void bad(struct doctor *d, enum doctor_level level, const struct doctor_topic *t, const char *what,
                const char *advice) {
    doctor_bad(d, level, check, t->name, advice, "%s", what);
}

static void replicas(struct doctor *d, const struct doctor_topic *t) {
    int wanted = d->brokers < COPIES ? d->brokers : COPIES;
    char what[256];
    if (t->offline) {
        snprintf(what, sizeof what, "%d of %d partitions have no leader: nothing is written to or read from them",
                 t->offline, t->partitions);
        bad(d, DOCTOR_FAIL, t, what, "start the brokers that are away");
    } else if (t->configs_known && t->least_in_sync < t->min_insync) {
        snprintf(what, sizeof what,
                 "a partition has %d replicas in sync and min.insync.replicas is %d: it takes nothing",
                 t->least_in_sync, t->min_insync);
        bad(d, DOCTOR_FAIL, t, what, "start the brokers that are away");
    } else if (t->lagging) {
        snprintf(what, sizeof what, "%d of %d partitions have replicas that lag", t->lagging, t->partitions);
        bad(d, DOCTOR_WARN, t, what, "see that all brokers run and have room; it goes by itself when they catch up");
    }
    if (t->replication < wanted) {
        snprintf(what, sizeof what, "replication %d on %d brokers: a broker that is lost takes records with it",
                 t->replication, d->brokers);
        bad(d, DOCTOR_WARN, t, what, "raise its replication with kafka-reassign-partitions.sh");
    }
}

static void insync(struct doctor *d, const struct doctor_topic *t) {
    if (t->replication >= COPIES && t->min_insync < 2)
        bad(d, DOCTOR_WARN, t, "min.insync.replicas is 1: a record can count as stored on one broker alone",
            "set min.insync.replicas=2 on the topic");
    if (t->replication > 1 && t->min_insync >= t->replication)
        bad(d, DOCTOR_WARN, t, "min.insync.replicas is the replication: one broker away, and it takes nothing",
            "set min.insync.replicas one lower, or raise the replication");
}

static void retention(struct doctor *d, const struct doctor_topic *t) {
    char what[256];
    int64_t least = t->use == DOCTOR_LETTERS ? DAY : HOUR;
    if (t->use == DOCTOR_CHANGES || t->retention_ms < 0) return;
    snprintf(what, sizeof what, "records go after %lld s", (long long)t->retention_ms / SECOND);
    if (t->delay_ms && t->retention_ms <= t->delay_ms)
        bad(d, DOCTOR_FAIL, t, what, "set retention.ms far above the topic's delay, or what waits in it is lost");
    else if (t->use != DOCTOR_LETTERS && t->retention_ms < d->settings->request_timeout_ms)
        bad(d, DOCTOR_FAIL, t, what, "set retention.ms above request.timeout, or requests and replies are lost");
    else if (t->retention_ms < least)
        bad(d, DOCTOR_WARN, t, what,
            t->use == DOCTOR_LETTERS ? "set retention.ms to some days, so that there is time to look and to redrive"
                                     : "set retention.ms to an hour at least, or an outage loses what waits");
}

static void cleanup(struct doctor *d, const struct doctor_topic *t) {
    if (t->use == DOCTOR_CHANGES && !t->compacted)
        bad(d, DOCTOR_FAIL, t, "it is not compacted: announcements of routes go after their retention",
            "set cleanup.policy=compact on the topic");
    if (t->use != DOCTOR_CHANGES && t->compacted)
        bad(d, DOCTOR_FAIL, t, "it is compacted: of two records with one key the first is dropped",
            "set cleanup.policy=delete on the topic");
}

static const char *too_small(const struct doctor_topic *t) {
    if (t->use == DOCTOR_LETTERS) return "raise max.message.bytes, or larger dead letters are cut";
    if (t->delay_ms) return "raise max.message.bytes, or larger requests fail in place of waiting for another try";
    return "raise max.message.bytes, or larger requests end as too_large, and batches of small ones go in parts";
}

static void size(struct doctor *d, const struct doctor_topic *t) {
    char what[256];
    double most = doctor_property(d->settings, "message.max.bytes", RECORD_MAX);
    if (t->use == DOCTOR_CHANGES || (double)t->max_bytes >= most) return;
    snprintf(what, sizeof what, "it takes records up to %lld bytes, and producers send up to %.0f",
             (long long)t->max_bytes, most);
    bad(d, DOCTOR_WARN, t, what, too_small(t));
}

void doctor_judge_topic(struct doctor *d, const struct doctor_topic *t) {
    size_t before = json_array_size(d->findings);
    replicas(d, t);
    if (t->configs_known) {
        insync(d, t);
        retention(d, t);
        cleanup(d, t);
        size(d, t);
    }
    if (json_array_size(d->findings) == before)
        doctor_good(d, check, t->name, "%d partitions, replication %d", t->partitions, t->replication);
}
