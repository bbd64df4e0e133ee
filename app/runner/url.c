/* A service asked by HTTP: the payload is posted, the body of a 2xx answer is the reply. */
#include <base/buf.h>
#include <base/why.h>
#include <http/http.h>
#include <runner/ending.h>
#include <runner/lines.h>
#include <runner/runner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024, VALUE_MAX = 4096, BUSY = 429, UNAVAILABLE = 503 };

static const char who[] = "the service";

struct url_runner {
    struct runner face;
    const char *url;
    struct runner_limits limits;
    atomic_bool halting;
};

/* A request's header as text; NULL: it has none, or one that is no text of a sound length. */
static const char *header_text(const pouch_job *job, const char *name, char out[VALUE_MAX]) {
    size_t n;
    const void *value = pouch_job_header(job, name, &n);
    if (!value || n >= VALUE_MAX || memchr(value, 0, n)) return NULL;
    memcpy(out, value, n);
    out[n] = 0;
    return out;
}

static pouch_err post(pouch_job *job, struct url_runner *u, long *status, struct pl_buf *body) {
    char deadline[32], traceparent[VALUE_MAX], tracestate[VALUE_MAX];
    int64_t ms = pouch_job_deadline(job);
    snprintf(deadline, sizeof deadline, "%lld", (long long)ms);
    const struct http_header headers[] = {
        {"Content-Type", "application/json"},
        {"X-Request-Id", pouch_job_request_id(job)},
        {"X-Pouch-Topic", pouch_job_topic(job)},
        {"X-Pouch-Publisher", pouch_job_publisher(job)},
        {"X-Pouch-Deadline", ms ? deadline : NULL},
        {"traceparent", header_text(job, "traceparent", traceparent)},
        {"tracestate", header_text(job, "tracestate", tracestate)},
    };
    struct http_post call = {.url = u->url,
                             .headers = headers,
                             .n_headers = sizeof headers / sizeof headers[0],
                             .timeout_ms = u->limits.timeout_ms,
                             .stop = &u->halting};
    call.body = pouch_job_payload(job, &call.n);
    return http_post(&call, status, body);
}

/* "answered 404: BODY", as much of it as helps. */
static void refuse(pouch_job *job, long status, const struct pl_buf *body) {
    struct pl_buf text;
    pl_buf_init(&text, 4 * TEXT_MAX);
    pouch_err e = pl_buf_printf(&text, "%s answered %ld%s", who, status, body->len ? ": " : "");
    if (!e && body->len) e = runner_text_append(&text, body->at, body->len < TEXT_MAX ? body->len : TEXT_MAX);
    const char *why = e ? "the service answered with an error" : text.at;
    if (status == BUSY || status == UNAVAILABLE)
        runner_end_retry(job, why);
    else
        runner_end_fail(job, why);
    pl_buf_free(&text);
}

static void settle_error(pouch_job *job, pouch_err e) {
    if (e == POUCH_E_TIMEOUT || e == POUCH_E_TOO_LARGE || e == POUCH_E_CONFIG)
        runner_end_fail(job, pouch_why());
    else
        runner_end_retry(job, pouch_why());
}

static void handle(pouch_job *job, void *arg) {
    struct url_runner *u = arg;
    if (atomic_load(&u->halting)) {
        runner_end_retry(job, "the worker is stopping");
        return;
    }
    struct pl_buf body;
    pl_buf_init(&body, RUNNER_LINE_MAX);
    long status;
    pouch_err e = post(job, u, &status, &body);
    if (e)
        settle_error(job, e);
    else if (status >= 200 && status < 300)
        runner_end_reply(job, who, body.len ? body.at : "", body.len);
    else
        refuse(job, status, &body);
    pl_buf_wipe(&body);
}

static void halt(struct runner *r) {
    struct url_runner *u = (struct url_runner *)r;
    atomic_store(&u->halting, true);
}

static void release(struct runner *r) {
    free(r);
}

pouch_err runner_url(struct runner **r, const char *url, const struct runner_limits *limits) {
    *r = NULL;
    pouch_err e = http_check_url(url);
    if (e) return e;
    struct url_runner *u = calloc(1, sizeof *u);
    if (!u) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    u->face = (struct runner){handle, halt, release};
    u->url = url;
    u->limits = *limits;
    *r = &u->face;
    return POUCH_OK;
}
