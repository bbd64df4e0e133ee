/* Bodies in chunks: what is taken, and that nothing malformed or doubtful is, however the bytes are cut. */
#include <support.h>

#include <httpd/chunk.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 20 };

struct read_body {
    char content[64];
    size_t n, used;
    int status;
};

/* Reads the text in pieces of that many bytes; a status ends it. */
static struct read_body read_in_pieces(const char *text, size_t n, size_t piece) {
    struct httpd_chunks c = {.room = ROOM};
    struct read_body b = {0};
    while (!b.status && b.used < n) {
        size_t end = b.used + piece < n ? b.used + piece : n;
        while (!b.status && b.used < end) {
            size_t used;
            struct httpd_span data;
            b.status = httpd_chunks_read(&c, text + b.used, end - b.used, &used, &data);
            assert_true(used > 0 && b.n + data.n <= ROOM);
            if (data.n) memcpy(b.content + b.n, data.at, data.n);
            b.n += data.n;
            b.used += used;
        }
    }
    return b;
}

static const struct {
    const char *text, *content;
} taken[] = {
    {"0\r\n\r\n", ""},
    {"000\r\n\r\n", ""},
    {"5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"05\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!"},
    {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
    {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
    {"5;a\r\nhello\r\n0;b=c;d=\"e;f\"\r\n\r\n", "hello"},
    {"5 ; a=b\r\nhello\r\n0\r\n\r\n", "hello"},
    {"5;a = b ; c = \"d\\\"\xc3\xa9\" ;e\r\nhello\r\n0\r\n\r\n", "hello"},
    {"1\r\nx\r\n0\r\nExpires: never\r\nX:\r\n\r\n", "x"},
};

static const struct {
    const char *text;
    int status;
} refused[] = {
    {"\r\n", 400},
    {"x\r\n", 400},
    {"-1\r\n", 400},
    {"+5\r\nhello\r\n", 400},
    {"0x5\r\nhello\r\n", 400},
    {" 5\r\nhello\r\n", 400},
    {"5 \r\nhello\r\n", 400},
    {"5\nhello\n", 400},
    {"5\rhello", 400},
    {"5,5\r\nhello", 400},
    {"5;\r\nhello\r\n", 400},
    {"5;a\nhello\r\n", 400},
    {"5;a\rb\r\nhello\r\n", 400},
    {"5;a=\x01\r\nhello\r\n", 400},
    {"5 a\r\nhello\r\n", 400},
    {"1_0\r\n", 400},
    {"5;a[=b\r\nhello\r\n", 400},
    {"5;a \r\nhello\r\n", 400},
    {"5;a b\r\nhello\r\n", 400},
    {"5;=b\r\nhello\r\n", 400},
    {"5;a=\r\nhello\r\n", 400},
    {"5;a=b c\r\nhello\r\n", 400},
    {"5;a=b \r\nhello\r\n", 400},
    {"5;a=\"b\r\nhello\r\n", 400},
    {"5;a=\"b\"c\r\nhello\r\n", 400},
    {"5;a=\"\\\r\nhello\r\n", 400},
    {"5\r\nhello0\r\n\r\n", 400},
    {"5\r\nhello\n0\r\n\r\n", 400},
    {"5\r\nhello\r0\r\n\r\n", 400},
    {"5\r\nhello!\r\n0\r\n\r\n", 400},
    {"0\r\n\n", 400},
    {"0\r\nX: y\n\r\n", 400},
    {"0\r\nX: y\r\n z\r\n\r\n", 400},
    {"0\r\nX : y\r\n\r\n", 400},
    {"0\r\n: y\r\n\r\n", 400},
    {"0\r\nX\r\n\r\n", 400},
    {"0\r\nGET / HTTP/1.1\r\n\r\n", 400},
    {"0\r\nX: a\x7f\r\n\r\n", 400},
    {"0000000000000005\r\n", 400}, /* 16 digits */
    {"fffffffffffffff\r\n", 413},
    {"15\r\n", 413},
    {"14\r\n01234567890123456789\r\n1\r\n", 413},
};

static void a_body_is_put_together_however_it_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        size_t n = strlen(taken[i].text);
        for (size_t piece = 1; piece <= n; piece++) {
            struct read_body b = read_in_pieces(taken[i].text, n, piece);
            if (b.status != 200 || b.used != n) fail_msg("%d after %zu of %s", b.status, b.used, taken[i].text);
            assert_string_equal(b.content, taken[i].content);
        }
    }
}

static void what_is_malformed_or_too_large_is_refused_however_it_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        size_t n = strlen(refused[i].text);
        for (size_t piece = 1; piece <= n; piece++) {
            struct read_body b = read_in_pieces(refused[i].text, n, piece);
            if (b.status != refused[i].status) fail_msg("%d for %s by %zu", b.status, refused[i].text, piece);
        }
    }
}

static void what_follows_a_body_is_not_touched(void **state) {
    (void)state;
    static const char text[] = "1\r\nx\r\n0\r\n\r\nGET";
    struct read_body b = read_in_pieces(text, sizeof text - 1, sizeof text);
    assert_int_equal(b.status, 200);
    assert_int_equal(b.used, sizeof text - 1 - 3);
}

static void a_nul_is_refused_wherever_it_stands_but_in_the_content(void **state) {
    (void)state;
    static const char whole[] = "1;a=b\r\nx\r\n0\r\nX: y\r\n\r\n";
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        text[i] = 0;
        struct read_body b = read_in_pieces(text, sizeof whole - 1, 1);
        if (b.status != (whole[i] == 'x' ? 200 : 400)) fail_msg("%d with a NUL at %zu", b.status, i);
    }
}

/* `before`, then n times "a", then `after`. */
static int status_of_long(const char *before, size_t n, const char *after) {
    char *text = malloc(strlen(before) + n + strlen(after) + 1);
    assert_non_null(text);
    strcpy(text, before);
    memset(text + strlen(before), 'a', n);
    strcpy(text + strlen(before) + n, after);
    struct read_body b = read_in_pieces(text, strlen(text), strlen(text));
    free(text);
    return b.status;
}

static void extensions_and_trailers_are_bounded_together(void **state) {
    (void)state;
    assert_int_equal(status_of_long("0;", HTTPD_CHUNK_EXTRA_MAX - 2, "\r\n\r\n"), 200);
    assert_int_equal(status_of_long("0;", HTTPD_CHUNK_EXTRA_MAX + 1, ""), 431);
    assert_int_equal(status_of_long("0\r\nX:", HTTPD_CHUNK_EXTRA_MAX, "\r\n\r\n"), 431);
    assert_int_equal(status_of_long("1;bbbb\r\nx\r\n0\r\nX:", HTTPD_CHUNK_EXTRA_MAX - 4, "\r\n\r\n"), 431);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_put_together_however_it_is_cut),
        cmocka_unit_test(what_is_malformed_or_too_large_is_refused_however_it_is_cut),
        cmocka_unit_test(what_follows_a_body_is_not_touched),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands_but_in_the_content),
        cmocka_unit_test(extensions_and_trailers_are_bounded_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
