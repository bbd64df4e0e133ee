/* Reading, making and removing ACLs. */
#include <base/why.h>
#include <bus/kafka.h>
#include <cluster/acls.h>
#include <cluster/admin.h>
#include <cluster/until.h>
#include <poll.h>
#include <string.h>

enum { BATCH = 500, STEP_MS = 20 };

static const char reading[] = "cannot read the ACLs of the cluster", making[] = "cannot make the ACL",
                  removing[] = "cannot remove the ACL";

/* on: the binding in words; NULL: none alone. */
static pouch_err refused(rd_kafka_resp_err_t e, const char *what, const char *on) {
    const char *blank = on ? " " : "", *words = on ? on : "";
    switch (e) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return POUCH_OK;
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        return pl_fail(
            POUCH_E_NOT_ALLOWED,
            "%s%s%s: the brokers have no authorizer, so that everybody may do everything; set authorizer.class.name "
            "in them, or do without ACLs",
            what, blank, words);
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return pl_fail(POUCH_E_NOT_ALLOWED, "%s%s%s: this user lacks %s on the cluster; let an operator grant it", what,
                       blank, words, what == reading ? "DESCRIBE" : "ALTER");
    default: return pl_kafka_fail(e, what, on);
    }
}

static pouch_err wait_answer(struct pl_admin *a, const char *what) {
    pouch_err e = pl_admin_wait(a, what, NULL);
    rd_kafka_resp_err_t told = a->event ? rd_kafka_event_error(a->event) : RD_KAFKA_RESP_ERR_NO_ERROR;
    return e && told ? refused(told, what, NULL) : e;
}

/* ---- reading ---- */

static pouch_err take(struct pl_acls *a, const rd_kafka_AclBinding_t *b) {
    const rd_kafka_ResourcePatternType_t pattern = rd_kafka_AclBinding_resource_pattern_type(b);
    const struct pl_acl acl = {
        .principal = rd_kafka_AclBinding_principal(b),
        .on = rd_kafka_AclBinding_restype(b),
        .prefixed = pattern == RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
        .name = rd_kafka_AclBinding_name(b),
        .operation = rd_kafka_AclBinding_operation(b),
        .host = rd_kafka_AclBinding_host(b),
        .deny = rd_kafka_AclBinding_permission_type(b) == RD_KAFKA_ACL_PERMISSION_TYPE_DENY,
    };
    bool known =
        acl.on == RD_KAFKA_RESOURCE_TOPIC || acl.on == RD_KAFKA_RESOURCE_GROUP || acl.on == RD_KAFKA_RESOURCE_BROKER;
    return known ? pl_acls_add(a, &acl) : POUCH_OK;
}

static pouch_err ask(rd_kafka_t *rk, rd_kafka_AclBindingFilter_t *filter, struct pl_acls *a, int timeout) {
    struct pl_admin admin;
    pouch_err e = pl_admin_begin(&admin, rk, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, timeout);
    if (e) return e;
    rd_kafka_DescribeAcls(rk, filter, admin.options, admin.queue);
    e = wait_answer(&admin, reading);
    size_t n = 0;
    const rd_kafka_AclBinding_t **all =
        e ? NULL : rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(admin.event), &n);
    for (size_t i = 0; !e && i < n; i++) e = take(a, all[i]);
    pl_admin_end(&admin);
    return e;
}

pouch_err pl_acls_read(rd_kafka_t *rk, const char *principal, struct pl_acls *a, int timeout) {
    char why[256];
    rd_kafka_AclBindingFilter_t *filter =
        rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_ANY, NULL, RD_KAFKA_RESOURCE_PATTERN_ANY, principal, NULL,
                                      RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, why, sizeof why);
    if (!filter) return pl_fail(POUCH_E_CONFIG, "%s: %s", reading, why);
    pouch_err e = ask(rk, filter, a, timeout);
    rd_kafka_AclBinding_destroy(filter);
    if (e)
        pl_acls_free(a);
    else
        pl_acls_sort(a);
    return e;
}

/* ---- changing ---- */

struct work {
    rd_kafka_t *rk;
    const struct pl_acl *acls;
    struct pl_outcome *outcomes;
    size_t n;
    bool create;
    int timeout;
};

/* Bindings on their way in one request, and whose outcome each answer is. */
struct batch {
    rd_kafka_AclBinding_t *bindings[BATCH];
    size_t whose[BATCH], n;
};

/* An error that meets all from one on. */
static pouch_err set_rest(struct work *w, size_t from, pouch_err e) {
    for (size_t i = from; i < w->n; i++) pl_outcome_set(&w->outcomes[i], e);
    return e;
}

/* A filter that matches nothing but the binding takes the same words. */
static rd_kafka_AclBinding_t *binding_of(const struct pl_acl *acl, char *why, size_t n) {
    return rd_kafka_AclBinding_new(
        acl->on, acl->name, acl->prefixed ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL,
        acl->principal, acl->host, acl->operation,
        acl->deny ? RD_KAFKA_ACL_PERMISSION_TYPE_DENY : RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, n);
}

static void fill(struct batch *b, struct work *w, size_t *next) {
    char why[128], text[PL_ACL_TEXT];
    for (b->n = 0; *next < w->n && b->n < BATCH; ++*next) {
        if (w->outcomes[*next].existed == w->create) continue;
        b->bindings[b->n] = binding_of(&w->acls[*next], why, sizeof why);
        if (b->bindings[b->n])
            b->whose[b->n++] = *next;
        else
            pl_outcome_set(&w->outcomes[*next], pl_fail(POUCH_E_CONFIG, "%s %s: %s", w->create ? making : removing,
                                                        pl_acl_text(&w->acls[*next], text), why));
    }
}

static void take_answer(struct work *w, size_t i, const rd_kafka_error_t *error) {
    char text[PL_ACL_TEXT];
    if (error)
        pl_outcome_set(&w->outcomes[i], refused(rd_kafka_error_code(error), w->create ? making : removing,
                                                pl_acl_text(&w->acls[i], text)));
}

static void read_created(struct work *w, const struct batch *b, rd_kafka_event_t *event) {
    size_t n;
    const rd_kafka_acl_result_t **all = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &n);
    for (size_t i = 0; i < n && i < b->n; i++) take_answer(w, b->whose[i], rd_kafka_acl_result_error(all[i]));
}

static void read_deleted(struct work *w, const struct batch *b, rd_kafka_event_t *event) {
    size_t n;
    const rd_kafka_DeleteAcls_result_response_t **all =
        rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &n);
    for (size_t i = 0; i < n && i < b->n; i++)
        take_answer(w, b->whose[i], rd_kafka_DeleteAcls_result_response_error(all[i]));
}

static pouch_err send_batch(struct work *w, struct batch *b) {
    struct pl_admin a;
    pouch_err e =
        pl_admin_begin(&a, w->rk, w->create ? RD_KAFKA_ADMIN_OP_CREATEACLS : RD_KAFKA_ADMIN_OP_DELETEACLS, w->timeout);
    if (e) return e;
    if (w->create)
        rd_kafka_CreateAcls(w->rk, b->bindings, b->n, a.options, a.queue);
    else
        rd_kafka_DeleteAcls(w->rk, b->bindings, b->n, a.options, a.queue);
    e = wait_answer(&a, w->create ? making : removing);
    if (!e && w->create) read_created(w, b, a.event);
    if (!e && !w->create) read_deleted(w, b, a.event);
    pl_admin_end(&a);
    return e;
}

static pouch_err send_all(struct work *w) {
    struct batch b;
    for (size_t from = 0, next = 0; next < w->n; from = next) {
        fill(&b, w, &next);
        pouch_err e = b.n ? send_batch(w, &b) : POUCH_OK;
        rd_kafka_AclBinding_destroy_array(b.bindings, b.n);
        if (e) return set_rest(w, from, e);
    }
    return POUCH_OK;
}

/* How many of those that were taken a broker does not show yet; they are marked when asked to. */
static size_t unseen(struct work *w, const struct pl_acls *there, bool mark) {
    size_t n = 0;
    char text[PL_ACL_TEXT];
    for (size_t i = 0; i < w->n; i++) {
        if (w->outcomes[i].error || pl_acls_have(there, &w->acls[i]) == w->create) continue;
        n++;
        if (mark)
            pl_outcome_set(&w->outcomes[i],
                           pl_fail(POUCH_E_TIMEOUT, "%s was %s, and no broker shows it yet; look again",
                                   pl_acl_text(&w->acls[i], text), w->create ? "granted" : "revoked"));
    }
    return n;
}

static pouch_err wait_seen(struct work *w) {
    int64_t until_us = pl_until_us(w->timeout);
    for (;;) {
        struct pl_acls there = {0};
        pouch_err e = pl_acls_read(w->rk, NULL, &there, pl_left_ms(until_us));
        bool last = pl_is_past(until_us);
        size_t n = e ? 0 : unseen(w, &there, last);
        pl_acls_free(&there);
        if (e) return set_rest(w, 0, e);
        if (!n || last) return POUCH_OK;
        poll(NULL, 0, STEP_MS);
    }
}

static pouch_err change(struct work *w) {
    struct pl_acls there = {0};
    memset(w->outcomes, 0, w->n * sizeof *w->outcomes);
    if (!w->n) return POUCH_OK;
    pouch_err e = pl_acls_read(w->rk, NULL, &there, w->timeout);
    if (e) return set_rest(w, 0, e);
    for (size_t i = 0; i < w->n; i++) w->outcomes[i].existed = pl_acls_have(&there, &w->acls[i]);
    pl_acls_free(&there);
    e = send_all(w);
    return e ? e : wait_seen(w);
}

pouch_err pl_acls_create(rd_kafka_t *rk, const struct pl_acl *acls, size_t n, struct pl_outcome *outcomes,
                         int timeout) {
    struct work w = {rk, acls, outcomes, n, true, timeout};
    return change(&w);
}

pouch_err pl_acls_delete(rd_kafka_t *rk, const struct pl_acl *acls, size_t n, struct pl_outcome *outcomes,
                         int timeout) {
    struct work w = {rk, acls, outcomes, n, false, timeout};
    return change(&w);
}
