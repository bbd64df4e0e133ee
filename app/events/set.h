/*
 * The channels that a stream is subscribed to. Asking whether it has one costs an AND for nearly all that it has not.
 */
#ifndef POUCH_EVENTS_SET_H
#define POUCH_EVENTS_SET_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct events_set {
    uint64_t bits; /* of each channel's hash one; all of them when EVENTS_ALL is among them */
    bool all;
    size_t n;
    struct events_subscribed {
        uint64_t hash;
        char *name;
    } * at;
};

uint64_t events_hash(const char *channel);

void events_set_free(struct events_set *s);
/*
 * Adds those that it does not have. INVALID_PAYLOAD: a name that cannot be, or too many; NO_MEMORY: some may have been
 * added.
 */
POUCH_MUST_CHECK pouch_err events_set_add(struct events_set *s, const char *const *channels, size_t n);
void events_set_remove(struct events_set *s, const char *const *channels, size_t n); /* n 0: all */

bool events_set_finds(const struct events_set *s, const char *channel, uint64_t hash);

static inline bool events_set_has(const struct events_set *s, const char *channel, uint64_t hash) {
    return (s->bits >> (hash & 63) & 1) && events_set_finds(s, channel, hash);
}

#endif
