#include <admin/targets.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static pouch_err no_weight(const char *text) {
    return pl_fail(POUCH_E_CONFIG, "%.300s: a weight is a target and a number from 0 to %d, as in stock=90", text,
                   PL_WEIGHT_MAX);
}

pouch_err admin_weight_of(struct admin_weight *w, const char *target, const char *number) {
    size_t n = strlen(target), digits = strspn(number, "0123456789");
    char text[PL_NAME_MAX + 32];
    snprintf(text, sizeof text, "%s=%s", target, number);
    if (!pl_name_valid(target, n) || !digits || digits > 7 || number[digits]) return no_weight(text);
    memcpy(w->target, target, n + 1);
    w->weight = (uint32_t)strtoul(number, NULL, 10);
    return w->weight <= PL_WEIGHT_MAX ? POUCH_OK : no_weight(text);
}

pouch_err admin_weight_read(struct admin_weight *w, const char *text) {
    char target[PL_NAME_MAX + 1];
    const char *equals = strrchr(text, '=');
    if (!equals || (size_t)(equals - text) >= sizeof target) return no_weight(text);
    snprintf(target, sizeof target, "%.*s", (int)(equals - text), text);
    return admin_weight_of(w, target, equals + 1);
}

/* ---- giving them to a route ---- */

static bool weight_given(const struct admin_targets *to, const char *topic, uint32_t *weight) {
    for (size_t i = to->n_weights; i-- > 0;) {
        if (strcmp(to->weights[i].target, topic) != 0) continue;
        *weight = to->weights[i].weight;
        return true;
    }
    return false;
}

static bool weight_kept(const struct pl_route_row *r, const struct admin_targets *to, const char *topic,
                        uint32_t *weight) {
    for (size_t i = 0; r->weights && !to->fan_out && i < r->n_targets; i++) {
        if (strcmp(r->targets[i], topic) != 0) continue;
        *weight = r->weights[i];
        return true;
    }
    return false;
}

static bool is_among(const struct admin_targets *to, const char *topic) {
    for (size_t i = 0; i < to->n; i++)
        if (!strcmp(to->topics[i], topic)) return true;
    return false;
}

static pouch_err weigh(const struct pl_route_row *r, const struct admin_targets *to, uint32_t *weights, bool *any) {
    const char *without = NULL;
    for (size_t i = 0; i < to->n_weights; i++)
        if (!is_among(to, to->weights[i].target))
            return pl_fail(POUCH_E_CONFIG, "%s has a weight and is no target of the route", to->weights[i].target);
    for (size_t i = 0; i < to->n; i++) {
        if (weight_given(to, to->topics[i], &weights[i]) || weight_kept(r, to, to->topics[i], &weights[i]))
            *any = true;
        else
            without = to->topics[i];
    }
    if (to->n < 2) *any = false;
    if (!*any || !without) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG,
                   "the route takes one of its targets by weight, and %s has none: give each of them one, or send to "
                   "all of them",
                   without);
}

static void free_topics(char **topics, size_t n) {
    for (size_t i = 0; i < n; i++) free(topics[i]);
    free(topics);
}

static char **copy_topics(const struct admin_targets *to) {
    char **topics = calloc(to->n + 1, sizeof *topics);
    for (size_t i = 0; topics && i < to->n; i++)
        if (!(topics[i] = strdup(to->topics[i]))) {
            free_topics(topics, i);
            return NULL;
        }
    return topics;
}

pouch_err admin_targets_set(struct pl_route_row *r, const struct admin_targets *to) {
    bool any = false;
    uint32_t *weights = calloc(to->n + 1, sizeof *weights);
    char **topics = copy_topics(to);
    pouch_err e = weights && topics ? weigh(r, to, weights, &any)
                                    : pl_fail(POUCH_E_NO_MEMORY, "out of memory for the targets of a route");
    if (e) {
        free(weights);
        if (topics) free_topics(topics, to->n);
        return e;
    }
    if (!any) free(weights);
    free_topics(r->targets, r->n_targets);
    free(r->weights);
    r->targets = topics;
    r->n_targets = to->n;
    r->weights = any ? weights : NULL;
    return POUCH_OK;
}
