/*
 * A client in C, talking to the example worker: one call that waits, many at once, an error
 * reply, and a call that times out.
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… ./client
 */
#include <pouch/pouch.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MANY = 100, TIMEOUT_MS = 30000 };

static pouch_err call(pouch_client *client, const pouch_dest *to, const char *json, int timeout) {
    pouch_reply *reply = NULL;
    pouch_err e = pouch_client_call(client, to, json, strlen(json), timeout, NULL, &reply);
    size_t n;
    if (!e)
        printf("  %s -> %s\n", json, (const char *)pouch_reply_payload(reply, &n));
    else
        printf("  %s -> %s: %s\n", json, pouch_err_code(e), reply ? pouch_reply_error(reply) : pouch_why());
    pouch_reply_free(reply);
    return e;
}

/* How many of the calls under way have ended, and how many with an answer. */
struct tally {
    pthread_mutex_t lock;
    pthread_cond_t all;
    int ended, answered;
};

static void ended(pouch_err e, const pouch_reply *reply, void *arg) {
    struct tally *tally = arg;
    (void)reply;
    pthread_mutex_lock(&tally->lock);
    tally->answered += e == POUCH_OK;
    if (++tally->ended == MANY) pthread_cond_signal(&tally->all);
    pthread_mutex_unlock(&tally->lock);
}

static pouch_err many_at_once(pouch_client *client, const pouch_dest *to) {
    struct tally tally = {.lock = PTHREAD_MUTEX_INITIALIZER, .all = PTHREAD_COND_INITIALIZER};
    for (int i = 0; i < MANY; i++) {
        char json[80];
        int n = snprintf(json, sizeof json, "{\"operation\":\"multiply\",\"a\":%d,\"b\":%d}", i, i);
        pouch_err e = pouch_client_request(client, to, json, (size_t)n, TIMEOUT_MS, NULL, ended, &tally);
        if (e) ended(e, NULL, &tally); /* after an error there is no callback */
    }
    pthread_mutex_lock(&tally.lock);
    while (tally.ended < MANY) pthread_cond_wait(&tally.all, &tally.lock);
    pthread_mutex_unlock(&tally.lock);
    printf("  %d asked at once, %d answered\n", MANY, tally.answered);
    return tally.answered == MANY ? POUCH_OK : POUCH_E_TIMEOUT;
}

static pouch_err demos(pouch_client *client, const pouch_dest *calculator, const pouch_dest *users) {
    puts("one call:");
    pouch_err e = call(client, calculator, "{\"operation\":\"add\",\"a\":10,\"b\":5}", TIMEOUT_MS);
    if (!e) e = call(client, users, "{\"userId\":\"7\"}", TIMEOUT_MS);
    if (e) return e;
    puts("many at once:");
    if ((e = many_at_once(client, calculator))) return e;
    puts("an error reply:");
    e = call(client, calculator, "{\"operation\":\"divide\",\"a\":1,\"b\":0}", TIMEOUT_MS);
    if (e != POUCH_E_HANDLER_ERROR) return e ? e : POUCH_E_INVALID_PAYLOAD;
    puts("one millisecond, which may be too short; a timeout means unknown, not failed:");
    e = call(client, calculator, "{\"operation\":\"add\",\"a\":1,\"b\":1}", 1);
    return e == POUCH_E_TIMEOUT ? POUCH_OK : e;
}

int main(void) {
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_client *client = NULL;
    pouch_dest *calculator = pouch_dest_topic("calculate"), *users = pouch_dest_topic("get-user");
    pouch_err e = options && calculator && users ? POUCH_OK : POUCH_E_NO_MEMORY;
    if (!e) e = pouch_keyring_load(&ring, pouch_options_get(options, "key.file"));
    if (!e) e = pouch_options_set(options, "client.id", "example-client");
    if (!e) e = pouch_client_new(&client, options, ring);
    if (!e) e = demos(client, calculator, users);
    if (e) fprintf(stderr, "client: %s\n", pouch_why());
    pouch_client_close(client, 0);
    pouch_dest_free(calculator);
    pouch_dest_free(users);
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return pouch_err_exit_code(e);
}
