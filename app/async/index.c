#include <async/index_state.h>
#include <base/buf.h>
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

pouch_err async_index_sent(struct async_index *ix, const struct pl_uuid *id, int64_t at_ms, async_kept_fn *done,
                           void *arg) {
    int64_t until_ms = at_ms + 2 * ix->retention_ms, ttl_ms = until_ms - pl_wall_ms(ix->clock);
    if (ttl_ms <= 0) {
        done(POUCH_OK, arg);
        return POUCH_OK;
    }
    if (ix->share) return async_redis_sent(ix, id, ttl_ms, done, arg);
    pouch_err e = async_memory_sent(&ix->memory, id, until_ms);
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

/* A copy: what is done with it may ask the memory for more, whose lock is held while it is looked at. */
struct copy {
    struct async_look look;
    struct pl_buf bytes;
    pouch_err e;
};

static void copy_look(const struct async_look *look, void *arg) {
    struct copy *c = arg;
    c->look = *look;
    c->e = pl_buf_append(&c->bytes, look->note.at ? look->note.at : "", look->note.n);
    if (!c->e) c->e = pl_buf_append(&c->bytes, look->reply.at ? look->reply.at : "", look->reply.n);
    if (c->e) return;
    if (look->note.at) c->look.note.at = c->bytes.at;
    if (look->reply.at) c->look.reply.at = c->bytes.at + look->note.n;
}

pouch_err async_index_find(struct async_index *ix, const struct pl_uuid *id, async_look_fn *done, void *arg) {
    struct copy c = {.e = POUCH_OK};
    if (ix->share) return async_redis_find(ix, id, done, arg);
    pl_buf_init(&c.bytes, SIZE_MAX / 2);
    async_memory_find(&ix->memory, id, pl_wall_ms(ix->clock), copy_look, &c);
    if (!c.e) done(POUCH_OK, &c.look, arg);
    pl_buf_free(&c.bytes);
    return c.e;
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

pouch_err async_index_take(struct async_index *ix, const struct pl_uuid *id, async_taken_fn *done, void *arg) {
    if (ix->share) return async_redis_take(ix, id, done, arg);
    int64_t now_ms = pl_wall_ms(ix->clock);
    done(POUCH_OK, async_memory_take(&ix->memory, id, now_ms, now_ms + ASYNC_SEND_MS), arg);
    return POUCH_OK;
}
