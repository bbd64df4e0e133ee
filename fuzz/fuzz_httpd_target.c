/*
 * A path, "?" and a query: what is sound is decoded within the room that is promised, and what fits the braces of a
 * route is a segment that a handler may have.
 */
#include <httpd/target.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { VALUES = 4 };

static void require(bool truth) {
    if (!truth) abort();
}

/* Memory of exactly the promised size, so that a byte too many is seen. */
static char *decoded(struct httpd_span s, bool (*decode)(struct httpd_span, char *)) {
    char *out = malloc(s.n + 1);
    require(out != NULL);
    if (decode(s, out)) {
        require(strlen(out) <= s.n);
        return out;
    }
    free(out);
    return NULL;
}

static void read_path(struct httpd_span path) {
    static const char *const routes[] = {"/", "/{a}", "/a/{b}", "/{a}/b/{c}", "/{a}/{b}/{c}/{d}"};
    struct httpd_span values[VALUES];
    size_t found;
    if (!httpd_path_is_sound(path)) return;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!httpd_path_fits(path, routes[i], values, VALUES, &found)) continue;
        require(found <= VALUES && httpd_route_name(routes[i], found).n == 0);
        for (size_t v = 0; v < found; v++) {
            char *text = decoded(values[v], httpd_decode_segment);
            require(text && *text && !strchr(text, '/') && strcmp(text, "..") && httpd_route_name(routes[i], v).n);
            free(text);
        }
    }
}

static void read_query(struct httpd_span query) {
    struct httpd_span name, value;
    size_t left = query.n;
    while (httpd_query_next(&query, &name, &value)) {
        require(name.n + value.n <= left && query.n < left);
        left = query.n;
        free(decoded(name, httpd_decode_query));
        free(decoded(value, httpd_decode_query));
    }
    require(query.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const char *at = (const char *)data, *mark = n ? memchr(at, '?', n) : NULL;
    if (!n || n > HTTPD_LINE_MAX) return 0;
    size_t length = mark ? (size_t)(mark - at) : n;
    read_path((struct httpd_span){at, length});
    if (mark) read_query((struct httpd_span){mark + 1, n - length - 1});
    return 0;
}
