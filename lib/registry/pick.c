#include <registry/registry.h>
#include <string.h>

static uint64_t hash(uint64_t h, const void *bytes, size_t n) { /* FNV-1a */
    const uint8_t *at = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* The finalizer of splitmix64: FNV alone leaves ids that differ in their last byte beside each other. */
static uint64_t mix(uint64_t h) {
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

/* The targets lie beside each other on [0, weight), each as wide as its weight; the hash is a place on it. */
size_t pl_registry_pick(const struct pl_registry_route *r, const struct pl_uuid *request_id) {
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), r->publisher, strlen(r->publisher));
    h = mix(hash(h, request_id->b, sizeof request_id->b));
    uint64_t place = ((h >> 32) * r->weight) >> 32;
    size_t i = 0;
    while (place >= r->weights[i]) place -= r->weights[i++];
    return i;
}
