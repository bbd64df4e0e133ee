#include <arpa/inet.h>
#include <base/why.h>
#include <cql/tls.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * OpenSSL's own way to a socket is write(), which raises SIGPIPE in a process that did not ask for it; hence a BIO of
 * ours over send() and recv().
 */
static int bio_fd(BIO *bio) {
    return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_ended(BIO *bio, ssize_t n, int again) {
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_flags(bio, again | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int bio_write(BIO *bio, const char *at, int n) {
    return bio_ended(bio, send(bio_fd(bio), at, (size_t)n, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *bio, char *at, int n) {
    return bio_ended(bio, recv(bio_fd(bio), at, (size_t)n, 0), BIO_FLAGS_READ);
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

struct pl_cql_tls {
    SSL_CTX *context;
    BIO_METHOD *socket;
};

void pl_cql_tls_free(struct pl_cql_tls *tls) {
    if (!tls) return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls);
}

static void library_why(char *out, size_t n) {
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, out, n);
    else
        snprintf(out, n, "%s", errno ? strerror(errno) : "the connection was closed");
    ERR_clear_error();
}

static pouch_err bad_file(const char *what, const char *path) {
    char why[200];
    library_why(why, sizeof why);
    return pl_fail(POUCH_E_CONFIG, "cassandra URL: %s=%s cannot be used: %s", what, path, why);
}

static pouch_err load(SSL_CTX *tls, const struct pl_cql_config *c) {
    if (c->ca && SSL_CTX_load_verify_file(tls, c->ca) != 1) return bad_file("ca", c->ca);
    if (!c->ca && SSL_CTX_set_default_verify_paths(tls) != 1)
        return pl_fail(POUCH_E_CONFIG, "the system's trusted certificates cannot be read: give ca=PATH");
    if (c->cert && SSL_CTX_use_certificate_chain_file(tls, c->cert) != 1) return bad_file("cert", c->cert);
    if (c->key && SSL_CTX_use_PrivateKey_file(tls, c->key, SSL_FILETYPE_PEM) != 1) return bad_file("key", c->key);
    return POUCH_OK;
}

static pouch_err out_of_memory(void) {
    ERR_clear_error();
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for TLS");
}

static pouch_err set_up(struct pl_cql_tls *tls, const struct pl_cql_config *c) {
    tls->context = SSL_CTX_new(TLS_client_method());
    tls->socket = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pouch socket");
    if (!tls->context || !tls->socket) return out_of_memory();
    BIO_meth_set_write(tls->socket, bio_write);
    BIO_meth_set_read(tls->socket, bio_read);
    BIO_meth_set_ctrl(tls->socket, bio_control);
    BIO_meth_set_create(tls->socket, bio_create);
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return load(tls->context, c);
}

pouch_err pl_cql_tls_new(struct pl_cql_tls **out, const struct pl_cql_config *c) {
    struct pl_cql_tls *tls = calloc(1, sizeof *tls);
    if (!tls) return out_of_memory();
    pouch_err e = set_up(tls, c);
    if (e)
        pl_cql_tls_free(tls);
    else
        *out = tls;
    return e;
}

/* A name also goes into the greeting (SNI); an address may not. */
static bool expect(SSL *ssl, const char *name) {
    struct in6_addr unused;
    if (inet_pton(AF_INET, name, &unused) == 1 || inet_pton(AF_INET6, name, &unused) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

pouch_err pl_cql_tls_start(SSL **out, struct pl_cql_tls *tls, int fd, const char *name) {
    BIO *bio = BIO_new(tls->socket);
    SSL *ssl = bio ? SSL_new(tls->context) : NULL;
    if (!ssl || !expect(ssl, name)) {
        BIO_free(bio);
        SSL_free(ssl);
        return out_of_memory();
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    *out = ssl;
    return POUCH_OK;
}

void pl_cql_tls_begin(void) {
    ERR_clear_error();
    errno = 0;
}

bool pl_cql_tls_why(const SSL *ssl, char *out, size_t n) {
    long verdict = SSL_get_verify_result(ssl);
    if (verdict == X509_V_OK)
        library_why(out, n);
    else
        snprintf(out, n, "its certificate is not accepted: %s", X509_verify_cert_error_string(verdict));
    ERR_clear_error();
    return verdict != X509_V_OK;
}
