#include <store/trace_pack.h>
#include <string.h>

/* In front of a row's texts and payload. Rows begin at any byte, so it is copied in and out. */
struct head {
    uint64_t id;
    struct pl_uuid request_id;
    int64_t at_us, took_us, offset;
    size_t payload_n;
    int32_t partition;
    uint16_t texts[PL_TRACE_TEXTS];
    uint8_t by, response, success, payload;
};
_Static_assert(PL_TRACE_PACK_VERSION == 1 && sizeof(struct head) == 80, "another layout has another version");

static uint16_t measure_text(const char *text, size_t max) {
    return text ? (uint16_t)(strnlen(text, max) + 1) : 0;
}

void pl_trace_measure(struct pl_packing *p, const struct pl_trace *row) {
    const char *const texts[] = {row->publisher, row->topic, row->target, row->route, row->code, row->error};
    p->bytes = sizeof(struct head) + (row->payload ? row->payload_n : 0);
    for (size_t i = 0; i < PL_TRACE_TEXTS; i++) {
        p->texts[i] = measure_text(texts[i], i == PL_TRACE_TEXTS - 1 ? PL_TRACE_ERROR_MAX : UINT16_MAX - 1);
        p->bytes += p->texts[i];
    }
}

void pl_trace_pack(char *to, const struct pl_trace *row, const struct pl_packing *p) {
    const char *const texts[] = {row->publisher, row->topic, row->target, row->route, row->code, row->error};
    struct head h = {.id = row->id,
                     .request_id = row->request_id,
                     .at_us = row->at_us,
                     .took_us = row->took_us,
                     .offset = row->offset,
                     .payload_n = row->payload ? row->payload_n : 0,
                     .partition = row->partition,
                     .by = (uint8_t)row->by,
                     .response = row->response,
                     .success = row->success,
                     .payload = row->payload != NULL};
    memcpy(h.texts, p->texts, sizeof h.texts);
    memcpy(to, &h, sizeof h);
    to += sizeof h;
    for (size_t i = 0; i < PL_TRACE_TEXTS; i++) {
        if (!p->texts[i]) continue;
        memcpy(to, texts[i], p->texts[i] - 1U);
        to[p->texts[i] - 1] = '\0';
        to += p->texts[i];
    }
    if (h.payload_n) memcpy(to, row->payload, h.payload_n);
}

const char *pl_trace_unpack(const char *at, struct pl_trace *row) {
    struct head h;
    memcpy(&h, at, sizeof h);
    at += sizeof h;
    const char *texts[PL_TRACE_TEXTS];
    for (size_t i = 0; i < PL_TRACE_TEXTS; i++) {
        texts[i] = h.texts[i] ? at : NULL;
        at += h.texts[i];
    }
    *row = (struct pl_trace){.id = h.id,
                             .by = (enum pl_trace_by)h.by,
                             .response = h.response != 0,
                             .success = h.success != 0,
                             .request_id = h.request_id,
                             .at_us = h.at_us,
                             .took_us = h.took_us,
                             .publisher = texts[0],
                             .topic = texts[1],
                             .partition = h.partition,
                             .offset = h.offset,
                             .target = texts[2],
                             .route = texts[3],
                             .code = texts[4],
                             .error = texts[5],
                             .payload = h.payload ? at : NULL,
                             .payload_n = h.payload_n};
    return at + h.payload_n;
}

/* Where the row at `at` ends; NULL: it does not before `end`, or is none. */
static const char *end_of_row(const char *at, const char *end) {
    struct head h;
    if ((size_t)(end - at) < sizeof h) return NULL;
    memcpy(&h, at, sizeof h);
    at += sizeof h;
    if (h.by > PL_TRACE_WORKER) return NULL;
    for (size_t i = 0; i < PL_TRACE_TEXTS; i++) {
        if (!h.texts[i]) continue;
        if (h.texts[i] > end - at || memchr(at, '\0', h.texts[i]) != at + h.texts[i] - 1) return NULL;
        at += h.texts[i];
    }
    return h.payload_n <= (size_t)(end - at) ? at + h.payload_n : NULL;
}

bool pl_trace_check(const char *at, size_t n, uint64_t rows) {
    const char *end = at + n;
    for (; rows && at; rows--) at = end_of_row(at, end);
    return at == end;
}
