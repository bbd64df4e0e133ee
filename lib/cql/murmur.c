/*
 * MurmurHash3 (x64, 128 bits, seed 0), its first half, as Cassandra computes it: bytes of the tail are taken as signed,
 * other than in the published function, and the smallest number is never a token.
 */
#include <cql/cql.h>
#include <string.h>

static const uint64_t c1 = 0x87c37b91114253d5, c2 = 0x4cf5ad432745937f;

static uint64_t rotate(uint64_t v, int by) {
    return v << by | v >> (64 - by);
}

static uint64_t mix(uint64_t v) {
    v ^= v >> 33;
    v *= 0xff51afd7ed558ccd;
    v ^= v >> 33;
    v *= 0xc4ceb9fe1a85ec53;
    return v ^ v >> 33;
}

static uint64_t little_endian(const uint8_t *at) {
    uint64_t v = 0;
    for (int i = 8; i-- > 0;) v = v << 8 | at[i];
    return v;
}

/* Up to 8 bytes of the tail, each with its sign. */
static uint64_t tail(const uint8_t *at, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v ^= (uint64_t)(int64_t)(int8_t)at[i] << (8 * i);
    return v;
}

int64_t pl_cql_token(const void *key, size_t n) {
    const uint8_t *at = key;
    uint64_t h1 = 0, h2 = 0;
    size_t left = n;
    for (; left >= 16; at += 16, left -= 16) {
        h1 ^= rotate(little_endian(at) * c1, 31) * c2;
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= rotate(little_endian(at + 8) * c2, 33) * c1;
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    if (left > 8) h2 ^= rotate(tail(at + 8, left - 8) * c2, 33) * c1;
    if (left) h1 ^= rotate(tail(at, left < 8 ? left : 8) * c1, 31) * c2;
    h1 ^= n;
    h2 ^= n;
    h1 += h2;
    h2 += h1;
    h1 = mix(h1) + mix(h2);
    return h1 == (uint64_t)INT64_MIN ? INT64_MAX : (int64_t)h1;
}
