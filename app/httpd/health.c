#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <httpd/health.h>
#include <pouch/metrics.h>
#include <pouch/version.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 5, UNAVAILABLE = 503 };

struct httpd_health;

/* What one page is made by. */
struct page {
    const char *path;
    pouch_err (*make)(struct httpd_answer *a, const struct httpd_health *h);
};

struct target {
    const struct page *page;
    const struct httpd_health *health;
};

struct httpd_health {
    struct httpd_route routes[PAGES];
    struct target targets[PAGES];
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

static pouch_err livez(struct httpd_answer *a, const struct httpd_health *h) {
    return write_verdict(a, verdict(h->owner, "live", h->owner->dead, false), "live");
}

static pouch_err readyz(struct httpd_answer *a, const struct httpd_health *h) {
    return write_verdict(a, verdict(h->owner, "ready", h->owner->unready, true), "ready");
}

/* Healthy or degraded, in one word; the others say what to do about it: wait, or restart. */
static pouch_err health(struct httpd_answer *a, const struct httpd_health *h) {
    const struct httpd_owner *o = h->owner;
    json_t *reasons = texts_of(o, o->unhealthy ? o->unhealthy : o->unready);
    bool well = reasons && json_array_size(reasons) == 0;
    json_t *all = json_pack("{s:s, s:s, s:o, s:o}", "status", well ? "healthy" : "degraded", "role", o->role, "reasons",
                            reasons, "notes", texts_of(o, o->notes));
    if (!all) return no_memory();
    if (o->health) o->health(all, o->arg);
    if (!well) a->status = UNAVAILABLE;
    return write_json(a, all);
}

static pouch_err metrics(struct httpd_answer *a, const struct httpd_health *h) {
    (void)h;
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

static pouch_err statusz(struct httpd_answer *a, const struct httpd_health *h) {
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

static const struct page pages[PAGES] = {
    {"/livez", livez}, {"/readyz", readyz}, {"/health", health}, {"/metrics", metrics}, {"/statusz", statusz}};

static pouch_err show(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    const struct target *t = arg;
    (void)c;
    return t->page->make(a, t->health);
}

pouch_err httpd_health_new(struct httpd_health **out, const struct httpd_owner *owner) {
    struct httpd_health *h = calloc(1, sizeof *h);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for pages of health");
    *h = (struct httpd_health){.owner = owner, .since_us = pl_mono_us(&pl_clock_system)};
    *out = h;
    return POUCH_OK;
}

pouch_err httpd_health_page(const struct httpd_health *h, const char *path, struct httpd_answer *a) {
    for (size_t i = 0; i < PAGES; i++)
        if (!strcmp(pages[i].path, path)) return pages[i].make(a, h);
    return pl_fail(POUCH_E_NOT_FOUND, "there is no page %s", path);
}

pouch_err httpd_health_start(struct httpd_health **out, const char *listen, const struct httpd_owner *owner) {
    struct httpd_health *h;
    *out = NULL;
    if (!listen) return POUCH_OK;
    pouch_err e = httpd_health_new(&h, owner);
    if (e) return e;
    for (size_t i = 0; i < PAGES; i++) {
        h->targets[i] = (struct target){&pages[i], h};
        h->routes[i] = (struct httpd_route){"GET", pages[i].path, show, &h->targets[i], 0};
    }
    const struct httpd_options options = {.routes = h->routes,
                                          .n_routes = PAGES,
                                          .limits = httpd_limits,
                                          .serving = "serving health, metrics and status",
                                          .open_to_all = true};
    e = httpd_start(&h->server, listen, &options);
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
