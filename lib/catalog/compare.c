/* One topic that is to be and that there is. */
#include <base/why.h>
#include <catalog/compare.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- values ---- */

static bool as_number(const char *text, long long *number) {
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return text[0] && !*end && !errno;
}

static bool as_fraction(const char *text, double *number) {
    char *end;
    *number = strtod(text, &end);
    return text[0] && !*end;
}

/* Whether list has the n bytes at word as one of its items. */
static bool has_item(const char *list, const char *word, size_t n) {
    while (*list) {
        size_t length = strcspn(list, ",");
        if (length == n && !memcmp(list, word, n)) return true;
        list += length;
        list += *list == ',';
    }
    return false;
}

static bool items_in(const char *list, const char *other) {
    while (*list) {
        size_t n = strcspn(list, ",");
        if (!has_item(other, list, n)) return false;
        list += n;
        list += *list == ',';
    }
    return true;
}

bool pl_config_same(const char *name, const char *a, const char *b) {
    long long x, y;
    double v, w;
    if (!strcmp(a, b)) return true;
    if (!strcmp(name, "cleanup.policy")) return items_in(a, b) && items_in(b, a);
    if (as_number(a, &x) && as_number(b, &y)) return x == y;
    if (as_fraction(a, &v) && as_fraction(b, &w)) return !(v < w) && !(v > w);
    return (!strcasecmp(a, "true") || !strcasecmp(a, "false")) && !strcasecmp(a, b);
}

/* ---- configs ---- */

static int by_name(const void *name, const void *config) {
    return strcmp(name, ((const struct pl_actual_config *)config)->name);
}

static const struct pl_actual_config *find(const struct pl_actual_topic *t, const char *name) {
    return t->n_configs ? bsearch(name, t->configs, t->n_configs, sizeof *t->configs, by_name) : NULL;
}

/* What Kafka's own tools set for the time of moving replicas. */
static bool passing(const char *name) {
    static const char end[] = ".replication.throttled.replicas";
    size_t n = strlen(name), m = sizeof end - 1;
    return n > m && !strcmp(name + n - m, end);
}

static pouch_err compare_config(struct pl_plan *p, struct pl_change *about, const struct pl_actual_topic *t,
                                const struct pl_catalog_config *to_be) {
    const struct pl_actual_config *is = find(t, to_be->name);
    about->config = to_be->name;
    about->before = is && is->value[0] ? is->value : NULL;
    about->after = to_be->value[0] ? to_be->value : NULL;
    if (!about->after) {
        about->kind = PL_CHANGE_RESET;
        return is && is->override ? pl_plan_add(p, about) : POUCH_OK;
    }
    about->kind = PL_CHANGE_SET;
    return is && pl_config_same(to_be->name, is->value, to_be->value) ? POUCH_OK : pl_plan_add(p, about);
}

static bool says(const struct pl_catalog_entry *e, const char *config) {
    for (size_t i = 0; i < e->n_configs; i++)
        if (!strcmp(e->configs[i].name, config)) return true;
    return false;
}

/* Overrides that the catalogue does not say: somebody's own, so they go only when told. */
static pouch_err compare_others(struct pl_plan *p, struct pl_change *about, const struct pl_actual_topic *t,
                                bool prune) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < t->n_configs; i++) {
        const struct pl_actual_config *is = &t->configs[i];
        if (!is->override || says(about->entry, is->name) || passing(is->name)) continue;
        about->kind = PL_CHANGE_RESET;
        about->surplus = true;
        about->hold = prune ? PL_HOLD_NONE : PL_HOLD_PRUNE;
        about->config = is->name;
        about->before = is->value[0] ? is->value : NULL;
        about->after = NULL;
        err = pl_plan_add(p, about);
    }
    return err;
}

/* ---- numbers ---- */

static pouch_err add_number(struct pl_plan *p, struct pl_change about, enum pl_change_kind kind, enum pl_hold hold,
                            int is, int to_be) {
    char before[16], after[16];
    snprintf(before, sizeof before, "%d", is);
    snprintf(after, sizeof after, "%d", to_be);
    about.kind = kind;
    about.hold = hold;
    about.before = before;
    about.after = after;
    return pl_plan_add(p, &about);
}

pouch_err pl_topic_compare(struct pl_plan *p, const struct pl_wanted *w, const struct pl_actual_topic *t, bool prune) {
    const struct pl_catalog_entry *e = w->entry;
    struct pl_change about = {.topic = w->name, .entry = e};
    pouch_err err = POUCH_OK;
    strcpy(about.tenant, w->tenant);
    if (t->partitions < e->partitions)
        err = add_number(p, about, PL_CHANGE_GROW, PL_HOLD_NONE, t->partitions, e->partitions);
    else if (e->partitions && t->partitions > e->partitions)
        err = add_number(p, about, PL_CHANGE_SHRINK, PL_HOLD_BY_HAND, t->partitions, e->partitions);
    if (!err && t->replication != e->replication)
        err = add_number(p, about, PL_CHANGE_REPLICATION, PL_HOLD_BY_HAND, t->replication, e->replication);
    if (!t->n_configs) return err; /* the embedded broker knows none */
    for (size_t i = 0; !err && i < e->n_configs; i++) err = compare_config(p, &about, t, &e->configs[i]);
    return err ? err : compare_others(p, &about, t, prune);
}
