#include <base/why.h>
#include <cluster/cluster.h>
#include <conf/settings.h>
#include <inttypes.h>
#include <letter/tiers.h>
#include <stdio.h>
#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, PARTITIONS = 4 };

static const char minutes[] = "min";

/* "5min" is what the topics are called; everywhere else minutes are "5m". */
static pouch_err read_delay(int64_t *ms, const char *name) {
    char text[PL_NAME_MAX + 1];
    size_t n = strlen(name), tail = sizeof minutes - 1;
    snprintf(text, sizeof text, "%s", name);
    if (n > tail && !strcmp(text + n - tail, minutes)) text[n - tail + 1] = 0;
    pouch_err e = pl_duration_parse(ms, text, 1, DAY_MS);
    return e ? pl_fail(e, "retry.tiers: '%.32s' is no delay of 1ms to 1d, such as 30s, 5min or 1h", name) : POUCH_OK;
}

static pouch_err add(struct pl_tiers *t, const char *name, size_t n) {
    struct pl_tier *tier = &t->at[t->n];
    if (t->n == PL_TIERS_MAX) return pl_fail(POUCH_E_CONFIG, "retry.tiers: more than %d delays", PL_TIERS_MAX);
    snprintf(tier->topic, sizeof tier->topic, PL_TIER_TOPICS "%.*s", (int)(n < 32 ? n : 32), name);
    if (pl_tier_of(t, tier->topic)) return pl_fail(POUCH_E_CONFIG, "retry.tiers: '%.*s' is there twice", (int)n, name);
    t->n++;
    return read_delay(&tier->delay_ms, tier->topic + sizeof PL_TIER_TOPICS - 1);
}

pouch_err pl_tiers_read(struct pl_tiers *t, const char *setting) {
    *t = (struct pl_tiers){0};
    if (!strcmp(setting, "off")) return POUCH_OK;
    for (const char *at = setting;;) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ", ");
        pouch_err e = add(t, at, n);
        if (e) return e;
        at += n + strspn(at + n, " ");
        if (!*at) return POUCH_OK;
        if (*at++ != ',') return pl_fail(POUCH_E_CONFIG, "retry.tiers: write a comma between two delays");
    }
}

const struct pl_tier *pl_tier_of(const struct pl_tiers *t, const char *topic) {
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->at[i].topic, topic)) return &t->at[i];
    return NULL;
}

pouch_err pl_tier_make(const struct pl_tier *t, rd_kafka_t *rk, int timeout) {
    char retention[24];
    snprintf(retention, sizeof retention, "%" PRId64, DAY_MS + t->delay_ms);
    const char *const configs[] = {"retention.ms", retention, NULL};
    const struct pl_topic_spec spec = {
        .name = t->topic, .partitions = PARTITIONS, .replication = -1, .configs = configs};
    return pl_topic_create(rk, &spec, NULL, timeout);
}

pouch_err pl_tiers_make(const struct pl_tiers *t, rd_kafka_t *rk, int timeout) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < t->n; i++) e = pl_tier_make(&t->at[i], rk, timeout);
    return e;
}
