/* pouch request and pouch send. */
#include <base/why.h>
#include <cluster/cluster.h>
#include <errno.h>
#include <json/json.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAYLOAD_MAX = 64 * 1024 * 1024,
    DRAIN_MS = 1000,
    PATIENCE_MS = 200,       /* an answer this quick needs no word about who is there */
    COUNT_MS = 5000,         /* to find out who is there, or less where the request has less */
    BLIND_PATIENCE_MS = 1500 /* where the cluster cannot tell who reads a topic */
};

/* The one call of this program: what the client's thread tells the main thread. */
struct answer {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_ended;
    pouch_err error;
    char *why;     /* text of an error */
    char *payload; /* JSON text of a reply */
    bool answered, sealed;
    char request_id[37];
};

static void answer_init(struct answer *a) {
    *a = (struct answer){0};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->ended, &attr);
    pthread_condattr_destroy(&attr);
}

static void answer_free(struct answer *a) {
    free(a->why);
    if (a->payload) explicit_bzero(a->payload, strlen(a->payload));
    free(a->payload);
    pthread_cond_destroy(&a->ended);
    pthread_mutex_destroy(&a->lock);
}

/* Waits until the call has ended, at most ms (negative: for ever); whether it has. */
static bool answer_wait(struct answer *a, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&a->lock);
    int timed_out = 0;
    while (!a->is_ended && !timed_out)
        timed_out =
            ms < 0 ? pthread_cond_wait(&a->ended, &a->lock) : pthread_cond_timedwait(&a->ended, &a->lock, &until);
    bool ended = a->is_ended;
    pthread_mutex_unlock(&a->lock);
    return ended;
}

static void end(struct answer *a, pouch_err e, const pouch_reply *reply) {
    const char *why = reply && *pouch_reply_error(reply) ? pouch_reply_error(reply) : pouch_why();
    size_t n = 0;
    const char *payload = reply ? pouch_reply_payload(reply, &n) : NULL;
    pthread_mutex_lock(&a->lock);
    a->error = e;
    a->answered = reply != NULL;
    a->sealed = reply && pouch_reply_sealed(reply);
    a->why = e ? strdup(why) : NULL;
    a->payload = !e && payload ? strndup(payload, n) : NULL;
    if ((e && !a->why) || (!e && payload && !a->payload)) a->error = POUCH_E_NO_MEMORY;
    a->is_ended = true;
    pthread_cond_signal(&a->ended);
    pthread_mutex_unlock(&a->lock);
}

static void replied(pouch_err e, const pouch_reply *reply, void *arg) {
    end(arg, e, reply);
}

static void stored(pouch_err e, void *arg) {
    end(arg, e, NULL);
}

/* Who reads the topic: how many, or -1 where the cluster cannot tell. An error: nothing is known, as without a broker. */
static pouch_err count_readers(const struct ops_call *call, const char *topic, int *readers) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return e;
    struct pl_cluster *c = NULL;
    int timeout = s.request_timeout_ms < COUNT_MS ? s.request_timeout_ms : COUNT_MS;
    e = pl_cluster_open(&c, &s, "pouch-cli");
    if (!e) e = pl_topic_readers(pl_cluster_handle(c), topic, readers, timeout);
    pl_cluster_close(c);
    pl_settings_free(&s);
    return e;
}

/*
 * A newcomer's commonest surprise is a request that nobody is there to answer. Says so while
 * it waits; returns whether it did.
 */
static bool tell_who_waits(struct answer *a, const struct ops_call *call, const char *topic) {
    if (answer_wait(a, PATIENCE_MS)) return false;
    int readers;
    if (count_readers(call, topic, &readers) || readers > 0) return false;
    if (answer_wait(a, readers < 0 ? BLIND_PATIENCE_MS : 0)) return false;
    ops_say("waiting for a worker on %s", topic);
    return true;
}

static pouch_err add_headers(const struct ops_call *call, pouch_dest *to) {
    const char *text;
    for (size_t i = 0; (text = ops_flag(call, "-H", i)); i++) {
        const char *equals = strchr(text, '=');
        char name[256];
        if (!equals || (size_t)(equals - text) >= sizeof name) return pl_fail(POUCH_E_CONFIG, "-H wants NAME=VALUE");
        snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        pouch_err e = pouch_dest_add_header(to, name, equals + 1, strlen(equals + 1));
        if (e) return e;
    }
    const char *key = ops_flag(call, "--key", 0);
    return key ? pouch_dest_set_key(to, key) : POUCH_OK;
}

/* TOPIC, or --publisher P in its place; what is left of the arguments is the payload. */
static pouch_err destination(const struct ops_call *call, pouch_dest **to, const char **topic, const char **payload) {
    const char *publisher = ops_flag(call, "--publisher", 0);
    size_t first = publisher ? 0 : 1;
    if (!publisher && call->n_args < 1) return pl_fail(POUCH_E_CONFIG, "say where to: a TOPIC, or --publisher P");
    if (call->n_args > first + 1) return pl_fail(POUCH_E_CONFIG, "too many arguments: '%s'", call->args[first + 1]);
    *payload = call->n_args > first ? call->args[first] : "-";
    *topic = publisher ? pouch_options_get(call->options, "center.inbox") : call->args[0];
    *to = publisher ? pouch_dest_publisher(publisher) : pouch_dest_topic(*topic);
    return *to ? add_headers(call, *to) : POUCH_E_CONFIG;
}

static pouch_err read_payload(const char *payload, struct pl_buf *out) {
    return strcmp(payload, "-") ? pl_buf_puts(out, payload) : ops_read_all(stdin, out);
}

static int print_answer_json(const struct answer *a) {
    if (!a->error) {
        /* The payload is spliced in as it came: numbers and member order stay what the worker wrote. */
        printf("{\"request_id\":\"%s\",\"payload\":%s}\n", a->request_id,
               a->payload && *a->payload ? a->payload : "null");
        return OPS_EXIT_OK;
    }
    const char *id = *a->request_id ? a->request_id : NULL; /* none: it was never asked */
    json_t *error = json_pack("{s:s,s:s}", "code", pouch_err_code(a->error), "message", a->why ? a->why : "");
    if (error && a->answered) json_object_set_new(error, "sealed", json_boolean(a->sealed));
    return ops_print_json(json_pack("{s:s?,s:o}", "request_id", id, "error", error));
}

/* What is wrong with our own payload is bad input; told by the other side it is an answer. */
static int exit_code_of(pouch_err e, bool answered) {
    bool bad_input = !answered && (e == POUCH_E_INVALID_PAYLOAD || e == POUCH_E_TOO_LARGE);
    return bad_input ? OPS_EXIT_DATA : pouch_err_exit_code(e);
}

static int print_answer(const struct ops_call *call, const struct answer *a, const char *topic, bool nobody) {
    if (a->error)
        ops_say("%s: %s%s", pouch_err_code(a->error), a->why ? a->why : "out of memory",
                a->answered && !a->sealed ? " (told without the key: anyone who may write the topic could have)" : "");
    ops_advise(a->error);
    if (a->error == POUCH_E_TIMEOUT && nobody)
        ops_say("nobody answered on %s; start a worker with: pouch worker %s --pipe CMD", topic, topic);
    if (call->output != OPS_TABLE)
        print_answer_json(a);
    else if (!a->error)
        printf("%s\n", a->payload ? a->payload : "");
    int written = ops_done();
    return a->error ? exit_code_of(a->error, a->answered) : written;
}

static int ask(struct ops_call *call, pouch_client *client, const pouch_dest *to, const char *topic,
               const struct pl_buf *json) {
    struct answer a;
    answer_init(&a);
    pouch_err e = pouch_client_request(client, to, json->at, json->len, 0, a.request_id, replied, &a);
    bool nobody = false;
    if (e)
        end(&a, e, NULL);
    else
        nobody = tell_who_waits(&a, call, topic);
    answer_wait(&a, -1);
    int exit_code = print_answer(call, &a, topic, nobody);
    answer_free(&a);
    return exit_code;
}

static int tell(struct ops_call *call, pouch_client *client, const pouch_dest *to, const struct pl_buf *json) {
    struct answer a;
    answer_init(&a);
    pouch_err e = pouch_client_send(client, to, json->at, json->len, a.request_id, stored, &a);
    if (e) end(&a, e, NULL);
    answer_wait(&a, -1);
    int exit_code = OPS_EXIT_OK;
    if (a.error) {
        ops_say("%s: %s", pouch_err_code(a.error), a.why ? a.why : "out of memory");
        exit_code = exit_code_of(a.error, false);
    } else {
        printf(call->output == OPS_TABLE ? "%s\n" : "{\"request_id\":\"%s\"}\n", a.request_id);
    }
    answer_free(&a);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

static pouch_err start(struct ops_call *call, pouch_client **client) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return e;
    if (!pouch_options_get(call->options, "client.id")) e = pouch_options_set(call->options, "client.id", "pouch-cli");
    if (!e) e = pouch_client_new(client, call->options, ring);
    pouch_keyring_free(ring);
    return e;
}

static int with_client(struct ops_call *call, bool wants_reply) {
    pouch_dest *to = NULL;
    const char *topic = NULL, *payload = NULL;
    if (destination(call, &to, &topic, &payload)) {
        pouch_dest_free(to);
        return ops_usage(call, "%s", pouch_why());
    }
    struct pl_buf json;
    pl_buf_init(&json, PAYLOAD_MAX);
    pouch_client *client = NULL;
    pouch_err e = read_payload(payload, &json);
    if (!e) e = start(call, &client);
    int exit_code = e             ? ops_error(e)
                    : wants_reply ? ask(call, client, to, topic, &json)
                                  : tell(call, client, to, &json);
    pouch_client_close(client, e ? 0 : DRAIN_MS);
    pl_buf_wipe(&json);
    pouch_dest_free(to);
    return exit_code;
}

static int request(struct ops_call *call) {
    return with_client(call, true);
}

static int send_command(struct ops_call *call) {
    return with_client(call, false);
}

static const struct ops_flag flags[] = {
    {"--publisher", 0, "P", false, "send to a publisher's route through the command center"},
    {"--key", 0, "K", false, "the record key (default: the request id)"},
    {"-H", 'H', "NAME=VALUE", true, "a Kafka header, in clear"},
    {0},
};

const struct ops_command ops_request = {
    .name = "request",
    .args = "(TOPIC | --publisher P) [PAYLOAD|-]",
    .summary = "Ask a worker and print its answer",
    .about = "The payload is one JSON text, from the argument or from the input (-, the default; what\n"
             "stands in an argument shows in ps). The answer's payload goes to stdout; an error goes\n"
             "to stderr and into the exit code. A timeout means unknown, not failed.\n\n"
             "  echo '{\"a\":10,\"b\":5}' | pouch request calculate\n"
             "  pouch request calculate -o json --timeout 5s < request.json\n",
    .flags = flags,
    .settings =
        (const char *const[]){"request.timeout", "center.inbox", "crypto.iv_bytes", "reply.topic", "store", NULL},
    .most = 3,
    .run = request,
};

const struct ops_command ops_send = {
    .name = "send",
    .args = "(TOPIC | --publisher P) [PAYLOAD|-]",
    .summary = "Send a request that wants no answer; print its id",
    .about = "Returns when the broker has stored the record.\n\n"
             "  echo '{\"event\":\"opened\"}' | pouch send audit\n",
    .flags = flags,
    .settings = (const char *const[]){"center.inbox", "crypto.iv_bytes", "store", NULL},
    .most = 3,
    .run = send_command,
};
