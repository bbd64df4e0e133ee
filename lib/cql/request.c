#include <base/why.h>
#include <cql/request.h>
#include <cql/session.h>
#include <strings.h>

static const char *const consistencies[] = {"DEFAULT",     "ANY",    "ONE",          "TWO",
                                            "THREE",       "QUORUM", "ALL",          "LOCAL_QUORUM",
                                            "EACH_QUORUM", "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE"};
enum { CONSISTENCIES = sizeof consistencies / sizeof consistencies[0] };

bool pl_cql_consistency_parse(enum pl_cql_consistency *c, const char *name) {
    for (size_t i = 1; i < CONSISTENCIES; i++) {
        if (strcasecmp(consistencies[i], name)) continue;
        *c = (enum pl_cql_consistency)i;
        return true;
    }
    return false;
}

const char *pl_cql_consistency_name(enum pl_cql_consistency c) {
    return (size_t)c < CONSISTENCIES ? consistencies[c] : "unknown";
}

size_t pl_cql_statement_values(const struct pl_cql_statement *st) {
    return st->n_markers;
}

static const struct pl_cql_how usual;

static struct pl_cql_parameters parameters_of(const struct pl_cql_how *how) {
    return (struct pl_cql_parameters){
        .consistency = how->consistency, .serial = how->serial, .timestamp_us = how->timestamp_us};
}

/* Where the request is best sent to. */
static pouch_err route(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_bound *b) {
    pouch_err e = pl_cql_routing_key(&s->key, b, &slot->routed);
    if (!e && slot->routed) slot->token = pl_cql_token(s->key.at, s->key.len);
    return e;
}

static pouch_err start(struct pl_cql *s, struct pl_cql_slot *slot, pouch_err e, const struct pl_cql_how *how,
                       pl_cql_done *done, void *arg) {
    if (!e) e = pl_cql_slot_start(s, slot, how, done, arg);
    if (e) pl_cql_slot_give_back(s, slot);
    return e;
}

pouch_err pl_cql_execute_page(struct pl_cql *s, const struct pl_cql_bound *b, const struct pl_cql_how *how,
                              const struct pl_cql_parameters *p, pl_cql_done *done, void *arg) {
    struct pl_cql_slot *slot;
    pouch_err e = pl_cql_slot_take(s, &slot);
    if (e) return e;
    e = pl_cql_frame_execute(&slot->frame, b, p);
    if (!e) e = route(s, slot, b);
    return start(s, slot, e, how, done, arg);
}

pouch_err pl_cql_query_page(struct pl_cql *s, const char *text, const struct pl_cql_how *how,
                            const struct pl_cql_parameters *p, pl_cql_done *done, void *arg) {
    struct pl_cql_slot *slot;
    pouch_err e = pl_cql_slot_take(s, &slot);
    if (e) return e;
    return start(s, slot, pl_cql_frame_query(&slot->frame, text, p), how, done, arg);
}

pouch_err pl_cql_execute(struct pl_cql *s, const struct pl_cql_bound *b, const struct pl_cql_how *how,
                         pl_cql_done *done, void *arg) {
    if (!how) how = &usual;
    const struct pl_cql_parameters p = parameters_of(how);
    return pl_cql_execute_page(s, b, how, &p, done, arg);
}

pouch_err pl_cql_batch(struct pl_cql *s, const struct pl_cql_bound bound[], size_t n, const struct pl_cql_how *how,
                       pl_cql_done *done, void *arg) {
    if (!how) how = &usual;
    const struct pl_cql_parameters p = parameters_of(how);
    struct pl_cql_slot *slot;
    pouch_err e = pl_cql_slot_take(s, &slot);
    if (e) return e;
    e = pl_cql_frame_batch(&slot->frame, bound, n, &p);
    if (!e) e = route(s, slot, &bound[0]);
    return start(s, slot, e, how, done, arg);
}

pouch_err pl_cql_prepare_start(struct pl_cql *s, const char *text, const struct pl_cql_how *how, pl_cql_done *done,
                               void *arg) {
    struct pl_cql_slot *slot;
    pouch_err e = pl_cql_slot_take(s, &slot);
    if (e) return e;
    return start(s, slot, pl_cql_frame_prepare(&slot->frame, text), how, done, arg);
}
