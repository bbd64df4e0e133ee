/* A request whose caller waits for the answer. */
#include <base/why.h>
#include <client/client.h>
#include <stdio.h>
#include <string.h>

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool has_ended;
    pouch_err error;
    pouch_reply *reply;
    char why[1024]; /* the client's thread's text, for the caller's */
};

static void answered(pouch_err e, const pouch_reply *reply, void *arg) {
    struct waiter *w = arg;
    pthread_mutex_lock(&w->lock);
    w->error = e;
    if (e) snprintf(w->why, sizeof w->why, "%s", pouch_why());
    if (reply && !(w->reply = pl_reply_copy(reply))) {
        w->error = POUCH_E_NO_MEMORY;
        snprintf(w->why, sizeof w->why, "out of memory for the reply");
    }
    w->has_ended = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

static pouch_err wait_for(struct waiter *w, pouch_reply **reply) {
    pthread_mutex_lock(&w->lock);
    while (!w->has_ended) pthread_cond_wait(&w->ended, &w->lock);
    pthread_mutex_unlock(&w->lock);
    *reply = w->reply;
    return w->error ? pl_fail(w->error, "%s", w->why) : POUCH_OK;
}

pouch_err pouch_client_call(pouch_client *c, const pouch_dest *to, const void *json, size_t n, int timeout,
                            char request_id[37], pouch_reply **reply) {
    struct pl_ask a = {.to = to, .json = json, .n = n, .wants_reply = true, .timeout_ms = timeout};
    struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    *reply = NULL;
    if (!c->settings.thread)
        return pl_fail(POUCH_E_CONFIG, "a call that waits needs client.thread = on: use pouch_client_request()");
    pouch_err e = pl_client_enter(c);
    if (e) return e;
    e = pl_ask(c, &a, request_id, answered, &w);
    if (!e) e = wait_for(&w, reply);
    pl_client_leave(c);
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.lock);
    return e;
}
