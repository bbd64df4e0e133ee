#include <base/why.h>
#include <events/events.h>
#include <events/set.h>
#include <stdlib.h>
#include <string.h>

const char *const events_defaults[] = {"auth", "payments", "messages", "alerts", "general"};
const size_t events_n_defaults = sizeof events_defaults / sizeof events_defaults[0];

/* FNV-1a. Names that were made to have one hash are told apart by their text. */
uint64_t events_hash(const char *channel) {
    uint64_t h = 14695981039346656037u;
    for (; *channel; channel++) h = (h ^ (uint8_t)*channel) * 1099511628211u;
    return h ^ h >> 32; /* the low bits of FNV alone are weak */
}

bool events_name_is_ok(const char *name) {
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-/@");
    return n > 0 && n <= EVENTS_CHANNEL_MAX && !name[n];
}

static void note_bits(struct events_set *s) {
    s->bits = 0;
    s->all = false;
    for (size_t i = 0; i < s->n; i++) {
        s->bits |= (uint64_t)1 << (s->at[i].hash & 63);
        s->all = s->all || !strcmp(s->at[i].name, EVENTS_ALL);
    }
    if (s->all) s->bits = UINT64_MAX;
}

void events_set_free(struct events_set *s) {
    events_set_remove(s, NULL, 0);
    free(s->at);
    *s = (struct events_set){0};
}

static size_t place_of(const struct events_set *s, const char *channel, uint64_t hash) {
    size_t i = 0;
    while (i < s->n && (s->at[i].hash != hash || strcmp(s->at[i].name, channel))) i++;
    return i;
}

static pouch_err check(const struct events_set *s, const char *const *channels, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!events_name_is_ok(channels[i]) && strcmp(channels[i], EVENTS_ALL))
            return pl_fail(POUCH_E_INVALID_PAYLOAD,
                           "channel %zu has a name that cannot be: 1 to %d of A-Z a-z 0-9 . _ : - / @", i + 1,
                           EVENTS_CHANNEL_MAX);
    if (s->n + n > EVENTS_CHANNELS_MAX)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "a stream can have %d channels", EVENTS_CHANNELS_MAX);
    return POUCH_OK;
}

pouch_err events_set_add(struct events_set *s, const char *const *channels, size_t n) {
    pouch_err e = check(s, channels, n);
    if (e || !n) return e;
    struct events_subscribed *at = realloc(s->at, (s->n + n) * sizeof *at);
    if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for channels");
    s->at = at;
    for (size_t i = 0; !e && i < n; i++) {
        uint64_t hash = events_hash(channels[i]);
        if (place_of(s, channels[i], hash) < s->n) continue;
        char *name = strdup(channels[i]);
        if (!name)
            e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for channels");
        else
            at[s->n++] = (struct events_subscribed){hash, name};
    }
    note_bits(s);
    return e;
}

void events_set_remove(struct events_set *s, const char *const *channels, size_t n) {
    for (size_t i = 0; !n && i < s->n; i++) free(s->at[i].name);
    if (!n) s->n = 0;
    for (size_t i = 0; i < n; i++) {
        size_t place = place_of(s, channels[i], events_hash(channels[i]));
        if (place == s->n) continue;
        free(s->at[place].name);
        s->n--;
        memmove(s->at + place, s->at + place + 1, (s->n - place) * sizeof *s->at);
    }
    note_bits(s);
}

bool events_set_finds(const struct events_set *s, const char *channel, uint64_t hash) {
    return s->all || place_of(s, channel, hash) < s->n;
}
