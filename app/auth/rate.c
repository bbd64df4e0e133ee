#include <auth/rate.h>
#include <crypto/random.h>
#include <stdatomic.h>
#include <string.h>

pouch_err auth_rates_init(struct auth_rates *r) {
    memset(r, 0, sizeof *r);
    return pl_random(r->secret, sizeof r->secret);
}

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

/* A round of SipHash. */
static void mix(uint64_t v[4]) {
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein), which is made for tables that strangers fill. */
static _Atomic int64_t *place_of(struct auth_rates *r, const void *name, size_t n) {
    uint64_t v[4] = {r->secret[0] ^ UINT64_C(0x736f6d6570736575), r->secret[1] ^ UINT64_C(0x646f72616e646f6d),
                     r->secret[0] ^ UINT64_C(0x6c7967656e657261), r->secret[1] ^ UINT64_C(0x7465646279746573)};
    const uint8_t *at = name;
    for (size_t done = 0; done <= n; done += 8) {
        uint64_t word = 0;
        size_t left = n - done < 8 ? n - done : 8;
        memcpy(&word, at + done, left);
        if (left < 8) word |= (uint64_t)n << 56;
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) mix(v);
    return &r->full_us[(v[0] ^ v[1] ^ v[2] ^ v[3]) % AUTH_PLACES];
}

/* How long until one more may be, with the bucket full again at full_us. */
static int64_t wait_for(struct auth_rate rate, int64_t full_us, int64_t now_us) {
    int64_t wait = full_us - now_us - rate.interval_us * ((int64_t)rate.burst - 1);
    return wait > 0 ? wait : 0;
}

int64_t auth_rate_take(struct auth_rates *r, struct auth_rate rate, const void *name, size_t n, int64_t now_us) {
    if (!rate.interval_us) return 0;
    _Atomic int64_t *place = place_of(r, name, n);
    int64_t full = atomic_load(place), wait, next;
    do {
        wait = wait_for(rate, full, now_us);
        if (wait) return wait;
        next = (full > now_us ? full : now_us) + rate.interval_us;
    } while (!atomic_compare_exchange_weak(place, &full, next));
    return 0;
}
