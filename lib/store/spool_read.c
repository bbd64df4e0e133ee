#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/spool_record.h>
#include <store/spool_state.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCAN_BYTES = 64 * 1024 }; /* a step of looking for a record */

struct view { /* the oldest segment as the writer has left it by now */
    struct pl_segment *segment;
    size_t end;
    struct pl_gap all;
    bool done; /* nothing more will be put in it */
};

static struct view look(struct pl_spool *s) {
    struct view v = {0};
    pthread_mutex_lock(&s->lock);
    struct pl_segment *g = s->oldest;
    if (g) v = (struct view){g, g->end, g->all, g->next || g->found};
    pthread_mutex_unlock(&s->lock);
    return v;
}

/* A file that is gone is entered as well, so that what was in it is counted. */
static pouch_err enter(struct pl_spool *s, const struct view *v) {
    char path[PATH_MAX];
    pl_spool_path(path, s, v->segment->number);
    s->in = open(path, O_RDWR | O_CLOEXEC);
    if (s->in < 0 && errno != ENOENT)
        return pl_fail(POUCH_E_STORE, "spool file %s cannot be read: %s", path, strerror(errno));
    const struct pl_mark first = {.at = PL_SEGMENT_HEAD}, mark = s->in < 0 ? first : pl_segment_mark(s->in);
    s->entered = true;
    s->entered_us = pl_wall_us(&pl_clock_system);
    s->at = mark.at <= v->end ? mark : first;
    pl_spool_count(s, -(int64_t)(s->at.at - PL_SEGMENT_HEAD));
    return POUCH_OK;
}

/* ---- damage ---- */

/* Counts rows, one at least, that began after the last one that was read; the same for the same place each time. */
static void lose(struct pl_spool *s, const struct view *v, struct pl_spool_rows *out, int64_t until_us, uint64_t rows) {
    int64_t from_us = s->last_us && s->last_us < until_us ? s->last_us : until_us;
    s->damaged += rows ? rows : 1;
    pl_gap_add(&out->gap, from_us, until_us, rows ? rows : 1);
    out->gap.id = (s->place.store ^ (uint64_t)s->slot << 48 ^ v->segment->number << 24 ^ s->ahead.at) | 1;
}

static uint64_t rows_since(const struct pl_spool *s, uint64_t row) {
    return row > s->ahead.row ? row - s->ahead.row : 0;
}

/*
 * When the file was written last, for rows that nothing tells the time of; the same as long as nothing more is done
 * with it.
 */
static int64_t written_us(const struct pl_spool *s) {
    struct stat file;
    if (s->in < 0 || fstat(s->in, &file)) return s->entered_us;
    return (int64_t)file.st_mtim.tv_sec * 1000000 + file.st_mtim.tv_nsec / 1000;
}

/* The rest of the file cannot be read. */
static void lose_rest(struct pl_spool *s, const struct view *v, struct pl_spool_rows *out) {
    lose(s, v, out, v->all.rows ? v->all.to_us : written_us(s), rows_since(s, v->all.rows));
    s->ahead.at = v->end;
}

/* The next place at which a record begins; v->end: none does. */
static pouch_err scan(struct pl_spool *s, const struct view *v, struct pl_record *r, size_t *found) {
    char *chunk = malloc(SCAN_BYTES);
    if (!chunk) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading a spool");
    *found = v->end;
    for (size_t at = s->ahead.at + PL_RECORD_ALIGN; *found == v->end && at + PL_RECORD_HEAD <= v->end;) {
        size_t n = v->end - at < SCAN_BYTES ? v->end - at : SCAN_BYTES, i = 0;
        if (pl_segment_read(s->in, chunk, n, at)) break;
        for (; i + PL_RECORD_HEAD <= n; i += PL_RECORD_ALIGN) {
            if (!pl_record_read(r, chunk + i, v->segment->number)) continue;
            *found = at + i;
            break;
        }
        at += i;
    }
    free(chunk);
    return POUCH_OK;
}

/* Goes on behind a head that is not whole. In a file that was found, that may be where its writer stopped. */
static pouch_err pass_damage(struct pl_spool *s, const struct view *v, struct pl_spool_rows *out) {
    struct pl_record r;
    size_t found;
    pouch_err e = scan(s, v, &r, &found);
    if (e) return e;
    if (found < v->end) {
        lose(s, v, out, r.from_us, rows_since(s, r.before));
        s->ahead.row = r.before;
        s->ahead.at = found;
    } else if (v->segment->found) {
        s->ahead.at = v->end;
    } else {
        lose_rest(s, v, out);
    }
    return POUCH_OK;
}

/* ---- reading ---- */

/* Appends the record's rows to those that were read. */
static pouch_err read_rows(struct pl_spool *s, const struct view *v, const struct pl_record *r,
                           const char head[PL_RECORD_HEAD], struct pl_spool_rows *out) {
    pouch_err e = pl_buf_reserve(&s->read, r->bytes);
    if (e) return e;
    char *to = s->read.at + s->read.len;
    if (!pl_segment_read(s->in, to, r->bytes, s->ahead.at + PL_RECORD_HEAD) && pl_record_holds(head, to)) {
        s->read.len += r->bytes;
        out->batch.rows += r->rows;
    } else {
        lose(s, v, out, r->to_us, r->rows);
    }
    s->last_us = r->to_us;
    s->ahead.row = r->before + r->rows;
    s->ahead.at += pl_record_room(r);
    return POUCH_OK;
}

static void read_gap(struct pl_spool *s, const struct pl_record *r, struct pl_spool_rows *out) {
    out->gap = (struct pl_gap){.from_us = r->from_us, .to_us = r->to_us, .rows = r->rows, .id = r->gap};
    s->ahead.at += pl_record_room(r);
}

/* One record. *more: the next one may go with it. */
static pouch_err read_record(struct pl_spool *s, const struct view *v, struct pl_spool_rows *out, bool *more) {
    char head[PL_RECORD_HEAD];
    struct pl_record r;
    size_t left = v->end - s->ahead.at;
    pouch_err e = POUCH_OK;
    if (s->in < 0 || (left >= sizeof head && pl_segment_read(s->in, head, sizeof head, s->ahead.at)))
        lose_rest(s, v, out);
    else if (left < sizeof head)
        s->ahead.at = v->end;
    else if (!pl_record_read(&r, head, v->segment->number) || pl_record_room(&r) > left)
        e = pass_damage(s, v, out);
    else if (!r.gap)
        e = read_rows(s, v, &r, head, out);
    else if (!out->batch.rows)
        read_gap(s, &r, out);
    else
        *more = false;
    if (out->gap.rows) *more = false;
    return e;
}

static pouch_err read_on(struct pl_spool *s, const struct view *v, size_t bytes, struct pl_spool_rows *out) {
    s->ahead = s->at;
    s->damaged = 0;
    pl_buf_reset(&s->read);
    pouch_err e = POUCH_OK;
    for (bool more = true; more && !e && s->ahead.at < v->end && s->read.len < bytes;)
        e = read_record(s, v, out, &more);
    out->batch.at = s->read.at;
    out->batch.again = true;
    return e;
}

static bool is_none(const struct pl_spool_rows *rows) {
    return !rows->batch.rows && !rows->gap.rows;
}

pouch_err pl_spool_next(struct pl_spool *s, size_t bytes, struct pl_spool_rows *rows) {
    for (;;) {
        *rows = (struct pl_spool_rows){0};
        struct view v = look(s);
        if (!v.segment) break;
        pouch_err e = s->entered ? POUCH_OK : enter(s, &v);
        if (!e && s->at.at < v.end) e = read_on(s, &v, bytes, rows);
        if (e || !is_none(rows)) return e;
        if (!v.done) break;
        if (s->at.at < v.end) pl_spool_done(s);
        pl_spool_leave(s);
    }
    pl_buf_free(&s->read);
    return POUCH_OK;
}

static void tell_damage(struct pl_spool *s) {
    char path[PATH_MAX], place[24], rows[24];
    pl_spool_path(path, s, s->oldest->number);
    snprintf(place, sizeof place, "%zu", s->at.at);
    snprintf(rows, sizeof rows, "%" PRIu64, s->damaged);
    PL_LOG(PL_LOG_ERROR, "a spool file is damaged", "file", path, "at", place, "missing", rows);
    pl_metric_add(PL_M_TRACE_MISSING, (int64_t)s->damaged);
    s->damaged = 0;
}

void pl_spool_done(struct pl_spool *s) {
    if (s->damaged) tell_damage(s);
    pl_spool_count(s, -(int64_t)(s->ahead.at - s->at.at));
    s->at = s->ahead;
    if (s->in >= 0 && pl_segment_set_mark(s->in, &s->at))
        PL_LOG(PL_LOG_WARN, "after a restart some trace rows will be written again", "why", pouch_why());
}
