/*
 * Which records stay in order, and how many partitions a topic is to have. Kafka keeps records of one key in one
 * partition, hence in order; a strategy says which of a record's fields is the key. A topic of the catalogue names its
 * strategy.
 *
 * No I/O, no allocation; any thread.
 */
#ifndef POUCH_PARTITION_H
#define POUCH_PARTITION_H

#include <pouch/error.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pouch_strategy {
    POUCH_STRATEGY_RANDOM = 0,          /* no order: records have no key, and producers spread them batch by batch */
    POUCH_STRATEGY_CONVERSATION_ID = 1, /* order within a conversation */
    POUCH_STRATEGY_USER_ID = 2,         /* of one user */
    POUCH_STRATEGY_TENANT_ID = 3        /* of one tenant */
} pouch_strategy;

/* By its name: "random", "conversation_id", "user_id", "tenant_id". CONFIG: none of these. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_strategy_read(pouch_strategy *s, const char *name);

/* Its name, which is also that of the field; NULL for a number that is none. Static text. */
POUCH_API const char *pouch_strategy_name(pouch_strategy s);

/*
 * The record key by a strategy. fields: name, value, …, NULL, as {"tenant_id", "acme", "user_id", "u-7", NULL}; those
 * that the strategy does not ask for are passed over. *key is the value itself, borrowed; NULL with RANDOM, which means
 * a record without a key. CONFIG: the field is missing (it is named), empty, there twice, or longer than 1,024 bytes;
 * or s is no strategy.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_partition_key(pouch_strategy s, const char *const fields[],
                                                         const char **key);

enum { POUCH_PARTITIONS_MAX = 100000 };

/*
 * How many partitions a topic is to have for `rate` records a second of `keys` different keys, read by `consumers`
 * members of one group: never fewer than 4, nor than there are consumers, nor than one for 1,000 records a second
 * (RANDOM: 500). By USER_ID also one for 300 keys, by TENANT_ID one for 10. Partitions can be added later but never
 * taken away, and adding some moves keys to others, so it is better to ask with the load that will come than with
 * today's. CONFIG: a negative number, no strategy, or more than POUCH_PARTITIONS_MAX would be needed.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_partitions_for(pouch_strategy s, int64_t rate, int64_t keys,
                                                          int64_t consumers, int *partitions);

#ifdef __cplusplus
}
#endif
#endif
