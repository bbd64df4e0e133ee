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
union done {
    async_kept_fn *kept;
    async_look_fn *look;
    async_claimed_fn *claimed;
    async_taken_fn *taken;
    async_whole_fn *whole;
};
struct errand {
    struct async_index *ix;
    union done done;
    void *arg;
};

static pouch_err give(struct async_index *ix, const struct share_arg args[], size_t n, share_done_fn *answered,
                      union done done, void *arg) {
    struct errand *x = malloc(sizeof *x);
    if (!x) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a question to Redis");
    *x = (struct errand){ix, done, arg};
    pouch_err e = share_command(ix->share, args, n, answered, x);
    if (e) free(x);
    return e;
}

/* words: the script's keys, of which there are so many, and then its arguments. */
enum { SCRIPT_WORDS = 6 };
static pouch_err give_script(struct async_index *ix, const char *script, size_t n_keys, const struct share_arg words[],
                             size_t n, share_done_fn *answered, union done done, void *arg) {
    char digits[SHARE_NUMBER_MAX];
    struct share_arg eval[3 + SCRIPT_WORDS] = {share_text("EVAL"), share_text(script),
                                               share_number(digits, (int64_t)n_keys)};
    memcpy(&eval[3], words, n * sizeof *words);
    return give(ix, eval, 3 + n, answered, done, arg);
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
    if (!key) {
        const struct share_arg set[] = {share_text("SET"), share_text(note), span(r->bytes), share_text("PX"),
                                        share_number(ttl, ttl_ms)};
        return give(ix, set, 5, was_kept, (union done){.kept = done}, arg);
    }
    pl_uuid_format(id, &r->id);
    const struct share_arg words[] = {share_text(note), share_text(key_of(claim, ix, "key", key)),
                                      span(r->bytes),   share_number(ttl, ttl_ms),
                                      share_text(id),   share_number(at, r->at_ms)};
    return give_script(ix, script, 2, words, 6, was_kept, (union done){.kept = done}, arg);
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
    return give(ix, set, firm ? 5 : 6, was_kept, (union done){.kept = done}, arg);
}

pouch_err async_redis_drop(struct async_index *ix, const struct pl_uuid *id, const struct pl_uuid *key,
                           async_kept_fn *done, void *arg) {
    static const char script[] =
        LUA_HOLDER "redis.call('DEL', KEYS[1]) "
                   "if holder(KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end return 1";
    char note[KEY_MAX], claim[KEY_MAX], text[37];
    key_of(note, ix, "note", id);
    if (!key) {
        const struct share_arg del[] = {share_text("DEL"), share_text(note)};
        return give(ix, del, 2, was_kept, (union done){.kept = done}, arg);
    }
    pl_uuid_format(text, id);
    const struct share_arg words[] = {share_text(note), share_text(key_of(claim, ix, "key", key)), share_text(text)};
    return give_script(ix, script, 2, words, 3, was_kept, (union done){.kept = done}, arg);
}

/* ---- whether it has been sent ---- */

#define IS_SENT     "sent" /* whatever else stands there is nobody's */
#define IS_SENT_NOW "now"

pouch_err async_redis_sent(struct async_index *ix, const struct pl_uuid *id, int64_t ttl_ms, async_kept_fn *done,
                           void *arg) {
    char key[KEY_MAX], ttl[SHARE_NUMBER_MAX];
    const struct share_arg set[] = {share_text("SET"), share_text(key_of(key, ix, "sent", id)), share_text(IS_SENT),
                                    share_text("PX"), share_number(ttl, ttl_ms)};
    return give(ix, set, 5, was_kept, (union done){.kept = done}, arg);
}

static void was_taken(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    int64_t number = 0;
    free(arg);
    if (!e && !share_read_number(r, &number)) e = pl_fail(POUCH_E_STORE, "Redis gives no number");
    x.done.taken(e, number == 1, x.arg);
}

pouch_err async_redis_take(struct async_index *ix, const struct pl_uuid *id, async_taken_fn *done, void *arg) {
    static const char script[] = LUA_GET "local v = get(KEYS[1]) if v == ARGV[1] or v == ARGV[2] then return 0 end "
                                         "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";
    char key[KEY_MAX], ttl[SHARE_NUMBER_MAX];
    const struct share_arg words[] = {share_text(key_of(key, ix, "sent", id)), share_text(IS_SENT),
                                      share_text(IS_SENT_NOW), share_number(ttl, ASYNC_SEND_MS)};
    return give_script(ix, script, 1, words, 4, was_taken, (union done){.taken = done}, arg);
}

/* ---- what is there ---- */

static struct pl_span text_at(const struct share_reply *r, size_t i) {
    struct pl_span s = {NULL, 0};
    if (!share_read_text(share_item(r, i), &s.at, &s.n)) s.at = NULL;
    return s;
}

static bool is_text(struct pl_span s, const char *text) {
    return s.at && s.n == strlen(text) && !memcmp(s.at, text, s.n);
}

static void was_found(pouch_err e, const struct share_reply *r, void *arg) {
    struct errand x = *(struct errand *)arg;
    char server[SHARE_SERVER_MAX];
    free(arg);
    const struct async_look look = {text_at(r, 0), text_at(r, 1), is_text(text_at(r, 2), IS_SENT),
                                    is_text(text_at(r, 3), share_server(x.ix->share, server))};
    x.done.look(e, e ? NULL : &look, x.arg);
}

pouch_err async_redis_find(struct async_index *ix, const struct pl_uuid *id, async_look_fn *done, void *arg) {
    char note[KEY_MAX], reply[KEY_MAX], sent[KEY_MAX], whole[KEY_MAX];
    const struct share_arg get[] = {share_text("MGET"), share_text(key_of(note, ix, "note", id)),
                                    share_text(key_of(reply, ix, "reply", id)),
                                    share_text(key_of(sent, ix, "sent", id)), share_text(name_of(whole, ix, "whole"))};
    return give(ix, get, 5, was_found, (union done){.look = done}, arg);
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
    const struct share_arg words[] = {share_text(key_of(claim, ix, "key", key)),
                                      share_text(name_of(whole, ix, "whole")), share_text(text),
                                      share_number(ttl, ASYNC_CLAIM_MS), share_text(share_server(ix->share, server))};
    return give_script(ix, script, 2, words, 5, was_claimed, (union done){.claimed = done}, arg);
}

/* ---- whether the index has all there is ---- */

/*
 * The marker that it is whole, with the run of the server, or one that has lost its last second would be taken for
 * whole; and who reads the topic again meanwhile, with that run too.
 */
struct marker {
    char whole[KEY_MAX], reading[KEY_MAX], server[SHARE_SERVER_MAX], me[ASYNC_NONCE_MAX + SHARE_SERVER_MAX + 1];
    char ttl[SHARE_NUMBER_MAX];
};

/* Each of these scripts has the same words. */
static pouch_err give_marker(struct async_index *ix, const char *script, const char *nonce, share_done_fn *answered,
                             union done done, void *arg) {
    struct marker m;
    share_server(ix->share, m.server);
    snprintf(m.me, sizeof m.me, "%s@%s", nonce, m.server);
    const struct share_arg words[] = {share_text(name_of(m.whole, ix, "whole")),
                                      share_text(name_of(m.reading, ix, "reading")), share_text(m.server),
                                      share_text(m.me), share_number(m.ttl, READING_MS)};
    return give_script(ix, script, 2, words, 5, answered, done, arg);
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
    return give_marker(ix, script, nonce, was_asked, (union done){.whole = done}, arg);
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
    static const char script[] = LUA_GET "if get(KEYS[2]) ~= ARGV[2] then return 0 end "
                                         "redis.call('PEXPIRE', KEYS[2], ARGV[3]) return 1";
    return give_marker(ix, script, nonce, was_held, (union done){.kept = done}, arg);
}

pouch_err async_index_whole(struct async_index *ix, const char *nonce, async_kept_fn *done, void *arg) {
    static const char script[] = LUA_GET "if get(KEYS[2]) ~= ARGV[2] then return 0 end "
                                         "redis.call('SET', KEYS[1], ARGV[1]) redis.call('DEL', KEYS[2]) return 1";
    return give_marker(ix, script, nonce, was_held, (union done){.kept = done}, arg);
}
