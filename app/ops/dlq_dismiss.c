/* pouch dlq dismiss. */
#include <admin/dismiss.h>
#include <admin/letter_filter.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>
#include <ops/registry.h>

static int report(const struct ops_call *call, const struct admin_dismiss *d) {
    if (call->output != OPS_TABLE) return ops_print_json(admin_dismiss_json(d, ops_has(call, "--dry-run")));
    if (d->done) ops_say("%zu dismissed; `pouch changes --kind dlq` shows it", d->done);
    return OPS_EXIT_OK;
}

static int run(const struct ops_call *call, struct admin_dismiss *d) {
    if (!d->n) ops_say("there is nothing to dismiss");
    if (d->n) ops_say("%zu letters of %s", d->n, d->settings->dlq_topic);
    if (d->later) ops_say("%zu more are left for another run", d->later);
    if (!d->n || ops_has(call, "--dry-run")) return report(call, d);
    int exit_code = ops_agreed(call, "Dismiss them?", "nothing was dismissed");
    if (exit_code) return exit_code;
    struct pl_store *store;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_dismiss_do(d, store);
    pl_store_close(store);
    exit_code = report(call, d);
    return e ? ops_error(e) : exit_code;
}

static int dismiss_with(const struct ops_call *call, struct admin_dismiss *d) {
    const char *topic = d->settings->dlq_topic;
    bool dry = ops_has(call, "--dry-run");
    pouch_err e = ops_letter_history_read(call, topic, !dry, &d->history);
    if (e && !dry) {
        ops_say("nothing was dismissed, since it could not be written down");
        return pouch_err_exit_code(e);
    }
    e = admin_dismiss_find(d);
    if (e == POUCH_E_TARGET_REFUSED) {
        ops_say("nothing was dead-lettered yet: there is no topic %s", topic);
        return report(call, d);
    }
    return e ? ops_error(e) : run(call, d);
}

static pouch_err read_flags(const struct ops_call *call, struct admin_dismiss *d) {
    pouch_err e = ops_letter_filter_read(call, &d->filter);
    if (e || !call->n_args) return e;
    e = admin_letter_which(call->args[0], &d->filter.request_id, &d->only);
    d->one = !d->filter.request_id;
    return e;
}

static int dismiss(struct ops_call *call) {
    struct admin_dismiss d = {0};
    struct pl_settings s;
    if (read_flags(call, &d)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    json_t *asked = ops_letter_filter_json(call);
    d.settings = &s;
    d.asked = asked;
    int exit_code = dismiss_with(call, &d);
    admin_dismiss_free(&d);
    json_decref(asked);
    pl_settings_free(&s);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_dismiss = {
    .name = "dlq dismiss",
    .args = "[REQUEST_ID | PARTITION/OFFSET]",
    .summary = "Take dead letters off the list that nobody will send again",
    .about = "Kafka cannot delete single records, so they stay on the topic until they are too old, or purged. The\n"
             "store keeps that they were dismissed: lists, counts and redrives leave them out from then on, and\n"
             "`pouch dlq list --status dismissed` still shows them.\n\n"
             "  pouch dlq dismiss 2/1041\n"
             "  pouch dlq dismiss --reason expired --until 1d --yes\n",
    .flags =
        (const struct ops_flag[]){
            OPS_LETTER_FLAGS,
            {"--dry-run", 0, NULL, false, "tell how many would be dismissed, and change nothing"},
            {"--yes", 0, NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .most = 1,
    .run = dismiss,
};
