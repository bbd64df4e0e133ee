#include <base/clock.h>
#include <base/why.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra.h>
#include <string.h>

enum { KEYSPACE_MAX = 48, STATEMENT_MAX = 2048 };

/* Rows live for as long as trace.ttl says, 24 days at most; a clock may be a day ahead. */
enum { KEPT_DAYS = 25, AHEAD_DAYS = 1 };

static bool is_keyspace(const char *name) {
    size_t n = strlen(name);
    if (n > KEYSPACE_MAX || !isalpha((unsigned char)name[0])) return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_') return false;
    return true;
}

static pouch_err take_parameters(struct pl_cassandra *c) {
    const char *keyspace = c->config.keyspace, *consistency = pl_cql_config_take(&c->config, "consistency"),
               *splp = pl_cql_config_take(&c->config, "splp");
    c->replication = pl_cql_config_take(&c->config, "replication");
    c->consistency = PL_CQL_LOCAL_QUORUM; /* which is one copy where there is one */
    c->splp = !splp || !strcmp(splp, "on");
    if (!keyspace || !is_keyspace(keyspace))
        return pl_fail(POUCH_E_CONFIG,
                       "store cassandra://: a keyspace of letters, digits and _ must follow the hosts, as in "
                       "cassandra://host1,host2/pouch");
    if (consistency && !pl_cql_consistency_parse(&c->consistency, consistency))
        return pl_fail(POUCH_E_CONFIG, "store cassandra://: consistency=%.32s is none; give local_quorum or local_one",
                       consistency);
    if (splp && strcmp(splp, "on") && strcmp(splp, "off"))
        return pl_fail(POUCH_E_CONFIG, "store cassandra://: splp is on or off, not %.32s", splp);
    return pl_cql_config_check(&c->config);
}

pouch_err pl_cassandra_connect(struct pl_cassandra *c, const char *where) {
    *c = (struct pl_cassandra){0};
    pouch_err e = pl_cql_config_parse(&c->config, where);
    if (e) return e;
    e = take_parameters(c);
    if (!e) e = pl_cql_open(&c->session, &c->config, NULL);
    if (e) pl_cassandra_close(c);
    return e;
}

void pl_cassandra_close(struct pl_cassandra *c) {
    pl_cql_close(c->session);
    pl_cql_config_free(&c->config);
    *c = (struct pl_cassandra){0};
}

pouch_err pl_cassandra_ready(struct pl_cassandra *c, int64_t wait_us, int64_t make_us) {
    size_t known;
    if (c->made && pl_cql_hosts_up(c->session, &known)) return POUCH_OK;
    int64_t by_us = pl_mono_us(&pl_clock_system) + make_us;
    pouch_err e = pl_cql_ready(c->session, wait_us);
    if (!e && !c->made) e = c->as_it_is ? pl_cassandra_check(c, by_us) : pl_cassandra_make(c, by_us);
    c->made |= !e;
    return pl_cassandra_told(e);
}

pouch_err pl_cassandra_wait(struct pl_cassandra *c) {
    enum { WAIT_MS = 10000, MAKE_MS = 90000 };
    return pl_cassandra_ready(c, WAIT_MS * INT64_C(1000), MAKE_MS * INT64_C(1000));
}

pouch_err pl_cassandra_prepare(struct pl_cassandra *c, const struct pl_cql_statement **statement, const char *text) {
    if (*statement) return POUCH_OK;
    char whole[STATEMENT_MAX], quoted[KEYSPACE_MAX + 3];
    size_t n = 0;
    snprintf(quoted, sizeof quoted, "\"%s\"", c->config.keyspace);
    for (const char *at = text; *at && n + sizeof quoted < sizeof whole; at++) {
        if (at[0] == '%' && at[1] == 's') {
            n += (size_t)snprintf(whole + n, sizeof whole - n, "%s", quoted);
            at++;
        } else {
            whole[n++] = *at;
        }
    }
    whole[n] = '\0';
    return pl_cql_prepare(c->session, statement, whole, c->prepare_us);
}

pouch_err pl_cassandra_told(pouch_err e) {
    if (e != POUCH_E_TIMEOUT && e != POUCH_E_CLOSED && e != POUCH_E_OVERLOADED) return e;
    char why[1024];
    snprintf(why, sizeof why, "%s", pouch_why());
    return pl_fail(POUCH_E_STORE, "%s", why);
}

struct pl_cql_how pl_cassandra_how(const struct pl_cassandra *c) {
    return (struct pl_cql_how){.consistency = c->consistency, .idempotent = true};
}

void pl_cassandra_span(int64_t *since_us, int64_t *until_us) {
    int64_t now = pl_wall_us(&pl_clock_system);
    int64_t first = now - KEPT_DAYS * PL_CASSANDRA_DAY_US, last = now + AHEAD_DAYS * PL_CASSANDRA_DAY_US;
    if (*since_us < first) *since_us = first;
    if (*until_us > last) *until_us = last;
}

pouch_err pl_cassandra_copy(char **text, const struct pl_cql_rows *row, int column) {
    size_t n;
    *text = NULL;
    if (pl_cql_cell_null(row, column)) return POUCH_OK;
    const char *at = pl_cql_cell_text(row, column, &n);
    *text = strndup(at, n);
    return *text ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store");
}
