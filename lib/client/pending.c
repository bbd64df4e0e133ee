#include <base/why.h>
#include <client/pending.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_CALLS = 64, CALL_AND_RECORD = 2 };

struct pl_slab {
    struct pl_slab *next;
    struct pl_call calls[SLAB_CALLS];
};

pouch_err pl_pending_init(struct pl_pending *p, size_t max) {
    *p = (struct pl_pending){.max = max, .watched = INT64_MAX};
    if (pthread_mutex_init(&p->lock, NULL)) return pl_fail(POUCH_E_NO_MEMORY, "no mutex for the open calls");
    pl_heap_init(&p->timers);
    pouch_err e = pl_idmap_init(&p->calls, max);
    if (e) pthread_mutex_destroy(&p->lock);
    return e;
}

void pl_pending_free(struct pl_pending *p) {
    while (p->slabs) {
        struct pl_slab *slab = p->slabs;
        p->slabs = slab->next;
        free(slab);
    }
    pl_idmap_free(&p->calls);
    pl_heap_free(&p->timers);
    pthread_mutex_destroy(&p->lock);
}

static void push(struct pl_call **list, struct pl_call *call) {
    call->next = *list;
    *list = call;
}

static struct pl_call *pop(struct pl_call **list) {
    struct pl_call *call = *list;
    *list = call->next;
    return call;
}

/*
 * Under the lock. The pool grows by slabs and never shrinks: it is as large as the most calls ever open and
 * undelivered.
 */
static bool grow(struct pl_pending *p) {
    struct pl_slab *slab = calloc(1, sizeof *slab);
    if (!slab) return false;
    slab->next = p->slabs;
    p->slabs = slab;
    for (size_t i = 0; i < SLAB_CALLS; i++) push(&p->pool, &slab->calls[i]);
    return true;
}

/* Under the lock. */
static pouch_err take(struct pl_pending *p, struct pl_call *calls[], size_t n) {
    if (p->closed) return pl_fail(POUCH_E_CLOSED, "the client is closing");
    for (size_t i = 0; i < n; i++) {
        if (!p->pool && !grow(p)) {
            while (i) push(&p->pool, calls[--i]);
            return pl_fail(POUCH_E_NO_MEMORY, "out of memory for open calls");
        }
        calls[i] = pop(&p->pool);
        memset(calls[i], 0, offsetof(struct pl_call, topic)); /* the name is always written before it is read */
        calls[i]->holders = CALL_AND_RECORD;
    }
    return POUCH_OK;
}

static void count_out(struct pl_pending *p, size_t n) {
    atomic_fetch_sub_explicit(&p->open, n, memory_order_release);
    pl_metric_add(PL_M_PENDING, -(int64_t)n);
}

pouch_err pl_pending_reserve(struct pl_pending *p, struct pl_call *calls[], size_t n) {
    size_t before = atomic_fetch_add_explicit(&p->open, n, memory_order_relaxed);
    pl_metric_add(PL_M_PENDING, (int64_t)n);
    pouch_err e;
    if (before + n > p->max) {
        pl_metric_add(PL_M_SHED, 1);
        e = pl_fail(POUCH_E_OVERLOADED, "%zu calls are open, and client.max_pending is %zu: send slower, or raise it",
                    before, p->max);
    } else {
        pthread_mutex_lock(&p->lock);
        e = take(p, calls, n);
        pthread_mutex_unlock(&p->lock);
    }
    if (e) count_out(p, n);
    return e;
}

/* Under the lock. Undoes what open_one() did, as far as it came. */
static void shut_one(struct pl_pending *p, struct pl_call *call) {
    pl_heap_remove(&p->timers, &call->timer);
    pl_idmap_remove(&p->calls, &call->id);
    call->is_open = false;
    count_out(p, 1);
}

/* Under the lock. */
static pouch_err open_one(struct pl_pending *p, struct pl_call *call, int64_t due) {
    if (p->closed) return pl_fail(POUCH_E_CLOSED, "the client is closing");
    pouch_err e = pl_heap_add(&p->timers, &call->timer, due);
    if (e) return e;
    e = pl_idmap_put(&p->calls, &call->id, call);
    if (e) pl_heap_remove(&p->timers, &call->timer);
    call->is_open = !e;
    return e;
}

/* Under the lock. */
static void give_back(struct pl_pending *p, struct pl_call *call) {
    if (call->is_open)
        shut_one(p, call);
    else
        count_out(p, 1);
    push(&p->pool, call);
}

pouch_err pl_pending_open(struct pl_pending *p, struct pl_call *const calls[], size_t n, int64_t due, bool *sooner) {
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; !e && i < n; i++) e = open_one(p, calls[i], due);
    for (size_t i = 0; e && i < n; i++) give_back(p, calls[i]);
    *sooner = !e && due < p->watched;
    pthread_mutex_unlock(&p->lock);
    return e;
}

/* Under the lock. */
static void let_go(struct pl_pending *p, struct pl_call *call) {
    if (--call->holders == 0) push(&p->pool, call);
}

bool pl_pending_withdraw(struct pl_pending *p, struct pl_call *call) {
    pthread_mutex_lock(&p->lock);
    bool was_open = call->is_open;
    if (was_open) {
        shut_one(p, call);
        let_go(p, call);
    }
    let_go(p, call);
    pthread_mutex_unlock(&p->lock);
    return was_open;
}

void pl_pending_fail(struct pl_pending *p, struct pl_call *call, pouch_err e) {
    pthread_mutex_lock(&p->lock);
    if (call->is_open) {
        shut_one(p, call);
        call->failed = e;
        push(&p->failed, call);
    }
    let_go(p, call);
    pthread_mutex_unlock(&p->lock);
}

void pl_pending_known(struct pl_pending *p, const struct pl_uuid ids[], bool known[], size_t n) {
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < n; i++) known[i] = pl_idmap_get(&p->calls, &ids[i]) != NULL;
    pthread_mutex_unlock(&p->lock);
}

bool pl_pending_branch_failed(struct pl_pending *p, const struct pl_uuid *id, unsigned i, unsigned n) {
    const uint32_t all = n < 32 ? (UINT32_C(1) << n) - 1 : UINT32_MAX;
    pthread_mutex_lock(&p->lock);
    struct pl_call *call = pl_idmap_get(&p->calls, id);
    if (call) call->branches |= UINT32_C(1) << (i - 1);
    bool wait_on = call && !call->gather && (call->branches & all) != all;
    pthread_mutex_unlock(&p->lock);
    return wait_on;
}

struct pl_call *pl_pending_answered(struct pl_pending *p, const struct pl_uuid *id) {
    pthread_mutex_lock(&p->lock);
    struct pl_call *call = pl_idmap_get(&p->calls, id);
    if (call && !call->gather) shut_one(p, call);
    pthread_mutex_unlock(&p->lock);
    return call;
}

bool pl_pending_names(struct pl_pending *p, const struct pl_uuid *id, char topic[PL_NAME_MAX + 1],
                      char publisher[PL_NAME_MAX + 1]) {
    pthread_mutex_lock(&p->lock);
    const struct pl_call *call = pl_idmap_get(&p->calls, id);
    if (call) {
        strcpy(topic, call->topic);
        strcpy(publisher, call->publisher);
    }
    pthread_mutex_unlock(&p->lock);
    return call != NULL;
}

struct pl_call *pl_pending_claim(struct pl_pending *p, const struct pl_uuid *id) {
    pthread_mutex_lock(&p->lock);
    struct pl_call *call = pl_idmap_get(&p->calls, id);
    if (call) shut_one(p, call);
    pthread_mutex_unlock(&p->lock);
    return call;
}

size_t pl_pending_expire(struct pl_pending *p, int64_t now, struct pl_call *out[], size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&p->lock);
    while (n < max && p->failed) out[n++] = pop(&p->failed);
    struct pl_heap_node *first;
    while (n < max && (first = pl_heap_first(&p->timers)) && first->due <= now) {
        out[n] = (struct pl_call *)first;
        shut_one(p, out[n++]);
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}

static bool is_older(const struct pl_call *call, const char *topic, int64_t before) {
    return call->timer.due - (int64_t)call->timeout_ms * 1000 < before && !strcmp(call->topic, topic);
}

bool pl_pending_waits(struct pl_pending *p, const char *topic, int64_t before) {
    bool found = false;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->timers.count && !found; i++)
        found = is_older((const struct pl_call *)p->timers.nodes[i], topic, before);
    pthread_mutex_unlock(&p->lock);
    return found;
}

/* What takes a claimed one's place in the heap is looked at next, unless it moved up past this place. */
size_t pl_pending_claim_topic(struct pl_pending *p, const char *topic, int64_t before, struct pl_call *out[],
                              size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->timers.count && n < max;) {
        struct pl_call *call = (struct pl_call *)p->timers.nodes[i];
        if (is_older(call, topic, before))
            shut_one(p, out[n++] = call);
        else
            i++;
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}

size_t pl_pending_close(struct pl_pending *p, struct pl_call *out[], size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    while (n < max && p->failed) out[n++] = pop(&p->failed);
    struct pl_call *call;
    while (n < max && (call = pl_idmap_any(&p->calls))) {
        shut_one(p, call);
        out[n++] = call;
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}

bool pl_pending_is_open(struct pl_pending *p, const struct pl_call *call) {
    pthread_mutex_lock(&p->lock);
    bool is_open = call->is_open;
    pthread_mutex_unlock(&p->lock);
    return is_open;
}

void pl_pending_settle(struct pl_pending *p, struct pl_call *call) {
    count_out(p, 1);
    pl_pending_drop(p, &call, 1);
}

void pl_pending_drop(struct pl_pending *p, struct pl_call *const calls[], size_t n) {
    if (!n) return;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < n; i++) let_go(p, calls[i]);
    pthread_mutex_unlock(&p->lock);
}

int64_t pl_pending_due(struct pl_pending *p) {
    pthread_mutex_lock(&p->lock);
    struct pl_heap_node *first = pl_heap_first(&p->timers);
    p->watched = p->failed ? INT64_MIN : first ? first->due : INT64_MAX;
    int64_t due = p->watched;
    pthread_mutex_unlock(&p->lock);
    return due;
}
