/* pouch dlq purge. */
#include <admin/purge.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>

static void print_plan(const struct admin_purge *p) {
    for (int i = 0; i < ADMIN_PURGE_PARTITIONS; i++)
        if (p->parts[i].letters)
            ops_say("%zu letters of partition %d, before offset %" PRId64, p->parts[i].letters, i, p->parts[i].end);
    if (p->behind)
        ops_say("%zu as old stand behind newer ones and stay: Kafka deletes from the front alone", p->behind);
    if (p->beyond)
        ops_say("%zu as old are in partitions from %d on and stay: this deletes from those before alone", p->beyond,
                ADMIN_PURGE_PARTITIONS);
}

static int report(const struct ops_call *call, const struct admin_purge *p) {
    if (call->output != OPS_TABLE) return ops_print_json(admin_purge_json(p, ops_has(call, "--dry-run")));
    if (p->deleted) ops_say("%zu deleted; `pouch changes --kind dlq` shows it", p->deleted);
    return OPS_EXIT_OK;
}

static int run_plan(const struct ops_call *call, struct admin_purge *p) {
    print_plan(p);
    if (!p->letters) ops_say("there is nothing to delete");
    if (!p->letters || ops_has(call, "--dry-run")) return report(call, p);
    int exit_code = ops_agreed(call, "Delete them?", "nothing was deleted");
    if (exit_code) return exit_code;
    struct pl_store *store;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_purge_do(p, store);
    pl_store_close(store);
    return e ? ops_error(e) : report(call, p);
}

static int purge(struct ops_call *call) {
    struct admin_purge p = {0};
    const char *until = ops_flag(call, "--until", 0);
    struct pl_settings s;
    if (!until) return ops_usage(call, "say with --until how old a letter must be; --until 0s deletes them all");
    if (admin_when_parse("--until", until, pl_wall_ms(&pl_clock_system), &p.until_ms))
        return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    p.settings = &s;
    e = admin_purge_find(&p);
    int exit_code = e && e != POUCH_E_TARGET_REFUSED ? ops_error(e) : run_plan(call, &p);
    admin_purge_free(&p);
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
