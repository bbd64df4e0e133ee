/* Which dead letters a command is about. */
#ifndef POUCH_OPS_DLQ_FILTER_H
#define POUCH_OPS_DLQ_FILTER_H

#include <bus/reader.h>
#include <ops/dlq.h>
#include <ops/ops.h>

/* clang-format off */
#define OPS_LETTER_FLAGS                                                                                   \
    {"--reason", 0, "CODE", false, "only with this code, such as no_route or handler_error"},              \
    {"--topic", 0, "SOURCE", false, "only of records that came from this topic"},                          \
    {"--publisher", 0, "P", false, "only of this publisher"},                                              \
    {"--since", 0, "T", false, "only since then: a time ago (10m, 2h) or RFC 3339"},                       \
    {"--until", 0, "T", false, "only before then"}
/* clang-format on */

struct ops_letter_filter {
    const char *code, *topic, *publisher, *request_id; /* NULL: any */
    int64_t since_ms, until_ms;                        /* [since, until) */
};

POUCH_MUST_CHECK pouch_err ops_letter_filter_read(const struct ops_call *call,
                                                  struct ops_letter_filter *f); /* CONFIG */
bool ops_letter_filter_any(const struct ops_letter_filter *f);                  /* it lets all through */
bool ops_letter_matches(const struct ops_letter_filter *f, const struct ops_letter *l);

/* Those flags that were given, by name. NULL: no memory. */
json_t *ops_letter_filter_json(const struct ops_call *call);

/* A request id, or "2/1041": partition and offset; then *request_id stays as it is. CONFIG: neither. */
POUCH_MUST_CHECK pouch_err ops_letter_which(const char *text, const char **request_id, struct pl_position *place);
bool ops_letter_is_of(const struct ops_letter *l, const char *request_id);

#endif
