#include <auth/origin.h>
#include <auth/state.h>
#include <base/log.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replies, and what Pouch, Kafka and their tools keep for themselves. */
#define OUR_TOPICS "internal.*,*.replies,*-reply,*.async-replies,__*,pouch.*"

/* And what settings have named otherwise; unset ones are among those above. */
#define NAMED_TOPICS ",%s,%s,%s,%s,%s.*,%s,%s"

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for who may use the gateway");
}

struct auth_access *auth_access_now(struct auth *a) {
    pthread_mutex_lock(&a->lock);
    struct auth_access *access = a->access ? auth_access_ref(a->access) : NULL;
    pthread_mutex_unlock(&a->lock);
    return access;
}

/* ---- a start ---- */

/*
 * Closed by default. An address of this host alone can be reached by its own programs only, and by pages in its
 * browsers, which are told apart with each request (admit.c).
 */
static pouch_err check_settings(const struct pl_settings *s, const char *listen) {
    if (s->gateway_access && s->gateway_open)
        return pl_fail(POUCH_E_CONFIG, "gateway.open is on and gateway.access names a file: one of the two");
    if (s->gateway_access || s->gateway_open || auth_listen_is_local(listen)) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG,
                   "listen %s: whoever reaches that address could send, ask and listen. Say who may in a file that "
                   "gateway.access names (pouch access new makes a key and the lines for it), listen on 127.0.0.1, or "
                   "set gateway.open = on where the network says who may",
                   listen);
}

static pouch_err copy_settings(struct auth *a, const struct pl_settings *s) {
    a->open = s->gateway_open;
    a->topics.open = strdup(s->gateway_topics);
    if (asprintf(&a->topics.ours, OUR_TOPICS NAMED_TOPICS, s->inbox, s->dlq_topic, s->routes_topic,
                 s->gateway_events_topic, s->gateway_events_topic, s->plain_replies,
                 s->reply_topic ? s->reply_topic : "") < 0)
        a->topics.ours = NULL;
    a->origins = s->gateway_origins ? strdup(s->gateway_origins) : NULL;
    a->path = s->gateway_access ? strdup(s->gateway_access) : NULL;
    return a->topics.open && a->topics.ours && !a->origins == !s->gateway_origins && !a->path == !s->gateway_access
               ? POUCH_OK
               : no_memory();
}

static pouch_err make_anybody(struct auth *a) {
    pouch_err e = auth_who_new(&a->anybody, AUTH_BY_PLACE, a->open ? "anyone" : "local", &a->topics);
    if (!e) e = auth_scopes_add(&a->anybody->scopes, "*", 1);
    if (!e && a->open)
        PL_LOG(PL_LOG_WARN, "gateway.open is on: whoever reaches the address may send, ask, listen and change routes");
    return e;
}

static void warn_if_empty(const struct auth *a, const struct auth_access *access) {
    if (!access->n_keys && !access->n_issuers)
        PL_LOG(PL_LOG_WARN, "the access file has no entries, so nobody may use the gateway", "file", a->path);
}

static pouch_err begin(struct auth *a, const struct pl_settings *s, bool follow) {
    pouch_err e = copy_settings(a, s);
    if (!e) e = auth_rates_init(&a->rates);
    if (!e) e = auth_rates_init(&a->failures);
    if (!e) e = a->path ? auth_access_read(&a->access, a->path, &a->topics) : make_anybody(a);
    if (!e && a->path) warn_if_empty(a, a->access);
    if (!e) e = auth_audit_open(&a->audit, s->gateway_audit);
    if (!e && follow) e = auth_follow(a);
    return e;
}

pouch_err auth_make(struct auth **made, const struct pl_settings *s, pouch_keyring *ring, const char *listen,
                    const struct pl_clock *clock, bool follow) {
    *made = NULL;
    pouch_err e = check_settings(s, listen);
    if (e) return e;
    struct auth *a = calloc(1, sizeof *a);
    if (!a) return no_memory();
    a->clock = clock;
    a->ring = ring;
    a->audit.fd = -1;
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->reload, NULL);
    auth_tokens_init(&a->tokens);
    auth_streams_init(&a->streams);
    e = begin(a, s, follow);
    if (e)
        auth_free(a);
    else
        *made = a;
    return e;
}

pouch_err auth_new(struct auth **a, const struct pl_settings *s, pouch_keyring *ring, const char *listen) {
    return auth_make(a, s, ring, listen, &pl_clock_system, true);
}

void auth_free(struct auth *a) {
    if (!a) return;
    auth_unfollow(a);
    auth_audit_close(&a->audit);
    auth_streams_free(&a->streams);
    auth_tokens_free(&a->tokens);
    auth_access_free(a->access);
    auth_who_free(a->anybody);
    pthread_mutex_destroy(&a->reload);
    pthread_mutex_destroy(&a->lock);
    free(a->topics.open);
    free(a->topics.ours);
    free(a->origins);
    free(a->path);
    free(a);
}

/* ---- a change ---- */

/* why NULL: the file is what holds. */
static void note_stale(struct auth *a, const char *why) {
    pthread_mutex_lock(&a->lock);
    snprintf(a->stale, sizeof a->stale, "%s", why ? why : "");
    pl_metric_set(PL_M_ACCESS_STALE, why != NULL); /* under the lock, so that the two agree for whoever asks */
    pthread_mutex_unlock(&a->lock);
}

void auth_back(struct auth *a) {
    char why[sizeof a->stale];
    if (auth_is_current(a, why, sizeof why)) return;
    note_stale(a, NULL);
    PL_LOG(PL_LOG_INFO, "the access file is again the one that holds", "file", a->path);
}

bool auth_is_current(struct auth *a, char *why, size_t n) {
    pthread_mutex_lock(&a->lock);
    snprintf(why, n, "%s", a->stale);
    pthread_mutex_unlock(&a->lock);
    return !*why;
}

static void swap(struct auth *a, struct auth_access *access) {
    pthread_mutex_lock(&a->lock);
    struct auth_access *old = a->access;
    access->serial = old->serial + 1;
    a->access = access;
    pthread_mutex_unlock(&a->lock);
    auth_tokens_forget(&a->tokens);
    auth_streams_review(&a->streams, access);
    auth_access_free(old);
}

static pouch_err read_again(struct auth *a) {
    struct auth_access *access;
    pouch_err e = auth_access_read(&access, a->path, &a->topics);
    pl_metric_add(e ? PL_M_ACCESS_RELOADS_REFUSED : PL_M_ACCESS_RELOADS, 1);
    if (e) {
        note_stale(a, pouch_why());
        PL_LOG(PL_LOG_ERROR, "who may use the gateway stays as it was", "file", a->path, "why", pouch_why());
        return e;
    }
    char keys[16], issuers[16];
    snprintf(keys, sizeof keys, "%zu", access->n_keys);
    snprintf(issuers, sizeof issuers, "%zu", access->n_issuers);
    warn_if_empty(a, access);
    swap(a, access);
    note_stale(a, NULL);
    PL_LOG(PL_LOG_INFO, "the access file was read again", "file", a->path, "keys", keys, "tokens", issuers);
    return POUCH_OK;
}

pouch_err auth_reload(struct auth *a) {
    atomic_store(&a->reopen, true); /* the audit log too, which may have been moved away */
    if (a->runs) pl_wake_signal(&a->wake);
    if (!a->path) return POUCH_OK;
    pthread_mutex_lock(&a->reload);
    pouch_err e = read_again(a);
    pthread_mutex_unlock(&a->reload);
    return e;
}

bool auth_origin_is_allowed(const struct auth *a, struct httpd_span origin) {
    return auth_origin_is_listed(origin, a->origins);
}

void auth_audit(struct auth *a, const struct auth_deed *deed) {
    auth_audit_put(&a->audit, deed, pl_wall_ms(a->clock));
}

pouch_err auth_stream_begin(struct auth_stream **s, struct auth *a, const struct auth_who *who) {
    pouch_err e = auth_streams_add(&a->streams, (struct auth_who *)who, a->clock, s);
    if (e) return e;
    /* The file may have changed since they were let in. A later change finds the stream in the list. */
    struct auth_access *access = auth_access_now(a);
    auth_stream_review(*s, access);
    auth_access_free(access);
    return POUCH_OK;
}
