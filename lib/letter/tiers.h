/*
 * The retry topics: one for each delay, internal.retry.1min and so on. All records of a topic wait equally long, so a
 * longer delay never stands in front of a shorter one.
 */
#ifndef POUCH_LETTER_TIERS_H
#define POUCH_LETTER_TIERS_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <wire/headers.h>

#define PL_INTERNAL_TOPICS "internal." /* no request is sent to a topic that begins so */
#define PL_TIER_TOPICS     PL_INTERNAL_TOPICS "retry."

enum { PL_TIERS_MAX = 8 };

struct pl_tier {
    char topic[PL_NAME_MAX + 1];
    int64_t delay_ms;
};

struct pl_tiers {
    struct pl_tier at[PL_TIERS_MAX];
    size_t n; /* 0: there are none */
};

/*
 * Reads the setting retry.tiers: "off", or names such as "1min,30s" in the order in which a record goes through them; a
 * name is a duration, with min for minutes as well. CONFIG names what is wrong.
 */
POUCH_MUST_CHECK pouch_err pl_tiers_read(struct pl_tiers *t, const char *setting);

/* The tier of that topic; NULL: it is none. */
const struct pl_tier *pl_tier_of(const struct pl_tiers *t, const char *topic);

/*
 * Make the topics that are missing: 4 partitions, a day (and their delay). The timeout is for each. Errors of
 * pl_topic_create().
 */
POUCH_MUST_CHECK pouch_err pl_tier_make(const struct pl_tier *t, rd_kafka_t *rk, int timeout);
POUCH_MUST_CHECK pouch_err pl_tiers_make(const struct pl_tiers *t, rd_kafka_t *rk, int timeout);

#endif
