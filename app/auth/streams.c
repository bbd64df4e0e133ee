#include <auth/streams.h>
#include <base/why.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void auth_streams_init(struct auth_streams *s) {
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < AUTH_STREAM_LISTS; i++) LIST_INIT(&s->lists[i]);
}

void auth_streams_free(struct auth_streams *s) {
    pthread_mutex_destroy(&s->lock);
}

/* FNV-1a. Names come from settings and issuers, not from strangers. */
static struct auth_stream_list *list_of(struct auth_streams *all, const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &all->lists[hash % AUTH_STREAM_LISTS];
}

static bool is_same_ticket(const struct auth_who *a, const struct auth_who *b) {
    return a->base && b->base && !CRYPTO_memcmp(a->ticket, b->ticket, sizeof a->ticket);
}

/*
 * A stream with the same ticket is over from now on: a client that has lost its connection comes back before we
 * know that it was lost, so the newest is the one that lives.
 */
static bool make_room(struct auth_stream_list *list, const struct auth_who *who) {
    size_t n = 0, most = auth_who_behind(who)->allowance.streams;
    struct auth_stream *s;
    LIST_FOREACH(s, list, entry) {
        if (atomic_load(&s->over) || strcmp(auth_who_name(s->who), auth_who_name(who)) != 0) continue;
        if (is_same_ticket(s->who, who))
            atomic_store(&s->over, true);
        else
            n++;
    }
    return !most || n < most;
}

pouch_err auth_streams_add(struct auth_streams *all, struct auth_who *who, const struct pl_clock *clock,
                           struct auth_stream **s) {
    bool counted = who->base || auth_who_behind(who)->allowance.streams;
    *s = calloc(1, sizeof **s);
    if (!*s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a stream");
    (*s)->all = all;
    (*s)->who = auth_who_ref(who);
    (*s)->clock = clock;
    atomic_init(&(*s)->over, false);
    pthread_mutex_lock(&all->lock);
    struct auth_stream_list *list = list_of(all, auth_who_name(who));
    bool room = !counted || make_room(list, who);
    if (room) LIST_INSERT_HEAD(list, *s, entry);
    pthread_mutex_unlock(&all->lock);
    if (room) return POUCH_OK;
    auth_who_free((*s)->who);
    free(*s);
    *s = NULL;
    return pl_fail(POUCH_E_OVERLOADED, "%s has as many streams open as its entry allows", auth_who_name(who));
}

bool auth_stream_is_over(const struct auth_stream *s) {
    int64_t expires_ms = s->who->expires_ms;
    return atomic_load_explicit(&s->over, memory_order_relaxed) || (expires_ms && pl_wall_ms(s->clock) >= expires_ms);
}

void auth_stream_end(struct auth_stream *s) {
    if (!s) return;
    pthread_mutex_lock(&s->all->lock);
    LIST_REMOVE(s, entry);
    pthread_mutex_unlock(&s->all->lock);
    auth_who_free(s->who);
    free(s);
}

static bool same_scopes(const struct auth_scopes *a, const struct auth_scopes *b) {
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) same = !strcmp(a->at[i].text, b->at[i].text);
    return same;
}

static bool is_key_of(const struct auth_who *who, const struct auth_access *access) {
    const struct auth_who *now = auth_access_key(access, who->digest);
    return now && !strcmp(now->name, who->name) && same_scopes(&now->scopes, &who->scopes);
}

/* What was let in by a token is let in again by it, if it still may be; we do not keep tokens to look. */
void auth_stream_review(struct auth_stream *s, const struct auth_access *access) {
    const struct auth_who *who = auth_who_behind(s->who);
    bool good = !access || who->kind == AUTH_BY_PLACE ||
                (who->kind == AUTH_BY_KEY ? is_key_of(who, access) : who->serial == access->serial);
    if (!good) atomic_store(&s->over, true);
}

void auth_streams_review(struct auth_streams *all, const struct auth_access *access) {
    struct auth_stream *s;
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < AUTH_STREAM_LISTS; i++) LIST_FOREACH(s, &all->lists[i], entry)
    auth_stream_review(s, access);
    pthread_mutex_unlock(&all->lock);
}
