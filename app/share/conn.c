/*
 * The connection. hiredis makes commands into bytes and bytes into answers; it waits only for the connection itself and
 * for what a server is asked first, on the share's own thread.
 */
#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <metrics/metrics.h>
#include <share/state.h>
#include <stdio.h>
#include <string.h>

enum { CONNECT_MS = 1000, GREET_MS = 2000, ANSWER_BYTES_MOST = 256 * 1024 * 1024 };

/* What Redis says may repeat what it was told, behind ", with args": never shown. */
static pouch_err refused(const char *what, const char *said) {
    const char *cut = strstr(said, ", with args");
    int n = cut ? (int)(cut - said) : (int)strnlen(said, 120);
    return pl_fail(POUCH_E_STORE, "Redis refuses %s: %.*s", what, n, said);
}

static pouch_err broken(const struct share *s) {
    return pl_fail(POUCH_E_STORE, "Redis at %s does not answer: %s", s->url.shown,
                   s->redis->err == REDIS_ERR_IO ? strerrordesc_np(errno) : s->redis->errstr);
}

/* Asks and waits; the answer is to be freed. */
static pouch_err ask(struct share *s, const char *what, int argc, const char *argv[], redisReply **out) {
    redisReply *r = redisCommandArgv(s->redis, argc, argv, NULL);
    if (!r) return broken(s);
    pouch_err e = r->type == REDIS_REPLY_ERROR ? refused(what, r->str) : POUCH_OK;
    if (e || !out)
        freeReplyObject(r);
    else
        *out = r;
    return e;
}

static pouch_err log_in(struct share *s) {
    const char *with_user[] = {"AUTH", s->url.user, s->url.password}, *alone[] = {"AUTH", s->url.password};
    if (!s->url.password) return POUCH_OK;
    return s->url.user ? ask(s, "user and password", 3, with_user, NULL) : ask(s, "the password", 2, alone, NULL);
}

static pouch_err choose_database(struct share *s) {
    char digits[12];
    const char *select[] = {"SELECT", digits};
    if (!s->url.database) return POUCH_OK;
    snprintf(digits, sizeof digits, "%d", s->url.database);
    return ask(s, "the database", 2, select, NULL);
}

/* Who the server is. One that does not say is "-"; one that is still reading its file is not there yet. */
static pouch_err meet(struct share *s) {
    static const char mark[] = "\nrun_id:";
    const char *info[] = {"INFO", "server"}, *ping[] = {"PING"}, *name = "-";
    redisReply *r = NULL;
    pouch_err e = ask(s, "a PING", 1, ping, NULL);
    if (!e && ask(s, "INFO", 2, info, &r) && s->redis->err) e = broken(s);
    if (e) return e;
    const char *at = r && r->type == REDIS_REPLY_STRING ? strstr(r->str, mark) : NULL;
    if (at) name = at + sizeof mark - 1;
    pthread_mutex_lock(&s->lock);
    snprintf(s->server, sizeof s->server, "%.*s", (int)strcspn(name, "\r\n"), name);
    pthread_mutex_unlock(&s->lock);
    if (r) freeReplyObject(r);
    return POUCH_OK;
}

/* From here on nothing waits for it. */
static pouch_err set_free(struct share *s) {
    int flags = fcntl(s->redis->fd, F_GETFL);
    if (flags < 0 || fcntl(s->redis->fd, F_SETFL, flags | O_NONBLOCK))
        return pl_fail(POUCH_E_STORE, "the connection to Redis: %s", strerrordesc_np(errno));
    s->redis->flags &= ~REDIS_BLOCK;
    return POUCH_OK;
}

pouch_err share_connect(struct share *s) {
    const struct timeval connect = {.tv_usec = CONNECT_MS % 1000 * 1000, .tv_sec = CONNECT_MS / 1000};
    const struct timeval greet = {.tv_usec = GREET_MS % 1000 * 1000, .tv_sec = GREET_MS / 1000};
    s->redis = redisConnectWithTimeout(s->url.host, s->url.port, connect);
    if (!s->redis) return pl_fail(POUCH_E_STORE, "out of memory for a connection to Redis");
    pouch_err e = s->redis->err
                      ? pl_fail(POUCH_E_STORE, "Redis cannot be reached at %s: %s", s->url.shown, s->redis->errstr)
                      : POUCH_OK;
    if (!e && redisSetTimeout(s->redis, greet) != REDIS_OK) e = broken(s);
    if (!e) redisEnableKeepAlive(s->redis);
    if (!e) e = log_in(s);
    if (!e) e = choose_database(s);
    if (!e) e = meet(s);
    if (!e) e = set_free(s);
    if (e) share_disconnect(s);
    return e;
}

void share_disconnect(struct share *s) {
    if (s->redis) redisFree(s->redis);
    s->redis = NULL;
}

pouch_err share_send(struct share *s, struct share_command *c) {
    if (!s->sent.first) s->moved_us = pl_mono_us(s->clock);
    int said = redisAppendFormattedCommand(s->redis, c->bytes, c->n);
    share_line_put(&s->sent, c);
    return said == REDIS_OK ? POUCH_OK : pl_fail(POUCH_E_STORE, "out of memory for a command to Redis");
}

static void answer(struct share *s, struct share_command *c, redisReply *r) {
    pouch_err e = r->type == REDIS_REPLY_ERROR ? refused("a command", r->str) : POUCH_OK;
    if (e) pl_metric_add(PL_M_SHARE_REFUSED, 1);
    share_end(s, c, e, e ? NULL : (const struct share_reply *)r);
}

static pouch_err read_answers(struct share *s) {
    void *r = NULL;
    while (redisGetReplyFromReader(s->redis, &r) == REDIS_OK) {
        if (!r) return POUCH_OK;
        struct share_command *c = share_line_take(&s->sent);
        if (c) answer(s, c, r);
        freeReplyObject(r);
        if (!c) return pl_fail(POUCH_E_STORE, "Redis at %s answers what was not asked", s->url.shown);
        s->moved_us = pl_mono_us(s->clock);
    }
    return broken(s);
}

pouch_err share_move(struct share *s) {
    int all_written = 0;
    if (redisBufferWrite(s->redis, &all_written) != REDIS_OK) return broken(s);
    if (redisBufferRead(s->redis) != REDIS_OK) return broken(s);
    pouch_err e = read_answers(s);
    if (!e && s->redis->reader->len > ANSWER_BYTES_MOST)
        e = pl_fail(POUCH_E_STORE, "Redis at %s gives an answer without end", s->url.shown);
    return e;
}

/* ---- answers ---- */

static const redisReply *raw(const struct share_reply *r) {
    return (const redisReply *)r;
}

bool share_is_nil(const struct share_reply *r) {
    return r && raw(r)->type == REDIS_REPLY_NIL;
}

bool share_is_ok(const struct share_reply *r) {
    return r && raw(r)->type == REDIS_REPLY_STATUS && !strcmp(raw(r)->str, "OK");
}

bool share_read_text(const struct share_reply *r, const char **at, size_t *n) {
    if (!r || raw(r)->type != REDIS_REPLY_STRING) return false;
    *at = raw(r)->str;
    *n = raw(r)->len;
    return true;
}

bool share_read_number(const struct share_reply *r, int64_t *number) {
    if (!r || raw(r)->type != REDIS_REPLY_INTEGER) return false;
    *number = raw(r)->integer;
    return true;
}

size_t share_items(const struct share_reply *r) {
    return r && raw(r)->type == REDIS_REPLY_ARRAY ? raw(r)->elements : 0;
}

const struct share_reply *share_item(const struct share_reply *r, size_t i) {
    return i < share_items(r) ? (const struct share_reply *)raw(r)->element[i] : NULL;
}

const char *share_server(struct share *s, char out[SHARE_SERVER_MAX]) {
    pthread_mutex_lock(&s->lock);
    memcpy(out, s->server, SHARE_SERVER_MAX);
    pthread_mutex_unlock(&s->lock);
    return out;
}
