/*
 * asker NAME DESTINATION RATE TIMEOUT_MS
 *
 * Asks RATE times a second until SIGTERM and writes the history of it to stdout (tests/faults/history.py). DESTINATION
 * is a publisher, or topic:TOPIC; settings come from the environment. The payload of a request is a JSON string that no
 * other has, and so must be the payload of its answer. Each request has one of a few keys, whose order is to be kept.
 *
 * After SIGTERM nothing more is asked and all calls are waited for; then exit 0.
 */
#include <inttypes.h>
#include <pouch/pouch.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYS = 8, KEY_SIZE = 100 };

struct asker {
    const char *name;
    double rate;
    int timeout_ms;
    pouch_client *client;
    pouch_dest *to[KEYS]; /* one for each key */
    /* guards what is below; held while a call is made, so that no call ends before it was written down */
    pthread_mutex_t lock;
    pthread_cond_t none_open;
    int64_t open;
};

struct call {
    struct asker *asker;
    char id[37];
};

static volatile sig_atomic_t stopping;

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void begin_line(const struct asker *a, int64_t t, const char *event) {
    printf("{\"t\":%" PRId64 ",\"by\":\"%s\",\"e\":\"%s\"", t, a->name, event);
}

/* An error that the other side told is known; one of our own says only that the call is over. */
static void ended(pouch_err e, const pouch_reply *reply, void *arg) {
    struct call *call = arg;
    struct asker *a = call->asker;
    int64_t t = now_ns();
    pthread_mutex_lock(&a->lock);
    begin_line(a, t, !e ? "ok" : reply ? "fail" : "info");
    printf(",\"id\":\"%s\",", call->id);
    if (e)
        printf("\"code\":\"%s\"}\n", pouch_err_code(e));
    else
        printf("\"value\":%s}\n", (const char *)pouch_reply_payload(reply, NULL));
    if (!--a->open) pthread_cond_signal(&a->none_open);
    pthread_mutex_unlock(&a->lock);
    free(call);
}

/* Under the lock. */
static void call(struct asker *a, struct call *call, int64_t number) {
    char value[KEY_SIZE];
    int n = snprintf(value, sizeof value, "\"%s-%" PRId64 "\"", a->name, number);
    int64_t t = now_ns();
    pouch_err e =
        pouch_client_request(a->client, a->to[number % KEYS], value, (size_t)n, a->timeout_ms, call->id, ended, call);
    if (e) { /* then it was not made */
        begin_line(a, t, "refused");
        printf(",\"code\":\"%s\"}\n", pouch_err_code(e));
        free(call);
        return;
    }
    a->open++;
    begin_line(a, t, "invoke");
    printf(",\"id\":\"%s\",\"value\":%s,\"key\":\"%s-%" PRId64 "\",\"n\":%" PRId64 "}\n", call->id, value, a->name,
           number % KEYS, number);
}

static void ask_steadily(struct asker *a) {
    int64_t begun = now_ns();
    for (int64_t number = 0; !stopping; number++) {
        int64_t due = begun + (int64_t)((double)number * 1e9 / a->rate);
        struct timespec at = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL); /* a signal ends it early, and then the loop ends */
        struct call *made = calloc(1, sizeof *made);
        if (!made) return;
        made->asker = a;
        pthread_mutex_lock(&a->lock);
        call(a, made, number);
        pthread_mutex_unlock(&a->lock);
    }
}

static void wait_for_all(struct asker *a) {
    pthread_mutex_lock(&a->lock);
    while (a->open) pthread_cond_wait(&a->none_open, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

static int fail(const char *what) {
    fprintf(stderr, "asker: %s: %s\n", what, pouch_why());
    return EXIT_FAILURE;
}

static int make_destinations(struct asker *a, const char *name) {
    for (int k = 0; k < KEYS; k++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof key, "%s-%d", a->name, k);
        a->to[k] = strncmp(name, "topic:", 6) == 0 ? pouch_dest_topic(name + 6) : pouch_dest_publisher(name);
        if (!a->to[k] || pouch_dest_set_key(a->to[k], key)) return fail(name);
    }
    return 0;
}

static int run(struct asker *a) {
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_err e = options ? POUCH_OK : POUCH_E_NO_MEMORY;
    if (!e) e = pouch_keyring_load(&ring, pouch_options_get(options, "key.file"));
    if (!e) e = pouch_client_new(&a->client, options, ring);
    if (!e) {
        ask_steadily(a);
        wait_for_all(a);
        pouch_client_close(a->client, 0);
    }
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return e ? fail("cannot begin") : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    struct asker a = {.lock = PTHREAD_MUTEX_INITIALIZER, .none_open = PTHREAD_COND_INITIALIZER};
    struct sigaction on_stop = {.sa_handler = stop};
    if (argc != 5 || strlen(argv[1]) > 40 || atof(argv[3]) <= 0) {
        fputs("usage: asker NAME DESTINATION RATE TIMEOUT_MS\n", stderr);
        return 64;
    }
    a.name = argv[1];
    a.rate = atof(argv[3]);
    a.timeout_ms = atoi(argv[4]);
    setvbuf(stdout, NULL, _IOLBF, 1 << 16); /* a kill loses no line */
    sigaction(SIGTERM, &on_stop, NULL);
    int code = make_destinations(&a, argv[2]);
    if (!code) code = run(&a);
    for (int k = 0; k < KEYS; k++) pouch_dest_free(a.to[k]);
    return code;
}
