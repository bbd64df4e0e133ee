#include <base/why.h>
#include <schema/cache.h>
#include <schema/frame.h>
#include <schema/schema.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { WHY_MAX = 512 };

struct schema_set {
    struct registry *registry;
    struct cache *cache;
    atomic_bool stop;
};

/* INVALID_PAYLOAD is said of payloads alone: what a registry has is then a schema that cannot be used. */
static pouch_err of_registry(pouch_err e) {
    if (e != POUCH_E_INVALID_PAYLOAD) return e;
    char why[WHY_MAX];
    snprintf(why, sizeof why, "%s", pouch_why());
    return pl_fail(POUCH_E_CONFIG, "the registered schema cannot be used: %s", why);
}

static pouch_err ask(void *arg, const char *subject, uint32_t id, int timeout_ms, bool *answered,
                     struct schema_doc **doc) {
    struct schema_set *set = arg;
    struct registry_schema schema;
    pouch_err e = subject ? schema_registry_get(set->registry, subject, REGISTRY_LATEST, timeout_ms, &schema)
                          : schema_registry_get_id(set->registry, id, &schema);
    *answered = !e;
    if (!e) e = schema_doc_read(doc, &schema);
    schema_registry_schema_free(&schema);
    return of_registry(e);
}

pouch_err schema_open(struct schema_set **out, const struct pl_settings *s) {
    *out = NULL;
    struct schema_set *set = calloc(1, sizeof *set);
    if (!set) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for schemas");
    pouch_err e = schema_registry_open(&set->registry, s, &set->stop);
    if (!e) e = schema_cache_new(&set->cache, ask, set, s->schema_ttl_ms, &pl_clock_system);
    if (e)
        schema_close(set);
    else
        *out = set;
    return e;
}

void schema_close(struct schema_set *set) {
    if (!set) return;
    schema_cache_free(set->cache);
    schema_registry_close(set->registry);
    free(set);
}

void schema_stop(struct schema_set *set) {
    atomic_store(&set->stop, true);
}

const char *schema_subject(const char *topic, char out[static SCHEMA_SUBJECT_MAX]) {
    snprintf(out, SCHEMA_SUBJECT_MAX, "%.249s-value", topic);
    return out;
}

pouch_err schema_fetch(struct schema_set *set, const char *subject) {
    struct schema_doc *doc;
    pouch_err e = schema_cache_get(set->cache, subject, 0, &doc);
    if (!e) schema_doc_drop(doc);
    return e;
}

/* ---- payloads ---- */

/* What is done with a payload by a schema. */
typedef pouch_err use_fn(const struct schema_doc *doc, const void *payload, size_t n, struct pl_buf *out);

static pouch_err check(const struct schema_doc *doc, const void *payload, size_t n, struct pl_buf *out) {
    (void)out;
    return schema_doc_check(doc, payload, n);
}

/* By a schema that is newer than `than`. why: what is wrong by that one, which counts where it is the newest. */
static pouch_err use_newer(struct schema_set *set, const char *subject, const struct schema_doc *than, const char *why,
                           use_fn *fn, const void *payload, size_t n, struct pl_buf *out) {
    struct schema_doc *newer;
    pouch_err e = schema_cache_newer(set->cache, subject, than, &newer);
    if (e) {
        char cause[WHY_MAX];
        snprintf(cause, sizeof cause, "%s", pouch_why());
        return pl_fail(POUCH_E_UNCHECKED,
                       "not as the schema at hand says, and whether there is a newer one cannot be asked: %s", cause);
    }
    e = newer ? fn(newer, payload, n, out) : pl_fail(POUCH_E_INVALID_PAYLOAD, "%s", why);
    schema_doc_drop(newer);
    return e;
}

/* A payload is not invalid because the schema at hand is older than it. */
static pouch_err use(struct schema_set *set, const char *subject, use_fn *fn, const void *payload, size_t n,
                     struct pl_buf *out) {
    struct schema_doc *doc;
    pouch_err e = schema_cache_get(set->cache, subject, 0, &doc);
    if (e) return e;
    e = fn(doc, payload, n, out);
    if (e == POUCH_E_INVALID_PAYLOAD) {
        char why[WHY_MAX];
        snprintf(why, sizeof why, "%s", pouch_why());
        e = use_newer(set, subject, doc, why, fn, payload, n, out);
    }
    schema_doc_drop(doc);
    return e;
}

pouch_err schema_check(struct schema_set *set, const char *subject, const void *payload, size_t n) {
    return use(set, subject, check, payload, n, NULL);
}

pouch_err schema_encode(struct schema_set *set, const char *subject, const void *payload, size_t n,
                        struct pl_buf *out) {
    return use(set, subject, schema_doc_encode, payload, n, out);
}

pouch_err schema_decode(struct schema_set *set, const void *framed, size_t n, uint32_t *id, struct pl_buf *out) {
    uint32_t number = 0;
    struct schema_doc *doc;
    pouch_err e = schema_frame_read(framed, n, &number);
    if (id) *id = number;
    if (!e) e = schema_cache_get(set->cache, NULL, number, &doc);
    if (e) return e;
    e = schema_doc_decode(doc, (const char *)framed + SCHEMA_FRAME_BYTES, n - SCHEMA_FRAME_BYTES, out);
    schema_doc_drop(doc);
    return e;
}
