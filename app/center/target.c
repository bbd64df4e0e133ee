#include <center/target.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

enum { PARTS_LEFT = 3 };

void center_targets_init(struct center_targets *t, size_t room, size_t room_bytes, const char *reply_topics) {
    *t = (struct center_targets){.room = room, .room_bytes = room_bytes, .reply_topics = reply_topics};
}

void center_targets_free(struct center_targets *t) {
    for (size_t i = 0; i < CENTER_SLOTS; i++) {
        while (t->slots[i]) {
            struct center_target *target = t->slots[i];
            t->slots[i] = target->next;
            free(target->name);
            free(target);
        }
    }
}

/* FNV-1a. */
static size_t slot_of(const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % CENTER_SLOTS;
}

static struct center_target *make(const struct center_targets *t, const char *name) {
    struct center_target *target = calloc(1, sizeof *target);
    if (!target) return NULL;
    target->name = strdup(name);
    target->takes_replies = pl_pattern_match(t->reply_topics, name, strlen(name));
    if (target->name) return target;
    free(target);
    return NULL;
}

struct center_target *center_target_of(struct center_targets *t, const char *name) {
    struct center_target **at = &t->slots[slot_of(name)];
    while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
    if (!*at) *at = make(t, name);
    return *at;
}

void center_target_forget(struct center_targets *t, struct center_target *target) {
    if (target->in_flight) return;
    struct center_target **at = &t->slots[slot_of(target->name)];
    while (*at != target) at = &(*at)->next;
    *at = target->next;
    free(target->name);
    free(target);
}

/* Whether it may hold so much when all together hold `all`: no more than a third of what is left, and so 1/(n + 3) of n. */
static bool has_share(size_t room, size_t all, size_t held) {
    return all <= room && PARTS_LEFT * held <= room - all;
}

bool center_target_full(const struct center_targets *t, const struct center_target *target, size_t bytes) {
    if (!target->in_flight) return false;
    return !has_share(t->room, t->in_flight + 1, target->in_flight + 1) ||
           !has_share(t->room_bytes, t->bytes + bytes, target->bytes + bytes);
}

static void takes_again(struct center_targets *t, struct center_target *target) {
    target->took_at = t->healthy_us;
    if (!target->stalled) return;
    target->stalled = false;
    t->stalled--;
}

void center_target_enter(struct center_targets *t, struct center_target *target, size_t bytes) {
    if (!target->in_flight) target->took_at = t->healthy_us;
    target->in_flight++;
    target->bytes += bytes;
    t->in_flight++;
    t->bytes += bytes;
}

/* One whose last report has come is tried anew, whatever that said. */
void center_target_leave(struct center_targets *t, struct center_target *target, size_t bytes, bool stored) {
    target->in_flight--;
    target->bytes -= bytes;
    t->in_flight--;
    t->bytes -= bytes;
    if (stored || !target->in_flight) takes_again(t, target);
}

void center_targets_alive(struct center_targets *t, int64_t now_us) {
    int64_t gap = now_us - t->alive_us;
    if (gap <= CENTER_GAP_US) t->healthy_us += gap;
    t->alive_us = now_us;
}

static bool has_stalled(const struct center_targets *t, const struct center_target *target, center_crowded_fn *crowded,
                        void *arg) {
    int64_t idle = t->healthy_us - target->took_at;
    if (!target->in_flight || target->stalled || idle < CENTER_CROWDED_US) return false;
    return idle >= CENTER_STALL_US || crowded(target, arg);
}

void center_targets_look(struct center_targets *t, center_crowded_fn *crowded, center_stalled_fn *fn, void *arg) {
    for (size_t i = 0; i < CENTER_SLOTS; i++) {
        for (struct center_target *target = t->slots[i]; target; target = target->next) {
            if (!has_stalled(t, target, crowded, arg)) continue;
            target->stalled = true;
            t->stalled++;
            fn(target, arg);
        }
    }
}
