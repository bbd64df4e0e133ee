/* Settings that are allowed and hurt all the same. Those that break a promise are refused when a connection is made. */
#include <doctor/look.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char check[] = "settings";

/* librdkafka's own, where nothing was set. */
enum { SESSION_MS = 45000, MAX_POLL_MS = 300000 };

static const char *property(const struct pl_settings *s, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < s->n_kafka; i++)
        if (!strcmp(s->kafka[i].name, name)) value = s->kafka[i].value;
    return value;
}

double doctor_property(const struct pl_settings *s, const char *name, double fallback) {
    const char *value = property(s, name);
    return value ? strtod(value, NULL) : fallback;
}

/* A number of librdkafka's that should be within bounds. */
struct bound {
    const char *name;
    double least, most;
    const char *what, *advice;
};

static const struct bound bounds[] = {
    {"linger.ms", 0, 0, "each record waits that long before it is sent, and a request passes several hops",
     "remove it: batches fill while the one before is on its way"},
    {"queue.buffering.max.ms", 0, 0, "each record waits that long before it is sent, and a request passes several hops",
     "remove it: batches fill while the one before is on its way"},
    {"message.timeout.ms", 30000, 1e12,
     "a broker that is away for longer makes records fail that would have been stored",
     "remove it: the default is 120000"},
    {"session.timeout.ms", 6000, 120000,
     "short, a pause of the host takes a member's partitions; long, those of a killed one stand still",
     "remove it: the default is 45000"},
    {"auto.commit.interval.ms", 0, 10000, "after a kill, all that was done in that time is done again",
     "remove it: the default is 1000"},
    {"reconnect.backoff.max.ms", 0, 10000, "after an outage it takes that long until a broker is found again",
     "remove it: the default is 1000"},
    {"topic.metadata.refresh.interval.ms", 1, 60000, "new partitions and leaders are found out that late",
     "remove it: the default is 10000"},
    {"queue.buffering.max.kbytes", 1024, 1048576, "that much memory may fill while a broker is away",
     "remove it: the default is 65536"},
    {"queued.max.messages.kbytes", 1024, 1048576, "that much memory may fill for each partition",
     "remove it: the default is 65536"},
};

static void check_bound(struct doctor *d, const struct bound *b) {
    const char *value = property(d->settings, b->name);
    if (!value) return;
    double n = strtod(value, NULL);
    char where[64];
    snprintf(where, sizeof where, "kafka.%s", b->name);
    if (n < b->least || n > b->most) doctor_bad(d, DOCTOR_WARN, check, where, b->advice, "%s: %s", value, b->what);
}

/* A word that should not be there. */
static void check_word(struct doctor *d, const char *name, const char *word, const char *what, const char *advice) {
    const char *value = property(d->settings, name);
    char where[64];
    snprintf(where, sizeof where, "kafka.%s", name);
    if (value && (!word || !strcmp(value, word)))
        doctor_bad(d, DOCTOR_WARN, check, where, advice, "%s: %s", value, what);
}

static void check_drain(struct doctor *d) {
    double drain = d->settings->drain_ms;
    double poll = doctor_property(d->settings, "max.poll.interval.ms", MAX_POLL_MS);
    double session = doctor_property(d->settings, "session.timeout.ms", SESSION_MS);
    if (drain >= poll)
        doctor_bad(d, DOCTOR_FAIL, check, "drain", "set drain below kafka.max.poll.interval.ms",
                   "%.0f s is not below kafka.max.poll.interval.ms, %.0f s: the group takes a member's partitions away "
                   "before it has finished, and what it does is done again",
                   drain / 1000, poll / 1000);
    else if (drain > session)
        doctor_bad(d, DOCTOR_WARN, check, "drain", "set drain below kafka.session.timeout.ms",
                   "%.0f s is longer than kafka.session.timeout.ms, %.0f s: partitions that change hands can stand "
                   "still for as long",
                   drain / 1000, session / 1000);
}

static void check_times(struct doctor *d) {
    const struct pl_settings *s = d->settings;
    if (s->handler_timeout_ms > s->request_timeout_ms)
        doctor_bad(d, DOCTOR_WARN, check, "handler.timeout", "set it to request.timeout at most",
                   "%d ms is longer than request.timeout, %d ms: handlers work on for requesters that have given up",
                   s->handler_timeout_ms, s->request_timeout_ms);
    if (s->deadline_skew_ms >= s->request_timeout_ms)
        doctor_bad(d, DOCTOR_WARN, check, "deadline.skew", "set it far below request.timeout, and keep clocks in step",
                   "%d ms is not below request.timeout, %d ms: requests are handled when nobody waits any more",
                   s->deadline_skew_ms, s->request_timeout_ms);
    if (s->publisher_burst && !s->publisher_rate)
        doctor_bad(d, DOCTOR_WARN, check, "center.publisher_burst", "set center.publisher_rate, too",
                   "it does nothing without center.publisher_rate");
}

void doctor_settings(struct doctor *d) {
    size_t before = json_array_size(d->findings);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) check_bound(d, &bounds[i]);
    check_word(d, "isolation.level", "read_committed", "somebody's open transaction holds up requests and replies",
               "remove it, unless requests are written in transactions");
    check_word(d, "enable.ssl.certificate.verification", "false", "whoever is on the way can pose as the broker",
               "remove it, and name the authority in kafka.ssl.ca.location");
    check_word(d, "debug", NULL, "librdkafka logs what it does, which takes time", "remove it when the fault is found");
    check_drain(d);
    check_times(d);
    if (json_array_size(d->findings) == before) doctor_good(d, check, "all", "none that is known to hurt");
}
