/* pouch request and pouch send. */
#include <base/why.h>
#include <cluster/cluster.h>
#include <errno.h>
#include <json/json.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/gather.h>
#include <ops/request.h>
#include <ops/typed.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DRAIN_MS = 1000,
    DESTINATIONS_MAX = 64,
    ANSWERS_MAX = 1000,
    PATIENCE_MS = 1000,      /* an answer this quick needs no word about who is there */
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

/*
 * Who reads the topic: how many, or -1 where the cluster cannot tell. An error: nothing is known, as without a broker.
 */
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

pouch_err ops_dress(const struct ops_call *call, pouch_dest *to) {
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

/* What the arguments ask for. */
struct asking {
    pouch_dest *to[DESTINATIONS_MAX];
    size_t n;
    const char *topic, *payload; /* the topic of the first; "-": the input */
    bool gather;
    size_t enough; /* 0: all */
};

static pouch_err add_destination(const struct ops_call *call, struct asking *a, pouch_dest *to) {
    if (!to) return POUCH_E_CONFIG;
    a->to[a->n++] = to;
    return ops_dress(call, to);
}

/* TOPIC, or --publisher P in its place; what is left of the arguments is the payload. */
static pouch_err one_destination(const struct ops_call *call, struct asking *a) {
    const char *publisher = ops_flag(call, "--publisher", 0);
    size_t first = publisher ? 0 : 1;
    if (!publisher && call->n_args < 1) return pl_fail(POUCH_E_CONFIG, "say where to: a TOPIC, or --publisher P");
    if (call->n_args > first + 1) return pl_fail(POUCH_E_CONFIG, "too many arguments: '%s'", call->args[first + 1]);
    a->payload = call->n_args > first ? call->args[first] : "-";
    a->topic = publisher ? pouch_options_get(call->options, "center.inbox") : call->args[0];
    return add_destination(call, a, publisher ? pouch_dest_publisher(publisher) : pouch_dest_topic(a->topic));
}

/* All arguments are topics. */
static pouch_err several_destinations(const struct ops_call *call, struct asking *a) {
    pouch_err e = POUCH_OK;
    if (call->n_args > DESTINATIONS_MAX)
        return pl_fail(POUCH_E_CONFIG, "%zu topics, and one request goes to %d at most", call->n_args,
                       DESTINATIONS_MAX);
    a->topic = call->args[0];
    a->payload = "-";
    for (size_t i = 0; !e && i < call->n_args; i++) {
        bool is_input = !strcmp(call->args[i], "-"); /* where a payload would stand, though a topic may be named so */
        e = is_input ? pl_fail(POUCH_E_CONFIG, "'-' is no topic")
                     : add_destination(call, a, pouch_dest_topic(call->args[i]));
        if (e)
            e = pl_fail(e, "%s; with --gather the arguments are topics, and the payload comes from the input",
                        pouch_why());
    }
    return e;
}

/* --enough and --responders, which only a gather has. */
static pouch_err count_answers(const struct ops_call *call, struct asking *a) {
    int64_t enough = 0, responders = 0;
    pouch_err e = ops_number(call, "--enough", 0, 1, ANSWERS_MAX, &enough);
    if (!e) e = ops_number(call, "--responders", 0, 1, ANSWERS_MAX, &responders);
    if (!e && (enough || responders) && !a->gather)
        e = pl_fail(POUCH_E_CONFIG, "%s is for --gather", enough ? "--enough" : "--responders");
    for (size_t i = 0; !e && responders && i < a->n; i++) e = pouch_dest_set_responders(a->to[i], (size_t)responders);
    size_t most = a->n * (size_t)(responders ? responders : 1);
    if (!e && !ops_has(call, "--publisher") && (size_t)enough > most)
        e = pl_fail(POUCH_E_CONFIG, "--enough %zu is more than the %zu that can answer", (size_t)enough, most);
    a->enough = e ? 0 : (size_t)enough;
    return e;
}

static pouch_err read_arguments(const struct ops_call *call, struct asking *a) {
    a->gather = ops_has(call, "--gather");
    bool topics = a->gather && !ops_has(call, "--publisher") && call->n_args > 0;
    pouch_err e = topics ? several_destinations(call, a) : one_destination(call, a);
    if (!e) e = count_answers(call, a);
    return e ? e : ops_typed_flags(call);
}

pouch_err ops_payload(const char *argument, struct pl_buf *out) {
    return strcmp(argument, "-") ? pl_buf_puts(out, argument) : ops_read_all(stdin, out);
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
    if ((a->error == POUCH_E_TIMEOUT && nobody) || a->error == POUCH_E_NO_RESPONDERS)
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

/* A person at a terminal wants to hear at once that nobody is there; who would rather wait says so. */
static pouch_err prefer(struct ops_call *call, const char *name, const char *value) {
    return pouch_options_get(call->options, name) ? POUCH_OK : pouch_options_set(call->options, name, value);
}

static pouch_err start(struct ops_call *call, pouch_client **client) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return e;
    e = prefer(call, "client.id", "pouch-cli");
    if (!e) e = prefer(call, "client.no_responders", "on");
    if (!e) e = pouch_client_new(client, call->options, ring);
    pouch_keyring_free(ring);
    return e;
}

static int ask_or_tell(struct ops_call *call, pouch_client *client, const struct asking *a, const struct pl_buf *json,
                       bool wants_reply) {
    if (!wants_reply) return tell(call, client, a->to[0], json);
    if (a->gather) return ops_gather(call, client, a->to, a->n, a->enough, json);
    return ask(call, client, a->to[0], a->topic, json);
}

static void free_destinations(struct asking *a) {
    while (a->n) pouch_dest_free(a->to[--a->n]);
}

/* Before anything is sent: an answer that could not be checked would have been asked for in vain. */
static pouch_err open_typed(const struct ops_call *call, const struct asking *a, struct ops_typed **typed) {
    pouch_err e = ops_typed_open(typed, call);
    if (!e) e = a->n > 1 ? ops_typed_fetch(*typed, call->args, a->n) : ops_typed_fetch(*typed, &a->topic, 1);
    return pouch_err_retriable(e)
               ? pl_fail(POUCH_E_UNCHECKED, "nothing was sent, since it cannot be checked: %s", pouch_why())
               : e;
}

static int with_client(struct ops_call *call, bool wants_reply) {
    struct asking a = {0};
    struct ops_typed *typed = NULL;
    if (read_arguments(call, &a)) {
        free_destinations(&a);
        return ops_usage(call, "%s", pouch_why());
    }
    struct pl_buf json;
    pl_buf_init(&json, OPS_PAYLOAD_MAX);
    pouch_client *client = NULL;
    pouch_err e = ops_payload(a.payload, &json);
    if (!e) e = open_typed(call, &a, &typed);
    if (!e) e = start(call, &client);
    int exit_code = e ? ops_error(e) : ask_or_tell(call, client, &a, &json, wants_reply);
    ops_typed_stop(typed);
    pouch_client_close(client, e ? 0 : DRAIN_MS);
    ops_typed_close(typed);
    pl_buf_wipe(&json);
    free_destinations(&a);
    return exit_code;
}

static int request(struct ops_call *call) {
    return with_client(call, true);
}

static int send_command(struct ops_call *call) {
    return ops_has(call, "--plain") ? ops_send_plain(call) : with_client(call, false);
}

/* clang-format off */
#define PUBLISHER {"--publisher", 0, "P", false, "send to a publisher's route through the command center"}
#define KEY       {"--key", 0, "K", false, "the record key (default: the request id)"}
#define HEADER    {"-H", 'H', "NAME=VALUE", true, "a Kafka header, in clear"}
/* clang-format on */

static const struct ops_flag request_flags[] = {
    {"--gather", 0, NULL, false, "wait for several answers: of each TOPIC, or of each target of the publisher's route"},
    {"--enough", 0, "N", false, "so many are enough (default: all)"},
    {"--responders", 0, "N", false, "so many groups read each topic, and each of them answers"},
    PUBLISHER,
    KEY,
    HEADER,
    OPS_SCHEMA_FLAG,
    OPS_REPLY_SCHEMA_FLAG,
    {0},
};

static const struct ops_flag send_flags[] = {
    PUBLISHER,
    KEY,
    HEADER,
    OPS_SCHEMA_FLAG,
    {"--plain", 0, NULL, false, "in clear, in the registry's wire format, to a topic of the catalogue"},
    {0},
};

const struct ops_command ops_request = {
    .name = "request",
    .args = "(TOPIC | --publisher P) [PAYLOAD|-] | --gather TOPIC…",
    .summary = "Ask a worker, or several, and print what they answer",
    .about = "The payload is one JSON text, from the argument or from the input (-, the default; what\n"
             "stands in an argument shows in ps). The answer's payload goes to stdout; an error goes\n"
             "to stderr and into the exit code. A timeout means unknown, not failed. A topic that no\n"
             "consumer group reads is told at once; --no-responders off waits for one.\n\n"
             "  echo '{\"a\":10,\"b\":5}' | pouch request calculate\n"
             "  pouch request calculate -o json --timeout 5s < request.json\n\n"
             "With --gather each answer is printed as it comes, with who gave it; the payload comes from\n"
             "the input. Exit code 0: enough have answered; 75: only some, and the others are named.\n\n"
             "  pouch request --gather bank tax land < citizen.json\n"
             "  pouch request --gather --enough 2 --publisher citizen-check < citizen.json\n\n"
             "With --schema a request that is not as the schema of its subject says is not sent (exit code 65), and\n"
             "with --reply-schema such an answer counts as an error. Both stay JSON: for a subject in Avro they must\n"
             "be what its JSON encoding can say. SCHEMA_REGISTRY_URL names the registry.\n\n"
             "  pouch request payments --schema auto --reply-schema auto < payment.json\n",
    .flags = request_flags,
    .settings = (const char *const[]){"request.timeout", "client.no_responders", "center.inbox", "crypto.iv_bytes",
                                      "reply.topic", "schema.registry", "store", NULL},
    .most = DESTINATIONS_MAX,
    .run = request,
};

const struct ops_command ops_send = {
    .name = "send",
    .args = "(TOPIC | --publisher P) [PAYLOAD|-]",
    .summary = "Send a request that wants no answer; print its id",
    .about = "Returns when the broker has stored the record.\n\n"
             "  echo '{\"event\":\"opened\"}' | pouch send audit\n\n"
             "With --schema it is sent only when it is as the schema of the subject says.\n\n"
             "With --plain it is not sealed: the record is framed in the registry's wire format (Avro, or JSON), for\n"
             "readers that use its deserializers. Only topics of the catalogue are written so, and no command center\n"
             "is passed. The schema is --schema's or the one that the catalogue names; the key is --key's, or the\n"
             "payload's field that the topic's strategy names. Prints the schema's id.\n\n"
             "  pouch send --plain chat.events.acme --schema auto < event.json\n",
    .flags = send_flags,
    .settings =
        (const char *const[]){"center.inbox", "crypto.iv_bytes", "schema.registry", "store", "topic.catalog", NULL},
    .most = 3,
    .run = send_command,
};
