#include <async/index_state.h>
#include <base/why.h>
#include <stdio.h>
#include <string.h>

pouch_err async_index_init(struct async_index *ix, struct share *share, const char *client_id, int64_t retention_ms,
                           size_t memory_bytes) {
    *ix = (struct async_index){.share = share, .clock = &pl_clock_system, .retention_ms = retention_ms};
    snprintf(ix->prefix, sizeof ix->prefix, "pouch:async:%s", client_id);
    return async_memory_init(&ix->memory, memory_bytes);
}

void async_index_free(struct async_index *ix) {
    async_memory_free(&ix->memory);
}

pouch_err async_index_note(struct async_index *ix, const struct async_record *r, const struct pl_uuid *key,
                           async_kept_fn *done, void *arg) {
    int64_t until_ms = r->at_ms + 2 * ix->retention_ms, ttl_ms = until_ms - pl_wall_ms(ix->clock);
    if (ttl_ms <= 0) {
        done(POUCH_OK, arg);
        return POUCH_OK;
    }
    if (ix->share) return async_redis_note(ix, r, ttl_ms, key, done, arg);
    pouch_err e = async_memory_note(&ix->memory, &r->id, key, r->bytes, until_ms);
    if (!e) done(POUCH_OK, arg);
    return e;
}

pouch_err async_index_reply(struct async_index *ix, const struct async_record *r, bool firm, async_kept_fn *done,
                            void *arg) {
    int64_t until_ms = r->at_ms + ix->retention_ms, ttl_ms = until_ms - pl_wall_ms(ix->clock);
    if (ttl_ms <= 0) {
        done(POUCH_OK, arg);
        return POUCH_OK;
    }
    if (ix->share) return async_redis_reply(ix, r, ttl_ms, firm, done, arg);
    pouch_err e = async_memory_reply(&ix->memory, &r->id, r->bytes, firm, until_ms);
    if (!e) done(POUCH_OK, arg);
    return e;
}

pouch_err async_index_drop(struct async_index *ix, const struct pl_uuid *id, const struct pl_uuid *key,
                           async_kept_fn *done, void *arg) {
    if (ix->share) return async_redis_drop(ix, id, key, done, arg);
    async_memory_drop(&ix->memory, id);
    done(POUCH_OK, arg);
    return POUCH_OK;
}

struct look {
    async_look_fn *done;
    void *arg;
};

static void found(struct pl_span note, struct pl_span reply, bool complete, void *arg) {
    const struct look *look = arg;
    const struct async_look what = {note, reply, complete};
    look->done(POUCH_OK, &what, look->arg);
}

pouch_err async_index_find(struct async_index *ix, const struct pl_uuid *id, async_look_fn *done, void *arg) {
    struct look look = {done, arg};
    if (ix->share) return async_redis_find(ix, id, done, arg);
    async_memory_find(&ix->memory, id, pl_wall_ms(ix->clock), found, &look);
    return POUCH_OK;
}

pouch_err async_index_claim(struct async_index *ix, const struct pl_uuid *key, const struct pl_uuid *id,
                            async_claimed_fn *done, void *arg) {
    struct pl_uuid winner;
    if (ix->share) return async_redis_claim(ix, key, id, done, arg);
    int64_t now_ms = pl_wall_ms(ix->clock);
    pouch_err e = async_memory_claim(&ix->memory, key, id, now_ms, now_ms + ASYNC_CLAIM_MS, &winner);
    if (!e) done(POUCH_OK, &winner, arg);
    return e;
}
