/* pouch center. */
#include <center/status.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/member.h>
#include <ops/times.h>
#include <signal.h>

static void stop(void *center) {
    center_stop(center);
}

/* Routes are read every 10 s; after a minute the store has failed several times. */
enum { OLD_ROUTES_MS = 60000 };

static void notes(json_t *notes, void *arg) {
    struct center_report f;
    center_report_read(arg, &f);
    if (!f.told) return;
    if (f.routes_age_ms < 0)
        pl_json_say(notes, "the store has not been read yet: routes are those that were kept");
    else if (f.routes_age_ms > OLD_ROUTES_MS)
        pl_json_say(notes, "the store does not answer: routes are as they were %lld s ago",
                    (long long)f.routes_age_ms / 1000);
    if (f.awaiting)
        pl_json_say(notes, "%zu requests wait: their routes have changed, and the store does not answer", f.awaiting);
    if (f.trace_stuck) pl_json_say(notes, "the store writes nothing: offsets do not wait for their trace rows");
    if (f.stalled) pl_json_say(notes, "%zu targets take nothing: what is for them is refused", f.stalled);
}

static json_t *targets(const struct center_report *f) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < f->n_targets; i++) {
        const struct center_target_facts *t = &f->targets[i];
        json_array_append_new(all,
                              json_pack("{s:s, s:I, s:I, s:b, s:I, s:I}", "topic", t->topic, "in_flight",
                                        (json_int_t)t->in_flight, "bytes", (json_int_t)t->bytes, "stalled", t->stalled,
                                        "routed", (json_int_t)t->routed, "failed", (json_int_t)t->failed));
    }
    return all;
}

static json_t *publishers(const struct center_report *f) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < f->n_publishers; i++) {
        const struct center_publisher_facts *p = &f->publishers[i];
        json_t *name = p->publisher[0] ? json_string(p->publisher) : json_null();
        json_array_append_new(all, json_pack("{s:o, s:I, s:I, s:I}", "publisher", name, "routed", (json_int_t)p->routed,
                                             "failed", (json_int_t)p->failed, "limited", (json_int_t)p->limited));
    }
    return all;
}

static void more(json_t *into, void *arg) {
    struct center_report f;
    center_report_read(arg, &f);
    json_object_set_new(into, "outcomes", ops_outcomes("pouch_center_records_total"));
    json_object_set_new(into, "times", ops_times(PL_T_CENTER));
    if (!f.told) return;
    json_object_set_new(into, "routes",
                        json_pack("{s:I, s:o, s:I}", "known", (json_int_t)f.routes, "age_ms",
                                  f.routes_age_ms < 0 ? json_null() : json_integer(f.routes_age_ms), "waiting",
                                  (json_int_t)f.awaiting));
    json_object_set_new(into, "targets", targets(&f));
    json_object_set_new(into, "publishers", publishers(&f));
}

static pouch_err serve_and_run(struct center *c, const char *listen) {
    struct ops_member member = {.role = "center", .status = center_status(c), .notes = notes, .more = more, .arg = c};
    pouch_err e = ops_member_serve(&member, listen);
    if (!e) e = center_run(c);
    ops_member_end(&member);
    return e;
}

static int center(struct ops_call *call) {
    signal(SIGHUP, SIG_IGN); /* it makes a daemon read its keys again, and a center has none */
    struct center *c = NULL;
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    e = center_new(&c, call->options);
    if (!e) e = ops_on_stop(stop, c);
    if (!e) e = serve_and_run(c, s.listen);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    ops_no_stop();
    center_free(c);
    pl_settings_free(&s);
    return exit_code;
}

const struct ops_command ops_center = {
    .name = "center",
    .args = "",
    .summary = "Route requests to services by publisher",
    .about = "Takes envelopes from the inbox and writes each to the targets of its publisher's route. It needs\n"
             "no key and opens nothing. A request that cannot be routed is answered with why, and becomes a\n"
             "dead letter; nothing that was accepted is lost. Every record leaves a trace: who, where,\n"
             "when, how long, never what.\n\n"
             "  pouch route add billing billing-topic\n"
             "  pouch center &\n"
             "  echo '{\"amount\":5}' | pouch request --publisher billing\n\n"
             "--listen serves /livez, /readyz, /metrics and /statusz over HTTP, as docs/operations.md says.\n\n"
             "Any number of centers share the inbox by its group. SIGTERM and Ctrl-C finish what is in\n"
             "hand, at most for the time of --drain. SIGHUP does nothing: it is for those who have keys.\n",
    .settings =
        (const char *const[]){"center.inbox", "group", "instance.id", "start", "store", "drain", "listen", NULL},
    .run = center,
};
