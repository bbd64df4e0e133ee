#include <base/why.h>
#include <bus/group_state.h>
#include <bus/lag.h>
#include <bus/status.h>
#include <stdio.h>
#include <string.h>

pouch_err pl_status_init(struct pl_status *s) {
    memset(&s->facts, 0, sizeof s->facts);
    if (pthread_mutex_init(&s->lock, NULL)) return pl_fail(POUCH_E_OVERLOADED, "no lock can be had for the status");
    pouch_err e = pl_lag_show(s);
    if (e) pthread_mutex_destroy(&s->lock);
    return e;
}

void pl_status_free(struct pl_status *s) {
    pl_lag_hide(s);
    pthread_mutex_destroy(&s->lock);
}

/* Without the lock: nobody else writes. */
bool pl_status_due(const struct pl_status *s, enum pl_phase phase, int64_t now_us) {
    const struct pl_status_facts *f = &s->facts;
    return !f->at_us || f->work.phase != phase || now_us - f->at_us >= PL_STATUS_PERIOD_US;
}

/* By the end that librdkafka has last heard of; that asks nobody. */
static int64_t lag_of(rd_kafka_t *rk, const struct pl_partition *p, size_t in_flight) {
    int64_t low, end;
    if (p->position < 0 || rd_kafka_get_watermark_offsets(rk, p->topic, p->id, &low, &end) || end < 0) return -1;
    return (end > p->position ? end - p->position : 0) + (int64_t)in_flight;
}

static void describe(struct pl_status_partition *out, rd_kafka_t *rk, const struct pl_partition *p) {
    snprintf(out->topic, sizeof out->topic, "%s", p->topic);
    out->id = p->id;
    out->in_flight = pl_watermark_open(&p->watermark);
    out->position = p->position;
    out->lag = lag_of(rk, p, out->in_flight);
    out->held = p->held;
}

static void describe_all(struct pl_status_facts *f, const struct pl_group *group) {
    f->n_held = 0;
    f->n_partitions = group ? pl_group_partitions(group, NULL, 0) : 0;
    for (size_t i = 0; i < f->n_partitions; i++) {
        const struct pl_partition *p = pl_group_partition(group, i);
        f->n_held += p->held;
        if (i < PL_STATUS_PARTITIONS) describe(&f->partitions[i], group->rk, p);
    }
}

void pl_status_publish(struct pl_status *s, const struct pl_status_work *work, int64_t now_us,
                       const struct pl_group *group, struct pl_kafka_health *health, const char *brokers) {
    pthread_mutex_lock(&s->lock);
    struct pl_status_facts *f = &s->facts;
    f->work = *work;
    f->at_us = now_us;
    f->settled = group && group->settled;
    snprintf(f->group, sizeof f->group, "%s", group ? group->id : "");
    f->trouble[0] = 0;
    if (health && pl_kafka_all_down(health)) pl_kafka_health_text(health, brokers, f->trouble, sizeof f->trouble);
    describe_all(f, group);
    pthread_mutex_unlock(&s->lock);
}

void pl_status_no_breakers(struct pl_status *s) {
    pthread_mutex_lock(&s->lock);
    s->facts.n_breakers = 0;
    pthread_mutex_unlock(&s->lock);
}

void pl_status_breaker(struct pl_status *s, const struct pl_status_breaker *b) {
    pthread_mutex_lock(&s->lock);
    if (s->facts.n_breakers < PL_STATUS_BREAKERS) s->facts.breakers[s->facts.n_breakers++] = *b;
    pthread_mutex_unlock(&s->lock);
}

void pl_status_target(const struct pl_target *target, void *status) {
    struct pl_status_breaker b = {.of_target = true,
                                  .state = pl_target_state(target),
                                  .since_us = target->since_us,
                                  .failures = target->stalls,
                                  .held = target->in_flight};
    snprintf(b.name, sizeof b.name, "%s", target->name);
    pl_status_breaker(status, &b);
}

void pl_status_read(struct pl_status *s, struct pl_status_facts *out) {
    pthread_mutex_lock(&s->lock);
    *out = s->facts;
    pthread_mutex_unlock(&s->lock);
}
