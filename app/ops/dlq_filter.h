/* Which dead letters a command is about. */
#ifndef POUCH_OPS_DLQ_FILTER_H
#define POUCH_OPS_DLQ_FILTER_H

#include <admin/letter_filter.h>
#include <ops/ops.h>

/* clang-format off */
#define OPS_LETTER_FLAGS                                                                                   \
    {"--reason", 0, "CODE", false, "only with this code, such as no_route or handler_error"},              \
    {"--topic", 0, "SOURCE", false, "only of records that came from this topic"},                          \
    {"--publisher", 0, "P", false, "only of this publisher"},                                              \
    {"--tenant", 0, "T", false, "only of this tenant, by the header tenant_id that the record came with"}, \
    {"--since", 0, "T", false, "only since then: a time ago (10m, 2h) or RFC 3339"},                       \
    {"--until", 0, "T", false, "only before then"}
#define OPS_LETTER_STATUS_FLAG                                                                             \
    {"--status", 0, "open|redriven|dismissed|all", false, "only what this has become of; all but those dismissed unless set"}
/* clang-format on */

/* The flags of a command, for what reads filters and statuses. */
struct admin_asked ops_letter_asked(const struct ops_call *call);

/* CONFIG */
POUCH_MUST_CHECK pouch_err ops_letter_filter_read(const struct ops_call *call, struct admin_letter_filter *f);

/* Those flags that were given, by name, and the argument. NULL: no memory. */
json_t *ops_letter_filter_json(const struct ops_call *call);

/* Of the store as it is, or, to_write, made if there is none. Where it does not tell, this says so on stderr. */
pouch_err ops_letter_history_read(const struct ops_call *call, const char *dlq_topic, bool to_write,
                                  struct admin_letter_history *h);

#endif
