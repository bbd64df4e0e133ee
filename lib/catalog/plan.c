#include <base/why.h>
#include <catalog/compare.h>
#include <cluster/orphans.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a plan");
}

/* ---- the list ---- */

static pouch_err make_room(struct pl_plan *p) {
    if (p->n < p->cap) return POUCH_OK;
    size_t cap = p->cap ? 2 * p->cap : 32;
    struct pl_change *changes = reallocarray(p->changes, cap, sizeof *changes);
    if (!changes) return no_memory();
    p->changes = changes;
    p->cap = cap;
    return POUCH_OK;
}

static bool copied(char **to, const char *from) {
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static void free_change(struct pl_change *c) {
    free(c->topic);
    free(c->config);
    free(c->before);
    free(c->after);
    free(c->why);
}

pouch_err pl_plan_add(struct pl_plan *p, const struct pl_change *change) {
    pouch_err err = make_room(p);
    if (err) return err;
    struct pl_change *c = &p->changes[p->n];
    *c = *change;
    c->topic = c->config = c->before = c->after = c->why = NULL;
    if (copied(&c->topic, change->topic) && copied(&c->config, change->config) && copied(&c->before, change->before) &&
        copied(&c->after, change->after)) {
        p->n++;
        return POUCH_OK;
    }
    free_change(c);
    return no_memory();
}

void pl_plan_free(struct pl_plan *p) {
    for (size_t i = 0; i < p->n; i++) free_change(&p->changes[i]);
    free(p->changes);
    *p = (struct pl_plan){0};
}

size_t pl_plan_open(const struct pl_plan *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) n += !p->changes[i].hold && !p->changes[i].made;
    return n;
}

pouch_err pl_plan_possible(const struct pl_plan *p, const struct pl_actual *a) {
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_change *c = &p->changes[i];
        if (c->kind != PL_CHANGE_CREATE || c->hold || c->entry->replication <= a->brokers) continue;
        return pl_fail(
            POUCH_E_CONFIG,
            "%s is to have %d copies, and %d brokers are up; start the others, or where there are no more add "
            "--replication %d",
            c->topic, c->entry->replication, a->brokers, a->brokers);
    }
    return POUCH_OK;
}

/* ---- making it ---- */

struct maker {
    struct pl_plan *plan;
    const struct pl_catalog *catalog;
    const struct pl_actual *actual;
    const struct pl_plan_options *options;
    struct pl_wanted_list wanted;
    const char **tenants; /* that there are, or that were named */
    size_t n_tenants;
};

static bool all_there_is(const struct maker *m) {
    return !m->options->tenants && !m->options->topics;
}

/* Both lists are in the same order. */
static pouch_err compare(struct maker *m) {
    const struct pl_actual *a = m->actual;
    pouch_err err = POUCH_OK;
    for (size_t i = 0, j = 0; !err && i < m->wanted.n; i++) {
        const struct pl_wanted *w = &m->wanted.at[i];
        size_t before = m->plan->n;
        while (j < a->n && strcmp(a->topics[j].name, w->name) < 0) j++;
        if (j < a->n && !strcmp(a->topics[j].name, w->name)) {
            err = pl_topic_compare(m->plan, w, &a->topics[j], m->options->prune);
        } else {
            struct pl_change c = {.kind = PL_CHANGE_CREATE, .topic = w->name, .entry = w->entry};
            strcpy(c.tenant, w->tenant);
            err = pl_plan_add(m->plan, &c);
        }
        m->plan->as_they_were += m->plan->n == before;
    }
    return err;
}

static bool is_wanted(const struct maker *m, const char *topic) {
    size_t low = 0, high = m->wanted.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(topic, m->wanted.at[middle].name);
        if (!order) return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/*
 * Topics of a tenant that there is not, and under names that the catalogue owns. All others are none of its business.
 * Where no list says who the tenants are, a topic may look like a tenant's and be another program's, and a pattern that
 * is new makes tenants look like none: then only a person who names the tenant deletes its topics.
 */
static enum pl_hold hold_of_surplus(const struct maker *m, const struct pl_change *c) {
    if (c->entry && !m->catalog->lists_tenants) return PL_HOLD_BY_HAND;
    return m->options->prune ? PL_HOLD_NONE : PL_HOLD_PRUNE;
}

/* Reply topics are their clients', whatever they are called. */
static pouch_err find_surplus(struct maker *m) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < m->actual->n; i++) {
        struct pl_change c = {.kind = PL_CHANGE_DELETE, .topic = m->actual->topics[i].name};
        if (is_wanted(m, c.topic) || pl_is_reply_topic(c.topic)) continue;
        c.entry = pl_catalog_find(m->catalog, c.topic, c.tenant);
        if (!c.entry && !pl_catalog_owns(m->catalog, c.topic)) continue;
        c.hold = hold_of_surplus(m, &c);
        err = pl_plan_add(m->plan, &c);
    }
    return err;
}

static pouch_err make(struct maker *m) {
    pouch_err err = pl_wanted_make(&m->wanted, m->catalog, m->tenants, m->n_tenants, !m->options->tenants);
    if (!err && m->options->topics)
        err = pl_wanted_only(&m->wanted, m->catalog, m->options->topics, m->options->n_topics);
    if (!err) err = compare(m);
    if (!err && all_there_is(m)) err = find_surplus(m);
    m->plan->tenants = m->n_tenants;
    pl_wanted_free(&m->wanted);
    return err;
}

/* The tenants that there are, unless some were named. */
static pouch_err with_tenants(struct maker *m) {
    struct pl_tenant_state *states;
    size_t n;
    pouch_err err = pl_tenant_states(m->catalog, m->actual, &states, &n);
    if (!err && !(m->tenants = calloc(n + 1, sizeof *m->tenants))) err = no_memory();
    for (size_t i = 0; !err && i < n; i++)
        if (pl_tenant_exists(m->catalog, &states[i])) m->tenants[m->n_tenants++] = states[i].id;
    if (!err) err = make(m);
    free(m->tenants);
    free(states);
    return err;
}

static pouch_err check_tenants(const struct pl_plan_options *o) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < o->n_tenants; i++) err = pl_tenant_check(o->tenants[i]);
    return err;
}

pouch_err pl_plan_make(struct pl_plan *p, const struct pl_catalog *c, const struct pl_actual *a,
                       const struct pl_plan_options *o) {
    struct maker m = {.plan = p, .catalog = c, .actual = a, .options = o};
    *p = (struct pl_plan){0};
    pouch_err err = check_tenants(o);
    if (!err && !o->tenants) err = with_tenants(&m);
    if (!err && o->tenants) {
        m.tenants = (const char **)o->tenants;
        m.n_tenants = o->n_tenants;
        err = make(&m);
    }
    if (err) pl_plan_free(p);
    return err;
}
