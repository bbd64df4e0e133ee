#include <async/memory.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MOST = 1 << 20 };

struct async_kept {
    struct async_kept *next; /* the next younger one */
    struct pl_uuid id, key;
    bool has_key;
    bool is_gone; /* in no map: only the line of ages still has it */
    bool sent;
    int64_t until_ms, reply_until_ms, taken_until_ms;
    char *note, *reply; /* NULL: not there */
    size_t note_n, reply_n;
};

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the answer of a request");
}

pouch_err async_memory_init(struct async_memory *m, size_t most_bytes) {
    *m = (struct async_memory){.most = most_bytes};
    m->end = &m->oldest;
    pouch_err e = pl_idmap_init(&m->requests, REQUESTS_MOST);
    if (e) return e;
    e = pl_idmap_init(&m->keys, REQUESTS_MOST);
    if (e) goto fail_keys;
    if (!pthread_mutex_init(&m->lock, NULL)) return POUCH_OK;
    e = no_memory();
    pl_idmap_free(&m->keys);
fail_keys:
    pl_idmap_free(&m->requests);
    return e;
}

static size_t size_of(const struct async_kept *k) {
    return sizeof *k + k->note_n + k->reply_n;
}

static void take_out(struct async_memory *m, struct async_kept *k) {
    if (k->is_gone) return;
    pl_idmap_remove(&m->requests, &k->id);
    if (k->has_key && pl_idmap_get(&m->keys, &k->key) == k) pl_idmap_remove(&m->keys, &k->key);
    k->is_gone = true;
}

static void remove_oldest(struct async_memory *m) {
    struct async_kept *k = m->oldest;
    take_out(m, k);
    m->oldest = k->next;
    if (!m->oldest) m->end = &m->oldest;
    m->bytes -= size_of(k);
    free(k->note);
    free(k->reply);
    free(k);
}

void async_memory_free(struct async_memory *m) {
    while (m->oldest) remove_oldest(m);
    pl_idmap_free(&m->requests);
    pl_idmap_free(&m->keys);
    pthread_mutex_destroy(&m->lock);
}

static void make_room(struct async_memory *m, size_t n) {
    while (m->oldest && (m->bytes + n > m->most || m->requests.count >= m->requests.max)) {
        if (!m->oldest->is_gone) pl_metric_add(PL_M_ASYNC_FORGOTTEN, 1);
        remove_oldest(m);
    }
}

/* That of the id, made when it is new. NULL: no memory. */
static struct async_kept *kept_of(struct async_memory *m, const struct pl_uuid *id, int64_t until_ms) {
    struct async_kept *k = pl_idmap_get(&m->requests, id);
    if (k) return k;
    k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->id = *id;
    k->until_ms = until_ms;
    if (pl_idmap_put(&m->requests, id, k)) {
        free(k);
        return NULL;
    }
    *m->end = k;
    m->end = &k->next;
    m->bytes += sizeof *k;
    return k;
}

static pouch_err keep(struct async_memory *m, char **place, size_t *place_n, struct pl_span bytes) {
    char *copy = malloc(bytes.n ? bytes.n : 1);
    if (!copy) return no_memory();
    if (bytes.n) memcpy(copy, bytes.at, bytes.n);
    free(*place);
    m->bytes += bytes.n - *place_n;
    *place = copy;
    *place_n = bytes.n;
    return POUCH_OK;
}

/*
 * The key is this request's from now on, unless a later one has it: whose request was never sent, its key is free, and
 * its note may be read again after that.
 */
static void take_key(struct async_memory *m, struct async_kept *k, const struct pl_uuid *key) {
    const struct async_kept *holder = pl_idmap_get(&m->keys, key);
    if (k->has_key || (holder && (!holder->note || holder->until_ms > k->until_ms))) return;
    pl_idmap_remove(&m->keys, key);
    if (pl_idmap_put(&m->keys, key, k)) return; /* too many: the request itself is kept all the same */
    k->key = *key;
    k->has_key = true;
}

pouch_err async_memory_note(struct async_memory *m, const struct pl_uuid *id, const struct pl_uuid *key,
                            struct pl_span bytes, int64_t until_ms) {
    pthread_mutex_lock(&m->lock);
    make_room(m, bytes.n + sizeof(struct async_kept));
    struct async_kept *k = kept_of(m, id, until_ms);
    pouch_err e = k ? keep(m, &k->note, &k->note_n, bytes) : no_memory();
    if (!e) k->until_ms = until_ms;
    if (!e && key) take_key(m, k, key);
    pthread_mutex_unlock(&m->lock);
    return e;
}

pouch_err async_memory_reply(struct async_memory *m, const struct pl_uuid *id, struct pl_span bytes, bool firm,
                             int64_t until_ms) {
    pthread_mutex_lock(&m->lock);
    make_room(m, bytes.n + sizeof(struct async_kept));
    struct async_kept *k = kept_of(m, id, until_ms);
    pouch_err e = k ? POUCH_OK : no_memory();
    if (!e && (firm || !k->reply)) {
        e = keep(m, &k->reply, &k->reply_n, bytes);
        k->reply_until_ms = until_ms;
    }
    pthread_mutex_unlock(&m->lock);
    return e;
}

pouch_err async_memory_sent(struct async_memory *m, const struct pl_uuid *id, int64_t until_ms) {
    pthread_mutex_lock(&m->lock);
    make_room(m, sizeof(struct async_kept));
    struct async_kept *k = kept_of(m, id, until_ms);
    if (k) k->sent = true;
    pthread_mutex_unlock(&m->lock);
    return k ? POUCH_OK : no_memory();
}

/* What had no room is sent by whoever made it. */
bool async_memory_take(struct async_memory *m, const struct pl_uuid *id, int64_t now_ms, int64_t until_ms) {
    pthread_mutex_lock(&m->lock);
    struct async_kept *k = pl_idmap_get(&m->requests, id);
    bool free = !k || (!k->sent && k->taken_until_ms <= now_ms);
    if (k && free) k->taken_until_ms = until_ms;
    pthread_mutex_unlock(&m->lock);
    return free;
}

/* A claim is a request without a note. */
pouch_err async_memory_claim(struct async_memory *m, const struct pl_uuid *key, const struct pl_uuid *id,
                             int64_t now_ms, int64_t until_ms, struct pl_uuid *winner) {
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&m->lock);
    struct async_kept *k = pl_idmap_get(&m->keys, key);
    if (k && k->until_ms <= now_ms) {
        take_out(m, k);
        k = NULL;
    }
    if (!m->complete) {
        e = pl_fail(POUCH_E_STORE, "what was asked before is still being read from Kafka; ask again in a moment");
    } else if (!k) {
        make_room(m, sizeof *k);
        k = kept_of(m, id, until_ms);
        e = k ? POUCH_OK : no_memory();
        if (!e) take_key(m, k, key);
    }
    if (!e) *winner = k->id;
    pthread_mutex_unlock(&m->lock);
    return e;
}

void async_memory_drop(struct async_memory *m, const struct pl_uuid *id) {
    pthread_mutex_lock(&m->lock);
    struct async_kept *k = pl_idmap_get(&m->requests, id);
    if (k) take_out(m, k);
    pthread_mutex_unlock(&m->lock);
}

void async_memory_expire(struct async_memory *m, int64_t now_ms) {
    pthread_mutex_lock(&m->lock);
    while (m->oldest && (m->oldest->is_gone || m->oldest->until_ms <= now_ms)) remove_oldest(m);
    pthread_mutex_unlock(&m->lock);
}

void async_memory_find(struct async_memory *m, const struct pl_uuid *id, int64_t now_ms, async_memory_fn *fn,
                       void *arg) {
    pthread_mutex_lock(&m->lock);
    struct async_look look = {.complete = m->complete};
    const struct async_kept *k = pl_idmap_get(&m->requests, id);
    if (k && k->until_ms > now_ms) look.note = (struct pl_span){k->note, k->note_n};
    if (k && k->reply_until_ms > now_ms) look.reply = (struct pl_span){k->reply, k->reply_n};
    look.sent = k && k->sent;
    fn(&look, arg);
    pthread_mutex_unlock(&m->lock);
}

void async_memory_set_complete(struct async_memory *m, bool complete) {
    pthread_mutex_lock(&m->lock);
    m->complete = complete;
    pthread_mutex_unlock(&m->lock);
}
