/* From the settings to a plan, and from a plan to what was done. */
#include <admin/anytext.h>
#include <base/why.h>
#include <catalog/apply.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/topics.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITTEN_MAX = 200, CHANGE_MS = 100, PATIENCE_MOST_MS = 600000 };

/* ---- reading ---- */

static pouch_err read_settings(struct ops_topics *t, const struct ops_call *call, int *copies_most) {
    int64_t most = 0;
    pouch_err e = pl_settings_read(&t->settings, call->options);
    if (!e) e = ops_number(call, "--replication", 0, 1, 100, &most);
    *copies_most = (int)most;
    return e;
}

pouch_err ops_topics_catalog(struct ops_topics *t, const struct ops_call *call) {
    int most;
    pouch_err e = read_settings(t, call, &most);
    return e ? e : admin_topics_catalog(&t->all, &t->settings, most);
}

pouch_err ops_topics_open(struct ops_topics *t, const struct ops_call *call) {
    int most;
    pouch_err e = read_settings(t, call, &most);
    return e ? e : admin_topics_open(&t->all, &t->settings, most);
}

void ops_topics_close(struct ops_topics *t) {
    admin_topics_close(&t->all);
    pl_settings_free(&t->settings);
    *t = (struct ops_topics){0};
}

int ops_topics_show(const struct ops_call *call, const struct ops_topics *t) {
    int exit_code = ops_topics_print(call, t, false);
    ops_topics_say(t);
    if (!exit_code) exit_code = ops_done();
    if (!exit_code && pl_plan_possible(&t->all.plan, &t->all.actual))
        ops_say("apply would refuse this: %s", pouch_why());
    return exit_code;
}

/* ---- carrying out ---- */

static bool removes(const struct pl_plan *p) {
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_change *c = &p->changes[i];
        if (!c->hold && (c->kind == PL_CHANGE_DELETE || c->kind == PL_CHANGE_REVOKE || c->surplus)) return true;
    }
    return false;
}

static json_t *changes_written(const struct pl_plan *p) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < p->n && json_array_size(all) < WRITTEN_MAX; i++) {
        if (p->changes[i].hold) continue;
        char *text = admin_change_text(&p->changes[i]);
        all = admin_array_with(all, text ? json_string(text) : NULL);
        free(text);
    }
    return all;
}

/* Written down before it is done: what is gone cannot be looked up afterwards. */
static pouch_err write_down(const struct ops_call *call, const struct ops_topics *t) {
    struct pl_store *store = NULL;
    json_t *o = json_pack("{s:s,s:o,s:I,s:o}", "action", "apply", "catalog", admin_anytext_of(t->all.catalog->file),
                          "changes", (json_int_t)pl_plan_open(&t->all.plan), "what", changes_written(&t->all.plan));
    char *text = o ? pl_json_text(o, NULL) : NULL;
    json_decref(o);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what is changed");
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_audit_put(store, ADMIN_AUDIT_TOPIC, ADMIN_AUDIT_CATALOG, NULL, text);
    pl_store_close(store);
    free(text);
    return e;
}

/* arg is whether the line is still open, as it stays when not all can be asked for. */
static void tell(size_t done, size_t all, void *arg) {
    bool *open = arg;
    *open = done < all;
    fprintf(stderr, "\rpouch: %zu of %zu changes%s", done, all, *open ? "" : "\n");
}

/* A broker is busy with each partition for a while before it shows the last ones. */
static int patience(const struct pl_plan *p) {
    size_t ms = ADMIN_TOPICS_MS + pl_plan_open(p) * CHANGE_MS;
    return ms < PATIENCE_MOST_MS ? (int)ms : PATIENCE_MOST_MS;
}

/* Gives the exit code. What cannot be done to a topic does not keep anybody from a right. */
static int make(struct ops_topics *t) {
    bool open = false;
    const struct pl_progress progress = {tell, &open};
    rd_kafka_t *rk = pl_cluster_handle(t->all.cluster);
    pouch_err e = pl_plan_apply(&t->all.plan, rk, isatty(STDERR_FILENO) ? &progress : NULL, patience(&t->all.plan));
    if (open) fputc('\n', stderr);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    if (e == POUCH_E_NO_BROKER) return exit_code;
    e = pl_access_apply(&t->all.plan, rk, ADMIN_TOPICS_MS);
    int of_access = e ? ops_error(e) : OPS_EXIT_OK;
    return exit_code ? exit_code : of_access;
}

static void say_made(const struct pl_plan *p) {
    size_t made = 0, held = 0;
    for (size_t i = 0; i < p->n; i++) {
        made += p->changes[i].made;
        held += p->changes[i].hold != PL_HOLD_NONE;
    }
    ops_say("%zu of %zu changes made; %zu topics were as the catalogue says", made, p->n - held, p->as_they_were);
    if (held) ops_say("%zu differences stay: see those marked !", held);
}

/* What programs are shown. */
static int print_made(const struct ops_call *call, const struct ops_topics *t) {
    return t->print ? t->print(call, t) : ops_topics_print(call, t, true);
}

static int carry_out(const struct ops_call *call, struct ops_topics *t) {
    pouch_err e = write_down(call, t);
    if (e) return ops_error(e);
    int exit_code = make(t);
    int printed = call->output == OPS_TABLE ? OPS_EXIT_OK : print_made(call, t);
    say_made(&t->all.plan);
    return exit_code ? exit_code : printed;
}

int ops_topics_apply(const struct ops_call *call, struct ops_topics *t, const char *word, const char *nothing) {
    pouch_err e = pl_plan_possible(&t->all.plan, &t->all.actual);
    if (e) return ops_error(e);
    int exit_code = call->output == OPS_TABLE ? ops_topics_print(call, t, false) : OPS_EXIT_OK;
    if (exit_code) return exit_code;
    ops_topics_say(t);
    if (pl_plan_open(&t->all.plan)) {
        exit_code = removes(&t->all.plan) ? ops_agreed_typed(call, word, nothing) : OPS_EXIT_OK;
        if (!exit_code) exit_code = carry_out(call, t);
    } else if (call->output != OPS_TABLE) {
        exit_code = print_made(call, t);
    }
    return exit_code ? exit_code : ops_done();
}
