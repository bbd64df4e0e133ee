/* Calls that wait: they run the session until theirs is done. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <cql/request.h>
#include <cql/session.h>
#include <stdio.h>
#include <string.h>

static const struct pl_cql_how usual;

/* How a call ended. Its reason is kept, since what ends after it in the same run may leave another. */
struct outcome {
    bool done;
    pouch_err error;
    char why[1024];
};

static void note(struct outcome *o, pouch_err e) {
    o->done = true;
    o->error = e;
    if (e) snprintf(o->why, sizeof o->why, "%s", pouch_why());
}

static pouch_err wait_for(struct pl_cql *s, const struct outcome *o) {
    while (!o->done) pl_cql_run(s, -1);
    return o->error ? pl_fail(o->error, "%s", o->why) : POUCH_OK;
}

struct pl_cql_attempt pl_cql_attempt_begin(const struct pl_cql *s, const struct pl_cql_how *how) {
    struct pl_cql_attempt a = {.how = how ? *how : usual};
    if (a.how.timeout_us <= 0) a.how.timeout_us = s->config.request_us;
    a.end_us = pl_mono_us(&pl_clock_system) + a.how.timeout_us;
    return a;
}

bool pl_cql_attempt_again(struct pl_cql *s, struct pl_cql_attempt *a, pouch_err *started) {
    if (*started != POUCH_E_OVERLOADED || !pl_cql_pending(s)) return false;
    pl_cql_run(s, a->how.timeout_us);
    a->how.timeout_us = a->end_us - pl_mono_us(&pl_clock_system);
    if (a->how.timeout_us > 0) return true;
    *started =
        pl_fail(POUCH_E_OVERLOADED,
                "all of the %zu requests to Cassandra that may be under way were, for as long as one may take; it "
                "was not done: see whether Cassandra is slow, or allow more with in_flight",
                s->config.in_flight);
    return false;
}

/* ---- statements ---- */

struct preparing {
    struct pl_cql *session;
    const char *text;
    struct pl_cql_statement *made;
    struct outcome outcome;
};

static void prepared(const struct pl_cql_result *r, void *arg) {
    struct preparing *p = arg;
    const struct pl_cql_answer *a = &p->session->answer;
    pouch_err e = r->error;
    if (!e && a->kind == PL_CQL_RESULT_PREPARED)
        e = pl_cql_answer_prepared(&p->made, a, p->text);
    else if (!e)
        e = pl_fail(POUCH_E_STORE, "Cassandra prepared a statement and did not describe it: %s", p->text);
    note(&p->outcome, e);
}

pouch_err pl_cql_prepare(struct pl_cql *s, const struct pl_cql_statement **statement, const char *text,
                         int64_t timeout_us) {
    for (struct pl_cql_statement *st = s->statements; st; st = st->next) {
        if (strcmp(st->text, text)) continue;
        *statement = st;
        return POUCH_OK;
    }
    struct pl_cql_attempt a =
        pl_cql_attempt_begin(s, &(struct pl_cql_how){.idempotent = true, .timeout_us = timeout_us});
    struct preparing p = {.session = s, .text = text};
    pouch_err e;
    do e = pl_cql_prepare_start(s, text, &a.how, prepared, &p);
    while (pl_cql_attempt_again(s, &a, &e));
    if (!e) e = wait_for(s, &p.outcome);
    if (e) return e;
    p.made->next = s->statements;
    s->statements = p.made;
    *statement = p.made;
    return POUCH_OK;
}

/* ---- calls ---- */

struct calling {
    struct outcome outcome;
    bool applied;
    pl_cql_seen *seen;
    void *arg;
};

static void called(const struct pl_cql_result *r, void *arg) {
    struct calling *c = arg;
    note(&c->outcome, r->error);
    if (r->error || !r->rows) return;
    c->applied = pl_cql_applied(r->rows);
    if (!c->applied && c->seen) c->seen(r->rows, c->arg);
}

static pouch_err finish(struct pl_cql *s, struct calling *c, pouch_err started, bool *applied) {
    pouch_err e = started ? started : wait_for(s, &c->outcome);
    if (!e && applied) *applied = c->applied;
    return e;
}

pouch_err pl_cql_call(struct pl_cql *s, const struct pl_cql_bound *b, const struct pl_cql_how *how, bool *applied,
                      pl_cql_seen *seen, void *arg) {
    struct calling c = {.applied = true, .seen = seen, .arg = arg};
    struct pl_cql_attempt a = pl_cql_attempt_begin(s, how);
    pouch_err e;
    do e = pl_cql_execute(s, b, &a.how, called, &c);
    while (pl_cql_attempt_again(s, &a, &e));
    return finish(s, &c, e, applied);
}

pouch_err pl_cql_call_batch(struct pl_cql *s, const struct pl_cql_bound bound[], size_t n, const struct pl_cql_how *how,
                            bool *applied) {
    struct calling c = {.applied = true};
    struct pl_cql_attempt a = pl_cql_attempt_begin(s, how);
    pouch_err e;
    do e = pl_cql_batch(s, bound, n, &a.how, called, &c);
    while (pl_cql_attempt_again(s, &a, &e));
    return finish(s, &c, e, applied);
}

/* ---- one text, and the agreement on a schema ---- */

struct agreement {
    struct pl_uuid host, version; /* of the one that is asked */
    bool told, differs;
};

/* A host's own row comes first. When it is among its peers too, two hosts have answered and a third may be missing. */
static void compare(struct agreement *a, const struct pl_cql_rows *row) {
    struct pl_uuid host, version;
    if (!pl_cql_cell_uuid(row, 0, &host) || !pl_cql_cell_uuid(row, 1, &version)) return;
    if (!a->told) {
        *a = (struct agreement){.host = host, .version = version, .told = true};
        return;
    }
    if (!memcmp(&host, &a->host, sizeof host) || memcmp(&version, &a->version, sizeof version)) a->differs = true;
}

static pouch_err hear(struct pl_cql *s, const char *text, struct agreement *a) {
    struct pl_cql_cursor *cursor;
    const struct pl_cql_rows *row;
    pouch_err e = pl_cql_select_text(s, &cursor, text, NULL);
    if (e) return e;
    while (!(e = pl_cql_cursor_next(cursor, &row)) && row) compare(a, row);
    pl_cql_cursor_close(cursor);
    return e;
}

/* What the host whose turn it was knows of itself and of the others. */
static pouch_err ask_one(struct pl_cql *s, size_t turn, struct agreement *a) {
    s->turn = turn;
    pouch_err e = hear(s, "SELECT host_id, schema_version FROM system.local WHERE key = 'local'", a);
    s->turn = turn;
    return e ? e : hear(s, "SELECT host_id, schema_version FROM system.peers", a);
}

/*
 * Asks the host that has made the change: the others may not have heard of it, and agree on what was before. Hosts that
 * are down keep their old version in the list, so that waiting must have an end.
 */
static pouch_err agree(struct pl_cql *s, size_t turn) {
    enum { PATIENCE_US = 10000000, PAUSE_US = 100000 };
    int64_t now = pl_mono_us(&pl_clock_system), end = now + PATIENCE_US;
    for (;;) {
        struct agreement a = {.told = false};
        pouch_err e = ask_one(s, turn, &a);
        if (e || !a.differs) return e;
        int64_t pause = pl_mono_us(&pl_clock_system) + PAUSE_US;
        if (pause > end) break;
        while ((now = pl_mono_us(&pl_clock_system)) < pause) pl_cql_run(s, pause - now);
    }
    PL_LOG(PL_LOG_WARN, "the Cassandra hosts do not agree on the schema; is one of them down?");
    return POUCH_OK;
}

struct doing {
    struct pl_cql *session;
    struct outcome outcome;
    bool schema;
};

static void did(const struct pl_cql_result *r, void *arg) {
    struct doing *d = arg;
    note(&d->outcome, r->error);
    d->schema = !r->error && d->session->answer.kind == PL_CQL_RESULT_SCHEMA;
}

pouch_err pl_cql_do(struct pl_cql *s, const char *text, const struct pl_cql_how *how) {
    struct pl_cql_attempt a = pl_cql_attempt_begin(s, how);
    const struct pl_cql_parameters p = {
        .consistency = a.how.consistency, .serial = a.how.serial, .timestamp_us = a.how.timestamp_us};
    struct doing d = {.session = s};
    size_t turn;
    pouch_err e;
    do {
        turn = s->turn;
        e = pl_cql_query_page(s, text, &a.how, &p, did, &d);
    } while (pl_cql_attempt_again(s, &a, &e));
    if (!e) e = wait_for(s, &d.outcome);
    return e || !d.schema ? e : agree(s, turn);
}
