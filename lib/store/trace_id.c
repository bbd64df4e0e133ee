#include <store/trace_hash.h>

static uint64_t hash_text(const char *text) {
    uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
    for (; text && *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3;
    return h;
}

/*
 * The finalizer of splitmix64: every bit of the argument changes half of the result, and no two arguments have the
 * same.
 */
static uint64_t mix(uint64_t h) {
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    return h ^ (h >> 31);
}

uint64_t pl_trace_source(const char *topic, int32_t partition) {
    return mix(hash_text(topic) ^ (uint32_t)partition);
}

/* No two offsets of one partition collide before the target is mixed in, which is one of a few. */
uint64_t pl_trace_id(const char *topic, int32_t partition, int64_t offset, const char *target, enum pl_trace_by by,
                     bool response) {
    uint64_t h = mix(pl_trace_source(topic, partition) ^ (uint64_t)offset);
    return mix(mix(h ^ hash_text(target)) ^ ((uint64_t)by << 1 | response));
}

uint64_t pl_trace_key(const struct pl_uuid *request_id, uint64_t id) {
    uint64_t half[2];
    memcpy(half, request_id->b, sizeof half);
    return half[0] | half[1] ? mix(mix(half[0]) ^ half[1]) : id;
}
