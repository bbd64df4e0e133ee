#include <events/sources.h>
#include <stdlib.h>
#include <string.h>

void events_sources_free(struct events_sources *s) {
    free(s->at);
    *s = (struct events_sources){0};
}

static struct events_source *find(const struct events_sources *s, const struct events_source *source) {
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].partition == source->partition && !strcmp(s->at[i].topic, source->topic)) return &s->at[i];
    return NULL;
}

static void add(struct events_sources *s, const struct events_source *source) {
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 8;
        struct events_source *at = cap <= EVENTS_SOURCES_MAX ? realloc(s->at, cap * sizeof *at) : NULL;
        if (!at) return;
        s->at = at;
        s->cap = cap;
    }
    s->at[s->n++] = *source;
}

/* The latest time is kept, not the last: producers of one partition do not agree to the millisecond. */
bool events_sources_has(struct events_sources *s, const struct events_source *source) {
    struct events_source *known = find(s, source);
    if (!known) {
        add(s, source);
        return false;
    }
    if (source->offset <= known->offset && source->at_ms <= known->at_ms) return true;
    known->offset = source->offset;
    if (source->at_ms > known->at_ms) known->at_ms = source->at_ms;
    return false;
}
