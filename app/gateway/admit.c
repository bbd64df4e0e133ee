/* Who asks: before a call is taken, in its answer, and in the audit log. */
#include <auth/auth.h>
#include <base/log.h>
#include <gateway/admit.h>
#include <gateway/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <string.h>

enum { NO_CONTENT = 204, UNKNOWN = 401, FORBIDDEN = 403, METHOD_MAX = 16, ORIGIN_MAX = 256 };

/* What pages of other origins may send and read, beyond what any page may. */
#define SENT        "Authorization, X-API-Key, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer"
#define READ        "ETag, Location, Retry-After, Preference-Applied"
#define METHODS     "GET, HEAD, POST, PUT, DELETE"
#define FOR_A_WHILE "600"

const struct auth_who *gateway_who(const struct httpd_call *c) {
    return httpd_call_get(c);
}

static void forget(void *who) {
    auth_who_free(who);
}

/* ---- before it is taken ---- */

static struct httpd_span field(const struct httpd_call *c, const char *name) {
    const struct httpd_span *value = httpd_call_field(c, name);
    return value ? *value : (struct httpd_span){0};
}

static bool is_forwarded(const struct httpd_call *c) {
    static const char *const added[] = {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
                                        "X-Real-IP",       "Forwarded",        "Via"};
    bool is = false;
    for (size_t i = 0; !is && i < sizeof added / sizeof added[0]; i++) is = httpd_call_field(c, added[i]);
    return is;
}

static struct auth_shown shown_by(const struct httpd_call *c, const struct gateway_endpoint *e, const char *peer) {
    return (struct auth_shown){
        .peer = peer,
        .stream = e->need.action == AUTH_SUBSCRIBE && !strcmp(e->method, "GET"),
        .forwarded = is_forwarded(c),
        .method = httpd_call_method(c),
        .authorization = field(c, "Authorization"),
        .api_key = field(c, "X-API-Key"),
        .host = httpd_call_head(c)->host,
        .origin = field(c, "Origin"),
        .fetch_site = field(c, "Sec-Fetch-Site"),
        .fetch_mode = field(c, "Sec-Fetch-Mode"),
        .ticket = httpd_call_query(c, "ticket"),
    };
}

static const char *code_of(int status) {
    return status == UNKNOWN ? "unauthenticated" : status == FORBIDDEN ? "not_allowed" : "overloaded";
}

static bool refuse(struct httpd_answer *a, const struct auth_refusal *no) {
    pouch_err e = gateway_problem_as(a, no->status, code_of(no->status), no->why);
    if (!e && no->status == UNKNOWN) e = httpd_answer_field(a, "WWW-Authenticate", "Bearer realm=\"pouch\"");
    if (e) a->status = gateway_status(e);
    a->retry_after_s = no->retry_after_s;
    return false;
}

bool gateway_may(const struct httpd_call *c, struct httpd_answer *a, enum auth_action action, const char *object,
                 pouch_err *e) {
    const struct auth_who *who = gateway_who(c);
    char why[256];
    *e = POUCH_OK;
    if (who && auth_may(who, action, object)) return true;
    snprintf(why, sizeof why, "%s may not do that: it wants a scope such as %s:%.100s%s", who ? "this key" : "nobody",
             auth_action_name(action), object ? object : "*",
             action == AUTH_SEND || action == AUTH_REQUEST ? ", and a topic that may be sent to (gateway.topics)" : "");
    pl_metric_add(PL_M_ADMIT_SCOPE, 1);
    *e = gateway_problem_as(a, FORBIDDEN, "not_allowed", why);
    return false;
}

static bool may(struct httpd_call *c, struct httpd_answer *a, const struct auth_need *need) {
    pouch_err e = POUCH_OK;
    bool each = need->param && !strcmp(need->param, AUTH_EACH);
    if (each && auth_may_some(gateway_who(c), need->action)) return true;
    const char *object = need->param && !each ? httpd_call_param(c, need->param) : NULL;
    if (!each && gateway_may(c, a, need->action, object, &e)) return true;
    if (each) (void)gateway_may(c, a, need->action, NULL, &e);
    if (e) a->status = gateway_status(e);
    return false;
}

static bool admit(struct httpd_call *c, struct httpd_answer *a, struct gateway *g) {
    const struct gateway_endpoint *endpoint = gateway_endpoint(g, c);
    char peer[HTTPD_PEER_MAX];
    struct auth_refusal no;
    if (endpoint->need.action == AUTH_OPEN) return true;
    httpd_call_peer(c, peer);
    struct auth_shown shown = shown_by(c, endpoint, peer);
    struct auth_who *who = auth_admit(g->auth, &shown, &no);
    if (who || no.who) httpd_call_set(c, who ? who : no.who, forget); /* the audit log names them either way */
    return who ? may(c, a, &endpoint->need) : refuse(a, &no);
}

/* ---- the answer ---- */

/* Which pages of other origins may read it. Never any page, and never with what a browser adds by itself. */
static pouch_err add_cors(const struct httpd_call *c, struct httpd_answer *a, const struct gateway *g) {
    struct httpd_span origin = field(c, "Origin");
    char text[ORIGIN_MAX];
    if (g->conf.gateway_origins) {
        pouch_err e = httpd_answer_field(a, "Vary", "Origin");
        if (e) return e;
    }
    if (!origin.n || origin.n >= sizeof text || !auth_origin_is_allowed(g->auth, origin)) return POUCH_OK;
    memcpy(text, origin.at, origin.n);
    text[origin.n] = 0;
    pouch_err e = httpd_answer_field(a, "Access-Control-Allow-Origin", text);
    if (e || a->status != NO_CONTENT || !httpd_call_field(c, "Access-Control-Request-Method"))
        return e ? e : httpd_answer_field(a, "Access-Control-Expose-Headers", READ);
    e = httpd_answer_field(a, "Access-Control-Allow-Methods", METHODS);
    if (!e) e = httpd_answer_field(a, "Access-Control-Allow-Headers", SENT);
    return e ? e : httpd_answer_field(a, "Access-Control-Max-Age", FOR_A_WHILE);
}

static void audit(const struct httpd_call *c, const struct httpd_answer *a, const struct gateway *g) {
    const struct gateway_endpoint *endpoint = gateway_endpoint(g, c);
    char peer[HTTPD_PEER_MAX], method[METHOD_MAX];
    if (!g->conf.gateway_audit || !endpoint || endpoint->need.action == AUTH_OPEN) return;
    struct httpd_span sent = httpd_call_method(c);
    httpd_call_peer(c, peer);
    snprintf(method, sizeof method, "%.*s", (int)sent.n, sent.at);
    const char *param = endpoint->need.param;
    auth_audit(g->auth, &(struct auth_deed){.who = gateway_who(c),
                                            .peer = peer,
                                            .method = method,
                                            .route = endpoint->path,
                                            .action = endpoint->need.action,
                                            .object = param ? httpd_call_param(c, param) : NULL,
                                            .status = a->status});
}

static void finish(const struct httpd_call *c, struct httpd_answer *a, struct gateway *g) {
    if (!c) return;
    if (add_cors(c, a, g))
        PL_LOG(PL_LOG_WARN, "an answer has no fields for pages of other origins", "why", pouch_why());
    audit(c, a, g);
}

/* ---- the part ---- */

static pouch_err start(struct gateway *g) {
    return auth_new(&g->auth, &g->conf, g->ring, gateway_listen(g));
}

static void notes(json_t *notes, struct gateway *g) {
    char why[512];
    if (!auth_is_current(g->auth, why, sizeof why))
        pl_json_say(notes, "the access file cannot be used, and what it said before holds: %s", why);
}

static void reload(struct gateway *g) {
    (void)!auth_reload(g->auth); /* it is logged, and what was holds */
}

static void end(struct gateway *g) {
    auth_free(g->auth);
    g->auth = NULL;
}

const struct gateway_part gateway_admission = {
    .start = start,
    .admit = admit,
    .finish = finish,
    .notes = notes,
    .reload = reload,
    .free = end,
};
