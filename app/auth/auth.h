/*
 * Who somebody is, and what they may do: API keys, JSON Web Tokens and tickets; scopes, rates, and a log of who did
 * what. See docs/decisions/0040-who-may-use-a-gateway.md.
 *
 * Threads. Any thread may call anything here, and nothing here waits for a disk or a network, but for auth_new(),
 * auth_reload() and auth_free().
 */
#ifndef POUCH_AUTH_AUTH_H
#define POUCH_AUTH_AUTH_H

#include <base/buf.h>
#include <base/clock.h>
#include <conf/settings.h>
#include <httpd/head.h>
#include <pouch/error.h>
#include <pouch/key.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * X(ID, "name in a scope", what it is done to)
 *
 * A scope is ACTION:OBJECT, each a name or the beginning of one and "*": "ask:citizen.*", "read.*:*", "*:*".
 * "ACTION" alone is ACTION:*.
 */
#define AUTH_ACTIONS(X)                          \
    X(SEND, "send", "topic")                     \
    X(REQUEST, "request", "topic")               \
    X(ASK, "ask", "publisher")                   \
    X(SUBSCRIBE, "subscribe", "channel")         \
    X(BROADCAST, "broadcast", "channel")         \
    X(READ_STREAMS, "read.streams", "channel")   \
    X(READ_ROUTES, "read.routes", "publisher")   \
    X(READ_TRACES, "read.traces", "publisher")   \
    X(READ_LETTERS, "read.letters", "topic")     \
    X(READ_TOPICS, "read.topics", "topic")       \
    X(READ_TENANTS, "read.tenants", "tenant")    \
    X(READ_SCHEMAS, "read.schemas", "subject")   \
    X(READ_HEALTH, "read.health", "")            \
    X(WRITE_ROUTES, "write.routes", "publisher") \
    X(WRITE_LETTERS, "write.letters", "topic")   \
    X(WRITE_STREAMS, "write.streams", "channel")

enum auth_action {
    AUTH_OPEN,  /* anybody, also who is nobody: probes and pages without data */
    AUTH_KNOWN, /* whoever was let in, whatever their scopes */
#define AUTH_ACTION_ENUM(id, name, object) AUTH_##id,
    AUTH_ACTIONS(AUTH_ACTION_ENUM) AUTH_ACTIONS_END
#undef AUTH_ACTION_ENUM
};

const char *auth_action_name(enum auth_action action); /* "open", "known", or as above */

/*
 * What an endpoint asks for. `param` names the parameter of the path that says what it is done to. NULL: it is done to
 * all there are, so that the scope must be ACTION:*. AUTH_EACH: any scope of the action lets in, and the handler asks
 * auth_may() of each thing that it is going to show or touch.
 */
#define AUTH_EACH "*"
struct auth_need {
    enum auth_action action;
    const char *param;
};

/* ---- somebody ---- */

/* Never changes; counted by reference. */
struct auth_who;
struct auth_who *auth_who_ref(const struct auth_who *who);
void auth_who_free(struct auth_who *who); /* gives one reference back; NULL allowed */

/*
 * "key:NAME", "jwt:SUBJECT@ISSUER", "local" (a gateway without gateway.access, asked from its own host), "anyone"
 * (gateway.open). The same at every gateway, so that what somebody has made can be kept under it.
 */
const char *auth_who_name(const struct auth_who *who);
const char *auth_who_scope(const struct auth_who *who, size_t i); /* as it was given; NULL past the last */
int64_t auth_who_expires(const struct auth_who *who);             /* ms since the epoch; 0: never */

/*
 * Whether they may do that to the object; object NULL: to all there are. For send and request the topic must also be
 * one of gateway.topics and none of Pouch's own: internal.*, *.replies, *-reply, __*, pouch.*, and those that settings
 * name.
 */
bool auth_may(const struct auth_who *who, enum auth_action action, const char *object);

/* Whether any object would do. */
bool auth_may_some(const struct auth_who *who, enum auth_action action);

/* ---- letting in ---- */

struct auth;

/*
 * `ring`: tickets are sealed with keys derived from it, so that all gateways with the same key file take each other's;
 * borrowed until auth_free(). `listen`: the address that is served, as httpd_start() takes it. CONFIG: the settings
 * would let in anybody from anywhere and do not say that they want to (gateway.open), the file of gateway.access is not
 * usable, or the audit log cannot be written. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err auth_new(struct auth **a, const struct pl_settings *s, pouch_keyring *ring,
                                    const char *listen);
void auth_free(struct auth *a); /* writes what the audit log still has; NULL allowed */

/*
 * Reads the file again, as is done by itself when it changes. CONFIG, and logged: the new one is not usable, and the
 * old one holds.
 */
POUCH_MUST_CHECK pouch_err auth_reload(struct auth *a);

/* False: the file is missing or not usable, which *why says, and what it said before holds. */
bool auth_is_current(struct auth *a, char *why, size_t n);

/* What a request shows of itself. Spans with a NULL `at` and NULL texts are not there. All of it is borrowed. */
struct auth_shown {
    const char *peer; /* httpd_call_peer() */
    bool stream;      /* it opens a stream of events: the only place for a ticket */
    bool forwarded;   /* a proxy has sent it on: X-Forwarded-For, Forwarded or Via is there */
    struct httpd_span method, authorization, api_key, host, origin, fetch_site, fetch_mode;
    const char *ticket; /* ?ticket= */
};

struct auth_refusal {
    int status;           /* 401, 403 or 429 */
    const char *why;      /* for who asked: static text that says what to do and not what was nearly right */
    int retry_after_s;    /* 0: none */
    struct auth_who *who; /* the caller's: they are known, and refused all the same; NULL: not known */
};

/*
 * Who asks; the caller frees it. NULL: nobody that is let in, and *no says why. Counts against the rate of the key, and
 * what fails against the rate of the address.
 */
struct auth_who *auth_admit(struct auth *a, const struct auth_shown *shown, struct auth_refusal *no);

/* Whether pages of that origin ("https://a.example") may ask at all; by gateway.origins. */
bool auth_origin_is_allowed(const struct auth *a, struct httpd_span origin);

/* ---- tickets, and streams of events ---- */

enum { AUTH_TICKET_S = 600, AUTH_TICKET_MAX = 4096 };

/*
 * Appends a ticket for one stream of who's, which may be shown in a URL, and says until when it is good. TOO_LARGE:
 * more scopes than a URL should hold. NOT_ALLOWED: who came with a ticket themselves. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err auth_ticket(struct auth *a, const struct auth_who *who, struct pl_buf *out,
                                       int64_t *expires_ms);

/*
 * A stream that is open. Whoever owns one asks auth_stream_is_over() before each thing that is sent on it, which costs
 * a load, and ends it when so: its key was taken back or has expired, or another stream has begun with the same ticket.
 * OVERLOADED: they have as many open as their entry in the file of gateway.access allows. NO_MEMORY.
 */
struct auth_stream;
POUCH_MUST_CHECK pouch_err auth_stream_begin(struct auth_stream **s, struct auth *a, const struct auth_who *who);
bool auth_stream_is_over(const struct auth_stream *s);
void auth_stream_end(struct auth_stream *s); /* NULL allowed; before auth_free() */

/* ---- who did what ---- */

struct auth_deed {
    const struct auth_who *who; /* NULL: nobody */
    const char *peer, *method, *route;
    enum auth_action action;
    const char *object; /* NULL: none */
    int status;
};

/* Queues a line of the audit log; what does not fit is counted. Does nothing without gateway.audit. */
void auth_audit(struct auth *a, const struct auth_deed *deed);

#endif
