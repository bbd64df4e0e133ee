#include <auth/who.h>
#include <base/why.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

pouch_err auth_who_new(struct auth_who **who, enum auth_kind kind, const char *name, const struct auth_topics *topics) {
    struct auth_who *w = *who = calloc(1, sizeof *w);
    if (w) {
        atomic_init(&w->refs, 1);
        w->kind = kind;
        w->name = strdup(name);
        w->topics = topics;
        if (w->name) return POUCH_OK;
    }
    auth_who_free(w);
    *who = NULL;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for who may use the gateway");
}

pouch_err auth_allowance_copy(struct auth_allowance *to, const struct auth_allowance *from) {
    *to = *from;
    to->origins = from->origins ? strdup(from->origins) : NULL;
    if (!to->origins == !from->origins) return POUCH_OK;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for who may use the gateway");
}

struct auth_who *auth_who_with_ticket(struct auth_who *base, const uint8_t ticket[AUTH_TICKET_ID_BYTES]) {
    struct auth_who *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    atomic_init(&w->refs, 1);
    w->kind = base->kind;
    w->expires_ms = base->expires_ms;
    w->base = auth_who_ref(base);
    memcpy(w->ticket, ticket, sizeof w->ticket);
    return w;
}

struct auth_who *auth_who_ref(const struct auth_who *who) {
    struct auth_who *w = (struct auth_who *)who;
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    return w;
}

void auth_who_free(struct auth_who *who) {
    if (!who || atomic_fetch_sub(&who->refs, 1) > 1) return;
    auth_who_free(who->base);
    auth_scopes_free(&who->scopes);
    free(who->allowance.origins);
    free(who->name);
    OPENSSL_cleanse(who->ticket, sizeof who->ticket);
    free(who);
}

const struct auth_who *auth_who_behind(const struct auth_who *who) {
    return who->base ? who->base : who;
}

const char *auth_who_name(const struct auth_who *who) {
    return auth_who_behind(who)->name;
}

const char *auth_who_scope(const struct auth_who *who, size_t i) {
    const struct auth_scopes *s = &auth_who_behind(who)->scopes;
    return i < s->n ? s->at[i].text : NULL;
}

int64_t auth_who_expires(const struct auth_who *who) {
    return auth_who_behind(who)->expires_ms;
}

/* A ticket may be seen in logs and histories, so it opens a stream and nothing else. */
static bool is_beyond_ticket(const struct auth_who *who, enum auth_action action) {
    return who->base && action != AUTH_SUBSCRIBE;
}

static bool topic_may_be_sent_to(const struct auth_topics *t, const char *topic) {
    size_t n = strlen(topic);
    return !pl_pattern_match(t->ours, topic, n) && pl_pattern_match(t->open, topic, n);
}

bool auth_may(const struct auth_who *who, enum auth_action action, const char *object) {
    if (action == AUTH_OPEN || action == AUTH_KNOWN) return true;
    const struct auth_who *w = auth_who_behind(who);
    if (is_beyond_ticket(who, action) || !auth_scopes_allow(&w->scopes, action, object)) return false;
    return (action != AUTH_SEND && action != AUTH_REQUEST) || !object || topic_may_be_sent_to(w->topics, object);
}

bool auth_may_some(const struct auth_who *who, enum auth_action action) {
    if (action == AUTH_OPEN || action == AUTH_KNOWN) return true;
    return !is_beyond_ticket(who, action) && auth_scopes_allow_some(&auth_who_behind(who)->scopes, action);
}
