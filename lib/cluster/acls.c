/* Lists of ACLs: order, sameness, words. */
#include <base/why.h>
#include <cluster/acls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One block of memory holds all three texts; principal is where it begins. */
static void acl_free(struct pl_acl *acl) {
    free((void *)acl->principal);
}

static pouch_err acl_copy(struct pl_acl *to, const struct pl_acl *from) {
    size_t principal = strlen(from->principal) + 1, name = strlen(from->name) + 1, host = strlen(from->host) + 1;
    char *texts = malloc(principal + name + host);
    if (!texts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for ACLs");
    *to = *from;
    to->principal = memcpy(texts, from->principal, principal);
    to->name = memcpy(texts + principal, from->name, name);
    to->host = memcpy(texts + principal + name, from->host, host);
    return POUCH_OK;
}

void pl_acls_free(struct pl_acls *a) {
    for (size_t i = 0; i < a->n; i++) acl_free(&a->at[i]);
    free(a->at);
    *a = (struct pl_acls){0};
}

pouch_err pl_acls_add(struct pl_acls *a, const struct pl_acl *acl) {
    if (a->n == a->cap) {
        size_t cap = a->cap ? 2 * a->cap : 16;
        struct pl_acl *at = reallocarray(a->at, cap, sizeof *at);
        if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu ACLs", cap);
        a->at = at;
        a->cap = cap;
    }
    pouch_err e = acl_copy(&a->at[a->n], acl);
    if (!e) a->n++;
    return e;
}

static int compare_numbers(int a, int b) {
    return (a > b) - (a < b);
}

int pl_acl_compare(const struct pl_acl *a, const struct pl_acl *b) {
    int order = strcmp(a->principal, b->principal);
    if (!order) order = compare_numbers((int)a->on, (int)b->on);
    if (!order) order = strcmp(a->name, b->name);
    if (!order) order = compare_numbers(a->prefixed, b->prefixed);
    if (!order) order = compare_numbers((int)a->operation, (int)b->operation);
    if (!order) order = strcmp(a->host, b->host);
    return order ? order : compare_numbers(a->deny, b->deny);
}

static int compare(const void *a, const void *b) {
    return pl_acl_compare(a, b);
}

void pl_acls_sort(struct pl_acls *a) {
    size_t kept = 0;
    if (a->n) qsort(a->at, a->n, sizeof *a->at, compare);
    for (size_t i = 0; i < a->n; i++) {
        if (kept && !pl_acl_compare(&a->at[kept - 1], &a->at[i]))
            acl_free(&a->at[i]);
        else
            a->at[kept++] = a->at[i];
    }
    a->n = kept;
}

bool pl_acls_have(const struct pl_acls *sorted, const struct pl_acl *acl) {
    return sorted->n && bsearch(acl, sorted->at, sorted->n, sizeof *acl, compare);
}

const char *pl_acl_resource(const struct pl_acl *acl, char out[PL_ACL_TEXT]) {
    const char *kind = acl->on == RD_KAFKA_RESOURCE_GROUP ? "group" : "topic";
    if (acl->on == RD_KAFKA_RESOURCE_BROKER)
        snprintf(out, PL_ACL_TEXT, "the cluster");
    else if (!acl->prefixed && !strcmp(acl->name, "*"))
        snprintf(out, PL_ACL_TEXT, "all %ss", kind);
    else
        snprintf(out, PL_ACL_TEXT, "%s%s %s%s", kind, acl->prefixed ? "s" : "", acl->name, acl->prefixed ? "*" : "");
    return out;
}

const char *pl_acl_text(const struct pl_acl *acl, char out[PL_ACL_TEXT]) {
    char on[PL_ACL_TEXT];
    bool everywhere = !strcmp(acl->host, "*");
    snprintf(out, PL_ACL_TEXT, "%s%s on %.280s for %.200s%s%.64s", acl->deny ? "DENY " : "",
             rd_kafka_AclOperation_name(acl->operation), pl_acl_resource(acl, on), acl->principal,
             everywhere ? "" : " from ", everywhere ? "" : acl->host);
    return out;
}
