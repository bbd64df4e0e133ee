/* TLS by OpenSSL: certificate and key, which may be replaced while connections are open. */
#include <base/log.h>
#include <base/why.h>
#include <event2/bufferevent_ssl.h>
#include <httpd/state.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What tells one state of a file from another. */
struct stamp {
    struct timespec changed;
    ino_t inode;
    off_t size;
};

struct httpd_secret {
    const struct httpd_tls *files;
    pthread_mutex_t lock;
    SSL_CTX *context;       /* under the lock */
    struct stamp cert, key; /* under the lock: as they were when they were read last */
};

static struct stamp stamp_of(const char *file) {
    struct stat s;
    if (stat(file, &s)) return (struct stamp){0};
    return (struct stamp){s.st_ctim, s.st_ino, s.st_size};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b) {
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->inode == b->inode &&
           a->size == b->size;
}

static pouch_err bad_file(const char *what, const char *file) {
    char why[200];
    ERR_error_string_n(ERR_get_error(), why, sizeof why);
    ERR_clear_error();
    return pl_fail(POUCH_E_CONFIG,
                   "TLS: the %s in %s is not usable: %s; it must be PEM without a passphrase, and the key that of the "
                   "certificate",
                   what, file, why);
}

/* Nobody is there to be asked for one. */
static int no_passphrase(char *out, int n, int sealing, void *arg) {
    (void)out, (void)n, (void)sealing, (void)arg;
    return -1;
}

/* What we speak, for clients that ask, whatever else they speak. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *offered,
                           unsigned n_offered, void *arg) {
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    (void)ssl, (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, n, ours, sizeof ours - 1, offered, n_offered) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static pouch_err read_files(SSL_CTX *context, const struct httpd_tls *files) {
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1) return bad_file("certificate", files->cert);
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1) return bad_file("key", files->key);
    return SSL_CTX_check_private_key(context) == 1 ? POUCH_OK : bad_file("key", files->key);
}

static pouch_err make_context(SSL_CTX **out, const struct httpd_tls *files) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* an idle connection holds none */
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    pouch_err e = read_files(context, files);
    if (e) {
        SSL_CTX_free(context);
        return e;
    }
    *out = context;
    return POUCH_OK;
}

static void replace(struct httpd_secret *s, SSL_CTX *context) {
    pthread_mutex_lock(&s->lock);
    SSL_CTX *before = s->context;
    s->context = context;
    pthread_mutex_unlock(&s->lock);
    SSL_CTX_free(before);
}

/* A file that changes while it is read has another stamp afterwards, and is read once more. */
static bool note_change(struct httpd_secret *s) {
    struct stamp cert = stamp_of(s->files->cert), key = stamp_of(s->files->key);
    pthread_mutex_lock(&s->lock);
    bool changed = !same_stamp(&cert, &s->cert) || !same_stamp(&key, &s->key);
    s->cert = cert;
    s->key = key;
    pthread_mutex_unlock(&s->lock);
    return changed;
}

pouch_err httpd_tls_load(struct httpd_secret **out, const struct httpd_tls *files) {
    struct httpd_secret *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for TLS");
    s->files = files;
    pthread_mutex_init(&s->lock, NULL);
    note_change(s);
    pouch_err e = make_context(&s->context, files);
    if (e) {
        httpd_tls_free(s);
        return e;
    }
    *out = s;
    return POUCH_OK;
}

void httpd_tls_free(struct httpd_secret *s) {
    if (!s) return;
    SSL_CTX_free(s->context);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static pouch_err reload(struct httpd_secret *s) {
    SSL_CTX *context;
    note_change(s);
    pouch_err e = make_context(&context, s->files);
    if (e) return e;
    replace(s, context);
    PL_LOG(PL_LOG_INFO, "certificate and key have been read again", "cert", s->files->cert);
    return POUCH_OK;
}

pouch_err httpd_tls_reload(struct httpd *h) {
    return h->secret ? reload(h->secret) : POUCH_OK;
}

/* Certificate and key are two files: between the two writes they do not fit, and the second is a change again. */
void httpd_tls_watch(struct httpd_secret *s) {
    if (note_change(s) && reload(s))
        PL_LOG(PL_LOG_WARN, "certificate and key have changed and are not usable; those before stay", "why",
               pouch_why());
}

struct bufferevent *httpd_tls_wrap(struct httpd_secret *s, struct event_base *base, evutil_socket_t fd) {
    pthread_mutex_lock(&s->lock);
    SSL *ssl = SSL_new(s->context);
    pthread_mutex_unlock(&s->lock);
    if (!ssl) return NULL;
    struct bufferevent *wire =
        bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (!wire) SSL_free(ssl);
    return wire;
}

void httpd_tls_goodbye(struct bufferevent *wire) {
    SSL *ssl = bufferevent_openssl_get_ssl(wire);
    if (ssl && SSL_is_init_finished(ssl)) SSL_shutdown(ssl);
    ERR_clear_error();
}

bool httpd_tls_is_new(struct bufferevent *wire) {
    const SSL *ssl = bufferevent_openssl_get_ssl(wire);
    return ssl && !SSL_is_init_finished(ssl);
}
