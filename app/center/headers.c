#include <base/why.h>
#include <center/headers.h>
#include <inttypes.h>
#include <letter/retry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const rd_kafka_headers_t *center_headers_of(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *list;
    return rd_kafka_message_headers(m, &list) ? NULL : list;
}

static size_t count(const rd_kafka_headers_t *list) {
    return list ? rd_kafka_header_cnt(list) : 0;
}

static struct pl_header header_at(const rd_kafka_headers_t *list, size_t i) {
    struct pl_header h = {0};
    rd_kafka_header_get_all(list, i, &h.name, &h.value, &h.n);
    return h;
}

static bool is(const struct pl_header *h, const char *name) {
    return !strcmp(h->name, name);
}

/* The first of its name counts; what is no number counts as absent. */
void center_facts_read(struct center_facts *f, const rd_kafka_headers_t *came) {
    static const char none[] = "none";
    bool deadline = false, hop = false, reply = false;
    size_t n = count(came);
    *f = (struct center_facts){.wants_reply = true};
    for (size_t i = 0; i < n; i++) {
        struct pl_header h = header_at(came, i);
        int64_t value = 0;
        if (!deadline && is(&h, PL_H_DEADLINE)) {
            deadline = true;
            if (pl_header_number(&value, h.value, h.n))
                f->deadline_ms = value < PL_DEADLINE_MOST ? value : PL_DEADLINE_MOST;
        } else if (!hop && is(&h, PL_H_HOP)) {
            hop = true;
            if (pl_header_number(&value, h.value, h.n)) f->hop = value < PL_HOPS_MAX ? (int)value : PL_HOPS_MAX;
        } else if (!reply && is(&h, PL_H_REPLY)) {
            reply = true;
            f->wants_reply = h.n != sizeof none - 1 || memcmp(h.value, none, h.n) != 0;
        }
    }
}

void center_headers_free(struct center_headers *h) {
    free(h->at);
    *h = (struct center_headers){0};
}

static pouch_err reserve(struct center_headers *h, size_t n) {
    if (n <= h->cap) return POUCH_OK;
    struct pl_header *at = reallocarray(h->at, n, sizeof *at);
    if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu record headers", n);
    h->at = at;
    h->cap = n;
    return POUCH_OK;
}

static void add(struct center_headers *h, const char *name, const char *text) {
    h->at[h->n++] = (struct pl_header){name, text, strlen(text)};
}

static void add_branch(struct center_headers *h, const struct center_branch *b) {
    snprintf(h->fanout, sizeof h->fanout, "%u/%u", (unsigned)b->index + 1, (unsigned)b->n);
    add(h, PL_H_FANOUT, h->fanout);
    add(h, PL_H_TARGET, b->target);
}

static bool tells_of_one_hop(const struct pl_header *h, bool several) {
    if (!strncmp(h->name, PL_H_RETRY, sizeof PL_H_RETRY - 1)) return true; /* the service counts its tries itself */
    if (is(h, PL_H_SOURCE) || is(h, PL_H_HOP) || is(h, PL_H_TRACEPARENT)) return true;
    return several && (is(h, PL_H_FANOUT) || is(h, PL_H_TARGET));
}

enum { OURS = 5 };

pouch_err center_headers_forward(struct center_headers *h, const rd_kafka_headers_t *came, const char *source, int hop,
                                 const struct center_branch *branch, struct center_spans *spans) {
    size_t n = count(came);
    struct pl_header parent = {0};
    bool several = branch->n > 1;
    pouch_err e = reserve(h, n + OURS);
    if (e) return e;
    h->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct pl_header one = header_at(came, i);
        if (!tells_of_one_hop(&one, several))
            h->at[h->n++] = one;
        else if (!parent.name && is(&one, PL_H_TRACEPARENT))
            parent = one;
    }
    add(h, PL_H_SOURCE, source);
    *pl_decimal_write(h->hop, hop) = 0;
    add(h, PL_H_HOP, h->hop);
    if (several) add_branch(h, branch);
    center_trace_parent(h->parent, parent.value, parent.n, spans);
    add(h, PL_H_TRACEPARENT, h->parent);
    return POUCH_OK;
}

static bool is_echoed(const struct pl_header *h, bool several) {
    if (is(h, PL_H_TRACEPARENT) || is(h, PL_H_TRACESTATE)) return true;
    return !several && (is(h, PL_H_FANOUT) || is(h, PL_H_TARGET));
}

pouch_err center_headers_answer(struct center_headers *h, const rd_kafka_headers_t *came,
                                const struct center_branch *branch) {
    size_t n = count(came);
    pouch_err e = reserve(h, n + OURS);
    if (e) return e;
    h->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct pl_header one = header_at(came, i);
        if (is_echoed(&one, branch->n > 1)) h->at[h->n++] = one;
    }
    if (branch->n > 1) add_branch(h, branch);
    return POUCH_OK;
}
