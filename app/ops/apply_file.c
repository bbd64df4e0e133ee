/* What a file for pouch route apply may say. Every error tells file, line and what it is about. */
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

/* An empty value is none. */
static pouch_err read_text(const struct member *m, char **text) {
    if (m->node->kind != PL_YAML_SCALAR) return bad(m, "give one text");
    if (m->node->text[0]) return ops_text_set(text, m->node->text);
    free(*text);
    *text = NULL;
    return POUCH_OK;
}

/* A list, or the one text that it would have. */
static pouch_err read_list(const struct member *m, char ***texts, size_t *n) {
    enum { MOST = 64 };
    const char *at[MOST];
    const struct pl_yaml *node = m->node;
    size_t count = node->kind == PL_YAML_SCALAR ? node->text[0] != '\0' : node->n;
    if (node->kind == PL_YAML_MAP) return bad(m, "give a list of texts");
    if (count > MOST) return bad(m, "the list is too long");
    if (count) at[0] = node->text;
    for (size_t i = 0; node->kind == PL_YAML_LIST && i < count; i++) {
        if (node->items[i].kind != PL_YAML_SCALAR) return bad(m, "give a list of texts");
        at[i] = node->items[i].text;
    }
    return ops_texts_set(texts, n, at, count);
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
    if (!strcmp(key, "targets")) return read_list(m, &r->targets, &r->n_targets);
    if (!strcmp(key, "service")) return read_text(m, &r->service);
    if (!strcmp(key, "enabled")) return read_bool(m, &r->enabled);
    if (!strcmp(key, "id")) return m->node->text && m->node->text[0] ? read_text(m, &r->id) : bad(m, "give an id");
    return bad(m, "a route has targets, id, service and enabled, and nothing else");
}

static pouch_err service_member(const struct member *m, struct pl_service_row *r) {
    const char *key = m->node->key;
    if (!strcmp(key, "version")) return read_text(m, &r->version);
    if (!strcmp(key, "description")) return read_text(m, &r->description);
    if (!strcmp(key, "endpoint")) return read_text(m, &r->endpoint);
    if (!strcmp(key, "tags")) return read_list(m, &r->tags, &r->n_tags);
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
    if (!e) e = ops_text_set(&r->publisher, node->key);
    for (size_t i = 0; !e && i < node->n; i++) e = route_member(&(struct member){file, node, &node->items[i]}, r);
    if (!e && !r->id && asprintf(&r->id, "route-%s", r->publisher) < 0)
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    return e ? e : placed(pl_route_check(r), file, node);
}

pouch_err ops_apply_service(struct pl_service_row *r, const char *file, const struct pl_yaml *node) {
    pouch_err e = check_map(file, node);
    if (!e) e = ops_text_set(&r->name, node->key);
    for (size_t i = 0; !e && i < node->n; i++) e = service_member(&(struct member){file, node, &node->items[i]}, r);
    if (!e && !r->version) e = ops_text_set(&r->version, OPS_SERVICE_VERSION);
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
