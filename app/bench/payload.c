#include <base/clock.h>
#include <base/why.h>
#include <bench/bench.h>
#include <bench/payload.h>
#include <stdlib.h>
#include <string.h>

#define HEAD   "{\"sent\":\""
#define MIDDLE "\",\"seen\":\""
#define TAIL   "\",\"pad\":\""

enum {
    DIGITS = 16,
    SENT_AT = sizeof HEAD - 1,
    SEEN_AT = SENT_AT + DIGITS + sizeof MIDDLE - 1,
    PAD_AT = SEEN_AT + DIGITS + sizeof TAIL - 1,
    LEAST = PAD_AT + 2,
};
_Static_assert((int)LEAST <= (int)BENCH_SIZE_LEAST, "the least size holds both stamps");

static void put_digits(char *at, int64_t value) {
    for (int i = DIGITS - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
}

static bool get_digits(const char *at, int64_t *value) {
    *value = 0;
    for (int i = 0; i < DIGITS; i++) {
        if (at[i] < '0' || at[i] > '9') return false;
        *value = *value * 10 + (at[i] - '0');
    }
    return true;
}

pouch_err bench_payload_init(struct bench_payload *p, size_t size) {
    p->n = size < BENCH_SIZE_LEAST ? BENCH_SIZE_LEAST : size;
    p->at = malloc(p->n);
    if (!p->at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    memset(p->at, 'x', p->n);
    memcpy(p->at, HEAD, sizeof HEAD - 1);
    put_digits(p->at + SENT_AT, 0);
    memcpy(p->at + SENT_AT + DIGITS, MIDDLE, sizeof MIDDLE - 1);
    put_digits(p->at + SEEN_AT, 0);
    memcpy(p->at + SEEN_AT + DIGITS, TAIL, sizeof TAIL - 1);
    memcpy(p->at + p->n - 2, "\"}", 2);
    return POUCH_OK;
}

void bench_payload_free(struct bench_payload *p) {
    free(p->at);
    p->at = NULL;
}

void bench_payload_stamp_sent(struct bench_payload *p) {
    put_digits(p->at + SENT_AT, pl_wall_us(&pl_clock_system));
}

static bool is_ours(const char *json, size_t n) {
    return n >= LEAST && !memcmp(json, HEAD, sizeof HEAD - 1) &&
           !memcmp(json + SENT_AT + DIGITS, MIDDLE, sizeof MIDDLE - 1) &&
           !memcmp(json + SEEN_AT + DIGITS, TAIL, sizeof TAIL - 1);
}

bool bench_payload_stamps(const char *json, size_t n, struct bench_stamps *stamps) {
    return is_ours(json, n) && get_digits(json + SENT_AT, &stamps->sent_us) &&
           get_digits(json + SEEN_AT, &stamps->seen_us) && stamps->seen_us > 0;
}

bool bench_payload_stamp_seen(char *json, size_t n) {
    if (!is_ours(json, n)) return false;
    put_digits(json + SEEN_AT, pl_wall_us(&pl_clock_system));
    return true;
}
