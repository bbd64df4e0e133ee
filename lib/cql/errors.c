#include <base/why.h>
#include <cql/errors.h>

static const struct kind {
    int32_t code;
    pouch_err error;
    enum pl_cql_again again;
    const char *name, *next;
} kinds[] = {
    {0x0000, POUCH_E_STORE, PL_CQL_AGAIN_DOUBT, "server error", "see that host's log"},
    {0x000a, POUCH_E_STORE, PL_CQL_AGAIN_NEVER, "protocol error", "Cassandra 3.0 or later is needed"},
    {0x0100, POUCH_E_NOT_ALLOWED, PL_CQL_AGAIN_NEVER, "credentials refused", "check user and password_file"},
    {0x1000, POUCH_E_STORE, PL_CQL_AGAIN_ANYTIME, "unavailable",
     "too few replicas are up for this consistency; see nodetool status"},
    /* A coordinator also says so when it has no room for hints, after it has sent to other replicas. */
    {0x1001, POUCH_E_OVERLOADED, PL_CQL_AGAIN_DOUBT, "overloaded", "try again later or send less at once"},
    {0x1002, POUCH_E_OVERLOADED, PL_CQL_AGAIN_ANYTIME, "starting", "try again later"},
    {0x1003, POUCH_E_STORE, PL_CQL_AGAIN_NEVER, "truncation failed", "see that host's log"},
    {0x1100, POUCH_E_TIMEOUT, PL_CQL_AGAIN_DOUBT, "write timed out",
     "too few replicas answered in time; the write may be done all the same"},
    {0x1200, POUCH_E_TIMEOUT, PL_CQL_AGAIN_DOUBT, "read timed out", "too few replicas answered in time"},
    {0x1300, POUCH_E_STORE, PL_CQL_AGAIN_DOUBT, "read failed", "see the replicas' logs"},
    {0x1400, POUCH_E_STORE, PL_CQL_AGAIN_NEVER, "function failed", "see that host's log"},
    {0x1500, POUCH_E_STORE, PL_CQL_AGAIN_DOUBT, "write failed", "see the replicas' logs"},
    {0x2000, POUCH_E_CONFIG, PL_CQL_AGAIN_NEVER, "syntax error", "this statement is not for this version of Cassandra"},
    {0x2100, POUCH_E_NOT_ALLOWED, PL_CQL_AGAIN_NEVER, "unauthorized", "grant this user what it needs"},
    {0x2200, POUCH_E_CONFIG, PL_CQL_AGAIN_NEVER, "invalid", "the schema is not what it should be, or a value is wrong"},
    {0x2300, POUCH_E_CONFIG, PL_CQL_AGAIN_NEVER, "invalid configuration", "check replication and table options"},
    {0x2400, POUCH_E_EXISTS, PL_CQL_AGAIN_NEVER, "exists", "it is there already"},
    {0x2500, POUCH_E_STORE, PL_CQL_AGAIN_NEVER, "unprepared", "it goes on forgetting a statement; see that host's log"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct kind *kind_of(int32_t code) {
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].code == code) return &kinds[i];
    static const struct kind other = {-1, POUCH_E_STORE, PL_CQL_AGAIN_NEVER, "error", "see that host's log"};
    return &other;
}

enum pl_cql_again pl_cql_error_again(int32_t code) {
    return kind_of(code)->again;
}

/*
 * The server's own text is cut: it may quote a statement, of which ours hold no values, but never runs into the next
 * step.
 */
pouch_err pl_cql_error_fail(const struct pl_cql_answer *a, const char *host) {
    const struct kind *k = kind_of(a->code);
    int n = a->message_n > 400 ? 400 : (int)a->message_n;
    return pl_fail(k->error, "Cassandra at %s: %s (0x%04x): %.*s; %s", host, k->name, (unsigned)a->code, n, a->message,
                   k->next);
}
