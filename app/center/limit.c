#include <center/limit.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_US = 60000000, LOOK_US = 1000000 };

#define SECOND_NS INT64_C(1000000000)

void center_limits_init(struct center_limits *l, size_t rate, size_t burst) {
    *l = (struct center_limits){.looked_us = -LOOK_US, .alloc = malloc};
    if (!rate) return;
    if (!burst) burst = rate;
    l->interval_ns = SECOND_NS / (int64_t)rate;
    l->burst_ns = l->interval_ns * (int64_t)(burst - 1);
}

static void unlink_and_free(struct center_limits *l, struct center_publisher **at) {
    struct center_publisher *p = *at;
    *at = p->next;
    free(p->name);
    free(p);
    l->n--;
}

void center_limits_free(struct center_limits *l) {
    for (size_t i = 0; i < CENTER_PUBLISHER_SLOTS; i++)
        while (l->slots[i]) unlink_and_free(l, &l->slots[i]);
}

static bool is_idle(const struct center_publisher *p, int64_t now_us) {
    return !p->users && now_us - p->seen_us >= IDLE_US && p->full_ns <= now_us * 1000;
}

/* Not more than once a second, since it looks at all of them. */
static bool make_room(struct center_limits *l, int64_t now_us) {
    if (l->n < CENTER_PUBLISHERS) return true;
    if (now_us - l->looked_us < LOOK_US) return false;
    l->looked_us = now_us;
    for (size_t i = 0; i < CENTER_PUBLISHER_SLOTS; i++) {
        struct center_publisher **at = &l->slots[i];
        while (*at)
            if (is_idle(*at, now_us))
                unlink_and_free(l, at);
            else
                at = &(*at)->next;
    }
    return l->n < CENTER_PUBLISHERS;
}

static struct center_publisher *make(struct center_limits *l, const char *name) {
    struct center_publisher *p = l->alloc(sizeof *p);
    size_t n = strlen(name) + 1;
    char *kept = p ? l->alloc(n) : NULL;
    if (!kept) {
        free(p);
        return NULL;
    }
    memcpy(kept, name, n);
    *p = (struct center_publisher){.name = kept};
    l->n++;
    return p;
}

/* FNV-1a. */
static struct center_publisher **slot_of(struct center_limits *l, const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &l->slots[hash % CENTER_PUBLISHER_SLOTS];
}

struct center_publisher *center_publisher_of(struct center_limits *l, const char *name, int64_t now_us) {
    struct center_publisher **slot = slot_of(l, name), *p = *slot;
    while (p && strcmp(p->name, name) != 0) p = p->next;
    if (!p && make_room(l, now_us) && (p = make(l, name))) {
        p->next = *slot;
        *slot = p;
    }
    if (!p) p = &l->others;
    p->seen_us = now_us;
    return p;
}

bool center_limit_take(const struct center_limits *l, struct center_publisher *p, int64_t now_us) {
    int64_t now = now_us * 1000;
    if (!l->interval_ns) return true;
    if (p->full_ns < now) p->full_ns = now;
    if (p->full_ns - now > l->burst_ns) return false;
    p->full_ns += l->interval_ns;
    return true;
}
