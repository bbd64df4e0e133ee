/* Points in time as people write and read them. */
#ifndef POUCH_ADMIN_WHEN_H
#define POUCH_ADMIN_WHEN_H

#include <pouch/error.h>
#include <stdint.h>

enum { ADMIN_WHEN_TEXT = 32 };

/*
 * A point in time, in ms since the epoch: how long before now_ms ("10m", "2h", see pl_duration_parse()), or RFC 3339
 * ("2026-01-31T09:00:00Z", with a fraction, with an offset). CONFIG names the flag.
 */
POUCH_MUST_CHECK pouch_err admin_when_parse(const char *flag, const char *text, int64_t now_ms, int64_t *ms);

/* RFC 3339 in UTC with milliseconds; "-" for what is before 1970 or after 9999. */
const char *admin_when_text(char out[ADMIN_WHEN_TEXT], int64_t ms);

#endif
