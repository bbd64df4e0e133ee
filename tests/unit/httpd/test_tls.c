/* TLS: who is answered, with which certificate, and what a change of the files does. */
#include "http_stage.h"

#include <folder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static char cert_file[128], key_file[128];

static const struct httpd_route routes[] = {{"POST", "/echo", stage_echo, NULL, STAGE_BODY_MAX}};

static EVP_PKEY *new_key(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    return key;
}

static X509 *sign(const char *name, EVP_PKEY *key) {
    X509 *cert = X509_new();
    assert_non_null(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* Each file is whole at every moment: it is written beside its place and then put there. */
static void put(const char *file, void (*write)(FILE *, void *), void *what) {
    char beside[160];
    snprintf(beside, sizeof beside, "%s.new", file);
    FILE *f = fopen(beside, "w");
    assert_non_null(f);
    write(f, what);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(beside, file), 0);
}

static void write_key(FILE *f, void *key) {
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
}

static void write_key_with_passphrase(FILE *f, void *key) {
    static char phrase[] = "open sesame";
    assert_int_equal(PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), NULL, 0, NULL, phrase), 1);
}

static void write_cert(FILE *f, void *cert) {
    assert_int_equal(PEM_write_X509(f, cert), 1);
}

/* A certificate in that name, and its key. */
static void put_files(const char *name, void (*write)(FILE *, void *)) {
    EVP_PKEY *key = new_key();
    X509 *cert = sign(name, key);
    put(cert_file, write_cert, cert);
    put(key_file, write, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static struct test_folder folder;

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    snprintf(cert_file, sizeof cert_file, "%s/cert.pem", folder.path);
    snprintf(key_file, sizeof key_file, "%s/key.pem", folder.path);
    put_files("first", write_key);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static const struct httpd_tls files = {cert_file, key_file};

static struct httpd *start(void) {
    struct httpd_options o = {
        .routes = routes, .n_routes = 1, .limits = httpd_limits, .tls = &files, .serving = "serving tests"};
    o.limits.linger_ms = 100;
    return stage_start(&o);
}

struct session {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
};

/* False: the handshake failed. */
static bool try_connect(struct session *s, int port, int highest) {
    s->fd = client_connect(port);
    s->context = SSL_CTX_new(TLS_client_method());
    assert_non_null(s->context);
    SSL_CTX_set_min_proto_version(s->context, TLS1_VERSION);
    SSL_CTX_set_security_level(s->context, 0);
    SSL_CTX_set_max_proto_version(s->context, highest);
    s->ssl = SSL_new(s->context);
    assert_non_null(s->ssl);
    SSL_set_fd(s->ssl, s->fd);
    return SSL_connect(s->ssl) == 1;
}

static void close_session(struct session *s) {
    SSL_free(s->ssl);
    SSL_CTX_free(s->context);
    close(s->fd);
}

static void name_of(const struct session *s, char *out, int n) {
    X509 *cert = SSL_get1_peer_certificate(s->ssl);
    assert_non_null(cert);
    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out, n) > 0);
    X509_free(cert);
}

/* All that comes until the server says that no more will. */
static size_t read_session(struct session *s, char *out, size_t max) {
    size_t n = 0, got;
    while (n < max - 1 && SSL_read_ex(s->ssl, out + n, max - 1 - n, &got)) n += got;
    out[n] = 0;
    assert_int_equal(SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    return n;
}

static void say(struct session *s, const char *text, size_t n) {
    size_t written;
    assert_int_equal(SSL_write_ex(s->ssl, text, n, &written), 1);
    assert_int_equal(written, n);
}

static void requests_and_bodies_come_through_both_versions(void **state) {
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static char body[60000], out[70000], head[200];
    struct httpd *h = start();
    memset(body, 'b', sizeof body);
    for (size_t i = 0; i < 2; i++) {
        struct session s;
        assert_true(try_connect(&s, httpd_port(h), versions[i]));
        assert_int_equal(SSL_version(s.ssl), versions[i]);
        int n =
            snprintf(head, sizeof head,
                     "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", sizeof body);
        say(&s, head, (size_t)n);
        say(&s, body, sizeof body);
        read_session(&s, out, sizeof out);
        assert_int_equal(strncmp(out, "HTTP/1.1 200 OK\r\n", 17), 0);
        assert_int_equal(strlen(strstr(out, "\r\n\r\n") + 4), sizeof body);
        close_session(&s);
    }
    httpd_stop(h);
}

static void older_versions_and_plain_requests_are_refused_and_counted(void **state) {
    (void)state;
    struct httpd *h = start();
    int64_t before = pl_metric_get(PL_M_HTTP_TLS);
    struct session s;
    assert_false(try_connect(&s, httpd_port(h), TLS1_1_VERSION));
    close_session(&s);
    char *all = stage_exchange(httpd_port(h), "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_null(strstr(all, "HTTP/1.1"));
    free(all);
    stage_wait_for(PL_M_HTTP_TLS, before + 2);
    assert_int_equal(stage_handled, 0);
    httpd_stop(h);
}

static void a_new_certificate_is_taken_and_connections_before_it_stay(void **state) {
    (void)state;
    char name[64], out[2048];
    struct httpd *h = start();
    struct session before, after;
    assert_true(try_connect(&before, httpd_port(h), TLS1_3_VERSION));
    name_of(&before, name, sizeof name);
    assert_string_equal(name, "first");
    put_files("second", write_key);
    assert_int_equal(httpd_tls_reload(h), POUCH_OK);
    assert_true(try_connect(&after, httpd_port(h), TLS1_3_VERSION));
    name_of(&after, name, sizeof name);
    assert_string_equal(name, "second");
    close_session(&after);
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    say(&before, request, sizeof request - 1);
    read_session(&before, out, sizeof out);
    assert_non_null(strstr(out, "\r\n\r\nhi"));
    close_session(&before);
    put_files("third", write_key); /* and nobody says so */
    for (int i = 0; i < CLIENT_PATIENCE_MS / 10 && strcmp(name, "third"); i++) {
        assert_true(try_connect(&after, httpd_port(h), TLS1_3_VERSION));
        name_of(&after, name, sizeof name);
        close_session(&after);
        poll(NULL, 0, 10);
    }
    assert_string_equal(name, "third");
    httpd_stop(h);
}

static void files_that_do_not_fit_are_told_and_those_before_stay(void **state) {
    (void)state;
    char name[64];
    struct session s;
    struct httpd *h, *other;
    put_files("first", write_key);
    h = start();
    EVP_PKEY *key = new_key();
    put(key_file, write_key, key);
    assert_int_equal(httpd_tls_reload(h), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), key_file));
    EVP_PKEY_free(key);
    put_files("sealed", write_key_with_passphrase);
    assert_int_equal(httpd_tls_reload(h), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), key_file));
    assert_true(try_connect(&s, httpd_port(h), TLS1_3_VERSION));
    name_of(&s, name, sizeof name);
    assert_string_equal(name, "first");
    close_session(&s);
    httpd_stop(h);
    static const struct httpd_tls nowhere = {"/nowhere/cert.pem", "/nowhere/key.pem"};
    const struct httpd_options o = {
        .routes = routes, .n_routes = 1, .limits = httpd_limits, .tls = &nowhere, .serving = "serving tests"};
    assert_int_equal(httpd_start(&other, "127.0.0.1:0", &o), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "/nowhere/cert.pem"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_bodies_come_through_both_versions),
        cmocka_unit_test(older_versions_and_plain_requests_are_refused_and_counted),
        cmocka_unit_test(a_new_certificate_is_taken_and_connections_before_it_stay),
        cmocka_unit_test(files_that_do_not_fit_are_told_and_those_before_stay),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
