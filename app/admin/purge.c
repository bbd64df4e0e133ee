#include <admin/letter.h>
#include <admin/letter_history.h>
#include <admin/purge.h>
#include <admin/registry.h>
#include <admin/when.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <stdlib.h>

enum { CALL_MS = 30000 };

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_purge *p = arg;
    struct admin_letter l;
    admin_letter_read(&l, m);
    bool old = l.time_ms < p->until_ms;
    if (m->partition >= ADMIN_PURGE_PARTITIONS) {
        p->beyond += old;
        return true;
    }
    struct admin_purge_part *part = &p->parts[m->partition];
    part->seen = true;
    if (part->stopped) {
        part->behind += old;
        p->behind += old;
    } else if (old) {
        part->letters++;
        part->end = m->offset + 1;
        p->letters++;
    } else {
        part->stopped = true;
    }
    return true;
}

pouch_err admin_purge_find(struct admin_purge *p) {
    p->parts = calloc(ADMIN_PURGE_PARTITIONS, sizeof *p->parts);
    if (!p->parts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d partitions", ADMIN_PURGE_PARTITIONS);
    return admin_scan(p->settings, p->settings->dlq_topic, NULL, &p->until, on_record, p);
}

static pouch_err write_down(const struct admin_purge *p, struct pl_store *store) {
    char until[ADMIN_WHEN_TEXT];
    json_t *o = json_pack("{s:s,s:I,s:s}", "action", "purge", "letters", (json_int_t)p->letters, "until",
                          admin_when_text(until, p->until_ms));
    return admin_letter_change_put(store, p->settings->dlq_topic, o);
}

static pouch_err cut_off(const struct admin_purge *p) {
    struct pl_cluster *c = NULL;
    struct pl_topic_cut *cuts = calloc(ADMIN_PURGE_PARTITIONS, sizeof *cuts);
    size_t n = 0;
    if (!cuts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d partitions", ADMIN_PURGE_PARTITIONS);
    for (int32_t i = 0; i < ADMIN_PURGE_PARTITIONS; i++)
        if (p->parts[i].letters) cuts[n++] = (struct pl_topic_cut){i, p->parts[i].end};
    pouch_err e = pl_cluster_open(&c, p->settings, admin_client_id(p->settings));
    if (!e) e = pl_topic_cut(pl_cluster_handle(c), p->settings->dlq_topic, cuts, n, CALL_MS);
    pl_cluster_close(c);
    free(cuts);
    return e;
}

/* Written down before it is done: what is gone cannot be looked up afterwards. */
pouch_err admin_purge_do(struct admin_purge *p, struct pl_store *store) {
    pouch_err e = write_down(p, store);
    if (!e) e = cut_off(p);
    if (!e) p->deleted = p->letters;
    return e;
}

void admin_purge_free(struct admin_purge *p) {
    free(p->parts);
    p->parts = NULL;
}

json_t *admin_purge_json(const struct admin_purge *p, bool dry) {
    return json_pack("{s:I,s:I,s:I,s:b}", "matching", (json_int_t)p->letters, "behind_newer", (json_int_t)p->behind,
                     "deleted", (json_int_t)p->deleted, "dry_run", (int)dry);
}
