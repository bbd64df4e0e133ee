/* pouch dlq purge. */
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq.h>
#include <ops/dlq_history.h>
#include <ops/registry.h>
#include <ops/scan.h>
#include <ops/when.h>
#include <stdlib.h>

enum { CALL_MS = 30000, PARTITIONS_MAX = 1024 };

/* What is to be deleted of a partition: what stands before the first letter that stays. */
struct part {
    int64_t end;        /* offset of the first that stays, or behind the last */
    size_t letters;     /* before it */
    size_t behind;      /* old ones behind it, which stay as well */
    bool seen, stopped; /* anything; a letter that stays */
};

struct purge {
    const struct ops_call *call;
    const struct pl_settings *settings;
    int64_t until_ms;
    struct part *parts;
    size_t letters, behind;
    size_t beyond; /* in partitions that this does not see to */
};

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct purge *p = arg;
    struct ops_letter l;
    ops_letter_read(&l, m);
    bool old = l.time_ms < p->until_ms;
    if (m->partition >= PARTITIONS_MAX) {
        p->beyond += old;
        return true;
    }
    struct part *part = &p->parts[m->partition];
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

static void print_plan(const struct purge *p) {
    for (int i = 0; i < PARTITIONS_MAX; i++)
        if (p->parts[i].letters)
            ops_say("%zu letters of partition %d, before offset %" PRId64, p->parts[i].letters, i, p->parts[i].end);
    if (p->behind)
        ops_say("%zu as old stand behind newer ones and stay: Kafka deletes from the front alone", p->behind);
    if (p->beyond)
        ops_say("%zu as old are in partitions from %d on and stay: this deletes from those before alone", p->beyond,
                PARTITIONS_MAX);
}

static pouch_err write_down(const struct purge *p) {
    char until[OPS_WHEN_TEXT];
    struct pl_store *store = NULL;
    json_t *o = json_pack("{s:s,s:I,s:s}", "action", "purge", "letters", (json_int_t)p->letters, "until",
                          ops_when_text(until, p->until_ms));
    char *text = o ? pl_json_text(o, NULL) : NULL;
    json_decref(o);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what is deleted");
    pouch_err e = ops_registry_open(p->call, &store);
    if (!e) e = pl_store_audit_put(store, OPS_AUDIT_DLQ, p->settings->dlq_topic, NULL, text);
    pl_store_close(store);
    free(text);
    return e;
}

static pouch_err delete (const struct purge *p) {
    struct pl_cluster *c = NULL;
    struct pl_topic_cut *cuts = calloc(PARTITIONS_MAX, sizeof *cuts);
    size_t n = 0;
    if (!cuts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d partitions", PARTITIONS_MAX);
    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        if (p->parts[i].letters) cuts[n++] = (struct pl_topic_cut){i, p->parts[i].end};
    pouch_err e = pl_cluster_open(&c, p->settings, p->settings->client_id ? p->settings->client_id : "pouch-cli");
    if (!e) e = pl_topic_cut(pl_cluster_handle(c), p->settings->dlq_topic, cuts, n, CALL_MS);
    pl_cluster_close(c);
    free(cuts);
    return e;
}

static int report(const struct purge *p, size_t deleted) {
    if (p->call->output == OPS_TABLE) {
        if (deleted) ops_say("%zu deleted; `pouch changes --kind dlq` shows it", deleted);
        return OPS_EXIT_OK;
    }
    return ops_print_json(json_pack("{s:I,s:I,s:I,s:b}", "matching", (json_int_t)p->letters, "behind_newer",
                                    (json_int_t)p->behind, "deleted", (json_int_t)deleted, "dry_run",
                                    (int)ops_has(p->call, "--dry-run")));
}

/* Written down before it is done: what is gone cannot be looked up afterwards. */
static int run_plan(const struct purge *p) {
    print_plan(p);
    if (!p->letters) ops_say("there is nothing to delete");
    if (!p->letters || ops_has(p->call, "--dry-run")) return report(p, 0);
    int exit_code = ops_agreed(p->call, "Delete them?", "nothing was deleted");
    if (exit_code) return exit_code;
    pouch_err e = write_down(p);
    if (!e) e = delete (p);
    return e ? ops_error(e) : report(p, p->letters);
}

static int purge_with(struct purge *p) {
    p->parts = calloc(PARTITIONS_MAX, sizeof *p->parts);
    pouch_err e = p->parts ? ops_scan(p->settings, p->settings->dlq_topic, NULL, on_record, p)
                           : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d partitions", PARTITIONS_MAX);
    int exit_code = e && e != POUCH_E_TARGET_REFUSED ? ops_error(e) : run_plan(p);
    free(p->parts);
    return exit_code;
}

static int purge(struct ops_call *call) {
    struct purge p = {.call = call};
    const char *until = ops_flag(call, "--until", 0);
    struct pl_settings s;
    if (!until) return ops_usage(call, "say with --until how old a letter must be; --until 0s deletes them all");
    if (ops_when_parse("--until", until, pl_wall_ms(&pl_clock_system), &p.until_ms))
        return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    p.settings = &s;
    int exit_code = purge_with(&p);
    pl_settings_free(&s);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_purge = {
    .name = "dlq purge",
    .args = "",
    .summary = "Delete old dead letters for good",
    .about = "Kafka deletes from the front of a partition alone, so this takes no other filter than age: in each\n"
             "partition it deletes up to the first letter that is not as old. Those as old that stand behind a\n"
             "newer one stay, and are counted. Without it letters go by themselves after 30 days, or what\n"
             "retention.ms of the topic says.\n\n"
             "  pouch dlq purge --until 7d --dry-run\n"
             "  pouch dlq purge --until 0s --yes          # all of them\n",
    .flags =
        (const struct ops_flag[]){
            {"--until", 0, "T", false, "those that failed before then: a time ago (7d, 2h) or RFC 3339"},
            {"--dry-run", 0, NULL, false, "tell what would be deleted, and delete nothing"},
            {"--yes", 0, NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = purge,
};
