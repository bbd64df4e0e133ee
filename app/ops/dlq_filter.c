#include <base/clock.h>
#include <base/why.h>
#include <ops/anytext.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>
#include <ops/when.h>
#include <string.h>
#include <strings.h>
#include <wire/headers.h>

pouch_err ops_letter_filter_read(const struct ops_call *call, struct ops_letter_filter *f) {
    const char *since = ops_flag(call, "--since", 0), *until = ops_flag(call, "--until", 0);
    int64_t now_ms = pl_wall_ms(&pl_clock_system);
    *f = (struct ops_letter_filter){.code = ops_flag(call, "--reason", 0),
                                    .topic = ops_flag(call, "--topic", 0),
                                    .publisher = ops_flag(call, "--publisher", 0),
                                    .until_ms = INT64_MAX};
    pouch_err e = since ? ops_when_parse("--since", since, now_ms, &f->since_ms) : POUCH_OK;
    return e || !until ? e : ops_when_parse("--until", until, now_ms, &f->until_ms);
}

bool ops_letter_filter_any(const struct ops_letter_filter *f) {
    return !f->code && !f->topic && !f->publisher && !f->request_id && !f->since_ms && f->until_ms == INT64_MAX;
}

static bool is(struct pl_span span, const char *wanted) {
    return !wanted || (span.at && span.n == strlen(wanted) && !memcmp(span.at, wanted, span.n));
}

bool ops_letter_is_of(const struct ops_letter *l, const char *request_id) {
    struct pl_span id = l->facts.request_id;
    return id.at && id.n == strlen(request_id) && !strncasecmp(id.at, request_id, id.n);
}

bool ops_letter_matches(const struct ops_letter_filter *f, const struct ops_letter *l) {
    return l->time_ms >= f->since_ms && l->time_ms < f->until_ms && is(l->facts.code, f->code) &&
           is(l->facts.topic, f->topic) && is(l->publisher, f->publisher) &&
           (!f->request_id || ops_letter_is_of(l, f->request_id));
}

json_t *ops_letter_filter_json(const struct ops_call *call) {
    static const struct {
        const char *flag, *name;
    } rows[] = {{"--reason", "reason"},
                {"--topic", "topic"},
                {"--publisher", "publisher"},
                {"--since", "since"},
                {"--until", "until"}};
    json_t *o = json_object();
    for (size_t i = 0; o && i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = ops_flag(call, rows[i].flag, 0);
        if (value) o = ops_json_with(o, rows[i].name, ops_anytext_of(value));
    }
    return o && call->n_args ? ops_json_with(o, "which", ops_anytext_of(call->args[0])) : o;
}

pouch_err ops_letter_which(const char *text, const char **request_id, struct pl_position *place) {
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
