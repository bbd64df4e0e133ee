#include <admin/anytext.h>
#include <admin/letter_filter.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <wire/headers.h>

enum { NAME = 32 };

static const char *value_of(const struct admin_asked *a, const char *name, char full[NAME]) {
    snprintf(full, NAME, "%s%s", a->prefix, name);
    return a->value(a->arg, full);
}

static pouch_err read_time(const struct admin_asked *a, const char *name, int64_t now_ms, int64_t *ms) {
    char full[NAME];
    const char *text = value_of(a, name, full);
    return text ? admin_when_parse(full, text, now_ms, ms) : POUCH_OK;
}

pouch_err admin_letter_filter_read(struct admin_letter_filter *f, const struct admin_asked *a) {
    char full[NAME];
    int64_t now_ms = pl_wall_ms(&pl_clock_system);
    *f = (struct admin_letter_filter){.code = value_of(a, "reason", full),
                                      .topic = value_of(a, "topic", full),
                                      .publisher = value_of(a, "publisher", full),
                                      .tenant = value_of(a, "tenant", full),
                                      .until_ms = INT64_MAX};
    pouch_err e = read_time(a, "since", now_ms, &f->since_ms);
    return e ? e : read_time(a, "until", now_ms, &f->until_ms);
}

pouch_err admin_letter_wanted_read(struct admin_letter_wanted *w, const struct admin_asked *a) {
    char full[NAME];
    const char *status = value_of(a, "status", full);
    bool all = status && !strcmp(status, "all"), known = all || !status;
    for (size_t i = 0; i < ADMIN_LETTER_STATUSES; i++) {
        bool named = status && !strcmp(status, admin_letter_statuses[i]);
        w->status[i] = all || named || (!status && i != ADMIN_LETTER_DISMISSED);
        known |= named;
    }
    if (known) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "%s: '%.32s' is none of open, redriven, dismissed and all", full, status);
}

bool admin_letter_filter_any(const struct admin_letter_filter *f) {
    return !f->code && !f->topic && !f->publisher && !f->tenant && !f->request_id && !f->since_ms &&
           f->until_ms == INT64_MAX;
}

static bool is(struct pl_span span, const char *wanted) {
    return !wanted || (span.at && span.n == strlen(wanted) && !memcmp(span.at, wanted, span.n));
}

bool admin_letter_is_of(const struct admin_letter *l, const char *request_id) {
    struct pl_span id = l->facts.request_id;
    return id.at && id.n == strlen(request_id) && !strncasecmp(id.at, request_id, id.n);
}

bool admin_letter_matches(const struct admin_letter_filter *f, const struct admin_letter *l) {
    return l->time_ms >= f->since_ms && l->time_ms < f->until_ms && is(l->facts.code, f->code) &&
           is(l->facts.topic, f->topic) && is(l->publisher, f->publisher) && is(l->tenant, f->tenant) &&
           (!f->request_id || admin_letter_is_of(l, f->request_id));
}

json_t *admin_letter_filter_json(const struct admin_asked *a) {
    static const char *const names[] = {"reason", "topic", "publisher", "tenant", "since", "until"};
    json_t *o = json_object();
    char full[NAME];
    for (size_t i = 0; o && i < sizeof names / sizeof names[0]; i++) {
        const char *value = value_of(a, names[i], full);
        if (value) o = admin_json_with(o, names[i], admin_anytext_of(value));
    }
    return o;
}

pouch_err admin_letter_which(const char *text, const char **request_id, struct pl_position *place) {
    struct pl_uuid id;
    int64_t partition;
    const char *slash = strchr(text, '/');
    if (pl_uuid_parse(&id, text, strlen(text))) {
        *request_id = text;
        return POUCH_OK;
    }
    if (slash && pl_header_number(&partition, text, (size_t)(slash - text)) && partition <= INT32_MAX &&
        pl_header_number(&place->offset, slash + 1, strlen(slash + 1))) {
        place->partition = (int32_t)partition;
        return POUCH_OK;
    }
    return pl_fail(POUCH_E_CONFIG, "'%.64s' is neither a request id nor PARTITION/OFFSET", text);
}
