#include <base/why.h>
#include <catalog/apply.h>
#include <cluster/configs.h>
#include <cluster/topics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct pl_plan *plan;
    rd_kafka_t *rk;
    const struct pl_progress *progress;
    int timeout;
    size_t done, all, failed;
    pouch_err first;
    char why[PL_OUTCOME_WHY_MAX + PL_TOPIC_NAME_SIZE + 8]; /* of the first */
};

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for applying a plan");
}

/* ---- what came of a change ---- */

static pouch_err settle(struct run *r, struct pl_change *c, pouch_err error, const char *why) {
    c->made = !error;
    if (!error) return POUCH_OK;
    if (!r->first) {
        r->first = error;
        snprintf(r->why, sizeof r->why, "%s: %s", c->topic, why);
    }
    r->failed++;
    c->why = strdup(why);
    return c->why ? POUCH_OK : no_memory();
}

/* What a request has done is part of the whole. */
static void tell(size_t done, size_t all, void *arg) {
    struct run *r = arg;
    (void)all;
    if (r->progress) r->progress->tell(r->done + done, r->all, r->progress->arg);
}

/* ---- many topics in one call ---- */

static bool open_one(const struct pl_change *c, enum pl_change_kind kind) {
    return c->kind == kind && !c->hold && !c->made;
}

/* The open changes of one kind; *changes is the caller's. */
static pouch_err select_kind(const struct run *r, enum pl_change_kind kind, struct pl_change ***changes, size_t *n) {
    *n = 0;
    if (!(*changes = calloc(r->plan->n + 1, sizeof **changes))) return no_memory();
    for (size_t i = 0; i < r->plan->n; i++)
        if (open_one(&r->plan->changes[i], kind)) (*changes)[(*n)++] = &r->plan->changes[i];
    return POUCH_OK;
}

/* name, value, …, NULL, of those that are not left to the broker. */
static const char **config_list(const struct pl_catalog_entry *e) {
    const char **list = calloc(2 * e->n_configs + 1, sizeof *list);
    for (size_t i = 0, at = 0; list && i < e->n_configs; i++) {
        if (!e->configs[i].value[0]) continue;
        list[at++] = e->configs[i].name;
        list[at++] = e->configs[i].value;
    }
    return list;
}

/* What was not even asked for has failed all the same. */
static pouch_err none_asked(struct pl_outcome *outcomes, size_t n) {
    pouch_err err = no_memory();
    for (size_t i = 0; i < n; i++) pl_outcome_set(&outcomes[i], err);
    return err;
}

/* A topic that is there was made since the plan was, and differs in nobody knows what. */
static void refuse_existing(struct pl_outcome *outcomes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (outcomes[i].error || !outcomes[i].existed) continue;
        outcomes[i].error = POUCH_E_EXISTS;
        snprintf(outcomes[i].why, sizeof outcomes[i].why,
                 "somebody else has made it since the plan was; plan again to see how it differs");
    }
}

static pouch_err ask_create(struct run *r, struct pl_change *const changes[], size_t n, struct pl_outcome *outcomes,
                            const struct pl_progress *progress) {
    struct pl_topic_spec *specs = calloc(n, sizeof *specs);
    bool ready = specs != NULL;
    for (size_t i = 0; ready && i < n; i++) {
        const struct pl_catalog_entry *e = changes[i]->entry;
        const char **configs = config_list(e);
        specs[i] =
            (struct pl_topic_spec){changes[i]->topic, e->partitions ? e->partitions : -1, e->replication, configs};
        ready = configs != NULL;
    }
    pouch_err err = ready ? pl_topics_create(r->rk, specs, n, outcomes, progress, r->timeout) : none_asked(outcomes, n);
    for (size_t i = 0; specs && i < n; i++) free((void *)specs[i].configs);
    free(specs);
    refuse_existing(outcomes, n);
    return err;
}

static pouch_err ask_grow(struct run *r, struct pl_change *const changes[], size_t n, struct pl_outcome *outcomes,
                          const struct pl_progress *progress) {
    struct pl_topic_growth *growths = calloc(n, sizeof *growths);
    if (!growths) return none_asked(outcomes, n);
    for (size_t i = 0; i < n; i++)
        growths[i] = (struct pl_topic_growth){changes[i]->topic, (int)strtol(changes[i]->after, NULL, 10)};
    pouch_err err = pl_topics_grow(r->rk, growths, n, outcomes, progress, r->timeout);
    free(growths);
    return err;
}

static pouch_err ask_delete(struct run *r, struct pl_change *const changes[], size_t n, struct pl_outcome *outcomes,
                            const struct pl_progress *progress) {
    const char **names = calloc(n, sizeof *names);
    if (!names) return none_asked(outcomes, n);
    for (size_t i = 0; i < n; i++) names[i] = changes[i]->topic;
    pouch_err err = pl_topics_delete(r->rk, names, n, outcomes, progress, r->timeout);
    free(names);
    return err;
}

typedef pouch_err ask_fn(struct run *r, struct pl_change *const changes[], size_t n, struct pl_outcome *outcomes,
                         const struct pl_progress *progress);

static pouch_err make_kind(struct run *r, enum pl_change_kind kind, ask_fn *ask) {
    struct pl_change **changes;
    size_t n;
    pouch_err err = select_kind(r, kind, &changes, &n), settled = POUCH_OK;
    struct pl_outcome *outcomes = err || !n ? NULL : calloc(n, sizeof *outcomes);
    if (outcomes) {
        const struct pl_progress progress = {tell, r};
        err = ask(r, changes, n, outcomes, &progress);
        for (size_t i = 0; !settled && i < n; i++) settled = settle(r, changes[i], outcomes[i].error, outcomes[i].why);
        r->done += n;
    } else if (!err && n) {
        err = no_memory();
    }
    free(outcomes);
    free(changes);
    return err ? err : settled;
}

/* ---- configs, a topic after the other ---- */

static bool of_configs(const struct pl_change *c) {
    return open_one(c, PL_CHANGE_SET) || open_one(c, PL_CHANGE_RESET);
}

/* Those of one topic, which stand together from the i-th on. */
static size_t same_topic(const struct pl_plan *p, size_t i) {
    size_t end = i + 1;
    while (end < p->n && of_configs(&p->changes[end]) && !strcmp(p->changes[end].topic, p->changes[i].topic)) end++;
    return end - i;
}

static pouch_err change_topic(struct run *r, struct pl_change *c, size_t n) {
    struct pl_config_change *changes = calloc(n, sizeof *changes);
    if (!changes) return no_memory();
    for (size_t i = 0; i < n; i++) changes[i] = (struct pl_config_change){c[i].config, c[i].after};
    pouch_err err = pl_topic_configs_change(r->rk, c->topic, changes, n, NULL, r->timeout), settled = POUCH_OK;
    free(changes);
    char why[PL_OUTCOME_WHY_MAX];
    snprintf(why, sizeof why, "%s", err ? pouch_why() : "");
    for (size_t i = 0; !settled && i < n; i++) settled = settle(r, &c[i], err, why);
    tell(n, r->all, r);
    r->done += n;
    return err == POUCH_E_NO_BROKER || err == POUCH_E_NO_MEMORY ? pl_fail(err, "%s", why) : settled;
}

static pouch_err make_configs(struct run *r) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < r->plan->n;) {
        size_t n = of_configs(&r->plan->changes[i]) ? same_topic(r->plan, i) : 0;
        if (n) err = change_topic(r, &r->plan->changes[i], n);
        i += n ? n : 1;
    }
    return err;
}

static bool about_topics(const struct pl_change *c) {
    return c->kind != PL_CHANGE_GRANT && c->kind != PL_CHANGE_REVOKE;
}

pouch_err pl_plan_apply(struct pl_plan *p, rd_kafka_t *rk, const struct pl_progress *progress, int timeout) {
    struct run r = {.plan = p, .rk = rk, .progress = progress, .timeout = timeout};
    for (size_t i = 0; i < p->n; i++)
        r.all += about_topics(&p->changes[i]) && !p->changes[i].hold && !p->changes[i].made;
    pouch_err err = make_kind(&r, PL_CHANGE_CREATE, ask_create);
    if (!err) err = make_kind(&r, PL_CHANGE_GROW, ask_grow);
    if (!err) err = make_configs(&r);
    if (!err) err = make_kind(&r, PL_CHANGE_DELETE, ask_delete);
    if (err || !r.first) return err;
    return pl_fail(r.first, "%zu of %zu changes were not made; the first: %s", r.failed, r.all, r.why);
}
