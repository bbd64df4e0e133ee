#include <bus/target.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

enum { PARTS_LEFT = 3 };

void pl_targets_init(struct pl_targets *t, size_t target_bytes, size_t room, size_t room_bytes,
                     const char *reply_topics) {
    *t = (struct pl_targets){.target_bytes = target_bytes,
                             .room = room,
                             .room_bytes = room_bytes,
                             .reply_topics = reply_topics,
                             .stall_us = PL_TARGET_STALL_US,
                             .crowded_us = PL_TARGET_CROWDED_US};
}

static void free_target(struct pl_target *target) {
    free(target->name);
    free(target);
}

void pl_targets_free(struct pl_targets *t) {
    for (size_t i = 0; i < PL_TARGET_SLOTS; i++) {
        while (t->slots[i]) {
            struct pl_target *target = t->slots[i];
            t->slots[i] = target->next;
            free_target(target);
        }
    }
}

/* FNV-1a. */
static size_t slot_of(const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % PL_TARGET_SLOTS;
}

struct pl_target *pl_target_find(const struct pl_targets *t, const char *name) {
    struct pl_target *target = t->slots[slot_of(name)];
    while (target && strcmp(target->name, name) != 0) target = target->next;
    return target;
}

static struct pl_target *make(struct pl_targets *t, const char *name) {
    struct pl_target *target = calloc(1, t->target_bytes);
    if (!target) return NULL;
    target->name = strdup(name);
    if (!target->name) {
        free(target);
        return NULL;
    }
    size_t slot = slot_of(name);
    target->takes_replies = pl_pattern_match(t->reply_topics, name, strlen(name));
    target->since_us = t->alive_us;
    target->next = t->slots[slot];
    t->slots[slot] = target;
    t->known++;
    return target;
}

struct pl_target *pl_target_of(struct pl_targets *t, const char *name) {
    struct pl_target *target = pl_target_find(t, name);
    return target ? target : make(t, name);
}

void pl_target_forget(struct pl_targets *t, struct pl_target *target) {
    if (target->in_flight || (target->doubted && t->doubted <= PL_TARGET_DOUBTS)) return;
    struct pl_target **at = &t->slots[slot_of(target->name)];
    while (*at != target) at = &(*at)->next;
    *at = target->next;
    t->doubted -= target->doubted;
    t->known--;
    free_target(target);
}

/*
 * Whether it may hold so much when all together hold `all`: no more than a third of what is left, and so 1/(n + 3) of
 * n.
 */
static bool has_share(size_t room, size_t all, size_t held) {
    return all <= room && PARTS_LEFT * held <= room - all;
}

bool pl_target_full(const struct pl_targets *t, const struct pl_target *target, size_t bytes) {
    if (!target->in_flight) return false;
    return !has_share(t->room, t->in_flight + 1, target->in_flight + 1) ||
           !has_share(t->room_bytes, t->bytes + bytes, target->bytes + bytes);
}

bool pl_target_refuses(const struct pl_target *target) {
    return target->stalled || (target->doubted && target->in_flight);
}

/* After each change: how many refuse. */
static void recount(struct pl_targets *t, const struct pl_target *target, bool refused) {
    t->refusing += (size_t)pl_target_refuses(target) - (size_t)refused;
}

static void mark(struct pl_targets *t, struct pl_target *target, bool stalled, bool doubted) {
    if (stalled != target->stalled || doubted != target->doubted) target->since_us = t->alive_us;
    t->stalled += (size_t)stalled - (size_t)target->stalled;
    t->doubted += (size_t)doubted - (size_t)target->doubted;
    target->stalled = stalled;
    target->doubted = doubted;
}

void pl_target_took(struct pl_targets *t, struct pl_target *target) {
    bool refused = pl_target_refuses(target);
    target->took_at = t->healthy_us;
    target->stalls = 0;
    mark(t, target, false, false);
    recount(t, target, refused);
}

void pl_target_enter(struct pl_targets *t, struct pl_target *target, size_t bytes) {
    bool refused = pl_target_refuses(target);
    if (!target->in_flight) target->took_at = t->healthy_us;
    target->in_flight++;
    target->bytes += bytes;
    t->in_flight++;
    t->bytes += bytes;
    recount(t, target, refused);
}

void pl_target_leave(struct pl_targets *t, struct pl_target *target, size_t bytes, bool stored) {
    bool refused = pl_target_refuses(target);
    target->in_flight--;
    target->bytes -= bytes;
    t->in_flight--;
    t->bytes -= bytes;
    if (target->stalled && !target->in_flight) mark(t, target, false, true);
    recount(t, target, refused);
    if (stored) pl_target_took(t, target);
}

void pl_targets_alive(struct pl_targets *t, int64_t now_us) {
    int64_t gap = now_us - t->alive_us;
    if (gap <= PL_TARGET_GAP_US) t->healthy_us += gap;
    t->alive_us = now_us;
}

static bool has_stalled(const struct pl_targets *t, const struct pl_target *target, pl_target_crowded_fn *crowded,
                        void *arg) {
    int64_t idle = t->healthy_us - target->took_at;
    if (!target->in_flight || target->stalled || idle < t->crowded_us) return false;
    return idle >= t->stall_us || target->doubted || crowded(target, arg);
}

void pl_targets_look(struct pl_targets *t, pl_target_crowded_fn *crowded, pl_target_stalled_fn *fn, void *arg) {
    for (size_t i = 0; i < PL_TARGET_SLOTS; i++) {
        for (struct pl_target *target = t->slots[i]; target; target = target->next) {
            if (!has_stalled(t, target, crowded, arg)) continue;
            bool refused = pl_target_refuses(target);
            mark(t, target, true, false);
            recount(t, target, refused);
            target->stalls++;
            fn(target, arg);
        }
    }
}

enum pl_breaker_state pl_target_state(const struct pl_target *target) {
    return target->stalled ? PL_BREAKER_OPEN : target->doubted ? PL_BREAKER_HALF_OPEN : PL_BREAKER_CLOSED;
}

void pl_targets_each(const struct pl_targets *t, void (*fn)(const struct pl_target *, void *), void *arg) {
    for (int closed = 0; closed < 2; closed++)
        for (size_t i = 0; i < PL_TARGET_SLOTS; i++)
            for (const struct pl_target *target = t->slots[i]; target; target = target->next)
                if ((pl_target_state(target) == PL_BREAKER_CLOSED) == closed) fn(target, arg);
}
