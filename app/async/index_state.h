/* The index in Redis: what index.c calls when there is one. The same contracts as in index.h. */
#ifndef POUCH_ASYNC_INDEX_STATE_H
#define POUCH_ASYNC_INDEX_STATE_H

#include <async/index.h>

POUCH_MUST_CHECK pouch_err async_redis_note(struct async_index *ix, const struct async_record *r, int64_t ttl_ms,
                                            const struct pl_uuid *key, async_kept_fn *done, void *arg);
POUCH_MUST_CHECK pouch_err async_redis_reply(struct async_index *ix, const struct async_record *r, int64_t ttl_ms,
                                             bool firm, async_kept_fn *done, void *arg);
POUCH_MUST_CHECK pouch_err async_redis_sent(struct async_index *ix, const struct pl_uuid *id, int64_t ttl_ms,
                                            async_kept_fn *done, void *arg);
POUCH_MUST_CHECK pouch_err async_redis_drop(struct async_index *ix, const struct pl_uuid *id, const struct pl_uuid *key,
                                            async_kept_fn *done, void *arg);
POUCH_MUST_CHECK pouch_err async_redis_find(struct async_index *ix, const struct pl_uuid *id, async_look_fn *done,
                                            void *arg);
POUCH_MUST_CHECK pouch_err async_redis_claim(struct async_index *ix, const struct pl_uuid *key,
                                             const struct pl_uuid *id, async_claimed_fn *done, void *arg);
POUCH_MUST_CHECK pouch_err async_redis_take(struct async_index *ix, const struct pl_uuid *id, async_taken_fn *done,
                                            void *arg);

#endif
