/* The index in Redis. Each step is one command, so that nothing of it is half done. */
#include <async/index_state.h>
#include <base/hex.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = sizeof((struct async_index *)0)->prefix + 64, READING_MS = 30000 };

/* What of another type stands under one of our names is in the way, and nobody's. */
#define LUA_GET                                              \
    "local function get(k) local v = redis.pcall('GET', k) " \
    "if type(v) == 'table' then redis.call('DEL', k) return false end return v end "

/* Whose a key is: "ID" while it is claimed, "IDTIME" when its note is there. Whatever else stands there is nobody's. */
#define LUA_HOLDER                                                        \
    LUA_GET                                                               \
    "local function holder(k) local w = get(k) if not w then return end " \
    "local id, at = string.match(w, '^(' .. string.rep('[%x-]', 36) .. ')(%d*)$') return id, tonumber(at) end "

/* What a command was for. */
struct errand {
    struct async_index *ix;
    void *arg;
    union {
        async_kept_fn *kept;
        async_look_fn *look;
        async_claimed_fn *claimed;
        async_whole_fn *whole;
    } done;
};

static struct errand *errand_new(struct async_index *ix, void *arg) {
    struct errand *x = malloc(sizeof *x);
    if (x) *x = (struct errand){.ix = ix, .arg = arg};
    return x;
}

/* x is freed when the command was not given. */
static pouch_err give(struct errand *x, const struct share_arg args[], size_t n, share_done_fn *done) {
    if (!x) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a question to Redis");
    pouch_err e = share_command(x->ix->share, args, n, done, x);
    if (e) free(x);
    return e;
}

static const char *key_of(char key[KEY_MAX], const struct async_index *ix, const char *kind, const struct pl_uuid *id) {
    char text[37];
    pl_uuid_format(text, id);
    snprintf(key, KEY_MAX, "%s:%s:%s", ix->prefix, kind, text);
    return key;
}

static const char *name_of(char key[KEY_MAX], const struct async_index *ix, const char *name) {
    snprintf(key, KEY_MAX, "%s:%s", ix->prefix, name);
    return key;
}

static struct share_arg span(struct pl_span s) {
    return (struct share_arg){s.at, s.n};
}

static void was_kept(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    (void)r;
    free(arg);
    x.done.kept(e, x.arg);
}

pouch_err async_redis_note(struct async_index *ix, const struct async_record *r, int64_t ttl_ms,
                           const struct pl_uuid *key, async_kept_fn *done, void *arg) {
    /* A later request has a key because the earlier one was never sent, whose note may come again. */
    static const char script[] =
        LUA_HOLDER "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) local id, at = holder(KEYS[2]) "
                   "if id and id ~= ARGV[3] and (not at or at > tonumber(ARGV[4])) then return 0 end "
                   "redis.call('SET', KEYS[2], ARGV[3] .. ARGV[4], 'PX', ARGV[2]) return 1";
    char note[KEY_MAX], claim[KEY_MAX], ttl[SHARE_NUMBER_MAX], at[SHARE_NUMBER_MAX], id[37];
    key_of(note, ix, "note", &r->id);
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.kept = done;
    if (!key) {
        const struct share_arg set[] = {share_text("SET"), share_text(note), span(r->bytes), share_text("PX"),
                                        share_number(ttl, ttl_ms)};
        return give(x, set, 5, was_kept);
    }
    pl_uuid_format(id, &r->id);
    const struct share_arg both[] = {share_text("EVAL"),
                                     share_text(script),
                                     share_text("2"),
                                     share_text(note),
                                     share_text(key_of(claim, ix, "key", key)),
                                     span(r->bytes),
                                     share_number(ttl, ttl_ms),
                                     share_text(id),
                                     share_number(at, r->at_ms)};
    return give(x, both, 9, was_kept);
}

pouch_err async_redis_reply(struct async_index *ix, const struct async_record *r, int64_t ttl_ms, bool firm,
                            async_kept_fn *done, void *arg) {
    char key[KEY_MAX], ttl[SHARE_NUMBER_MAX];
    const struct share_arg set[] = {share_text("SET"),
                                    share_text(key_of(key, ix, "reply", &r->id)),
                                    span(r->bytes),
                                    share_text("PX"),
                                    share_number(ttl, ttl_ms),
                                    share_text("NX")};
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.kept = done;
    return give(x, set, firm ? 5 : 6, was_kept);
}

pouch_err async_redis_drop(struct async_index *ix, const struct pl_uuid *id, const struct pl_uuid *key,
                           async_kept_fn *done, void *arg) {
    static const char script[] =
        LUA_HOLDER "redis.call('DEL', KEYS[1]) "
                   "if holder(KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end return 1";
    char note[KEY_MAX], claim[KEY_MAX], text[37];
    key_of(note, ix, "note", id);
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.kept = done;
    if (!key) {
        const struct share_arg del[] = {share_text("DEL"), share_text(note)};
        return give(x, del, 2, was_kept);
    }
    pl_uuid_format(text, id);
    const struct share_arg both[] = {share_text("EVAL"),
                                     share_text(script),
                                     share_text("2"),
                                     share_text(note),
                                     share_text(key_of(claim, ix, "key", key)),
                                     share_text(text)};
    return give(x, both, 6, was_kept);
}

static struct pl_span text_at(const struct share_reply *r, size_t i) {
    struct pl_span s = {NULL, 0};
    if (!share_read_text(share_item(r, i), &s.at, &s.n)) s.at = NULL;
    return s;
}

static bool is_this_server(const struct async_index *ix, struct pl_span name) {
    char server[SHARE_SERVER_MAX];
    share_server(ix->share, server);
    return name.at && name.n == strlen(server) && !memcmp(name.at, server, name.n);
}

static void was_found(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    free(arg);
    const struct async_look look = {text_at(r, 0), text_at(r, 1), is_this_server(x.ix, text_at(r, 2))};
    x.done.look(e, e ? NULL : &look, x.arg);
}

pouch_err async_redis_find(struct async_index *ix, const struct pl_uuid *id, async_look_fn *done, void *arg) {
    char note[KEY_MAX], reply[KEY_MAX], whole[KEY_MAX];
    const struct share_arg get[] = {share_text("MGET"), share_text(key_of(note, ix, "note", id)),
                                    share_text(key_of(reply, ix, "reply", id)),
                                    share_text(name_of(whole, ix, "whole"))};
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.look = done;
    return give(x, get, 4, was_found);
}

static void was_claimed(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    struct pl_uuid winner;
    const char *at;
    size_t n;
    free(arg);
    if (!e && (!share_read_text(r, &at, &n) || !pl_uuid_parse(&winner, at, n)))
        e = pl_fail(POUCH_E_STORE, "Redis has lost what was asked before, which is being read from Kafka; ask again in "
                                   "a moment");
    x.done.claimed(e, e ? NULL : &winner, x.arg);
}

/* What is no id under that name was never ours: it is overwritten. */
pouch_err async_redis_claim(struct async_index *ix, const struct pl_uuid *key, const struct pl_uuid *id,
                            async_claimed_fn *done, void *arg) {
    static const char script[] = LUA_HOLDER "if get(KEYS[2]) ~= ARGV[3] then return false end "
                                            "local id = holder(KEYS[1]) if id then return id end "
                                            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return ARGV[1]";
    char claim[KEY_MAX], whole[KEY_MAX], text[37], ttl[SHARE_NUMBER_MAX], server[SHARE_SERVER_MAX];
    pl_uuid_format(text, id);
    const struct share_arg eval[] = {share_text("EVAL"),
                                     share_text(script),
                                     share_text("2"),
                                     share_text(key_of(claim, ix, "key", key)),
                                     share_text(name_of(whole, ix, "whole")),
                                     share_text(text),
                                     share_number(ttl, ASYNC_CLAIM_MS),
                                     share_text(share_server(ix->share, server))};
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.claimed = done;
    return give(x, eval, 8, was_claimed);
}

/* ---- whether the index has all there is ---- */

/* Of whoever reads: with the run of the server, or one that has lost its last second would be taken for whole. */
static void reader_name(char out[ASYNC_NONCE_MAX + SHARE_SERVER_MAX + 1], struct async_index *ix, const char *nonce) {
    char server[SHARE_SERVER_MAX];
    snprintf(out, ASYNC_NONCE_MAX + SHARE_SERVER_MAX + 1, "%s@%s", nonce, share_server(ix->share, server));
}

static void was_asked(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    int64_t number = 0;
    free(arg);
    if (!e && !share_read_number(r, &number)) e = pl_fail(POUCH_E_STORE, "Redis gives no number");
    x.done.whole(e, number == 0 ? ASYNC_WHOLE : number == 1 ? ASYNC_LOST : ASYNC_BEING_READ, x.arg);
}

pouch_err async_index_ask(struct async_index *ix, const char *nonce, async_whole_fn *done, void *arg) {
    static const char script[] =
        LUA_GET "if get(KEYS[1]) == ARGV[1] then return 0 end local r = get(KEYS[2]) if r and r ~= ARGV[2] then return "
                "2 end redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) return 1";
    char whole[KEY_MAX], reading[KEY_MAX], me[ASYNC_NONCE_MAX + SHARE_SERVER_MAX + 1], ttl[SHARE_NUMBER_MAX],
        server[SHARE_SERVER_MAX];
    reader_name(me, ix, nonce);
    const struct share_arg eval[] = {share_text("EVAL"),
                                     share_text(script),
                                     share_text("2"),
                                     share_text(name_of(whole, ix, "whole")),
                                     share_text(name_of(reading, ix, "reading")),
                                     share_text(share_server(ix->share, server)),
                                     share_text(me),
                                     share_number(ttl, READING_MS)};
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.whole = done;
    return give(x, eval, 8, was_asked);
}

static void was_held(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    int64_t number = 0;
    free(arg);
    if (!e && (!share_read_number(r, &number) || number != 1))
        e = pl_fail(POUCH_E_STORE, "Redis was emptied, or another gateway fills it");
    x.done.kept(e, x.arg);
}

pouch_err async_index_hold(struct async_index *ix, const char *nonce, async_kept_fn *done, void *arg) {
    static const char script[] = LUA_GET "if get(KEYS[1]) ~= ARGV[1] then return 0 end "
                                         "redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1";
    char reading[KEY_MAX], me[ASYNC_NONCE_MAX + SHARE_SERVER_MAX + 1], ttl[SHARE_NUMBER_MAX];
    reader_name(me, ix, nonce);
    const struct share_arg eval[] = {share_text("EVAL"), share_text(script),
                                     share_text("1"),    share_text(name_of(reading, ix, "reading")),
                                     share_text(me),     share_number(ttl, READING_MS)};
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.kept = done;
    return give(x, eval, 6, was_held);
}

pouch_err async_index_whole(struct async_index *ix, const char *nonce, async_kept_fn *done, void *arg) {
    static const char script[] = LUA_GET "if get(KEYS[1]) ~= ARGV[1] then return 0 end "
                                         "redis.call('SET', KEYS[2], ARGV[2]) redis.call('DEL', KEYS[1]) return 1";
    char reading[KEY_MAX], whole[KEY_MAX], me[ASYNC_NONCE_MAX + SHARE_SERVER_MAX + 1], server[SHARE_SERVER_MAX];
    reader_name(me, ix, nonce);
    const struct share_arg eval[] = {share_text("EVAL"),
                                     share_text(script),
                                     share_text("2"),
                                     share_text(name_of(reading, ix, "reading")),
                                     share_text(name_of(whole, ix, "whole")),
                                     share_text(me),
                                     share_text(share_server(ix->share, server))};
    struct errand *x = errand_new(ix, arg);
    if (x) x->done.kept = done;
    return give(x, eval, 7, was_held);
}
