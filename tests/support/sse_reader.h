/* What an EventSource makes of bytes, written from the HTML standard alone: a second opinion for tests and fuzzing. */
#ifndef POUCH_TESTS_SSE_READER_H
#define POUCH_TESTS_SSE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { SSE_SEEN_MAX = 64 * 1024 };

/* An event as it is dispatched. */
struct sse_seen {
    char name[256], id[256];
    char *data; /* NUL behind it */
    size_t n;
};

struct sse_reader {
    char name[256], data[SSE_SEEN_MAX], last_id[256];
    size_t n;
    bool has_data;
    int retry_ms; /* the last one */
    size_t events, comments;
    void (*dispatch)(const struct sse_seen *event, void *arg);
    void *arg;
};

static inline void sse_reader_field(struct sse_reader *r, const char *line, size_t n) {
    const char *colon = memchr(line, ':', n);
    size_t name_n = colon ? (size_t)(colon - line) : n, value_n = colon ? n - name_n - 1 : 0;
    const char *value = colon ? colon + 1 : "";
    if (value_n && *value == ' ') value++, value_n--;
    if (!name_n) {
        r->comments++;
    } else if (name_n == 4 && !memcmp(line, "data", 4)) {
        if (r->n + value_n + 1 > sizeof r->data) abort();
        if (value_n) memcpy(r->data + r->n, value, value_n);
        r->n += value_n;
        r->data[r->n++] = '\n';
        r->has_data = true;
    } else if (name_n == 5 && !memcmp(line, "event", 5)) {
        if (value_n >= sizeof r->name) abort();
        memcpy(r->name, value, value_n);
        r->name[value_n] = 0;
    } else if (name_n == 2 && !memcmp(line, "id", 2) && !memchr(value, 0, value_n)) {
        if (value_n >= sizeof r->last_id) abort();
        memcpy(r->last_id, value, value_n);
        r->last_id[value_n] = 0;
    } else if (name_n == 5 && !memcmp(line, "retry", 5)) {
        r->retry_ms = atoi(value);
    }
}

static inline void sse_reader_end(struct sse_reader *r) {
    struct sse_seen seen = {.data = r->data, .n = r->n};
    strcpy(seen.name, *r->name ? r->name : "message");
    strcpy(seen.id, r->last_id);
    *r->name = 0;
    r->n = 0;
    if (!r->has_data) return;
    r->has_data = false;
    seen.data[--seen.n] = 0;
    r->events++;
    if (r->dispatch) r->dispatch(&seen, r->arg);
}

/* Whole lines; how many bytes they were. */
static inline size_t sse_reader_feed(struct sse_reader *r, const char *at, size_t n) {
    size_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] != '\n' && at[i] != '\r') continue;
        if (i == begin)
            sse_reader_end(r);
        else
            sse_reader_field(r, at + begin, i - begin);
        if (at[i] == '\r' && i + 1 < n && at[i + 1] == '\n') i++;
        begin = i + 1;
    }
    return begin;
}

#endif
