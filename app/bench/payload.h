/*
 * What the load sends: {"sent":"DIGITS","seen":"DIGITS","pad":"xxx…"}, of a given length. The
 * digits are microseconds of the wall clock, at fixed places, so that stamping costs nothing.
 */
#ifndef POUCH_BENCH_PAYLOAD_H
#define POUCH_BENCH_PAYLOAD_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_payload {
    char *at;
    size_t n;
};

struct bench_stamps {
    int64_t sent_us, seen_us;
};

POUCH_MUST_CHECK pouch_err bench_payload_init(struct bench_payload *p, size_t size); /* NO_MEMORY */
void bench_payload_free(struct bench_payload *p);
void bench_payload_stamp_sent(struct bench_payload *p);

/* False when it is not such a payload, or no bench worker has stamped it. */
bool bench_payload_stamps(const char *json, size_t n, struct bench_stamps *stamps);

/* In place; false when it is not such a payload. */
bool bench_payload_stamp_seen(char *json, size_t n);

#endif
