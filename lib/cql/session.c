#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <cql/session.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { HEARTBEAT_US = 15000000, UNHEARD_US = 1000000, POLL_MAX = PL_CQL_HOSTS_MAX * PL_CQL_CONNECTIONS_MAX + 1 };

/* ---- opening and closing ---- */

static bool copy_text(char **to, const char *from) {
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

/*
 * What a session needs of a config; parameters stay with the caller. After a failure what was copied is freed with it.
 */
static pouch_err copy_config(struct pl_cql_config *to, const struct pl_cql_config *from) {
    *to = *from;
    to->n_parameters = to->n_contacts = 0;
    to->keyspace = NULL;
    bool all = copy_text(&to->dc, from->dc);
    all = copy_text(&to->user, from->user) && all;
    all = copy_text(&to->password, from->password) && all;
    all = copy_text(&to->ca, from->ca) && all;
    all = copy_text(&to->cert, from->cert) && all;
    all = copy_text(&to->key, from->key) && all;
    all = copy_text(&to->tls_name, from->tls_name) && all;
    for (size_t i = 0; all && i < from->n_contacts; i++, to->n_contacts += all)
        all = copy_text(&to->contacts[i].host, from->contacts[i].host);
    return all ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a session with Cassandra");
}

static pouch_err set_up(struct pl_cql *s, const struct pl_cql_config *config) {
    pouch_err e = copy_config(&s->config, config);
    if (!e) e = pl_cql_slots_new(s);
    if (!e && s->config.tls) e = pl_cql_tls_new(&s->tls, &s->config);
    if (!e) e = pl_cql_hosts_resolve(s);
    return e;
}

pouch_err pl_cql_open(struct pl_cql **session, const struct pl_cql_config *config, struct pl_wake *wake) {
    struct pl_cql *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a session with Cassandra");
    pl_buf_init(&s->key, UINT16_MAX * 2);
    s->wake = wake;
    pouch_err e = set_up(s, config);
    if (e) {
        pl_cql_close(s);
        return e;
    }
    *session = s;
    return POUCH_OK;
}

typedef void conn_fn(struct pl_cql_conn *c, int64_t now);

static void each_conn(struct pl_cql *s, conn_fn *fn, int64_t now) {
    for (size_t i = 0; i < s->n_hosts; i++)
        for (size_t j = 0; j < s->config.connections; j++)
            if (s->hosts[i]->conns[j] && s->hosts[i]->conns[j]->state != PL_CQL_CLOSED) fn(s->hosts[i]->conns[j], now);
}

static void close_conn(struct pl_cql_conn *c, int64_t now) {
    (void)now;
    pl_cql_conn_close(c);
}

void pl_cql_close(struct pl_cql *s) {
    if (!s) return;
    s->closing = true;
    each_conn(s, close_conn, 0);
    pl_cql_slots_free(s);
    pl_cql_hosts_free(s);
    while (s->statements) {
        struct pl_cql_statement *next = s->statements->next;
        pl_cql_statement_free(s->statements);
        s->statements = next;
    }
    pl_cql_tls_free(s->tls);
    pl_cql_config_free(&s->config);
    pl_buf_free(&s->key);
    free(s);
}

/* ---- what time brings ---- */

static void check_conn(struct pl_cql_conn *c, int64_t now) {
    struct pl_cql *s = c->session;
    if (c->state != PL_CQL_READY && now >= c->step_due)
        pl_cql_conn_break(c, POUCH_E_TIMEOUT, "it did not let us in within %lld ms",
                          (long long)(s->config.connect_us / 1000));
    if (c->state == PL_CQL_READY && c->step != PL_CQL_STEP_NONE && now >= c->step_due) {
        c->step_due = c->heard_us + s->config.connect_us; /* whatever has come shows that the host is there */
        if (now >= c->step_due) pl_cql_conn_break(c, POUCH_E_TIMEOUT, "no answer to a heartbeat");
    }
    if (c->broken) {
        pl_cql_conn_close(c);
        return;
    }
    if (c->state != PL_CQL_READY || c->step != PL_CQL_STEP_NONE) return;
    if (now >= s->refresh_us) {
        s->refresh_us = now + s->config.connect_us;
        pl_cql_control_ask(c, PL_CQL_STEP_PEERS_V2);
    } else if (now - c->heard_us >= HEARTBEAT_US) {
        pl_cql_control_ask(c, PL_CQL_STEP_HEARTBEAT);
    } else if (!pl_cql_host_wanted(s, c->host) && !c->load) {
        pl_cql_conn_close(c);
    }
}

static void flush_conn(struct pl_cql_conn *c, int64_t now) {
    (void)now;
    pl_cql_conn_flush(c);
}

static void connect_host(struct pl_cql *s, struct pl_cql_host *h, int64_t now) {
    for (size_t i = 0; i < s->config.connections; i++) {
        if (h->conns[i] && h->conns[i]->state != PL_CQL_CLOSED) {
            /* One connection shows whether the host is there and what it is, before the others are made. */
            if (h->conns[i]->state != PL_CQL_READY) return;
            continue;
        }
        if (now >= h->retry_us) pl_cql_conn_start(s, h, i, now);
        return;
    }
}

/* Contact points may have moved. What cannot be found now is looked for again. */
static void look_up_again(struct pl_cql *s, int64_t now) {
    size_t known;
    if (now < s->resolve_us || pl_cql_hosts_up(s, &known)) return;
    if (pl_cql_hosts_resolve(s))
        PL_LOG(PL_LOG_WARN, "the names of Cassandra hosts could not be looked up", "why", pouch_why());
}

static void pass_time(struct pl_cql *s, int64_t now) {
    pl_cql_slots_expire(s, now);
    each_conn(s, check_conn, now);
    look_up_again(s, now);
    for (size_t i = 0; i < s->n_hosts; i++)
        if (pl_cql_host_wanted(s, s->hosts[i])) connect_host(s, s->hosts[i], now);
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t conn_due(const struct pl_cql *s, const struct pl_cql_conn *c) {
    if (c->broken) return 0;
    if (c->state != PL_CQL_READY || c->step != PL_CQL_STEP_NONE) return c->step_due;
    return earlier(c->heard_us + HEARTBEAT_US, s->refresh_us);
}

/* When pass_time() has something to do next. */
static int64_t next_due(const struct pl_cql *s) {
    const struct pl_heap_node *first = pl_heap_first(&s->deadlines);
    int64_t due = first ? first->due : INT64_MAX;
    size_t known;
    if (!pl_cql_hosts_up(s, &known)) due = earlier(due, s->resolve_us);
    for (size_t i = 0; i < s->n_hosts; i++) {
        const struct pl_cql_host *h = s->hosts[i];
        bool missing = false, beginning = false;
        for (size_t j = 0; j < s->config.connections; j++) {
            const struct pl_cql_conn *c = h->conns[j];
            if (c && c->state != PL_CQL_CLOSED) due = earlier(due, conn_due(s, c));
            missing = missing || !c || c->state == PL_CQL_CLOSED;
            beginning = beginning || (c && c->state != PL_CQL_CLOSED && c->state != PL_CQL_READY);
        }
        if (missing && !beginning && pl_cql_host_wanted(s, h)) due = earlier(due, h->retry_us);
    }
    return due;
}

/* ---- the loop ---- */

struct polled {
    struct pollfd fds[POLL_MAX];
    struct pl_cql_conn *conns[POLL_MAX];
    nfds_t n;
};

static void gather(struct pl_cql *s, struct polled *p) {
    p->n = 0;
    p->fds[p->n++] = (struct pollfd){.fd = s->wake ? s->wake->fd : -1, .events = POLLIN};
    for (size_t i = 0; i < s->n_hosts; i++) {
        for (size_t j = 0; j < s->config.connections; j++) {
            struct pl_cql_conn *c = s->hosts[i]->conns[j];
            if (!c || c->state == PL_CQL_CLOSED || c->fd < 0) continue;
            p->conns[p->n] = c;
            p->fds[p->n++] = (struct pollfd){.fd = c->fd, .events = pl_cql_conn_events(c)};
        }
    }
}

/* Waits for sockets until `until` and serves them. Whether a wake was signalled. */
static bool serve(struct pl_cql *s, int64_t until, int64_t now) {
    struct polled p;
    gather(s, &p);
    int64_t wait = until > now ? until - now : 0;
    if (wait > INT64_C(3600000000)) wait = INT64_C(3600000000);
    const struct timespec time = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
    if (ppoll(p.fds, p.n, &time, NULL) <= 0) return false;
    for (nfds_t i = 1; i < p.n; i++)
        if (p.fds[i].revents) pl_cql_conn_ready_to(p.conns[i], p.fds[i].revents);
    return p.fds[0].revents;
}

size_t pl_cql_run(struct pl_cql *s, int64_t wait_us) {
    int64_t now = pl_mono_us(&pl_clock_system), end = wait_us < 0 ? INT64_MAX : now + wait_us;
    s->ended = 0;
    if (now - s->ran_us > UNHEARD_US) serve(s, now, now); /* answers that came meanwhile are not late */
    for (;;) {
        pass_time(s, now);
        each_conn(s, flush_conn, now);
        bool woken = serve(s, s->ended ? now : earlier(end, next_due(s)), now);
        now = pl_mono_us(&pl_clock_system);
        if (s->ended || woken || now >= end) break;
    }
    each_conn(s, flush_conn, now);
    s->ran_us = now;
    return s->ended;
}

/* Whether waiting on is of no use: a host was reached and will have none of us as we are. */
static bool hopeless(const struct pl_cql *s) {
    size_t refused = 0, wanted = 0;
    for (size_t i = 0; i < s->n_hosts; i++) {
        const struct pl_cql_host *h = s->hosts[i];
        if (!pl_cql_host_wanted(s, h)) continue;
        wanted++;
        refused += h->error == POUCH_E_NOT_ALLOWED || h->error == POUCH_E_CONFIG;
    }
    return wanted && refused == wanted;
}

pouch_err pl_cql_ready(struct pl_cql *s, int64_t wait_us) {
    int64_t now = pl_mono_us(&pl_clock_system), end = now + wait_us;
    size_t known;
    while (!pl_cql_hosts_up(s, &known)) {
        if (now >= end || hopeless(s)) return pl_cql_no_host(s);
        pl_cql_run(s, earlier(end - now, 50000));
        now = pl_mono_us(&pl_clock_system);
    }
    return POUCH_OK;
}

size_t pl_cql_pending(const struct pl_cql *s) {
    return s->pending;
}

size_t pl_cql_room(const struct pl_cql *s) {
    return s->bytes < s->config.bytes ? s->config.in_flight - s->used : 0;
}
