/* pouch bench request, worker, chain, route and seal. */
#include <base/why.h>
#include <bench/bench.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <string.h>

static pouch_err read_load(const struct ops_call *call, int64_t count, struct bench_load *load) {
    int64_t size, timeout;
    *load = (struct bench_load){0};
    pouch_err e = ops_number(call, "--count", count, 1, 1000000000, &load->count);
    if (!e) e = ops_number(call, "--in-flight", 0, 1, 60000, &load->in_flight);
    if (!e) e = ops_number(call, "--rate", 0, 1, 10000000, &load->rate);
    if (!e) e = ops_number(call, "--size", 256, BENCH_SIZE_LEAST, 400000, &size);
    if (!e)
        e = ops_number(call, "--warm-up", load->in_flight * 2 > 200 ? load->in_flight * 2 : 200, 0, 1000000000,
                       &load->warm_up);
    if (e) return e;
    if (load->in_flight && load->rate)
        return pl_fail(POUCH_E_CONFIG, "--in-flight (closed loop) and --rate (open loop) exclude each other");
    if (!load->in_flight && !load->rate) load->in_flight = 1;
    load->size = (size_t)size;
    struct pl_settings s;
    if ((e = pl_settings_read(&s, call->options))) return e;
    timeout = s.request_timeout_ms;
    pl_settings_free(&s);
    load->timeout_ms = (int)timeout;
    return POUCH_OK;
}

static void print_spread_json(const char *prefix, const struct bench_spread *s) {
    printf(",\"%sp50_us\":%lld,\"%sp90_us\":%lld,\"%sp99_us\":%lld,\"%sp999_us\":%lld,\"%smax_us\":%lld", prefix,
           (long long)s->p50, prefix, (long long)s->p90, prefix, (long long)s->p99, prefix, (long long)s->p999, prefix,
           (long long)s->max);
}

static void print_spread(const char *name, const struct bench_spread *s) {
    printf("%-22s %9.3f %9.3f %9.3f %9.3f %9.3f\n", name, (double)s->p50 / 1e3, (double)s->p90 / 1e3,
           (double)s->p99 / 1e3, (double)s->p999 / 1e3, (double)s->max / 1e3);
}

static void print_load(const struct ops_call *call, const struct bench_load *load, const struct bench_result *r) {
    double rate = r->seconds > 0 ? (double)r->answered / r->seconds : 0;
    if (call->output != OPS_TABLE) {
        printf("{\"count\":%lld,\"in_flight\":%lld,\"size\":%zu", (long long)load->count, (long long)load->in_flight,
               load->size);
        if (load->rate) printf(",\"wanted_rate\":%lld", (long long)load->rate);
        print_spread_json("", &r->total);
        print_spread_json("there_", &r->there);
        print_spread_json("back_", &r->back);
        printf(",\"rate\":%.0f,\"failed\":%lld,\"seconds\":%.3f}\n", rate, (long long)r->failed, r->seconds);
        return;
    }
    printf("%lld answered, %lld failed in %.2f s: %.0f/s\n\n", (long long)r->answered, (long long)r->failed, r->seconds,
           rate);
    printf("%-22s %9s %9s %9s %9s %9s\n", "ms", "p50", "p90", "p99", "p99.9", "max");
    print_spread(load->rate ? "since it was due" : "request to answer", &r->total);
    if (r->there.max) {
        print_spread("  request to handler", &r->there);
        print_spread("  handler to answer", &r->back);
    }
}

static pouch_err start_client(struct ops_call *call, pouch_client **client) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return e;
    if (!pouch_options_get(call->options, "client.id"))
        e = pouch_options_set(call->options, "client.id", "pouch-bench");
    if (!e) e = pouch_client_new(client, call->options, ring);
    pouch_keyring_free(ring);
    return e;
}

static int finish_load(const struct ops_call *call, const struct bench_load *load, const struct bench_result *r) {
    print_load(call, load, r);
    if (r->failed)
        ops_say("%lld failed; the first: %s: %s", (long long)r->failed, pouch_err_code(r->first_error), r->why);
    int written = ops_done();
    return r->answered ? written : pouch_err_exit_code(r->first_error);
}

static int bench_request(struct ops_call *call) {
    struct bench_load load;
    const char *publisher = ops_flag(call, "--publisher", 0);
    if (!publisher == !call->n_args) return ops_usage(call, "say where to: either a TOPIC, or --publisher P");
    if (read_load(call, 10000, &load)) return ops_usage(call, "%s", pouch_why());
    pouch_client *client = NULL;
    struct bench_result result;
    pouch_dest *to = publisher ? pouch_dest_publisher(publisher) : pouch_dest_topic(call->args[0]);
    if (!to) return ops_error(POUCH_E_CONFIG);
    load.to = to;
    pouch_err e = start_client(call, &client);
    if (!e) e = bench_run_load(client, &load, &result);
    pouch_client_close(client, 0);
    pouch_dest_free(to);
    return e ? ops_error(e) : finish_load(call, &load, &result);
}

static int bench_chain_command(struct ops_call *call) {
    struct bench_load load;
    if (read_load(call, 2000, &load)) return ops_usage(call, "%s", pouch_why());
    pouch_keyring *ring;
    struct bench_result result;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    e = bench_chain(call->options, ring, load, &result);
    pouch_keyring_free(ring);
    return e ? ops_error(e) : finish_load(call, &load, &result);
}

static void stop_worker(void *worker) {
    pouch_worker_stop(worker);
}

static int bench_worker(struct ops_call *call) {
    pouch_keyring *ring;
    pouch_worker *worker = NULL;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    e = pouch_worker_new(&worker, call->options, ring);
    pouch_keyring_free(ring);
    for (size_t i = 0; !e && i < call->n_args; i++) e = pouch_worker_handle(worker, call->args[i], bench_echo, NULL);
    if (!e) e = ops_on_stop(stop_worker, worker);
    if (!e) e = pouch_worker_run(worker);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    ops_no_stop();
    pouch_worker_free(worker);
    return exit_code;
}

static int bench_route_command(struct ops_call *call) {
    int64_t size;
    struct bench_route bench;
    if (ops_number(call, "--count", 100000, 1, 100000000, &bench.count) ||
        ops_number(call, "--size", 256, BENCH_SIZE_LEAST, 400000, &size))
        return ops_usage(call, "%s", pouch_why());
    bench.size = (size_t)size;
    pouch_keyring *ring;
    struct bench_route_result r = {0};
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    e = bench_route(call->options, ring, &bench, &r);
    pouch_keyring_free(ring);
    if (e) return ops_error(e);
    double rate = r.seconds > 0 ? (double)r.routed / r.seconds : 0;
    if (call->output == OPS_TABLE)
        printf("%lld routed, %lld failed in %.2f s: %.0f/s\n", (long long)r.routed, (long long)r.failed, r.seconds,
               rate);
    else
        printf("{\"count\":%lld,\"size\":%lld,\"rate\":%.0f,\"failed\":%lld,\"seconds\":%.3f}\n",
               (long long)bench.count, (long long)size, rate, (long long)r.failed, r.seconds);
    return ops_done();
}

static int bench_seal_command(struct ops_call *call) {
    int64_t count, size;
    if (ops_number(call, "--count", 200000, 1, 1000000000, &count) ||
        ops_number(call, "--size", 256, 2, 1 << 20, &size))
        return ops_usage(call, "%s", pouch_why());
    pouch_keyring *ring;
    struct bench_seal_result r;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    e = bench_seal(ring, (size_t)size, count, &r);
    pouch_keyring_free(ring);
    if (e) return ops_error(e);
    double ratio = (r.seal + r.open) / (r.openssl_seal + r.openssl_open);
    if (call->output == OPS_TABLE)
        printf("%-28s %8s %8s\n%-28s %8.0f %8.0f\n%-28s %8.0f %8.0f\n%-28s %8.2f\n", "ns a message", "seal", "open",
               "pouch", r.seal, r.open, "OpenSSL, hex and JSON alone", r.openssl_seal, r.openssl_open,
               "ratio of both together", ratio);
    else
        printf("{\"size\":%lld,\"seal_ns\":%.0f,\"open_ns\":%.0f,\"openssl_seal_ns\":%.0f,\"openssl_open_ns\":%.0f,"
               "\"ratio\":%.3f}\n",
               (long long)size, r.seal, r.open, r.openssl_seal, r.openssl_open, ratio);
    return ops_done();
}

const struct ops_command ops_bench_request = {
    .name = "bench request",
    .args = "(TOPIC | --publisher P)",
    .summary = "Measure request-reply: rate and percentiles",
    .about = "Needs pouch bench worker TOPIC running; with --publisher, also a center with a route to it.\n"
             "A closed loop (--in-flight N) keeps N requests open. An open loop (--rate R) sends R a\n"
             "second whatever comes back, and counts from when each was due, so that a stall shows in\n"
             "every request it delayed.\n\n"
             "  pouch bench worker echo &\n"
             "  pouch bench request echo --in-flight 64 --count 100000 --size 256 -o json\n",
    .flags =
        (const struct ops_flag[]){
            {"--publisher", 0, "P", false, "ask a publisher's route through the command center"},
            {"--in-flight", 'c', "N", false, "closed loop: open requests at any time (default 1)"},
            {"--rate", 0, "R", false, "open loop: requests a second"},
            {"--count", 'n', "N", false, "requests to measure (default 10000)"},
            {"--size", 's', "BYTES", false, "payload bytes (default 256)"},
            {"--warm-up", 0, "N", false, "requests before those (default 200, or twice --in-flight)"},
            {0},
        },
    .settings = (const char *const[]){"center.inbox", "request.timeout", "reply.topic", "crypto.iv_bytes", NULL},
    .most = 1,
    .run = bench_request,
};

const struct ops_command ops_bench_worker = {
    .name = "bench worker",
    .args = "TOPIC…",
    .summary = "Run the echo worker that bench request talks to",
    .about = "Echoes each payload, stamped with when it was seen.\n",
    .settings = (const char *const[]){"group", "start", "worker.concurrency", "drain", NULL},
    .least = 1,
    .most = 100,
    .run = bench_worker,
};

const struct ops_command ops_bench_chain = {
    .name = "bench chain",
    .args = "",
    .summary = "Measure request-reply over two workers and a center",
    .about = "Makes an inbox, two publishers with a topic each and their routes, and starts a center, two\n"
             "workers and a client in this process. A request goes to the first publisher: center, first\n"
             "worker, which forwards to the second publisher: center, second worker, which answers: five\n"
             "hops over the broker. A closed loop, as in bench request; \"handler\" is the second worker's.\n\n"
             "With --store the center, the workers and the client trace there; without, the center alone, in\n"
             "the state directory. Topics and routes are removed again; the reply topic and the trace stay,\n"
             "and the embedded broker of pouch dev keeps its topics until it ends.\n\n"
             "  pouch bench chain --count 2000 --size 256 -o json\n"
             "  pouch bench chain --in-flight 64 --count 50000 --store sqlite:///var/tmp/bench\n"
             "  pouch log --store sqlite:///var/tmp/bench --limit 8\n",
    .flags =
        (const struct ops_flag[]){
            {"--in-flight", 'c', "N", false, "open requests at any time (default 1)"},
            {"--count", 'n', "N", false, "requests to measure (default 2000)"},
            {"--size", 's', "BYTES", false, "payload bytes (default 256)"},
            {"--warm-up", 0, "N", false, "requests before those (default 200, or twice --in-flight)"},
            {0},
        },
    .settings = (const char *const[]){"store", "request.timeout", "reply.topic", "crypto.iv_bytes", NULL},
    .run = bench_chain_command,
};

const struct ops_command ops_bench_route = {
    .name = "bench route",
    .args = "",
    .summary = "Measure how fast a center routes a backlog",
    .about = "Makes an inbox, four publishers with a target each and their routes, fills the inbox with\n"
             "sealed requests, and times a center of its own from its first record to its last, its trace in\n"
             "the store given. Removes topics and routes again, after Ctrl-C too; the trace rows stay.\n\n"
             "  pouch bench route --count 300000 --size 256 --store sqlite:///var/tmp/bench -o json\n",
    .flags =
        (const struct ops_flag[]){
            {"--count", 'n', "N", false, "requests in the backlog (default 100000)"},
            {"--size", 's', "BYTES", false, "payload bytes (default 256)"},
            {0},
        },
    .settings = (const char *const[]){"store", "crypto.iv_bytes", NULL},
    .run = bench_route_command,
};

const struct ops_command ops_bench_seal = {
    .name = "bench seal",
    .args = "",
    .summary = "Measure what sealing and opening cost beside OpenSSL alone",
    .about = "Seals and opens whole envelopes, in turns with the same cipher on a fixed template.\n",
    .flags =
        (const struct ops_flag[]){
            {"--count", 'n', "N", false, "messages (default 200000)"},
            {"--size", 's', "BYTES", false, "payload bytes (default 256)"},
            {0},
        },
    .run = bench_seal_command,
};
