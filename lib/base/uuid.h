/* UUIDs (RFC 9562) as 16 bytes and as 36 characters. Where the random bytes come from is the caller's choice. */
#ifndef POUCH_BASE_UUID_H
#define POUCH_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_uuid {
    uint8_t b[16];
};

/* Sets version 4 and the variant in 16 random bytes. */
void pl_uuid_v4(struct pl_uuid *u);

/*
 * The same of version 7, which begins with a time: those made later are greater, but for those of one millisecond. ms <
 * 2^48.
 */
void pl_uuid_v7(struct pl_uuid *u, int64_t ms);

/* 36 lower-case characters and a NUL. */
void pl_uuid_format(char out[37], const struct pl_uuid *u);

/* Any version, either case, exactly 8-4-4-4-12; false otherwise. */
bool pl_uuid_parse(struct pl_uuid *u, const char *text, size_t n);

#endif
