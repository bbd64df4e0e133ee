/*
 * The bytes of a connection, in pieces of any size: however they are cut, the same head is found or refused, within
 * its bounds; and a head that is taken has parts that lie within it and hold nothing that ends a line.
 */
#include <httpd/head.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static int search(struct httpd_search *s, const char *at, size_t n, size_t piece) {
    int status = 0;
    *s = (struct httpd_search){0};
    for (size_t seen = 0; !status && seen < n; seen += piece)
        status = httpd_search(s, at, seen + piece < n ? seen + piece : n);
    return status;
}

static void require_part(struct httpd_span part, const char *at, size_t n) {
    if (!part.n) return;
    require(part.at >= at && part.at + part.n <= at + n);
    for (size_t i = 0; i < part.n; i++) require(!memchr("\r\n", part.at[i], 3)); /* nor a NUL */
}

static void read_head(const char *at, size_t n) {
    struct httpd_head h;
    if (httpd_head_read(&h, at, n) != 200) return;
    require(h.method.n > 0 && h.n_fields <= HTTPD_FIELDS_MAX);
    require_part(h.method, at, n);
    if (!httpd_span_is(h.path, "/")) require_part(h.path, at, n); /* which may stand for an empty one */
    require_part(h.query, at, n);
    require_part(h.host, at, n);
    for (size_t i = 0; i < h.n_fields; i++) {
        require_part(h.fields[i].name, at, n);
        require_part(h.fields[i].value, at, n);
    }
    bool length = httpd_head_field(&h, "content-length"), coding = httpd_head_field(&h, "transfer-encoding");
    require(!(length && coding) && (length || coding || !h.content));
    require(h.chunked == coding && h.content == (h.chunked || h.length) && (!h.chunked || !h.length));
    require(h.path.n && (*h.path.at == '/' || httpd_span_is(h.path, "*")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct httpd_search whole, cut;
    if (!n) return 0;
    const char *at = (const char *)data + 1;
    int status = search(&whole, at, n - 1, n);
    int again = search(&cut, at, n - 1, (size_t)data[0] + 1);
    require((status == 200) == (again == 200) && (!status || again));
    if (status != 200) return 0;
    require(whole.end == cut.end && whole.start == cut.start && whole.end - whole.start <= HTTPD_HEAD_MAX);
    read_head(at + whole.start, whole.end - whole.start);
    return 0;
}
