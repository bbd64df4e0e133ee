#include <base/why.h>
#include <metrics/histogram.h>
#include <metrics/sketch.h>
#include <stdbool.h>
#include <stdlib.h>

/* Encoded, it is this byte and a pair of numbers for each bucket: its own, and how many values it has. */
enum { FORMAT = 1, FIRST_CAP = 16, NUMBER_MAX = 10 };

/* More than these no program counts, and a double holds them all; so counts that were read cannot overflow a sum. */
#define COUNT_MAX (UINT64_C(1) << 53)

void pl_sketch_free(struct pl_sketch *s) {
    free(s->slots);
    *s = (struct pl_sketch){0};
}

/* The bucket's slot, or the free one where it belongs. Half of them are always free. */
static struct pl_sketch_slot *slot_of(const struct pl_sketch *s, uint32_t bucket) {
    size_t i = bucket * UINT32_C(0x9e3779b1) & (s->cap - 1);
    while (s->slots[i].n && s->slots[i].bucket != bucket) i = (i + 1) & (s->cap - 1);
    return &s->slots[i];
}

static pouch_err grow(struct pl_sketch *s) {
    struct pl_sketch to = {.cap = s->cap ? 2 * s->cap : FIRST_CAP, .used = s->used, .count = s->count};
    to.slots = calloc(to.cap, sizeof *to.slots);
    if (!to.slots) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a histogram of %zu buckets", to.cap);
    for (size_t i = 0; i < s->cap; i++)
        if (s->slots[i].n) *slot_of(&to, s->slots[i].bucket) = s->slots[i];
    free(s->slots);
    *s = to;
    return POUCH_OK;
}

static pouch_err add(struct pl_sketch *s, uint32_t bucket, uint64_t n) {
    pouch_err e = 2 * (s->used + 1) > s->cap ? grow(s) : POUCH_OK;
    if (e) return e;
    struct pl_sketch_slot *slot = slot_of(s, bucket);
    s->used += !slot->n;
    s->count += n;
    slot->bucket = bucket;
    slot->n += n;
    return POUCH_OK;
}

pouch_err pl_sketch_add(struct pl_sketch *s, int64_t value) {
    return add(s, pl_histogram_bucket(value < 0 ? 0 : value), 1);
}

/* ---- stored ---- */

/* Seven bits a byte, the lowest first; all but the last byte have the eighth set. */
static size_t put_number(unsigned char *to, uint64_t number) {
    size_t n = 0;
    for (; number > 0x7f; number >>= 7) to[n++] = (unsigned char)(number | 0x80);
    to[n++] = (unsigned char)number;
    return n;
}

static const unsigned char *get_number(const unsigned char *at, const unsigned char *end, uint64_t *number) {
    *number = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        *number |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80)) return at;
    }
    return NULL;
}

pouch_err pl_sketch_encode(const struct pl_sketch *s, struct pl_buf *out) {
    size_t before = out->len;
    pouch_err e = pl_buf_reserve(out, 1 + s->used * 2 * NUMBER_MAX);
    if (!e) e = pl_buf_putc(out, FORMAT);
    for (size_t i = 0; i < s->cap && !e; i++) {
        unsigned char pair[2 * NUMBER_MAX];
        if (!s->slots[i].n) continue;
        size_t n = put_number(pair, s->slots[i].bucket);
        n += put_number(pair + n, s->slots[i].n);
        e = pl_buf_append(out, pair, n);
    }
    if (e) out->len = before;
    return e;
}

pouch_err pl_sketch_merge(struct pl_sketch *s, const void *encoded, size_t n) {
    const unsigned char *at = encoded, *end = at + n;
    const uint64_t last = pl_histogram_bucket(INT64_MAX);
    bool readable = n && *at++ == FORMAT;
    while (readable && at < end) {
        uint64_t bucket, values;
        at = get_number(at, end, &bucket);
        if (at) at = get_number(at, end, &values);
        readable = at && bucket <= last && values && values <= COUNT_MAX && s->count <= COUNT_MAX - values;
        pouch_err e = readable ? add(s, (uint32_t)bucket, values) : POUCH_OK;
        if (e) return e;
    }
    return readable ? POUCH_OK : pl_fail(POUCH_E_STORE, "a stored histogram of %zu bytes cannot be read", n);
}

/* ---- read ---- */

static uint64_t count_upto(const struct pl_sketch *s, uint32_t bucket) {
    uint64_t n = 0;
    for (size_t i = 0; i < s->cap; i++)
        if (s->slots[i].bucket <= bucket) n += s->slots[i].n;
    return n;
}

/*
 * The lowest bucket that enough values are not above. The slots have no order, and some sixteen looks at all need none.
 */
int64_t pl_sketch_quantile(const struct pl_sketch *s, double q) {
    if (!s->count) return 0;
    double rank = q * (double)s->count;
    uint32_t low = 0, high = pl_histogram_bucket(INT64_MAX);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t n = count_upto(s, middle);
        if (n && (double)n >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    return pl_histogram_bucket_top(low);
}
