#include <admin/anytext.h>
#include <admin/topics.h>
#include <base/why.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/topic_book.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

pouch_err ops_topic_names_check(const struct ops_call *call, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!pl_name_valid(call->args[i], strlen(call->args[i])))
            return pl_fail(POUCH_E_CONFIG,
                           "'%.249s' is no topic name: 1 to 249 characters of letters, digits, '.', '_' and '-'",
                           call->args[i]);
    return POUCH_OK;
}

/* ---- writing ---- */

/* The text of a state, or NULL for none; *made false: out of memory. */
static char *text_of(json_t *state, bool *made) {
    size_t n;
    char *text = state ? pl_json_text(state, &n) : NULL;
    *made = *made && (!state || text);
    return text;
}

static pouch_err write_texts(struct ops_topic_book *b, const char *topic, const char *before, const char *after) {
    pouch_err e = b->store ? POUCH_OK : ops_registry_open(b->call, &b->store);
    return e ? e : pl_store_audit_put(b->store, ADMIN_AUDIT_TOPIC, topic, before, after);
}

static pouch_err write_states(struct ops_topic_book *b, const char *topic, json_t *before, json_t *after) {
    bool made = before || after;
    char *was = text_of(before, &made), *is = text_of(after, &made);
    pouch_err e = made ? write_texts(b, topic, was, is) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for what changed");
    free(was);
    free(is);
    return e;
}

void ops_topic_book_put(struct ops_topic_book *b, const char *topic, json_t *before, json_t *after) {
    if (!b->lost && write_states(b, topic, before, after)) {
        b->lost = true;
        ops_say("topic %s is changed, but who changed it is not written down: %s", topic, pouch_why());
    }
    json_decref(before);
    json_decref(after);
}

void ops_topic_book_close(struct ops_topic_book *b) {
    pl_store_close(b->store);
    b->store = NULL;
}

/* ---- states ---- */

struct named {
    const struct ops_call *call;
    size_t n;
};

static bool is_named(const char *topic, void *arg) {
    const struct named *named = arg;
    for (size_t i = 0; i < named->n; i++)
        if (!strcmp(topic, named->call->args[i])) return true;
    return false;
}

void ops_topic_states(struct pl_actual *a, rd_kafka_t *rk, const struct ops_call *call, size_t n) {
    struct named named = {call, n};
    *a = (struct pl_actual){0};
    /* Whoever may change a topic need not be allowed to look at it. */
    if (!pl_actual_topics(a, rk, ADMIN_TOPICS_MS)) (void)!pl_actual_configs(a, rk, is_named, &named, ADMIN_TOPICS_MS);
}

json_t *ops_topic_state(const struct pl_actual *a, const char *topic) {
    const struct pl_actual_topic *t = pl_actual_find(a, topic);
    if (!t) return json_object();
    json_t *o = json_pack("{s:i,s:i}", "partitions", t->partitions, "replication", t->replication);
    for (size_t i = 0; i < t->n_configs; i++)
        if (t->configs[i].override) o = admin_json_with(o, t->configs[i].name, admin_anytext_of(t->configs[i].value));
    return o;
}
