#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <httpd/health.h>
#include <pouch/metrics.h>
#include <pouch/version.h>
#include <stdbool.h>
#include <stdlib.h>

enum { PAGES = 4, UNAVAILABLE = 503 };

struct httpd_health {
    struct httpd_page pages[PAGES];
    struct httpd *server;
    const struct httpd_owner *owner;
    int64_t since_us;
};

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a page");
}

/* Takes value. */
static pouch_err write_json(struct httpd_answer *a, json_t *value) {
    size_t n;
    char *text = pl_json_text(value, &n);
    json_decref(value);
    if (!text) return no_memory();
    pouch_err e = pl_buf_append(&a->body, text, n);
    free(text);
    return e ? e : pl_buf_putc(&a->body, '\n');
}

/* NULL: no memory. */
static json_t *texts_of(const struct httpd_owner *o, void (*tell)(json_t *, void *)) {
    json_t *texts = json_array();
    if (texts && tell) tell(texts, o->arg);
    return texts;
}

/* What keeps it from being `what`, and with `noted` what else there is to say. NULL: no memory. */
static json_t *verdict(const struct httpd_owner *o, const char *what, void (*tell)(json_t *, void *), bool noted) {
    json_t *reasons = texts_of(o, tell), *notes = noted ? texts_of(o, o->notes) : NULL;
    bool well = reasons && json_array_size(reasons) == 0;
    return json_pack("{s:b, s:o, s:o*}", what, well, "reasons", reasons, "notes", notes);
}

static pouch_err write_verdict(struct httpd_answer *a, json_t *all, const char *what) {
    if (!all) return no_memory();
    if (!json_is_true(json_object_get(all, what))) a->status = UNAVAILABLE;
    return write_json(a, all);
}

static pouch_err livez(struct httpd_answer *a, void *arg) {
    const struct httpd_health *h = arg;
    return write_verdict(a, verdict(h->owner, "live", h->owner->dead, false), "live");
}

static pouch_err readyz(struct httpd_answer *a, void *arg) {
    const struct httpd_health *h = arg;
    return write_verdict(a, verdict(h->owner, "ready", h->owner->unready, true), "ready");
}

static pouch_err metrics(struct httpd_answer *a, void *arg) {
    (void)arg;
    size_t n;
    char *text = pouch_metrics_text(&n);
    if (!text) return no_memory();
    a->type = "text/plain; version=0.0.4; charset=utf-8";
    pouch_err e = pl_buf_append(&a->body, text, n);
    free(text);
    return e;
}

/* A line that there is no memory for is left out. */
static void add_line(const char *json, size_t n, void *lines) {
    json_t *line;
    if (!pl_json_read(&line, "log line", json, n)) json_array_append_new(lines, line);
}

static pouch_err statusz(struct httpd_answer *a, void *arg) {
    const struct httpd_health *h = arg;
    json_t *all = verdict(h->owner, "ready", h->owner->unready, true);
    if (!all) return no_memory();
    json_object_set_new(all, "role", json_string(h->owner->role));
    json_object_set_new(all, "version", json_string(POUCH_VERSION));
    json_object_set_new(all, "now_ms", json_integer(pl_wall_ms(&pl_clock_system)));
    json_object_set_new(all, "uptime_ms", json_integer((pl_mono_us(&pl_clock_system) - h->since_us) / 1000));
    if (h->owner->status) h->owner->status(all, h->owner->arg);
    json_t *lines = json_array();
    if (lines) pl_log_kept(add_line, lines);
    json_object_set_new(all, "last_errors", lines);
    return write_json(a, all);
}

pouch_err httpd_health_start(struct httpd_health **out, const char *listen, const struct httpd_owner *owner) {
    *out = NULL;
    if (!listen) return POUCH_OK;
    struct httpd_health *h = calloc(1, sizeof *h);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
    *h = (struct httpd_health){
        .pages = {{"/livez", livez, h}, {"/readyz", readyz, h}, {"/metrics", metrics, h}, {"/statusz", statusz, h}},
        .owner = owner,
        .since_us = pl_mono_us(&pl_clock_system)};
    pouch_err e = httpd_start(&h->server, listen, h->pages, PAGES, &httpd_limits);
    if (e) {
        free(h);
        return e;
    }
    *out = h;
    return POUCH_OK;
}

int httpd_health_port(const struct httpd_health *h) {
    return httpd_port(h->server);
}

void httpd_health_stop(struct httpd_health *h) {
    if (!h) return;
    httpd_stop(h->server);
    free(h);
}
