#include <string.h>
#include <worker/backoff.h>

static const struct profile {
    const char *name;
    struct pl_backoff backoff;
} profiles[] = {{"fast", {3, 100, 1000}}, {"standard", {5, 500, 5000}}, {"slow", {3, 2000, 10000}}};

void pl_backoff_read(struct pl_backoff *b, const struct pl_settings *s) {
    const struct profile *p = profiles;
    while (strcmp(p->name, s->retry_profile) != 0) p++; /* the table of options lets no other through */
    *b = p->backoff;
    if (s->retry_attempts) b->attempts = s->retry_attempts;
    if (s->retry_delay_ms) b->first_ms = s->retry_delay_ms;
    if (s->retry_max_delay_ms) b->most_ms = s->retry_max_delay_ms;
}

int64_t pl_backoff_ms(const struct pl_backoff *b, int attempts, uint32_t chance) {
    int64_t ms = b->first_ms;
    for (int i = 1; i < attempts && ms < b->most_ms; i++) ms *= 2;
    if (ms > b->most_ms) ms = b->most_ms;
    ms = ms * 3 / 4 + ms / 2 * (int64_t)(chance >> 16) / 0xffff;
    return ms < b->most_ms ? ms : b->most_ms;
}
