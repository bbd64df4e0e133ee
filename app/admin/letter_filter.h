/* Which dead letters somebody asks for. */
#ifndef POUCH_ADMIN_LETTER_FILTER_H
#define POUCH_ADMIN_LETTER_FILTER_H

#include <admin/letter_history.h>
#include <bus/reader.h>

/* Where a filter's values are from: flags of a command line ("--reason") or parameters of a call ("reason"). */
struct admin_asked {
    const char *prefix;                                /* "--" or "" */
    const char *(*value)(void *arg, const char *name); /* by the name with the prefix; NULL: not given */
    void *arg;
};

struct admin_letter_filter {
    const char *code, *topic, *publisher, *tenant, *request_id; /* NULL: any */
    int64_t since_ms, until_ms;                                 /* [since, until) */
};

/* Of reason, topic, publisher, tenant, since and until; all borrowed. CONFIG names what is wrong. */
POUCH_MUST_CHECK pouch_err admin_letter_filter_read(struct admin_letter_filter *f, const struct admin_asked *asked);
bool admin_letter_filter_any(const struct admin_letter_filter *f); /* it lets all through */
bool admin_letter_matches(const struct admin_letter_filter *f, const struct admin_letter *l);

/* Those of them that were given, by name. NULL: no memory. */
json_t *admin_letter_filter_json(const struct admin_asked *asked);

/*
 * What has become of letters that are asked for: by status; all but those dismissed where that is not given. CONFIG: it
 * is none.
 */
struct admin_letter_wanted {
    bool status[ADMIN_LETTER_STATUSES];
};
POUCH_MUST_CHECK pouch_err admin_letter_wanted_read(struct admin_letter_wanted *w, const struct admin_asked *asked);

/* A request id, or "2/1041": partition and offset; then *request_id stays as it is. CONFIG: neither. */
POUCH_MUST_CHECK pouch_err admin_letter_which(const char *text, const char **request_id, struct pl_position *place);
bool admin_letter_is_of(const struct admin_letter *l, const char *request_id);

#endif
