#include <base/why.h>
#include <stdlib.h>
#include <store/rows.h>
#include <store/weights.h>
#include <string.h>
#include <wire/envelope.h>
#include <wire/scan.h>

enum { ID_MAX = 255, VERSION_MAX = 64, TAG_MAX = 128, TEXT_MAX = 4096, SHOWN_MAX = 64 };

static bool is_name(const char *name) {
    return name && pl_name_valid(name, strnlen(name, PL_NAME_MAX + 1));
}

bool pl_text_valid(const char *text, size_t max) {
    size_t n = strnlen(text, max + 1), length;
    if (n == 0 || n > max) return false;
    for (const char *at = text, *end = text + n; at < end; at += length) {
        if ((unsigned char)*at < ' ' || *at == 127) return false;
        if (!(length = pl_utf8_length(at, end))) return false;
    }
    return true;
}

/* The name is told where a terminal and JSON can show it. */
static pouch_err bad_name(const char *what, const char *name) {
    bool shown = name && pl_text_valid(name, SHOWN_MAX);
    return pl_fail(POUCH_E_CONFIG, "%s%s%s%s is not 1 to %d characters of A-Z a-z 0-9 . _ -", what, shown ? " '" : "",
                   shown ? name : "", shown ? "'" : "", PL_NAME_MAX);
}

pouch_err pl_name_check(const char *name, const char *what) {
    return is_name(name) ? POUCH_OK : bad_name(what, name);
}

static pouch_err bad_text(const char *what, int max) {
    return pl_fail(POUCH_E_CONFIG, "%s is not 1 to %d bytes of UTF-8 without control characters", what, max);
}

static bool repeated(char *const *texts, size_t n) {
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(texts[i], texts[j])) return true;
    return false;
}

pouch_err pl_route_check(const struct pl_route_row *r) {
    if (!is_name(r->publisher)) return bad_name("a route's publisher", r->publisher);
    if (r->id && !pl_text_valid(r->id, ID_MAX)) return bad_text("a route's id", ID_MAX);
    if (r->service && !is_name(r->service)) return bad_name("a route's service", r->service);
    if (r->n_targets == 0 || r->n_targets > PL_TARGETS_MAX)
        return pl_fail(POUCH_E_CONFIG, "a route has 1 to %d targets, this one %zu", PL_TARGETS_MAX, r->n_targets);
    for (size_t i = 0; i < r->n_targets; i++)
        if (!is_name(r->targets[i])) return bad_name("a route's target", r->targets[i]);
    if (repeated(r->targets, r->n_targets)) return pl_fail(POUCH_E_CONFIG, "a route names one target twice");
    return pl_weights_check(r);
}

pouch_err pl_service_check(const struct pl_service_row *r) {
    if (!is_name(r->name)) return bad_name("a service's name", r->name);
    if (!r->version || !pl_text_valid(r->version, VERSION_MAX)) return bad_text("a service's version", VERSION_MAX);
    if (r->description && !pl_text_valid(r->description, TEXT_MAX))
        return bad_text("a service's description", TEXT_MAX);
    if (r->endpoint && !pl_text_valid(r->endpoint, TEXT_MAX)) return bad_text("a service's endpoint", TEXT_MAX);
    if (r->n_tags > PL_TAGS_MAX)
        return pl_fail(POUCH_E_CONFIG, "a service has at most %d tags, this one %zu", PL_TAGS_MAX, r->n_tags);
    for (size_t i = 0; i < r->n_tags; i++)
        if (!r->tags[i] || !pl_text_valid(r->tags[i], TAG_MAX)) return bad_text("a service's tag", TAG_MAX);
    if (repeated(r->tags, r->n_tags)) return pl_fail(POUCH_E_CONFIG, "a service names one tag twice");
    return POUCH_OK;
}

static int compare_tags(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void pl_tags_sort(char **tags, size_t n) {
    if (n > 1) qsort(tags, n, sizeof *tags, compare_tags);
}

static void free_texts(char **texts, size_t n) {
    for (size_t i = 0; i < n; i++) free(texts[i]);
    free(texts);
}

void pl_route_clear(struct pl_route_row *r) {
    free(r->id);
    free(r->publisher);
    free(r->service);
    free(r->weights);
    free_texts(r->targets, r->n_targets);
    *r = (struct pl_route_row){0};
}

void pl_route_free(struct pl_route_row *r, size_t n) {
    for (size_t i = 0; i < n; i++) pl_route_clear(&r[i]);
    free(r);
}

void pl_service_free(struct pl_service_row *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(s[i].name);
        free(s[i].version);
        free(s[i].description);
        free(s[i].endpoint);
        free_texts(s[i].tags, s[i].n_tags);
    }
    free(s);
}
