/* The server by a client that nobody here wrote: curl, plain and over TLS. */
#include "http_stage.h"

#include <folder.h>

static struct test_folder folder;

static pouch_err show(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    (void)arg;
    return pl_buf_puts(&a->body, httpd_call_param(c, "what"));
}

static const struct httpd_route routes[] = {{"POST", "/echo", stage_echo, NULL, STAGE_BODY_MAX},
                                            {"GET", "/show/{what}", show, NULL, 0}};

/* In the arguments $URL is the server's address. Expected: the body, the status, and the connections that curl made. */
static void require(const char *url, const char *arguments, const char *expected) {
    char command[1024], out[4096];
    snprintf(command, sizeof command,
             "cd '%s' && URL='%s' && curl --silent --show-error --ipv4 --noproxy '*' --max-time 60 --cacert cert.pem "
             "--write-out ' %%{http_code} %%{num_connects}' %s",
             folder.path, url, arguments);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    out[fread(out, 1, sizeof out - 1, p)] = 0;
    if (pclose(p) || strcmp(out, expected)) fail_msg("%s: %s", command, out);
}

static const struct {
    const char *arguments, *expected;
} rows[] = {
    {"$URL/show/a%20b", "a b 200 1"},
    {"--path-as-is --output /dev/null $URL/show/../x", " 400 1"},
    {"--head --output /dev/null $URL/show/x", " 200 1"},
    {"--data hello $URL/echo", "hello 200 1"},
    {"--data hello --header 'Transfer-Encoding: chunked' $URL/echo", "hello 200 1"},
    {"--data hello --http1.0 $URL/echo", "hello 200 1"},
    {"--data hello --header 'Expect: 100-continue' $URL/echo", "hello 200 1"},
    {"--data hello $URL/echo --next --silent --ipv4 --cacert cert.pem --write-out ' %{http_code} %{num_connects}' "
     "--data again $URL/echo",
     "hello 200 1again 200 0"}, /* on the same connection */
    {"--data-binary @big --output back $URL/echo && cmp big back", " 200 1"},
    {"--data-binary @big --header 'Transfer-Encoding: chunked' --output back $URL/echo && cmp big back", " 200 1"},
    {"--data-binary @too_big --output /dev/null $URL/echo", " 413 1"},
    {"--data-binary @too_big --header 'Transfer-Encoding: chunked' --output /dev/null $URL/echo", " 413 1"},
    {"--output /dev/null $URL/echo", " 405 1"},
};

static void put_bytes(const char *name, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder.path, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    while (n--) assert_int_not_equal(fputc('b', f), EOF);
    assert_int_equal(fclose(f), 0);
}

static void serve_and_ask(const struct httpd_tls *tls) {
    char address[64];
    struct httpd_options o = {
        .routes = routes, .n_routes = 2, .limits = httpd_limits, .tls = tls, .serving = "serving tests"};
    o.limits.loops = 2;
    struct httpd *h = stage_start(&o);
    snprintf(address, sizeof address, "%s://localhost:%d", tls ? "https" : "http", httpd_port(h));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) require(address, rows[i].arguments, rows[i].expected);
    httpd_stop(h);
}

static void curl_is_answered(void **state) {
    (void)state;
    serve_and_ask(NULL);
}

static void curl_is_answered_over_tls(void **state) {
    (void)state;
    char cert[128], key[128];
    snprintf(cert, sizeof cert, "%s/cert.pem", folder.path);
    snprintf(key, sizeof key, "%s/key.pem", folder.path);
    const struct httpd_tls files = {cert, key};
    serve_and_ask(&files);
}

static int set_up(void **state) {
    (void)state;
    char command[512];
    test_folder_make(&folder);
    snprintf(command, sizeof command,
             "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
             "/CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>openssl.log",
             folder.path);
    assert_int_equal(system(command), 0);
    put_bytes("big", STAGE_BODY_MAX);
    put_bytes("too_big", STAGE_BODY_MAX + 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl_is_answered),
        cmocka_unit_test(curl_is_answered_over_tls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
