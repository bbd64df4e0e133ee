/* What many handlers do with calls and answers. */
#include <base/clock.h>
#include <base/why.h>
#include <errno.h>
#include <gateway/state.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *gateway_now(char out[GATEWAY_TIME_MAX]) {
    int64_t ms = pl_wall_ms(&pl_clock_system);
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    gmtime_r(&s, &t);
    size_t n = strftime(out, GATEWAY_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, GATEWAY_TIME_MAX - n, ".%03dZ", (int)(ms % 1000));
    return out;
}

pouch_err gateway_json(struct httpd_answer *a, json_t *value) {
    size_t n;
    char *text = value ? pl_json_text(value, &n) : NULL;
    json_decref(value);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an answer");
    a->page = (struct httpd_span){0};
    pl_buf_reset(&a->body);
    pouch_err e = pl_buf_append(&a->body, text, n);
    free(text);
    return e ? e : pl_buf_putc(&a->body, '\n');
}

pouch_err gateway_body(struct httpd_call *c, json_t **object) {
    struct httpd_span body = httpd_call_body(c);
    *object = NULL;
    if (!body.n) return pl_fail(POUCH_E_INVALID_PAYLOAD, "the body is empty: a JSON object is expected");
    pouch_err e = pl_json_read(object, "the body", body.at, body.n);
    if (e || json_is_object(*object)) return e;
    json_decref(*object);
    *object = NULL;
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "the body is no JSON object");
}

pouch_err gateway_query_number(const struct httpd_call *c, const char *name, int64_t fallback, int64_t least,
                               int64_t most, int64_t *out) {
    const char *text = httpd_call_query(c, name);
    char *end;
    *out = fallback;
    if (!text) return POUCH_OK;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (!errno && *text >= '0' && *text <= '9' && !*end && n >= least && n <= most) {
        *out = n;
        return POUCH_OK;
    }
    return pl_fail(POUCH_E_INVALID_PAYLOAD,
                   "the parameter %s is no whole number from %" PRId64 " to %" PRId64 ": ?%s=%" PRId64, name, least,
                   most, name, fallback);
}
