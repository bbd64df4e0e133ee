/* Heads of requests: what is taken, and that nothing malformed or doubtful is. */
#include <support.h>

#include <httpd/head.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST

/* The status that the bytes lead to; 0: more is wanted. */
static int read_all(struct httpd_head *h, const char *at, size_t n) {
    struct httpd_search s = {0};
    int status = httpd_search(&s, at, n);
    return status == 200 ? httpd_head_read(h, at + s.start, s.end - s.start) : status;
}

static int status_of(const char *text) {
    struct httpd_head h;
    return read_all(&h, text, strlen(text));
}

static const char *const taken[] = {
    GET "\r\n",
    "\r\n" GET "\r\n",
    "\r\n\r\n" GET "\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.9\r\nhOST:a\r\n\r\n",
    "GET http://a:80/x?y HTTP/1.1\r\n" HOST "\r\n",
    "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
    "M-SEARCH / HTTP/1.1\r\n" HOST "\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.b-c_d:\r\n\r\n",
    "GET HTTPS://a HTTP/1.1\r\n" HOST "\r\n",
    "GET /?a\\b|c HTTP/1.1\r\n" HOST "\r\n",
    "GET http://a?b HTTP/1.1\r\n" HOST "\r\n",
    "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\n",
    POST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n",
    GET "X:\r\n\r\n",
    GET "X: a\tb  \xc3\xa9 \r\n\r\n",
    GET "X: a\r\nX: b\r\n\r\n",
    POST "Content-Length: 0\r\n\r\n",
    POST "Content-Length: 000000000000000005\r\n\r\n",
    POST "Transfer-Encoding: Chunked\r\n\r\n",
};

static const struct {
    const char *text;
    int status;
} refused[] = {
    /* Where the request ends would be in doubt. */
    {POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n", 400},
    {POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {POST "Content-Length: 5, 5\r\n\r\n", 400},
    {POST "Content-Length: +5\r\n\r\n", 400},
    {POST "Content-Length: -5\r\n\r\n", 400},
    {POST "Content-Length: 0x5\r\n\r\n", 400},
    {POST "Content-Length: \r\n\r\n", 400},
    {POST "Content-Length: five\r\n\r\n", 400},
    {POST "Content-Length: 5 x\r\n\r\n", 400},
    {POST "Content-Length: 18446744073709551621\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {POST "Transfer-Encoding: chunked, identity\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: gzip, identity\r\n\r\n", 400},
    {POST "Transfer-Encoding: , chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked,\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked;q=1\r\n\r\n", 400},
    {POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
    {POST "Transfer-Encoding: identity\r\n\r\n", 400},
    {POST "Transfer-Encoding: \r\n\r\n", 400},
    {POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     400},
    {POST "Transfer-Encoding : chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding:\r\n chunked\r\n\r\n", 400},
    /* Fields. */
    {GET "X : y\r\n\r\n", 400},
    {GET "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400},
    {POST "Content-Type: application/json\r\ncontent-type: text/plain\r\n\r\n", 400},
    {GET "Origin: http://a\r\nOrigin: http://b\r\n\r\n", 400},
    {GET "nonsense\r\n\r\n", 400},
    {GET ": y\r\n\r\n", 400},
    {GET "X Y: z\r\n\r\n", 400},
    {GET "X\x01: y\r\n\r\n", 400},
    {GET "X: a\rb\r\n\r\n", 400},
    {GET "X: a\x7f\r\n\r\n", 400},
    {GET "X: a\r\n b\r\n\r\n", 400},
    {GET "X: a\r\n\tb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n X: y\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.1\nHost: a\n\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
    {GET "\n", 400},
    /* Hosts. */
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a[1]\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\nHost:\r\n\r\n", 400},
    {"GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET http://a/ HTTP/1.1\r\n\r\n", 400},
    {"GET http://a@b/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET http:/// HTTP/1.1\r\n" HOST "\r\n", 400},
    /* The request line. */
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", 505},
    {"GET / HTP/1.1\r\n" HOST "\r\n", 400},
    {"GET / http/1.1\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.1x\r\n" HOST "\r\n", 400},
    {"GET / HTTP/11\r\n" HOST "\r\n", 400},
    {"GET a HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
    {"OPTIONS *?a HTTP/1.1\r\n" HOST "\r\n", 400},
    {"CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", 400},
    /* Expectations. */
    {POST "Content-Length: 5\r\nExpect: 200-ok\r\n\r\n", 417},
    {POST "Content-Length: 5\r\nExpect: 100-continue, x\r\n\r\n", 417},
    {POST "Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 417},
    {"GET /\r\n\r\n", 400},
    {"GET\r\n\r\n", 400},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET\t/\tHTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /#x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400},
    {"G@T / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"\x16\x03\x01", 400},
    {"\r\n\r\n\r\n" GET "\r\n", 400},
};

static void what_is_well_formed_is_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (status_of(taken[i]) != 200) fail_msg("%d for %s", status_of(taken[i]), taken[i]);
}

static void what_is_malformed_or_doubtful_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (status_of(refused[i].text) != refused[i].status)
            fail_msg("%d for %s", status_of(refused[i].text), refused[i].text);
}

static void a_nul_is_refused_wherever_it_stands(void **state) {
    (void)state;
    static const char whole[] = GET "X: yy\r\n\r\n";
    size_t n = sizeof whole - 1;
    struct httpd_head h;
    for (size_t i = 0; i < n; i++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        text[i] = 0;
        int status = read_all(&h, text, n);
        if (status != 400 && status != 0) fail_msg("%d with a NUL at %zu", status, i);
    }
}

/* However the bytes are cut, the answer is the same, and it comes no later than with the last of them. */
static void pieces_of_any_size_lead_to_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        size_t n = strlen(taken[i]);
        for (size_t piece = 1; piece <= n; piece++) {
            struct httpd_search s = {0};
            int status = 0;
            for (size_t at = 0; at < n; at += piece) {
                assert_int_equal(status, 0);
                status = httpd_search(&s, taken[i], at + piece < n ? at + piece : n);
            }
            assert_int_equal(status, 200);
            assert_int_equal(s.end, n);
        }
    }
}

static void what_follows_a_head_is_not_looked_at(void **state) {
    (void)state;
    static const char first[] = GET "\r\n";
    static const char both[] = GET "\r\n\n\x01";
    struct httpd_search s = {0};
    assert_int_equal(httpd_search(&s, both, sizeof both - 1), 200);
    assert_int_equal(s.end, sizeof first - 1);
}

static void the_parts_are_told_apart(void **state) {
    (void)state;
    struct httpd_head h;
    static const char text[] = "GET http://host/a/b?c=d?e HTTP/1.1\r\nHost: other\r\nAccept:  x, y \r\n\r\n";
    assert_int_equal(read_all(&h, text, sizeof text - 1), 200);
    assert_true(httpd_span_is(h.method, "GET"));
    assert_true(httpd_span_is(h.path, "/a/b"));
    assert_true(httpd_span_is(h.query, "c=d?e"));
    assert_true(httpd_span_is(h.host, "host")); /* whatever the field says */
    assert_true(httpd_span_is(*httpd_head_field(&h, "ACCEPT"), "x, y"));
    assert_null(httpd_head_field(&h, "Accep"));
    assert_false(h.last);
    assert_false(h.content);
    assert_int_equal(read_all(&h, GET "\r\n", sizeof GET "\r\n" - 1), 200);
    assert_true(httpd_span_is(h.host, "a"));
    assert_int_equal(read_all(&h, "GET / HTTP/1.0\r\n\r\n", 18), 200);
    assert_null(h.host.at);
}

static void it_is_known_whether_a_body_follows_and_whether_the_client_stays(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool content, last;
    } rows[] = {
        {GET "\r\n", false, false},
        {POST "Content-Length: 0\r\n\r\n", false, false},
        {POST "Content-Length: 010\r\n\r\n", true, false},
        {POST "Transfer-Encoding: chunked\r\n\r\n", true, false},
        {"GET / HTTP/1.0\r\n\r\n", false, true},
        {GET "Connection: keep-alive\r\n\r\n", false, false},
        {GET "Connection: closed\r\n\r\n", false, false},
        {GET "connection: Close\r\n\r\n", false, true},
        {GET "Connection: x , close,y\r\n\r\n", false, true},
        {GET "Connection: x\r\nConnection: y, close\r\n\r\n", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct httpd_head h;
        assert_int_equal(read_all(&h, rows[i].text, strlen(rows[i].text)), 200);
        if (h.content != rows[i].content || h.last != rows[i].last) fail_msg("%s", rows[i].text);
    }
}

/* `before`, then n times `fill`, then `after`. */
static int status_of_long(const char *before, size_t n, const char *fill, const char *after) {
    size_t length = strlen(fill);
    char *text = malloc(strlen(before) + n * length + strlen(after) + 1);
    assert_non_null(text);
    strcpy(text, before);
    for (size_t i = 0; i < n; i++) memcpy(text + strlen(before) + i * length, fill, length + 1);
    strcat(text, after);
    int status = status_of(text), in_pieces = 0;
    struct httpd_search s = {0};
    for (size_t seen = 1; !in_pieces && seen <= strlen(text); seen++) in_pieces = httpd_search(&s, text, seen);
    if (in_pieces == 200) in_pieces = httpd_head_read(&(struct httpd_head){0}, text + s.start, s.end - s.start);
    assert_int_equal(in_pieces, status);
    free(text);
    return status;
}

static void the_limits_hold_to_the_byte(void **state) {
    (void)state;
    enum { LINE = HTTPD_LINE_MAX - (int)sizeof "GET / HTTP/1.1" + 1 };
    assert_int_equal(status_of_long("GET /", LINE, "a", " HTTP/1.1\r\n" HOST "\r\n"), 200);
    assert_int_equal(status_of_long("GET /", LINE + 1, "a", " HTTP/1.1\r\n" HOST "\r\n"), 414);
    assert_int_equal(status_of_long("GET /", HTTPD_LINE_MAX, "a", ""), 414);
    assert_int_equal(status_of_long("GET /", LINE, "a", " HTTP/1.1"), 0);
    enum { BYTES = HTTPD_FIELDS_BYTES_MAX - (int)sizeof HOST + 1 - (int)sizeof "X: \r\n" + 1 };
    assert_int_equal(status_of_long(GET "X: ", BYTES, "a", "\r\n\r\n"), 200);
    assert_int_equal(status_of_long(GET "X: ", BYTES + 1, "a", "\r\n\r\n"), 431);
    assert_int_equal(status_of_long(GET "X: ", HTTPD_FIELDS_BYTES_MAX, "a", ""), 431);
    assert_int_equal(status_of_long(GET, HTTPD_FIELDS_MAX - 1, "X: y\r\n", "\r\n"), 200);
    assert_int_equal(status_of_long(GET, HTTPD_FIELDS_MAX, "X: y\r\n", "\r\n"), 431);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_formed_is_taken),
        cmocka_unit_test(what_is_malformed_or_doubtful_is_refused),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(pieces_of_any_size_lead_to_the_same),
        cmocka_unit_test(what_follows_a_head_is_not_looked_at),
        cmocka_unit_test(the_parts_are_told_apart),
        cmocka_unit_test(it_is_known_whether_a_body_follows_and_whether_the_client_stays),
        cmocka_unit_test(the_limits_hold_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
