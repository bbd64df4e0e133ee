#include <admin/anytext.h>
#include <admin/hops.h>
#include <stdlib.h>
#include <string.h>

/* A row that tells only of a beginning. */
static bool begins(const struct pl_trace *row) {
    return !row->response && row->by != PL_TRACE_CENTER;
}

/* A row that tells of an end and how long it took until then. */
static bool is_end(const struct pl_trace *row) {
    return row->response && row->by != PL_TRACE_CENTER;
}

static bool same_record(const struct pl_trace *a, const struct pl_trace *b) {
    return a->offset == b->offset && a->partition == b->partition && a->topic && b->topic &&
           !strcmp(a->topic, b->topic);
}

/* The row in which the end of what `row` begins is told; NULL: none. A client has one call a request. */
static const struct pl_trace *end_of(const struct pl_trace *row, const struct pl_trace *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].by == row->by && rows[i].response && (row->by == PL_TRACE_CLIENT || same_record(row, &rows[i])))
            return &rows[i];
    return NULL;
}

static bool is_told(const struct admin_hop *hops, size_t n, const struct pl_trace *end) {
    for (size_t i = 0; i < n; i++)
        if (hops[i].ended_by == end) return true;
    return false;
}

static struct admin_hop hop_begun(const struct pl_trace *row) {
    bool ended = row->by == PL_TRACE_CENTER || !row->success;
    return (struct admin_hop){
        .by = row->by,
        .from = row->by == PL_TRACE_CLIENT ? NULL : row->topic,
        .to = row->by == PL_TRACE_CLIENT ? row->topic : row->target,
        .start_us = row->at_us,
        .took_us = ended && row->took_us < 0 ? 0 : row->took_us,
        .end = !row->success ? ADMIN_HOP_FAILED
               : ended       ? ADMIN_HOP_OK
                             : ADMIN_HOP_OPEN,
        .code = row->code,
        .error = row->error,
    };
}

/*
 * at_us of a response is its end; its length tells the beginning better than the row of the beginning, which may be
 * missing.
 */
static void hop_end(struct admin_hop *hop, const struct pl_trace *end) {
    int64_t since_us = end->at_us > hop->start_us ? end->at_us - hop->start_us : 0;
    hop->took_us = end->took_us >= 0 ? end->took_us : since_us;
    hop->start_us = end->at_us - hop->took_us;
    hop->end = end->success ? ADMIN_HOP_OK : ADMIN_HOP_FAILED;
    hop->ended_by = end;
    hop->code = end->code;
    hop->error = end->error;
    if (end->by != PL_TRACE_CLIENT && end->target) hop->to = end->target;
}

/* Without the beginning; a client's topic is then the one that the reply came from. */
static struct admin_hop hop_of_end(const struct pl_trace *end) {
    struct admin_hop hop = {.by = end->by, .from = end->topic, .start_us = end->at_us};
    hop_end(&hop, end);
    return hop;
}

static int in_order(const void *a, const void *b) {
    const struct admin_hop *x = a, *y = b;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    return (int)x->by - (int)y->by;
}

size_t admin_hops_of(struct admin_hop *hops, const struct pl_trace *rows, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_end(&rows[i])) continue;
        const struct pl_trace *end = begins(&rows[i]) ? end_of(&rows[i], rows, n) : NULL;
        hops[count] = hop_begun(&rows[i]);
        if (end) hop_end(&hops[count], end);
        count++;
    }
    for (size_t i = 0; i < n; i++)
        if (is_end(&rows[i]) && !is_told(hops, count, &rows[i])) hops[count++] = hop_of_end(&rows[i]);
    qsort(hops, count, sizeof *hops, in_order);
    return count;
}

const char *admin_by_text(enum pl_trace_by by) {
    static const char *const names[] = {
        [PL_TRACE_CLIENT] = "client", [PL_TRACE_CENTER] = "center", [PL_TRACE_WORKER] = "worker"};
    return names[by];
}

int64_t admin_hop_end_us(const struct admin_hop *hop) {
    return hop->start_us + (hop->took_us > 0 ? hop->took_us : 0);
}

int64_t admin_hops_span_us(const struct admin_hop *hops, size_t n) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        if (hops[i].start_us < first) first = hops[i].start_us;
        if (admin_hop_end_us(&hops[i]) > last) last = admin_hop_end_us(&hops[i]);
    }
    return n ? last - first : 0;
}

static const char *end_text(const struct admin_hop *hop) {
    static const char *const names[] = {
        [ADMIN_HOP_OK] = "ok", [ADMIN_HOP_FAILED] = "failed", [ADMIN_HOP_OPEN] = "open"};
    return names[hop->end];
}

json_t *admin_hop_json(const struct admin_hop *hop) {
    return json_pack("{s:s,s:o,s:o,s:I,s:o,s:s,s:o,s:o}", "by", admin_by_text(hop->by), "from",
                     admin_anytext_of(hop->from), "to", admin_anytext_of(hop->to), "start_us",
                     (json_int_t)hop->start_us, "took_us", hop->took_us < 0 ? json_null() : json_integer(hop->took_us),
                     "end", end_text(hop), "code", admin_anytext_of(hop->code), "error", admin_anytext_of(hop->error));
}
