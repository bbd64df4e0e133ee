#include <base/why.h>
#include <json/json.h>
#include <stdlib.h>
#include <store/rows.h>
#include <store/state.h>
#include <store/weights.h>
#include <string.h>

static json_t *list(char *const *texts, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++)
        if (json_array_append_new(all, json_string(texts[i]))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

/* The same whatever their order. */
static json_t *tags(const struct pl_service_row *r) {
    char **sorted = calloc(r->n_tags + 1, sizeof *sorted);
    if (!sorted) return NULL;
    for (size_t i = 0; i < r->n_tags; i++) sorted[i] = r->tags[i];
    pl_tags_sort(sorted, r->n_tags);
    json_t *all = list(sorted, r->n_tags);
    free(sorted);
    return all;
}

static char *text_of(json_t *state) {
    char *text = state ? pl_json_text(state, NULL) : NULL;
    json_decref(state);
    return text;
}

char *pl_route_state(const struct pl_route_row *r) {
    json_t *state = json_pack("{s:s,s:s,s:o,s:s?,s:b}", "publisher", r->publisher, "id", r->id, "targets",
                              list(r->targets, r->n_targets), "service", r->service, "enabled", (int)r->enabled);
    if (state && r->weights && json_object_set_new(state, "weights", pl_weights_json(r))) {
        json_decref(state);
        return NULL;
    }
    return text_of(state);
}

char *pl_service_state(const struct pl_service_row *r) {
    return text_of(json_pack("{s:s,s:s,s:s?,s:s?,s:o}", "name", r->name, "version", r->version, "description",
                             r->description, "endpoint", r->endpoint, "tags", tags(r)));
}

/* ---- reading ---- */

static bool copy(char **to, const char *from) {
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool copy_targets(struct pl_route_row *r, const json_t *targets) {
    size_t n = json_array_size(targets);
    if (!(r->targets = calloc(n + 1, sizeof *r->targets))) return false;
    for (size_t i = 0; i < n; i++) {
        if (!copy(&r->targets[i], json_string_value(json_array_get(targets, i)))) return false;
        r->n_targets++;
    }
    return true;
}

static bool all_texts(const json_t *list) {
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++)
        if (!json_is_string(json_array_get(list, i))) return false;
    return n >= 1 && n <= PL_TARGETS_MAX;
}

static pouch_err fill(struct pl_route_row *r, const json_t *state) {
    const char *publisher, *id;
    const json_t *targets, *service;
    int enabled;
    if (json_unpack((json_t *)state, "{s:s,s:s,s:o,s:o,s:b}", "publisher", &publisher, "id", &id, "targets", &targets,
                    "service", &service, "enabled", &enabled) ||
        !all_texts(targets))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "a route's earlier state cannot be understood: it has not the members "
                                                "of a route");
    r->enabled = enabled;
    const json_t *weights = json_object_get(state, "weights");
    bool done = copy(&r->publisher, publisher) && copy(&r->id, id) && copy(&r->service, json_string_value(service));
    if (done && weights) return pl_weights_take(r, weights);
    done = done && copy_targets(r, targets);
    return done ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
}

pouch_err pl_route_of_state(struct pl_route_row **out, const char *text) {
    json_t *state;
    pouch_err e = pl_json_read(&state, "a route's earlier state", text, strlen(text));
    if (e) return e;
    struct pl_route_row *r = calloc(1, sizeof *r);
    e = r ? fill(r, state) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    json_decref(state);
    if (e)
        pl_route_free(r, r != NULL);
    else
        *out = r;
    return e;
}
