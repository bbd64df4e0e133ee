/* pouch worker. */
#include <base/why.h>
#include <crypto/keyring.h>
#include <metrics/metrics.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/member.h>
#include <ops/times.h>
#include <ops/typed.h>
#include <pthread.h>
#include <runner/runner.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <worker/status.h>

/* How the work is done. */
struct way {
    const char *flag;
    pouch_err (*start)(struct runner **r, const char *what, const struct runner_limits *limits);
};

static const struct way ways[] = {{"--pipe", runner_pipe}, {"--exec", runner_exec}, {"--url", runner_url}};

/* Reads the key ring again at each SIGHUP, which is blocked in all threads and waited for in one. */
struct reloader {
    pthread_t thread;
    pouch_keyring *ring;
    atomic_bool ending;
};

static sigset_t only_hup(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return set;
}

static void *reload(void *arg) {
    struct reloader *r = arg;
    const sigset_t hup = only_hup();
    int number;
    while (!sigwait(&hup, &number) && !atomic_load(&r->ending)) (void)!pl_keyring_renew(r->ring); /* it is in the log */
    return NULL;
}

static pouch_err reloader_start(struct reloader *r, pouch_keyring *ring) {
    r->ring = ring;
    atomic_init(&r->ending, false);
    return pthread_create(&r->thread, NULL, reload, r) ? pl_fail(POUCH_E_OVERLOADED, "no thread can be had") : POUCH_OK;
}

static void reloader_stop(struct reloader *r) {
    atomic_store(&r->ending, true);
    pthread_kill(r->thread, SIGHUP);
    pthread_join(r->thread, NULL);
}

static void stop(void *worker) {
    pouch_worker_stop(worker);
}

static void say_what_runs(const struct ops_call *call, const struct pl_settings *s) {
    fputs("pouch worker: topics", stderr);
    for (size_t i = 0; i < call->n_args; i++) fprintf(stderr, " %s", call->args[i]);
    const char *group = s->group ? s->group : s->client_id;
    if (group)
        fprintf(stderr, " as group %s\n", group);
    else
        fprintf(stderr, " as group %s.workers\n", call->args[0]);
}

static pouch_err handle_topics(const struct ops_call *call, pouch_worker *w, struct runner *r) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < call->n_args; i++) e = pouch_worker_handle(w, call->args[i], r->handle, r);
    return e;
}

/* The window in which requests that come again are known; null: there is none. */
static json_t *dedupe(const struct pl_settings *s) {
    if (!s->dedupe_window_ms) return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "window_ms", (json_int_t)s->dedupe_window_ms, "most",
                     (json_int_t)s->dedupe_max, "requests", (json_int_t)pl_metric_get(PL_M_DEDUPE_ENTRIES), "unsaved",
                     (json_int_t)pl_metric_get(PL_M_DEDUPE_UNSAVED), "forgotten",
                     (json_int_t)pl_metric_get(PL_M_DEDUPE_FORGOTTEN), "file_failures",
                     (json_int_t)pl_metric_get(PL_M_DEDUPE_FAILURES));
}

static void more(json_t *into, void *arg) {
    json_object_set_new(into, "dedupe", dedupe(arg));
    json_object_set_new(into, "outcomes", ops_outcomes("pouch_worker_jobs_total"));
    json_object_set_new(into, "times", ops_times(PL_T_HANDLER));
}

static pouch_err work(const struct ops_call *call, pouch_worker *w, struct runner *r, pouch_keyring *ring,
                      const struct pl_settings *s) {
    struct ops_member member = {
        .role = "worker", .status = pl_worker_status(w), .ring = ring, .more = more, .arg = (void *)s};
    pouch_err e = handle_topics(call, w, r);
    if (!e) e = ops_on_stop(stop, w);
    if (!e) e = ops_member_serve(&member, s->listen);
    if (!e) say_what_runs(call, s);
    if (!e) e = pouch_worker_run(w);
    ops_member_end(&member);
    return e;
}

static int run_worker(const struct ops_call *call, pouch_worker *w, const struct way *way, pouch_keyring *ring,
                      const struct pl_settings *s, struct ops_typed *typed) {
    const struct runner_limits limits = {
        .open = (size_t)s->concurrency, .timeout_ms = s->handler_timeout_ms, .drain_ms = s->drain_ms};
    struct runner *r = NULL;
    pouch_err e = way->start(&r, ops_flag(call, way->flag, 0), &limits);
    if (!e) e = work(call, w, r, ring, s);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    if (r) r->halt(r);
    ops_no_stop();
    ops_typed_stop(typed);
    pouch_worker_free(w);
    if (r) r->free(r);
    return exit_code;
}

/*
 * A subject that the registry does not have is told before any request waits for it; a registry that does not answer is
 * waited for.
 */
static pouch_err open_typed(const struct ops_call *call, struct ops_typed **typed) {
    pouch_err e = ops_typed_open(typed, call);
    if (e) return e;
    e = ops_typed_fetch(*typed, call->args, call->n_args);
    if (!pouch_err_retriable(e)) return e;
    ops_say("%s; requests wait until their schemas are known", pouch_why());
    return POUCH_OK;
}

static int with_ring(const struct ops_call *call, pouch_keyring *ring, const struct way *way,
                     const struct pl_settings *s) {
    struct reloader reloader;
    struct ops_typed *typed = NULL;
    pouch_worker *w = NULL;
    pouch_err e = open_typed(call, &typed);
    if (!e) e = pouch_worker_new(&w, call->options, ring);
    if (!e && (e = reloader_start(&reloader, ring))) pouch_worker_free(w);
    int exit_code = e ? ops_error(e) : run_worker(call, w, way, ring, s, typed);
    if (!e) reloader_stop(&reloader);
    ops_typed_close(typed);
    return exit_code;
}

static const struct way *choose(const struct ops_call *call) {
    const struct way *way = NULL;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (!ops_has(call, ways[i].flag)) continue;
        if (way) return NULL;
        way = &ways[i];
    }
    return way;
}

static int worker(struct ops_call *call) {
    const struct way *way = choose(call);
    if (!way) return ops_usage(call, "say how the work is done: one of --pipe CMD, --exec CMD and --url URL");
    const sigset_t hup = only_hup();
    pthread_sigmask(SIG_BLOCK, &hup, NULL);
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    pouch_keyring *ring = NULL;
    e = ops_keyring(call, &ring);
    int exit_code = e ? ops_error(e) : with_ring(call, ring, way, &s);
    pouch_keyring_free(ring);
    pl_settings_free(&s);
    return exit_code;
}

const struct ops_command ops_worker = {
    .name = "worker",
    .args = "TOPIC… (--pipe CMD | --exec CMD | --url URL)",
    .summary = "Answer requests with a program in any language",
    .about = "Takes requests from the topics, opens them, has them answered, and seals the replies. The\n"
             "program sees plain JSON and never a key: CMD runs by /bin/sh without ENCRYPTION_KEY and\n"
             "without POUCH_*. An offset is committed when the outcome is stored, so a request may come\n"
             "twice, never not at all: make effects idempotent by request id.\n\n"
             "--pipe keeps CMD running: a line in for each request, a line out for each answer, in any\n"
             "order, at most --concurrency in hand at once. When it dies it is started again, and what it\n"
             "had in hand is retried.\n\n"
             "  in    {\"request_id\",\"topic\",\"publisher\"?,\"deadline\"?,\"headers\":[[name,value]…],\"payload\"}\n"
             "  out   {\"request_id\",\"payload\"}                    the reply\n"
             "        {\"request_id\",\"error\":\"why\"}                it failed for good\n"
             "        {\"request_id\",\"retry\":\"why\"}                not now: again\n"
             "        {\"request_id\",\"forward\":\"P\",\"payload\"}      to publisher P or topic:NAME\n\n"
             "  # double.py; pouch worker double --pipe 'python3 double.py'\n"
             "  import json, sys\n"
             "  for line in sys.stdin:\n"
             "      r = json.loads(line)\n"
             "      reply = {\"result\": 2 * r[\"payload\"][\"n\"]}\n"
             "      print(json.dumps({\"request_id\": r[\"request_id\"], \"payload\": reply}), flush=True)\n\n"
             "  pouch worker echo --pipe cat                     # a line sent back is its own answer\n\n"
             "--exec runs CMD once a request: the payload on its input, the reply on its output. Exit 0\n"
             "replies, 75 retries, any other fails with what it wrote to its standard error. In its\n"
             "environment: POUCH_REQUEST_ID, POUCH_TOPIC, POUCH_PUBLISHER, POUCH_DEADLINE.\n\n"
             "  pouch worker echo --exec cat\n"
             "  pouch worker double --exec 'jq \"{result: (.n * 2)}\"'\n\n"
             "--url posts the payload with X-Request-Id: the body of a 2xx answer is the reply, 429 and\n"
             "503 retry, any other status fails.\n\n"
             "  pouch worker double --url http://127.0.0.1:8080/double\n\n"
             "--schema and --reply-schema have requests and replies checked against a registry's schemas, after\n"
             "they are opened and before they are sealed. What is not valid is answered invalid_payload and kept as\n"
             "a dead letter; a reply that is not valid fails. While the registry (SCHEMA_REGISTRY_URL) does not\n"
             "answer, schemas that were had once serve on, and what needs others waits.\n\n"
             "  pouch worker payments --exec ./pay --schema auto --reply-schema payment-result-value\n\n"
             "--listen serves /livez, /readyz, /metrics and /statusz over HTTP, as docs/operations.md says.\n\n"
             "SIGTERM and Ctrl-C finish what is in hand, at most for the time of --drain. A changed key file\n"
             "is taken within a second, and at once on SIGHUP; a bad one leaves the keys as they were.\n",
    .flags =
        (const struct ops_flag[]){
            {"--pipe", 0, "CMD", false, "keep CMD running; JSON lines in and out"},
            {"--exec", 0, "CMD", false, "run CMD once a request"},
            {"--url", 0, "URL", false, "post each request to a service"},
            OPS_SCHEMA_FLAG,
            OPS_REPLY_SCHEMA_FLAG,
            {0},
        },
    .settings = (const char *const[]){"group", "instance.id", "start", "worker.concurrency", "handler.timeout", "drain",
                                      "schema.registry", "store", "listen", NULL},
    .least = 1,
    .most = SIZE_MAX,
    .run = worker,
};
