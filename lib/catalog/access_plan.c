/* What would change of the ACLs, and changing it. */
#include <base/why.h>
#include <catalog/access_state.h>
#include <stdlib.h>
#include <string.h>

pouch_err pl_access_look(struct pl_access_look *l, const struct pl_access *a, const struct pl_settings *s,
                         rd_kafka_t *rk, int timeout) {
    *l = (struct pl_access_look){0};
    pouch_err e = pl_access_expand(a, s, &l->wanted);
    return e ? e : pl_acls_read(rk, NULL, &l->there, timeout);
}

void pl_access_look_free(struct pl_access_look *l) {
    pl_acls_free(&l->wanted);
    pl_acls_free(&l->there);
}

static bool is_ours(const struct pl_access *a, const struct pl_acl *acl) {
    for (size_t i = 0; !acl->deny && i < a->n; i++)
        if (!strcmp(a->entries[i].principal, acl->principal)) return true;
    return false;
}

static pouch_err add(struct pl_plan *p, const struct pl_acl *acl, enum pl_change_kind kind, enum pl_hold hold) {
    char on[PL_ACL_TEXT], words[PL_ACL_TEXT];
    pl_acl_resource(acl, on);
    pl_acl_text(acl, words);
    const struct pl_change change = {.kind = kind, .hold = hold, .topic = on, .config = words, .acl = (void *)acl};
    return pl_plan_add(p, &change);
}

pouch_err pl_access_plan(struct pl_plan *p, const struct pl_access *a, const struct pl_access_look *l,
                         const struct pl_plan_options *o) {
    pouch_err e = POUCH_OK;
    if (o->tenants || o->topics) return POUCH_OK;
    for (size_t i = 0; !e && i < l->wanted.n; i++)
        if (!pl_acls_have(&l->there, &l->wanted.at[i])) e = add(p, &l->wanted.at[i], PL_CHANGE_GRANT, PL_HOLD_NONE);
    for (size_t i = 0; !e && i < l->there.n; i++) {
        const struct pl_acl *acl = &l->there.at[i];
        if (is_ours(a, acl) && !pl_acls_have(&l->wanted, acl))
            e = add(p, acl, PL_CHANGE_REVOKE, o->prune ? PL_HOLD_NONE : PL_HOLD_PRUNE);
    }
    return e;
}

/* ---- making it so ---- */

struct batch {
    struct pl_acl *acls;
    struct pl_change **changes;
    struct pl_outcome *outcomes;
    size_t n;
};

static void batch_free(struct batch *b) {
    free(b->acls);
    free(b->changes);
    free(b->outcomes);
}

static pouch_err batch_make(struct batch *b, struct pl_plan *p, enum pl_change_kind kind) {
    *b = (struct batch){.acls = calloc(p->n + 1, sizeof *b->acls),
                        .changes = calloc(p->n + 1, sizeof *b->changes),
                        .outcomes = calloc(p->n + 1, sizeof *b->outcomes)};
    if (!b->acls || !b->changes || !b->outcomes)
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu changes of ACLs", p->n);
    for (size_t i = 0; i < p->n; i++) {
        if (p->changes[i].kind != kind || p->changes[i].hold) continue;
        b->changes[b->n] = &p->changes[i];
        b->acls[b->n++] = *(const struct pl_acl *)p->changes[i].acl;
    }
    return POUCH_OK;
}

/* Writes down what came of each; the first error is returned. */
static pouch_err batch_tell(const struct batch *b) {
    pouch_err first = POUCH_OK;
    for (size_t i = 0; i < b->n; i++) {
        const struct pl_outcome *o = &b->outcomes[i];
        b->changes[i]->made = !o->error;
        if (!o->error) continue;
        b->changes[i]->why = strdup(o->why);
        if (!first) first = pl_fail(o->error, "%s", o->why);
    }
    return first;
}

static pouch_err make(struct pl_plan *p, rd_kafka_t *rk, enum pl_change_kind kind, int timeout) {
    struct batch b;
    pouch_err e = batch_make(&b, p, kind);
    if (!e && b.n) {
        e = kind == PL_CHANGE_GRANT ? pl_acls_create(rk, b.acls, b.n, b.outcomes, timeout)
                                    : pl_acls_delete(rk, b.acls, b.n, b.outcomes, timeout);
        pouch_err first = batch_tell(&b);
        if (!e) e = first;
    }
    batch_free(&b);
    return e;
}

pouch_err pl_access_apply(struct pl_plan *p, rd_kafka_t *rk, int timeout) {
    pouch_err granted = make(p, rk, PL_CHANGE_GRANT, timeout);
    if (granted == POUCH_E_NO_BROKER) return granted;
    char why[1024];
    strncpy(why, granted ? pouch_why() : "", sizeof why - 1);
    why[sizeof why - 1] = 0;
    pouch_err revoked = make(p, rk, PL_CHANGE_REVOKE, timeout);
    return granted ? pl_fail(granted, "%s", why) : revoked;
}
