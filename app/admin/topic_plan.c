/* A plan as text and as JSON. */
#include <admin/anytext.h>
#include <admin/topics.h>
#include <base/buf.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 * 1024 };

static const struct {
    char sign;
    const char *name;
} words[PL_CHANGE_KINDS] = {[PL_CHANGE_CREATE] = {'+', "create"},
                            [PL_CHANGE_GROW] = {'~', "grow"},
                            [PL_CHANGE_SET] = {'~', "set"},
                            [PL_CHANGE_RESET] = {'~', "reset"},
                            [PL_CHANGE_REPLICATION] = {'~', "replication"},
                            [PL_CHANGE_SHRINK] = {'~', "shrink"},
                            [PL_CHANGE_DELETE] = {'-', "delete"},
                            [PL_CHANGE_GRANT] = {'+', "grant"},
                            [PL_CHANGE_REVOKE] = {'-', "revoke"}};

/* ---- as text ---- */

static pouch_err put_topic(struct pl_buf *b, const struct pl_catalog_entry *entry) {
    pouch_err e = entry->partitions ? pl_buf_printf(b, ": %d partitions", entry->partitions)
                                    : pl_buf_puts(b, ": the broker's partitions");
    if (!e) e = pl_buf_printf(b, ", %d %s", entry->replication, entry->replication == 1 ? "copy" : "copies");
    for (size_t i = 0; !e && i < entry->n_configs; i++)
        if (entry->configs[i].value[0])
            e = pl_buf_printf(b, ", %s=%s", entry->configs[i].name, entry->configs[i].value);
    return e;
}

static const char *or_default(const char *value) {
    return value ? value : "(broker's default)";
}

static pouch_err put_change(struct pl_buf *b, const struct pl_change *c) {
    pouch_err e = pl_buf_puts(b, c->topic);
    if (e) return e;
    switch (c->kind) {
    case PL_CHANGE_CREATE: return put_topic(b, c->entry);
    case PL_CHANGE_GROW:
    case PL_CHANGE_SHRINK: return pl_buf_printf(b, ": partitions %s -> %s", c->before, c->after);
    case PL_CHANGE_REPLICATION: return pl_buf_printf(b, ": copies %s -> %s", c->before, c->after);
    case PL_CHANGE_SET:
    case PL_CHANGE_RESET:
        return pl_buf_printf(b, ": %s %s -> %s", c->config, or_default(c->before), or_default(c->after));
    case PL_CHANGE_GRANT:
    case PL_CHANGE_REVOKE: return pl_buf_printf(b, ": %s", c->config);
    default: return POUCH_OK;
    }
}

char *admin_change_text(const struct pl_change *c) {
    struct pl_buf b;
    size_t n;
    pl_buf_init(&b, TEXT_MAX);
    pouch_err e = pl_buf_printf(&b, "%c ", c->hold ? '!' : words[c->kind].sign);
    if (!e) e = put_change(&b, c);
    if (!e && c->kind == PL_CHANGE_DELETE) e = pl_buf_puts(&b, ": delete it with all its records");
    if (!e && c->hold == PL_HOLD_PRUNE) e = pl_buf_puts(&b, " (only with --prune)");
    if (!e && c->kind == PL_CHANGE_DELETE && c->hold == PL_HOLD_BY_HAND)
        e = pl_buf_printf(&b,
                          " (not by apply: the catalogue lists no tenants, and %s may be none; pouch tenant delete %s)",
                          c->tenant, c->tenant);
    if (!e && c->kind == PL_CHANGE_REPLICATION)
        e = pl_buf_puts(&b, " (not by Pouch: move replicas with kafka-reassign-partitions)");
    if (!e && c->kind == PL_CHANGE_SHRINK)
        e = pl_buf_puts(&b, " (Kafka takes none away: make a new topic, or change "
                            "the catalogue)");
    if (!e) return pl_buf_take(&b, &n);
    pl_buf_free(&b);
    return NULL;
}

/* ---- as JSON ---- */

static json_t *number_or_text(const struct pl_change *c, const char *text) {
    if (!text) return json_null();
    return c->config ? admin_anytext_of(text) : json_integer(strtol(text, NULL, 10));
}

static json_t *configs_json(const struct pl_catalog_entry *e) {
    json_t *o = json_object();
    for (size_t i = 0; i < e->n_configs; i++)
        if (e->configs[i].value[0]) o = admin_json_with(o, e->configs[i].name, json_string(e->configs[i].value));
    return o;
}

/* What is particular to a kind of change. */
static json_t *with_values(json_t *o, const struct pl_change *c) {
    if (c->kind == PL_CHANGE_CREATE) {
        if (c->entry->partitions) o = admin_json_with(o, "partitions", json_integer(c->entry->partitions));
        o = admin_json_with(o, "replication", json_integer(c->entry->replication));
        return admin_json_with(o, "config", configs_json(c->entry));
    }
    if (c->kind == PL_CHANGE_DELETE) return o;
    if (c->kind == PL_CHANGE_GRANT || c->kind == PL_CHANGE_REVOKE)
        return admin_json_with(o, "acl", admin_anytext_of(c->config));
    if (c->config) o = admin_json_with(o, "config", admin_anytext_of(c->config));
    o = admin_json_with(o, "before", number_or_text(c, c->before));
    return admin_json_with(o, "after", number_or_text(c, c->after));
}

json_t *admin_change_json(const struct pl_change *c, bool applied) {
    json_t *o = json_pack("{s:s,s:o}", "change", words[c->kind].name, "topic", admin_anytext_of(c->topic));
    if (c->tenant[0]) o = admin_json_with(o, "tenant", json_string(c->tenant));
    o = with_values(o, c);
    if (c->hold) o = admin_json_with(o, "held", json_string(c->hold == PL_HOLD_PRUNE ? "prune" : "by_hand"));
    if (applied) o = admin_json_with(o, "made", json_boolean(c->made));
    if (c->why) o = admin_json_with(o, "error", admin_anytext_of(c->why));
    return o;
}

json_t *admin_changes_of_plan_json(const struct pl_plan *p, bool applied) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < p->n; i++) all = admin_array_with(all, admin_change_json(&p->changes[i], applied));
    return all;
}

json_t *admin_plan_json(const struct pl_plan *p, bool applied) {
    return json_pack("{s:o,s:I,s:I}", "changes", admin_changes_of_plan_json(p, applied), "as_they_were",
                     (json_int_t)p->as_they_were, "tenants", (json_int_t)p->tenants);
}
