/* Begin and end of the partitions of a report: each is asked for once, however many groups read it. */
#include <base/why.h>
#include <cluster/edges.h>
#include <cluster/lag_state.h>
#include <stdlib.h>

static size_t collect(const struct pl_lag_report *r, struct pl_edge *edges) {
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->groups[i].n; k++)
            edges[n++] = (struct pl_edge){.topic = r->groups[i].at[k].topic, .partition = r->groups[i].at[k].partition};
    return pl_edges_unique(edges, n);
}

static void fill(struct pl_lag_report *r, struct pl_edge *edges, size_t n) {
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->groups[i].n; k++) {
            struct pl_lag *row = &r->groups[i].at[k];
            const struct pl_edge *edge = pl_edges_find(edges, n, row->topic, row->partition);
            row->begin = edge->begin;
            row->end = edge->end;
        }
}

pouch_err pl_lag_ask_edges(rd_kafka_t *rk, struct pl_lag_report *r, int64_t until_us) {
    size_t rows = 0;
    for (size_t i = 0; i < r->n; i++) rows += r->groups[i].n;
    if (!rows) return POUCH_OK;
    struct pl_edge *edges = calloc(rows, sizeof *edges);
    if (!edges) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the offsets of %zu partitions", rows);
    size_t n = collect(r, edges);
    pouch_err e = pl_edges_ask(rk, edges, n, -1, until_us);
    if (!e) fill(r, edges, n);
    free(edges);
    return e;
}
