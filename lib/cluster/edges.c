#include <cluster/edges.h>
#include <cluster/metadata.h>
#include <cluster/until.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS_A_REQUEST = 5000, REQUEST_MS = 5000 };

/* ---- order ---- */

static int by_place(const void *a, const void *b) {
    const struct pl_edge *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int by_leader(const void *a, const void *b) {
    const struct pl_edge *x = a, *y = b;
    if (x->leader != y->leader) return x->leader < y->leader ? -1 : 1;
    return by_place(a, b);
}

size_t pl_edges_unique(struct pl_edge *edges, size_t n) {
    size_t unique = 0;
    if (n) qsort(edges, n, sizeof *edges, by_place);
    for (size_t i = 0; i < n; i++)
        if (!unique || by_place(&edges[unique - 1], &edges[i])) edges[unique++] = edges[i];
    return unique;
}

struct pl_edge *pl_edges_find(struct pl_edge *edges, size_t n, const char *topic, int32_t partition) {
    const struct pl_edge key = {.topic = topic, .partition = partition};
    return n ? bsearch(&key, edges, n, sizeof key, by_place) : NULL;
}

/* ---- asking ---- */

static pouch_err find_leaders(rd_kafka_t *rk, struct pl_edge *edges, size_t n, int timeout) {
    const rd_kafka_metadata_t *md;
    pouch_err e = pl_metadata_all(rk, &md, timeout);
    if (e) return e;
    for (int t = 0; t < md->topic_cnt; t++)
        for (int p = 0; p < md->topics[t].partition_cnt; p++) {
            const rd_kafka_metadata_partition_t *m = &md->topics[t].partitions[p];
            struct pl_edge *edge = pl_edges_find(edges, n, md->topics[t].topic, m->id);
            if (edge) edge->leader = m->leader;
        }
    rd_kafka_metadata_destroy(md);
    return POUCH_OK;
}

static void keep(struct pl_edge *edge, int64_t asked, int64_t answer) {
    if (asked == RD_KAFKA_OFFSET_BEGINNING)
        edge->begin = answer;
    else if (asked == RD_KAFKA_OFFSET_END)
        edge->end = answer;
    else
        edge->since = answer;
}

/* Half of the time, so that leaders which come after one that does not answer are still asked. */
static int share_ms(int64_t until_us) {
    int left = pl_left_ms(until_us);
    return pl_at_most(left > 1 ? left / 2 : 1, REQUEST_MS);
}

/* asked: an edge, which has its number among timestamps, or a time in ms. Whether there was an answer. */
static bool ask(rd_kafka_t *rk, struct pl_edge *edges, size_t n, int64_t asked, int64_t until_us) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, edges[i].topic, edges[i].partition)->offset = asked;
    rd_kafka_resp_err_t e = rd_kafka_offsets_for_times(rk, list, share_ms(until_us));
    for (size_t i = 0; !e && i < n; i++)
        if (!list->elems[i].err) keep(&edges[i], asked, list->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(list);
    return !e;
}

static void ask_leader(rd_kafka_t *rk, struct pl_edge *edges, size_t n, int64_t since_ms, int64_t until_us) {
    bool answers = ask(rk, edges, n, RD_KAFKA_OFFSET_END, until_us);
    if (answers) answers = ask(rk, edges, n, RD_KAFKA_OFFSET_BEGINNING, until_us);
    if (answers && since_ms >= 0) ask(rk, edges, n, since_ms, until_us);
}

pouch_err pl_edges_ask(rd_kafka_t *rk, struct pl_edge *edges, size_t n, int64_t since_ms, int64_t until_us) {
    for (size_t i = 0; i < n; i++) {
        edges[i].leader = -1;
        edges[i].begin = edges[i].end = -1;
        edges[i].since = PL_EDGE_UNKNOWN;
    }
    if (!n) return POUCH_OK;
    qsort(edges, n, sizeof *edges, by_place);
    pouch_err e = find_leaders(rk, edges, n, pl_left_ms(until_us));
    if (e) return e;
    qsort(edges, n, sizeof *edges, by_leader);
    for (size_t from = 0, to; from < n && !pl_is_past(until_us); from = to) {
        for (to = from; to < n && edges[to].leader == edges[from].leader && to - from < PARTITIONS_A_REQUEST;) to++;
        if (edges[from].leader >= 0) ask_leader(rk, edges + from, to - from, since_ms, until_us);
    }
    qsort(edges, n, sizeof *edges, by_place);
    return POUCH_OK;
}
