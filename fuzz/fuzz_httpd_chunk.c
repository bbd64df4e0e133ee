/*
 * A body in chunks, whole, cut after every byte, and cut at one place: the same content comes out, within its room, and
 * the same status.
 */
#include <httpd/chunk.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROOM = 4096 };

struct outcome {
    int status;
    size_t used, n;
    uint64_t sum; /* of the content */
};

static void require(bool truth) {
    if (!truth) abort();
}

static void read_piece(struct httpd_chunks *c, struct outcome *o, const char *at, size_t n) {
    size_t end = o->used + n;
    while (!o->status && o->used < end) {
        size_t used;
        struct httpd_span data;
        o->status = httpd_chunks_read(c, at + o->used, end - o->used, &used, &data);
        require(used > 0 && used <= end - o->used && data.n <= used);
        require(!data.n || (data.at >= at + o->used && data.at + data.n <= at + o->used + used));
        for (size_t i = 0; i < data.n; i++) o->sum = o->sum * 31 + (unsigned char)data.at[i];
        o->n += data.n;
        o->used += used;
    }
}

static struct outcome read_cut(const char *at, size_t n, size_t first, size_t step) {
    struct httpd_chunks c = {.room = ROOM};
    struct outcome o = {0};
    for (size_t end = first; !o.status && o.used < n; end = o.used + step)
        read_piece(&c, &o, at, (end < n ? end : n) - o.used);
    require(o.n <= ROOM);
    return o;
}

static bool same(struct outcome a, struct outcome b) {
    return a.status == b.status && a.used == b.used && a.n == b.n && a.sum == b.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2) return 0;
    const char *at = (const char *)data + 1;
    n--;
    struct outcome whole = read_cut(at, n, n, n);
    require(same(whole, read_cut(at, n, 1, 1)));
    require(same(whole, read_cut(at, n, (size_t)data[0] % n + 1, n)));
    require(whole.status != 200 || (whole.used >= 5 && !memcmp(at + whole.used - 2, "\r\n", 2)));
    return 0;
}
