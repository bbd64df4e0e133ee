/* What a file for pouch route apply may say. Every error tells file, line and what it is about. */
#include <admin/registry.h>
#include <admin/targets.h>
#include <base/why.h>
#include <ops/apply.h>
#include <ops/registry.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/rows.h>
#include <string.h>

/* A member of a route or a service. */
struct member {
    const char *file;
    const struct pl_yaml *thing, *node;
};

static pouch_err bad(const struct member *m, const char *what) {
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %s of %s: %s", m->file, m->node->line, m->node->key, m->thing->key, what);
}

/* The same with what was told of it last. */
static pouch_err bad_as_told(const struct member *m) {
    char why[512];
    snprintf(why, sizeof why, "%s", pouch_why());
    return bad(m, why);
}

/* An empty value is none. */
static pouch_err read_text(const struct member *m, char **text) {
    if (m->node->kind != PL_YAML_SCALAR) return bad(m, "give one text");
    if (m->node->text[0]) return admin_text_set(text, m->node->text);
    free(*text);
    *text = NULL;
    return POUCH_OK;
}

enum { LIST_MAX = 64 };

/* A list, or the one text that it would have; borrowed from the file. */
static pouch_err read_list(const struct member *m, const char *at[LIST_MAX], size_t *n) {
    const struct pl_yaml *node = m->node;
    *n = node->kind == PL_YAML_SCALAR ? node->text[0] != '\0' : node->n;
    if (node->kind == PL_YAML_MAP) return bad(m, "give a list of texts");
    if (*n > LIST_MAX) return bad(m, "the list is too long");
    if (*n) at[0] = node->text;
    for (size_t i = 0; node->kind == PL_YAML_LIST && i < *n; i++) {
        if (node->items[i].kind != PL_YAML_SCALAR) return bad(m, "give a list of texts");
        at[i] = node->items[i].text;
    }
    return POUCH_OK;
}

static pouch_err read_tags(const struct member *m, struct pl_service_row *r) {
    const char *at[LIST_MAX];
    size_t n;
    pouch_err e = read_list(m, at, &n);
    return e ? e : admin_texts_set(&r->tags, &r->n_tags, at, n);
}

static pouch_err read_bool(const struct member *m, bool *value) {
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};
    for (size_t i = 0; m->node->kind == PL_YAML_SCALAR && i < 6; i++)
        if (!strcasecmp(m->node->text, words[i / 3][i % 3])) {
            *value = i / 3;
            return POUCH_OK;
        }
    return bad(m, "give true or false");
}

static pouch_err route_member(const struct member *m, struct pl_route_row *r) {
    const char *key = m->node->key;
    if (!strcmp(key, "targets") || !strcmp(key, "weights")) return POUCH_OK; /* read together, by route_targets() */
    if (!strcmp(key, "service")) return read_text(m, &r->service);
    if (!strcmp(key, "enabled")) return read_bool(m, &r->enabled);
    if (!strcmp(key, "id")) return m->node->text && m->node->text[0] ? read_text(m, &r->id) : bad(m, "give an id");
    return bad(m, "a route has targets, weights, id, service and enabled, and nothing else");
}

/* An empty value is none: then a request goes to all targets. */
static pouch_err read_weights(const struct member *m, struct admin_weight weights[LIST_MAX], size_t *n) {
    const struct pl_yaml *node = m->node;
    bool empty = node->kind == PL_YAML_SCALAR && !node->text[0];
    if (node->kind != PL_YAML_MAP && !empty) return bad(m, "give a number for each target");
    if (node->n > LIST_MAX) return bad(m, "the list is too long");
    for (*n = 0; *n < node->n; ++*n) {
        const struct pl_yaml *one = &node->items[*n];
        if (one->kind != PL_YAML_SCALAR) return bad(m, "give a number for each target");
        if (admin_weight_of(&weights[*n], one->key, one->text)) return bad_as_told(m);
    }
    return POUCH_OK;
}

/* What the file says of either; what it does not say stays. */
static pouch_err route_targets(struct pl_route_row *r, const char *file, const struct pl_yaml *node) {
    struct member targets = {file, node, pl_yaml_get(node, "targets")};
    struct member weights = {file, node, pl_yaml_get(node, "weights")};
    const char *at[LIST_MAX];
    struct admin_weight given[LIST_MAX];
    struct admin_targets to = {.topics = (const char *const *)r->targets, .n = r->n_targets, .weights = given};
    pouch_err e = POUCH_OK;
    if (!targets.node && !weights.node) return POUCH_OK;
    if (targets.node) {
        to.topics = at;
        e = read_list(&targets, at, &to.n);
    }
    if (!e && weights.node) e = read_weights(&weights, given, &to.n_weights);
    to.fan_out = weights.node != NULL; /* it names all that are to have one */
    if (!e && (e = admin_targets_set(r, &to)) == POUCH_E_CONFIG) e = bad_as_told(weights.node ? &weights : &targets);
    return e;
}

static pouch_err service_member(const struct member *m, struct pl_service_row *r) {
    const char *key = m->node->key;
    if (!strcmp(key, "version")) return read_text(m, &r->version);
    if (!strcmp(key, "description")) return read_text(m, &r->description);
    if (!strcmp(key, "endpoint")) return read_text(m, &r->endpoint);
    if (!strcmp(key, "tags")) return read_tags(m, r);
    return bad(m, "a service has version, description, endpoint and tags, and nothing else");
}

/* An empty scalar is a map without members. */
static pouch_err check_map(const char *file, const struct pl_yaml *node) {
    if (node->kind == PL_YAML_MAP || (node->kind == PL_YAML_SCALAR && !node->text[0])) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: give its members, one a line", file, node->line, node->key);
}

/* What is wrong with the whole, told with its place. */
static pouch_err placed(pouch_err e, const char *file, const struct pl_yaml *node) {
    char why[512];
    if (e != POUCH_E_CONFIG) return e;
    snprintf(why, sizeof why, "%s", pouch_why());
    return pl_fail(e, "%s:%u: %s: %s", file, node->line, node->key, why);
}

pouch_err ops_apply_route(struct pl_route_row *r, const char *file, const struct pl_yaml *node) {
    pouch_err e = check_map(file, node);
    if (!e) e = admin_text_set(&r->publisher, node->key);
    for (size_t i = 0; !e && i < node->n; i++) e = route_member(&(struct member){file, node, &node->items[i]}, r);
    if (!e) e = route_targets(r, file, node);
    if (!e && !r->id && asprintf(&r->id, "route-%s", r->publisher) < 0)
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    return e ? e : placed(pl_route_check(r), file, node);
}

pouch_err ops_apply_service(struct pl_service_row *r, const char *file, const struct pl_yaml *node) {
    pouch_err e = check_map(file, node);
    if (!e) e = admin_text_set(&r->name, node->key);
    for (size_t i = 0; !e && i < node->n; i++) e = service_member(&(struct member){file, node, &node->items[i]}, r);
    if (!e && !r->version) e = admin_text_set(&r->version, ADMIN_SERVICE_VERSION);
    return e ? e : placed(pl_service_check(r), file, node);
}

/* A file that came out empty is no wish to remove everything. */
pouch_err ops_apply_refuse_empty(const char *file, const struct pl_yaml *tree) {
    for (size_t i = 0; i < tree->n; i++)
        if (tree->items[i].n) return POUCH_OK;
    return pl_fail(
        POUCH_E_CONFIG,
        "%s: it names no route and no service, and --prune would remove all there are; see to what wrote it, "
        "or remove them with pouch route remove and pouch service remove",
        file);
}

pouch_err ops_apply_outline(const char *file, const struct pl_yaml *tree) {
    if (tree->kind != PL_YAML_MAP)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: give routes:, services:, or both", file, tree->line);
    for (size_t i = 0; i < tree->n; i++) {
        const struct pl_yaml *node = &tree->items[i];
        if (strcmp(node->key, "routes") && strcmp(node->key, "services"))
            return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: there may be routes and services, and nothing else", file,
                           node->line, node->key);
        pouch_err e = check_map(file, node);
        if (e) return e;
    }
    return POUCH_OK;
}
