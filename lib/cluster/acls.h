/*
 * Who may do what: the ACLs of a cluster, read, made and removed. A cluster without an authorizer has none, and says so
 * (NOT_ALLOWED); whoever asks needs DESCRIBE, whoever changes ALTER on the cluster.
 */
#ifndef POUCH_CLUSTER_ACLS_H
#define POUCH_CLUSTER_ACLS_H

#include <cluster/outcome.h>
#include <librdkafka/rdkafka.h>

/* One binding. Its texts are borrowed, within struct pl_acls from that. */
struct pl_acl {
    const char *principal;      /* "User:billing" */
    rd_kafka_ResourceType_t on; /* TOPIC, GROUP, or BROKER, which stands for the cluster */
    bool prefixed;              /* the name is a beginning, of all that begin so; else "*" is all of them */
    const char *name;           /* of the cluster: PL_ACL_CLUSTER */
    rd_kafka_AclOperation_t operation;
    const char *host; /* an address, or "*": from everywhere */
    bool deny;        /* it takes a right away, whatever others give */
};
#define PL_ACL_CLUSTER "kafka-cluster"

/* Empty is all zero. One owner, no locking. */
struct pl_acls {
    struct pl_acl *at;
    size_t n, cap;
};
void pl_acls_free(struct pl_acls *a);

/* Copies one in, at the end. NO_MEMORY: nothing changed. */
POUCH_MUST_CHECK pouch_err pl_acls_add(struct pl_acls *a, const struct pl_acl *acl);

/* Puts them in the order of pl_acl_compare(), each once. */
void pl_acls_sort(struct pl_acls *a);
bool pl_acls_have(const struct pl_acls *sorted, const struct pl_acl *acl);

/* By principal, kind and name of what it is on, operation, host. 0: the same binding. */
int pl_acl_compare(const struct pl_acl *a, const struct pl_acl *b);

/* "READ on topics orders.* for User:billing from 10.0.0.7"; cut where it is longer. Gives out. */
enum { PL_ACL_TEXT = 640 };
const char *pl_acl_text(const struct pl_acl *acl, char out[PL_ACL_TEXT]);

/* "topics orders.*", "group billing", "the cluster": what it is on. Gives out. */
const char *pl_acl_resource(const struct pl_acl *acl, char out[PL_ACL_TEXT]);

/*
 * Reads all bindings, or with a principal those of it alone, into an empty a, in order. Those on transactional ids and
 * delegation tokens, which librdkafka 2.0.2 does not know, are left out. NOT_ALLOWED: no authorizer, or no DESCRIBE on
 * the cluster; NO_BROKER, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_acls_read(rd_kafka_t *rk, const char *principal, struct pl_acls *a, int timeout);

/*
 * Makes or removes n bindings, and waits until a broker shows it. n outcomes are the caller's, and each is set whatever
 * is returned, as in cluster/topics.h; `existed` tells one that was there before. Outcomes: CONFIG (the broker refuses
 * the binding), TIMEOUT (no broker shows it).
 */
POUCH_MUST_CHECK pouch_err pl_acls_create(rd_kafka_t *rk, const struct pl_acl *acls, size_t n,
                                          struct pl_outcome *outcomes, int timeout);
POUCH_MUST_CHECK pouch_err pl_acls_delete(rd_kafka_t *rk, const struct pl_acl *acls, size_t n,
                                          struct pl_outcome *outcomes, int timeout);

#endif
