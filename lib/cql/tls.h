/* TLS for connections that do not block, over OpenSSL; the peer's certificate must fit its host. */
#ifndef POUCH_CQL_TLS_H
#define POUCH_CQL_TLS_H

#include <cql/config.h>
#include <openssl/ssl.h>
#include <pouch/error.h>
#include <sys/types.h>

struct pl_cql_tls;

/* From ca, cert and key. CONFIG: a file that cannot be used, named; NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_cql_tls_new(struct pl_cql_tls **tls, const struct pl_cql_config *c);
void pl_cql_tls_free(struct pl_cql_tls *tls); /* after its ends; NULL allowed */

/* A client's end over fd, which stays the caller's. name: a host name or an address, to be found in the certificate. */
POUCH_MUST_CHECK pouch_err pl_cql_tls_start(SSL **ssl, struct pl_cql_tls *tls, int fd, const char *name);

/*
 * Before each call on an SSL: SSL_get_error() goes by what is in the thread's queue of errors, whoever left it there.
 */
void pl_cql_tls_begin(void);

/* Why the last call on ssl failed, in words, for messages; and whether it was over the certificate. */
bool pl_cql_tls_why(const SSL *ssl, char *out, size_t n);

#endif
