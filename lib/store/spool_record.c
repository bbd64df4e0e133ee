#include <store/spool_record.h>
#include <store/trace_pack.h>
#include <string.h>
#include <zlib.h>

/* Another layout of packed rows needs another mark, and is told of the file as well (spool_file.c). */
enum { MARK = 0x50535000 + PL_TRACE_PACK_VERSION };

struct head {
    uint32_t mark;
    uint32_t crc;      /* of what follows in the head */
    uint32_t rows_crc; /* of the rows */
    uint32_t bytes;
    uint64_t segment, before, rows, gap;
    int64_t from_us, to_us;
};
_Static_assert(sizeof(struct head) == PL_RECORD_HEAD, "a head has no padding");

static uint32_t sum(const void *at, size_t n) {
    return (uint32_t)crc32_z(0, at, n);
}

static uint32_t sum_head(const struct head *h) {
    return sum(&h->rows_crc, sizeof *h - offsetof(struct head, rows_crc));
}

size_t pl_record_room(const struct pl_record *r) {
    return PL_RECORD_HEAD + (((size_t)r->bytes + PL_RECORD_ALIGN - 1) & ~(size_t)(PL_RECORD_ALIGN - 1));
}

void pl_record_write(char head[PL_RECORD_HEAD], const struct pl_record *r, const char *rows) {
    struct head h = {.mark = MARK,
                     .rows_crc = sum(rows, r->bytes),
                     .bytes = r->bytes,
                     .segment = r->segment,
                     .before = r->before,
                     .rows = r->rows,
                     .gap = r->gap,
                     .from_us = r->from_us,
                     .to_us = r->to_us};
    h.crc = sum_head(&h);
    memcpy(head, &h, sizeof h);
}

bool pl_record_read(struct pl_record *r, const char head[PL_RECORD_HEAD], uint64_t segment) {
    struct head h;
    memcpy(&h, head, sizeof h);
    if (h.mark != MARK || h.segment != segment || h.crc != sum_head(&h)) return false;
    *r = (struct pl_record){.segment = h.segment,
                            .before = h.before,
                            .rows = h.rows,
                            .gap = h.gap,
                            .from_us = h.from_us,
                            .to_us = h.to_us,
                            .bytes = h.bytes};
    return true;
}

bool pl_record_holds(const char head[PL_RECORD_HEAD], const char *rows) {
    struct head h;
    memcpy(&h, head, sizeof h);
    return h.rows_crc == sum(rows, h.bytes) && (h.gap ? h.bytes == 0 : pl_trace_check(rows, h.bytes, h.rows));
}
