#include <store/spool_record.h>
#include <store/spool_state.h>
#include <store/trace_pack.h>

enum { RECORD_BYTES = 128 * 1024 }; /* rows of a record: what one that is damaged costs */

/* The head goes last: where it is whole so are the rows, however the process ends. */
static pouch_err write_record(struct pl_spool *s, const struct pl_record *r, const char *rows) {
    char head[PL_RECORD_HEAD];
    pl_record_write(head, r, rows);
    pouch_err e = pl_segment_write(s->out, rows, r->bytes, s->newest->end + sizeof head);
    return e ? e : pl_segment_write(s->out, head, sizeof head, s->newest->end);
}

static pouch_err append(struct pl_spool *s, struct pl_record *r, const char *rows) {
    size_t room = pl_record_room(r);
    pouch_err e = POUCH_OK;
    if (!s->newest || s->newest->end + room > s->newest->size) e = pl_spool_begin(s, room);
    if (e) return e;
    struct pl_segment *g = s->newest;
    r->segment = g->number;
    r->before = g->all.rows;
    e = write_record(s, r, rows);
    if (e) return e;
    pthread_mutex_lock(&s->lock);
    g->end += room;
    if (!r->gap) pl_gap_add(&g->all, r->from_us, r->to_us, r->rows);
    pthread_mutex_unlock(&s->lock);
    pl_spool_count(s, (int64_t)room);
    return POUCH_OK;
}

/* As many of the rows as make a record, one at least; where the next one begins. */
static const char *cut(struct pl_record *r, const char *at, size_t rows) {
    struct pl_gap span = {0};
    const char *end = at;
    while (span.rows < rows) {
        struct pl_trace row;
        const char *next = pl_trace_unpack(end, &row);
        if (span.rows && next - at > RECORD_BYTES) break;
        pl_gap_add(&span, row.at_us, row.at_us, 1);
        end = next;
    }
    *r = (struct pl_record){
        .rows = span.rows, .from_us = span.from_us, .to_us = span.to_us, .bytes = (uint32_t)(end - at)};
    return end;
}

pouch_err pl_spool_put(struct pl_spool *s, const struct pl_trace_batch *batch, struct pl_gap *left) {
    const char *at = batch->at;
    pouch_err e = POUCH_OK;
    struct pl_record r;
    for (size_t rows = batch->rows; rows; rows -= r.rows) {
        const char *end = cut(&r, at, rows);
        if (!e) e = append(s, &r, at);
        if (e) pl_gap_add(left, r.from_us, r.to_us, r.rows);
        at = end;
    }
    return e;
}

pouch_err pl_spool_put_gap(struct pl_spool *s, const struct pl_gap *gap) {
    struct pl_record r = {.rows = gap->rows, .gap = gap->id, .from_us = gap->from_us, .to_us = gap->to_us};
    return append(s, &r, "");
}
