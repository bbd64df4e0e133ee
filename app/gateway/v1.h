/* What the parts of /v1 share: versions, tags, cursors, and what they look at. Threads of gateway_work() call these. */
#ifndef POUCH_GATEWAY_V1_H
#define POUCH_GATEWAY_V1_H

#include <admin/letter_filter.h>
#include <gateway/admit.h>
#include <gateway/gateway.h>
#include <store/store.h>

enum { GATEWAY_V1_BODY = 64 * 1024, GATEWAY_V1_LIMIT = 50, GATEWAY_V1_LIMIT_MAX = 500 };

#define GATEWAY_V1_LIMIT_PARAM \
    { "limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500}", "At most so many (50).", false }
#define GATEWAY_V1_CURSOR_PARAM \
    { "cursor", "query", "{\"type\":\"string\",\"maxLength\":64}", "Where the page before has ended.", false }
/* A time as requests say it: how long ago, or when. */
#define GATEWAY_V1_TIME \
    "{\"type\":\"string\",\"anyOf\":[{\"pattern\":\"^[0-9]{1,4}(ms|s|m|h|d)$\"},{\"format\":\"date-time\"}]}"
#define GATEWAY_V1_SINCE_PARAM \
    { "since", "query", GATEWAY_V1_TIME, "From then on: a time ago (10m, 2h) or RFC 3339.", false }
#define GATEWAY_V1_UNTIL_PARAM \
    { "until", "query", GATEWAY_V1_TIME, "Up to then.", false }
#define GATEWAY_V1_TEXT(name, about) \
    { name, "query", "{\"type\":\"string\",\"maxLength\":249}", about, false }
#define GATEWAY_V1_FLAG(name, about) \
    { name, "query", "{\"type\":\"boolean\"}", about, false }
/* What a segment of a path can be: httpd refuses others. */
#define GATEWAY_V1_PATH(name, about)                                             \
    {                                                                            \
        name, "path",                                                            \
            "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,"            \
            "\"pattern\":\"^(?![.]{1,2}$)[^\\\\u0000-\\\\u001f\\\\u007f/]+$\"}", \
            about, true                                                          \
    }
#define GATEWAY_V1_IF_NONE_MATCH(about) \
    { "If-None-Match", "header", "{\"const\":\"*\"}", about, false }
#define GATEWAY_V1_IF_MATCH                                                                        \
    {                                                                                              \
        "If-Match", "header", "{\"type\":\"string\",\"pattern\":\"^([*]|\\\"[0-9]{1,18}\\\")$\"}", \
            "The version that the change is made for: \"17\"; * for any.", false                   \
    }

/* ---- answers ---- */

/* The answer is bad: 400 with what pouch_why() says. */
POUCH_MUST_CHECK pouch_err gateway_v1_bad(struct httpd_answer *a);

/* Makes it the body, with an ETag; 304 when the call has that already. Takes value; NULL stands for out of memory. */
POUCH_MUST_CHECK pouch_err gateway_v1_tagged(const struct httpd_call *c, struct httpd_answer *a, json_t *value);

/* The same, where the tag is the version of the thing. */
POUCH_MUST_CHECK pouch_err gateway_v1_versioned(const struct httpd_call *c, struct httpd_answer *a, json_t *value,
                                                int64_t version);

/*
 * The version that a change expects, as pl_store_route_put() has it. False: the answer is filled in, 428 or 400, and
 * the handler returns *e. may_make: `If-None-Match: *` is understood, as 0.
 */
bool gateway_v1_expected(const struct httpd_call *c, struct httpd_answer *a, bool may_make, int64_t *expected,
                         pouch_err *e);

/* What became of a change with such a version: EXISTS and NOT_FOUND are 412 where one was expected. */
POUCH_MUST_CHECK pouch_err gateway_v1_conflict(struct httpd_answer *a, pouch_err e, int64_t expected);

/* ---- what is asked ---- */

/*
 * Whether a body has other members than those, which end with NULL. INVALID_PAYLOAD: what is misspelt must not widen a
 * change.
 */
POUCH_MUST_CHECK pouch_err gateway_v1_known(const json_t *body, const char *const known[]);

/* A boolean in the query; not given: false. INVALID_PAYLOAD. */
POUCH_MUST_CHECK pouch_err gateway_v1_flag(const struct httpd_call *c, const char *name, bool *out);

/* limit as the lists have it. INVALID_PAYLOAD. */
POUCH_MUST_CHECK pouch_err gateway_v1_limit(const struct httpd_call *c, size_t *limit);

/* since and until in microseconds, 0 and INT64_MAX where they are not given. CONFIG names the parameter. */
POUCH_MUST_CHECK pouch_err gateway_v1_span(const struct httpd_call *c, int64_t *since_us, int64_t *until_us);

/* For filters of dead letters from the query of a call, and from an object in its body. */
struct admin_asked gateway_v1_query(const struct httpd_call *c);
struct admin_asked gateway_v1_members(json_t *object);

/* A place in a list: up to three numbers, opaque to whoever gets it. */
enum { GATEWAY_V1_CURSOR = 64 };
const char *gateway_v1_cursor_text(char out[GATEWAY_V1_CURSOR], const int64_t at[3]);
/* Of the parameter cursor; *given is false without one. INVALID_PAYLOAD: it is none of ours. */
POUCH_MUST_CHECK pouch_err gateway_v1_cursor(const struct httpd_call *c, int64_t at[3], bool *given);
POUCH_MUST_CHECK pouch_err gateway_v1_no_cursor(void); /* INVALID_PAYLOAD */

/* ---- what there is ---- */

/* The gateway's store for one call; it is changed in the name of who calls. STORE: it is away. */
POUCH_MUST_CHECK pouch_err gateway_v1_store(struct gateway *g, const struct httpd_call *c, struct pl_store **store);
/* Gives it back, NULL allowed; e: what it said last. */
void gateway_v1_store_end(struct gateway *g, struct pl_store *store, pouch_err e);

/* Whether who calls may do that to the object (NULL: to all). */
bool gateway_v1_may(const struct httpd_call *c, enum auth_action action, const char *object);

#endif
