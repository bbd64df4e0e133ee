/* pouch dlq redrive. */
#include <admin/redrive.h>
#include <admin/redrive_plan.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>
#include <ops/registry.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { RATE_MAX = 1000000 };

struct redrive {
    const struct ops_call *call;
    const struct pl_settings *settings;
    struct admin_redrive_plan plan;
    struct admin_redrive_done done;
    int64_t rate;
};

static void tell(size_t stored, size_t planned, bool end, void *arg) {
    (void)arg;
    fprintf(stderr, "\r%zu of %zu%s", stored, planned, end ? "\n" : "");
    fflush(stderr);
}

static void stop(void *r) {
    admin_redrive_stop(r);
}

static void print_plan(const struct admin_redrive_plan *p) {
    for (size_t i = 0; i < p->n_topics; i++) {
        bool inbox = !strcmp(p->topics[i].topic, p->inbox);
        if (p->topics[i].missing)
            ops_say("there is no topic %s; `pouch topic list` shows those there are", p->topics[i].topic);
        else
            ops_say("%zu to %s%s", p->topics[i].n, p->topics[i].topic,
                    inbox ? ", where a center sends each to all targets of its route" : "");
    }
    for (enum admin_redrive_not i = ADMIN_REDRIVE_SENT + 1; i < ADMIN_REDRIVE_NOTS; i++)
        if (p->nots[i]) ops_say("%zu %s", p->nots[i], admin_redrive_not_text(i));
}

/* trouble has room for the text of the last failure, which outlives the sender there. */
static pouch_err send_with(struct redrive *r, const json_t *filter, char trouble[512]) {
    struct admin_redrive *sender = NULL;
    struct pl_store *store;
    pouch_err e = ops_registry_open(r->call, &store);
    const struct admin_redrive_options o = {.settings = r->settings,
                                            .store = store,
                                            .filter = filter,
                                            .rate = r->rate,
                                            .tell = isatty(STDERR_FILENO) ? tell : NULL};
    if (!e) e = admin_redrive_new(&sender, &o, &r->plan);
    if (sender) {
        e = ops_on_stop(stop, sender);
        if (!e) e = admin_redrive_send(sender);
        ops_no_stop();
        r->done = admin_redrive_done(sender);
        snprintf(trouble, 512, "%s", r->done.trouble);
        r->done.trouble = trouble;
    }
    admin_redrive_free(sender);
    pl_store_close(store);
    return e;
}

static int report(const struct redrive *r, pouch_err e) {
    size_t failed = r->done.sent - r->done.stored, planned = r->plan.nots[ADMIN_REDRIVE_SENT];
    bool dry = ops_has(r->call, "--dry-run");
    int exit_code = OPS_EXIT_OK;
    if (r->call->output != OPS_TABLE)
        exit_code = ops_print_json(admin_redrive_json(&r->plan, &r->done, dry));
    else if (!dry && planned)
        ops_say("%zu sent again, %zu not; `pouch changes --kind dlq` shows it", r->done.stored,
                planned - r->done.stored);
    if (failed) ops_say("the last one that failed: %s", r->done.trouble);
    if (e) return ops_error(e);
    if (exit_code || dry || r->done.stored == planned) return exit_code;
    return r->done.refused ? OPS_EXIT_NEGATIVE : EX_TEMPFAIL; /* another run sends what this one did not */
}

static int run_plan(struct redrive *r) {
    char trouble[512];
    print_plan(&r->plan);
    if (!r->plan.n) ops_say("there is nothing to send");
    if (!r->plan.n || ops_has(r->call, "--dry-run")) return report(r, POUCH_OK);
    int exit_code = ops_agreed(r->call, "Send them?", "nothing was sent");
    if (exit_code) return exit_code;
    json_t *filter = ops_letter_filter_json(r->call);
    pouch_err e = send_with(r, filter, trouble);
    json_decref(filter);
    return report(r, e);
}

static int redrive_with(struct redrive *r) {
    bool dry = ops_has(r->call, "--dry-run");
    pouch_err e = ops_letter_history_read(r->call, r->settings->dlq_topic, !dry, &r->plan.history);
    if (e && !r->plan.again && !dry) {
        ops_say("nothing was sent, since some may have been sent before; mend the store, or send all with --again");
        return pouch_err_exit_code(e);
    }
    e = admin_redrive_plan_make(&r->plan, r->settings);
    if (e == POUCH_E_TARGET_REFUSED) {
        ops_say("nothing was dead-lettered yet: there is no topic %s", r->settings->dlq_topic);
        return report(r, POUCH_OK);
    }
    return e ? ops_error(e) : run_plan(r);
}

/* What the command line asks for. Its history comes later, and from elsewhere. */
static pouch_err read_flags(struct redrive *r) {
    const struct ops_call *call = r->call;
    struct admin_redrive_plan *p = &r->plan;
    pouch_err e = ops_number(call, "--rate", 0, 1, RATE_MAX, &r->rate);
    if (!e) e = admin_redrive_plan_begin(p, r->settings, ops_flag(call, "--to", 0));
    if (!e) e = ops_letter_filter_read(call, &p->filter);
    if (!e && call->n_args) e = admin_redrive_plan_only(p, call->args[0]);
    p->again = ops_has(call, "--again");
    p->force = ops_has(call, "--force");
    return e;
}

static int redrive(struct ops_call *call) {
    struct pl_settings s;
    struct redrive r = {.call = call, .settings = &s};
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    int exit_code = read_flags(&r) ? ops_usage(call, "%s", pouch_why()) : redrive_with(&r);
    admin_redrive_plan_free(&r.plan);
    pl_settings_free(&s);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_redrive = {
    .name = "dlq redrive",
    .args = "[REQUEST_ID | PARTITION/OFFSET]",
    .summary = "Send dead letters again to where they came from",
    .about = "Sends the records as they came, still sealed, to the topics that they came from, or all to one. The\n"
             "deadline of then and the wish for an answer do not go with them, since nobody waits any more. Dead\n"
             "letters stay where they are; which were sent again is kept in the store, and they are not sent a\n"
             "second time unless --again asks for it. One that has come back 3 times is left out. Of several\n"
             "letters of one record, one is sent. What came from a center's inbox goes back there, and so to\n"
             "all targets of its route, also those that had it.\n\n"
             "First it tells what would be sent, and a person is asked; a script says --yes.\n\n"
             "  pouch dlq redrive --reason handler_error --since 2h --dry-run\n"
             "  pouch dlq redrive --topic orders --rate 50 --yes\n"
             "  pouch dlq redrive 2/1041\n",
    .flags =
        (const struct ops_flag[]){
            OPS_LETTER_FLAGS,
            {"--to", 0, "TOPIC", false, "send them there, wherever they came from"},
            {"--rate", 0, "N", false, "at most so many a second"},
            {"--again", 0, NULL, false, "also those that were sent again before, or dismissed"},
            {"--force", 0, NULL, false, "also those that have come back 3 times"},
            {"--dry-run", 0, NULL, false, "tell what would be sent, and send nothing"},
            {"--yes", 0, NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .most = 1,
    .run = redrive,
};
