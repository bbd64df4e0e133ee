#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <cql/errors.h>
#include <cql/session.h>
#include <string.h>

/*
 * From a new connection's first request to READY: STARTUP, a log-in where the server wants one, the host's description,
 * and the peers when they are due. Later on it is a heartbeat now and then, and the peers again.
 */

static pouch_err step_frame(struct pl_cql_conn *c, enum pl_cql_step step) {
    const struct pl_cql_parameters none = {0};
    const struct pl_cql_config *config = &c->session->config;
    switch (step) {
    case PL_CQL_STEP_STARTUP: return pl_cql_frame_startup(&c->control);
    case PL_CQL_STEP_LOGIN: return pl_cql_frame_plain(&c->control, config->user, config->password);
    case PL_CQL_STEP_LOCAL: return pl_cql_frame_query(&c->control, pl_cql_ask_local, &none);
    case PL_CQL_STEP_PEERS_V2: return pl_cql_frame_query(&c->control, pl_cql_ask_peers_v2, &none);
    case PL_CQL_STEP_PEERS: return pl_cql_frame_query(&c->control, pl_cql_ask_peers, &none);
    case PL_CQL_STEP_HEARTBEAT:
    case PL_CQL_STEP_NONE: break;
    }
    return pl_cql_frame_options(&c->control);
}

void pl_cql_control_ask(struct pl_cql_conn *c, enum pl_cql_step step) {
    pouch_err e = step_frame(c, step);
    if (e) {
        pl_cql_conn_break(c, e, "%s", pouch_why());
        return;
    }
    pl_cql_frame_set_stream(c->control.at, PL_CQL_CONTROL_STREAM);
    c->step = step;
    c->step_due = pl_mono_us(&pl_clock_system) + c->session->config.connect_us;
}

void pl_cql_control_begin(struct pl_cql_conn *c) {
    c->state = PL_CQL_ENTERING;
    pl_cql_control_ask(c, PL_CQL_STEP_STARTUP);
}

static void ready(struct pl_cql_conn *c) {
    c->state = PL_CQL_READY;
    if (c->host->failures) PL_LOG(PL_LOG_INFO, "a Cassandra host takes requests again", "host", c->host->name);
    c->host->failures = 0;
    c->host->error = POUCH_OK;
    c->host->why[0] = 0;
}

static void log_in(struct pl_cql_conn *c) {
    const struct pl_cql_answer *a = &c->session->answer;
    int n = a->authenticator_n > 120 ? 120 : (int)a->authenticator_n;
    if (c->session->config.user)
        pl_cql_control_ask(c, PL_CQL_STEP_LOGIN);
    else
        pl_cql_conn_break(c, POUCH_E_NOT_ALLOWED, "it wants a log-in (%.*s): give user and password_file", n,
                          a->authenticator);
}

/* An error in answer to a step. Servers before 4.0 have no peers_v2, which is no fault. */
static void refused(struct pl_cql_conn *c) {
    const struct pl_cql_answer *a = &c->session->answer;
    if (c->step == PL_CQL_STEP_PEERS_V2 && a->code == PL_CQL_ERROR_INVALID) {
        pl_cql_control_ask(c, PL_CQL_STEP_PEERS);
        return;
    }
    if (c->state == PL_CQL_READY) { /* it answers, and requests are under way here; the peers are asked for again */
        c->step = PL_CQL_STEP_NONE;
        return;
    }
    pouch_err e = pl_cql_error_fail(a, c->host->name);
    int n = a->message_n > 200 ? 200 : (int)a->message_n;
    pl_cql_conn_break(c, e == POUCH_E_CONFIG ? POUCH_E_STORE : e, "%s (0x%04x): %.*s",
                      e == POUCH_E_NOT_ALLOWED ? "it refuses user and password" : "it refuses the connection",
                      (unsigned)a->code, n, a->message);
}

static void entered(struct pl_cql_conn *c) {
    pl_cql_control_ask(c, PL_CQL_STEP_LOCAL);
}

static void described(struct pl_cql_conn *c) {
    struct pl_cql *s = c->session;
    pouch_err e = pl_cql_host_describe(s, c->host, &s->rows);
    if (e) {
        pl_cql_conn_break(c, e, "%s", pouch_why());
        return;
    }
    int64_t now = pl_mono_us(&pl_clock_system);
    if (now < s->refresh_us) {
        ready(c);
        return;
    }
    s->refresh_us = now + s->config.connect_us; /* one connection asks, not all */
    pl_cql_control_ask(c, PL_CQL_STEP_PEERS_V2);
}

static void told_peers(struct pl_cql_conn *c) {
    enum { REFRESH_US = 60000000 };
    struct pl_cql *s = c->session;
    pouch_err e = pl_cql_hosts_peers(s, c->host, &s->rows);
    if (e) {
        pl_cql_conn_break(c, e, "%s", pouch_why());
        return;
    }
    s->refresh_us = pl_mono_us(&pl_clock_system) + REFRESH_US;
    if (c->state != PL_CQL_READY) ready(c);
}

/* Whether the answer is what the step asked for. */
static bool fits(const struct pl_cql_conn *c, const struct pl_cql_head *h) {
    bool rows = h->op == PL_CQL_OP_RESULT && c->session->answer.kind == PL_CQL_RESULT_ROWS;
    switch (c->step) {
    case PL_CQL_STEP_STARTUP: return h->op == PL_CQL_OP_READY || h->op == PL_CQL_OP_AUTHENTICATE;
    case PL_CQL_STEP_LOGIN: return h->op == PL_CQL_OP_AUTH_SUCCESS;
    case PL_CQL_STEP_LOCAL:
    case PL_CQL_STEP_PEERS_V2:
    case PL_CQL_STEP_PEERS: return rows;
    case PL_CQL_STEP_HEARTBEAT: return h->op == PL_CQL_OP_SUPPORTED;
    case PL_CQL_STEP_NONE: break;
    }
    return false;
}

void pl_cql_control_answer(struct pl_cql_conn *c, const struct pl_cql_head *h) {
    enum pl_cql_step step = c->step;
    if (h->op == PL_CQL_OP_ERROR && step != PL_CQL_STEP_NONE) {
        refused(c);
        return;
    }
    if (!fits(c, h)) {
        pl_cql_conn_break(c, POUCH_E_STORE, "an answer out of turn (opcode 0x%02x)", h->op);
        return;
    }
    c->step = PL_CQL_STEP_NONE;
    if (h->op == PL_CQL_OP_AUTHENTICATE)
        log_in(c);
    else if (step == PL_CQL_STEP_STARTUP || step == PL_CQL_STEP_LOGIN)
        entered(c);
    else if (step == PL_CQL_STEP_LOCAL)
        described(c);
    else if (step == PL_CQL_STEP_PEERS || step == PL_CQL_STEP_PEERS_V2)
        told_peers(c);
}
