#include <base/clock.h>
#include <base/hex.h>
#include <center/trace_parent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

/* version-trace-span-flags: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 */
enum { TRACE_AT = 3, TRACE_N = 32, SPAN_AT = 36, SPAN_N = 16, FLAGS_AT = 53, WHOLE = 55 };

void center_spans_init(struct center_spans *s) {
    if (getrandom(&s->state, sizeof s->state, 0) != sizeof s->state)
        s->state = (uint64_t)pl_mono_us(&pl_clock_system) << 20;
}

/* splitmix64: each of the 2^64 values once. Never 0, which stands for no id. */
static uint64_t next(struct center_spans *s) {
    uint64_t z;
    do {
        z = s->state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
    } while (!z);
    return z;
}

static void put_id(char *at, struct center_spans *s) {
    uint64_t id = next(s);
    uint8_t bytes[sizeof id];
    memcpy(bytes, &id, sizeof id);
    pl_hex_encode(at, bytes, sizeof bytes);
}

/* Lower-case digits, and not all of them 0 where none says so. */
static bool is_id(const char *at, size_t n, bool none_allowed) {
    bool any = none_allowed;
    for (size_t i = 0; i < n; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f'))) return false;
        any |= at[i] != '0';
    }
    return any;
}

/* A version that we do not know may be longer; what it begins with is what we know. */
static bool readable(const char *came, size_t n) {
    if (n < WHOLE || !is_id(came, 2, true) || !memcmp(came, "ff", 2)) return false;
    bool known = !memcmp(came, "00", 2);
    if (n > WHOLE && (known || came[WHOLE] != '-')) return false;
    return came[2] == '-' && came[SPAN_AT - 1] == '-' && came[FLAGS_AT - 1] == '-' &&
           is_id(came + TRACE_AT, TRACE_N, false) && is_id(came + SPAN_AT, SPAN_N, false) &&
           is_id(came + FLAGS_AT, 2, true);
}

void center_trace_parent(char out[CENTER_PARENT_MAX], const void *came, size_t n, struct center_spans *s) {
    memcpy(out, "00-00000000000000000000000000000000-0000000000000000-01", WHOLE + 1);
    if (came && readable(came, n)) {
        memcpy(out, came, WHOLE);
        memcpy(out, "00", 2);
    } else {
        put_id(out + TRACE_AT, s);
        put_id(out + TRACE_AT + TRACE_N / 2, s);
    }
    put_id(out + SPAN_AT, s);
}
