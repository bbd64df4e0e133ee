#include <base/log.h>
#include <base/why.h>
#include <stdlib.h>
#include <store/weights.h>
#include <string.h>

pouch_err pl_weights_check(const struct pl_route_row *r) {
    uint64_t sum = 0;
    for (size_t i = 0; r->weights && i < r->n_targets; i++) {
        if (r->weights[i] > PL_WEIGHT_MAX)
            return pl_fail(POUCH_E_CONFIG, "the weight of target %s is over %d", r->targets[i], PL_WEIGHT_MAX);
        sum += r->weights[i];
    }
    if (r->weights && !sum)
        return pl_fail(POUCH_E_CONFIG, "all targets of the route have weight 0, so none would get a request; to stop a "
                                       "publisher, disable its route");
    return POUCH_OK;
}

size_t pl_weights_heaviest(const struct pl_route_row *r) {
    size_t heaviest = 0;
    for (size_t i = 1; i < r->n_targets; i++)
        if (r->weights[i] > r->weights[heaviest]) heaviest = i;
    return heaviest;
}

/* ---- writing ---- */

json_t *pl_weights_json(const struct pl_route_row *r) {
    json_t *all = json_object();
    for (size_t i = 0; all && i < r->n_targets; i++)
        if (json_object_set_new(all, r->targets[i], json_integer(r->weights[i]))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

pouch_err pl_weights_text(const struct pl_route_row *r, char **text) {
    *text = NULL;
    if (!r->weights) return POUCH_OK;
    json_t *all = pl_weights_json(r);
    if (all) *text = pl_json_text(all, NULL);
    json_decref(all);
    return *text ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for the weights of a route");
}

/* ---- reading ---- */

static bool is_weight(const json_t *value) {
    json_int_t weight = json_integer_value(value);
    return json_is_integer(value) && weight >= 0 && weight <= PL_WEIGHT_MAX;
}

static bool are_weights(const json_t *all) {
    const char *topic;
    const json_t *value;
    size_t n = json_object_size(all);
    json_object_foreach((json_t *)all, topic, value) {
        if (!is_weight(value)) return false;
    }
    return n >= 1 && n <= PL_TARGETS_MAX;
}

/* Into a row that has neither targets nor weights. */
static bool fill(struct pl_route_row *r, const json_t *all) {
    const char *topic;
    const json_t *value;
    size_t n = json_object_size(all);
    r->targets = calloc(n, sizeof *r->targets);
    r->weights = calloc(n, sizeof *r->weights);
    if (!r->targets || !r->weights) return false;
    json_object_foreach((json_t *)all, topic, value) {
        if (!(r->targets[r->n_targets] = strdup(topic))) return false;
        r->weights[r->n_targets++] = (uint32_t)json_integer_value(value);
    }
    return true;
}

static void free_targets(struct pl_route_row *r) {
    for (size_t i = 0; i < r->n_targets; i++) free(r->targets[i]);
    free(r->targets);
    free(r->weights);
}

static void replace(struct pl_route_row *r, const struct pl_route_row *to) {
    free_targets(r);
    r->targets = to->targets;
    r->weights = to->weights;
    r->n_targets = to->n_targets;
}

pouch_err pl_weights_take(struct pl_route_row *r, const json_t *weights) {
    struct pl_route_row to = {0};
    if (!are_weights(weights))
        return pl_fail(POUCH_E_INVALID_PAYLOAD,
                       "the weights of a route are an object of 1 to %d topics, each with a number from 0 to %d",
                       PL_TARGETS_MAX, PL_WEIGHT_MAX);
    if (!fill(&to, weights)) {
        free_targets(&to);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the weights of a route");
    }
    replace(r, &to);
    return POUCH_OK;
}

pouch_err pl_weights_read(struct pl_route_row *r, const char *text) {
    json_t *weights = NULL;
    if (!text) return POUCH_OK;
    struct pl_route_row to = {0};
    pouch_err e = pl_json_read(&weights, "the weights of a route", text, strlen(text));
    if (!e) e = pl_weights_take(&to, weights);
    if (!e) e = pl_weights_check(&to);
    json_decref(weights);
    if (!e) {
        replace(r, &to);
        return POUCH_OK;
    }
    free_targets(&to);
    if (e == POUCH_E_NO_MEMORY) return e;
    PL_LOG(PL_LOG_WARN, "the weights of a route cannot be understood: it has the target that stands for them",
           "publisher", r->publisher, "why", pouch_why());
    return POUCH_OK;
}
