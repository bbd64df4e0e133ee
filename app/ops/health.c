/* pouch health. */
#include <base/why.h>
#include <cluster/cluster.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/health.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 10000, WATCH_TIMEOUT_MS = 5000, EVERY_MS = 5000, EVERY_LEAST_MS = 500, EVERY_MOST_MS = 3600000 };
enum { GROUPS_MAX = 1000 };

struct asked {
    const struct ops_call *call;
    int64_t every_ms;
    const char *groups[GROUPS_MAX];
    size_t n_groups, told;
    int exit_code;
};

static int print(const struct asked *a, const struct admin_health *h) {
    if (a->call->output != OPS_TABLE) return ops_print_json(admin_health_json(h));
    if (a->told) putchar('\n');
    ops_health_print(h, ops_has(a->call, "--partitions"));
    return OPS_EXIT_OK;
}

/* Goes on until nobody reads it. */
static bool tell(const struct admin_health *h, void *arg) {
    struct asked *a = arg;
    if (!ops_has(a->call, "--watch")) return true;
    a->exit_code = print(a, h);
    a->told++;
    if (!a->exit_code) a->exit_code = ops_done();
    return !a->exit_code && !ops_reader_goes_within(0);
}

/* No broker is told as everywhere; a cluster that is not well is a negative answer. */
static int once(struct asked *a, const struct admin_health_ask *ask) {
    struct admin_health h;
    admin_health_measure(&h, ask);
    admin_health_measure_lag(&h, ask);
    int exit_code = print(a, &h);
    if (!exit_code) exit_code = ops_done();
    if (!exit_code && h.cluster.error) exit_code = pouch_err_exit_code(h.cluster.error);
    if (!exit_code && admin_health_status(&h)) exit_code = OPS_EXIT_NEGATIVE;
    if (h.cluster.error) ops_advise(h.cluster.error);
    admin_health_free(&h);
    return exit_code;
}

static int watch(struct asked *a, const struct admin_health_ask *ask, const char *listen) {
    const struct ops_health_watch w = {
        .ask = *ask, .every_ms = (int)a->every_ms, .listen = listen, .tell = tell, .arg = a};
    pouch_err e = ops_health_watch(&w);
    return e ? ops_error(e) : a->exit_code;
}

static pouch_err read_flags(struct asked *a) {
    const char *every = ops_flag(a->call, "--every", 0), *group;
    a->every_ms = EVERY_MS;
    while ((group = ops_flag(a->call, "--group", a->n_groups))) {
        if (a->n_groups == GROUPS_MAX) return pl_fail(POUCH_E_CONFIG, "--group: at most %d groups", GROUPS_MAX);
        if (pl_lag_group_check(group)) return pl_fail(POUCH_E_CONFIG, "--group: %s", pouch_why());
        a->groups[a->n_groups++] = group;
    }
    pouch_err e = every ? pl_duration_parse(&a->every_ms, every, EVERY_LEAST_MS, EVERY_MOST_MS) : POUCH_OK;
    if (e) return pl_fail(POUCH_E_CONFIG, "--every: %s", pouch_why());
    if (ops_has(a->call, "--watch") && a->call->output == OPS_JSON)
        return pl_fail(POUCH_E_CONFIG, "-o json is one document: --watch wants -o jsonl");
    return POUCH_OK;
}

static int run(struct asked *a, const struct pl_settings *s) {
    struct pl_cluster *c;
    pouch_err e = pl_cluster_open(&c, s, s->client_id ? s->client_id : "pouch-health");
    if (e) return ops_error(e);
    struct admin_health_ask ask = {.rk = pl_cluster_handle(c),
                                   .groups = a->groups,
                                   .n_groups = a->n_groups,
                                   .lag_alert = (int64_t)s->lag_alert,
                                   .timeout_ms = TIMEOUT_MS};
    bool watched = s->listen || ops_has(a->call, "--watch");
    if (watched) ask.timeout_ms = WATCH_TIMEOUT_MS;
    int exit_code = watched ? watch(a, &ask, s->listen) : once(a, &ask);
    pl_cluster_close(c);
    return exit_code;
}

static int health(struct ops_call *call) {
    struct asked *a = calloc(1, sizeof *a);
    struct pl_settings s;
    if (!a) return ops_error(pl_fail(POUCH_E_NO_MEMORY, "out of memory"));
    a->call = call;
    int exit_code;
    pouch_err e;
    if (read_flags(a)) {
        exit_code = ops_usage(call, "%s", pouch_why());
    } else if ((e = pl_settings_read(&s, call->options))) {
        exit_code = ops_error(e);
    } else {
        exit_code = run(a, &s);
        pl_settings_free(&s);
    }
    free(a);
    return exit_code;
}

const struct ops_command ops_health = {
    .name = "health",
    .args = "",
    .summary = "Tell how the cluster stands and how far groups are behind",
    .about = "Asks every broker, one by one, looks at all partitions, and reads how far each consumer group is\n"
             "behind: the end of each partition less the offset that the group has committed, as Kafka's own\n"
             "tools show it. Exit code 0: healthy, 1: not, 69: no broker answers.\n\n"
             "  pouch health --group billing.workers --partitions\n"
             "  pouch health -o json | jq .details.partitions.under_replicated\n\n"
             "healthy: every broker answers, no partition lacks a replica, no group is further behind in a\n"
             "partition than --lag-alert. degraded: something is missing, or behind, but all partitions can be\n"
             "used. unhealthy: partitions have no leader, or fewer replicas in sync than min.insync.replicas, or\n"
             "no broker answers.\n\n"
             "--watch measures again and again until it is stopped. --listen serves what was measured last over\n"
             "HTTP: /health, /readyz, /metrics and /statusz, as docs/operations.md says.\n\n"
             "  pouch health --listen 127.0.0.1:9465 --every 15s\n",
    .flags =
        (const struct ops_flag[]){
            {"--group", 0, "G", true, "only this group, or these; all that may be seen unless given"},
            {"--partitions", 0, NULL, false, "each partition of each group, in the table"},
            {"--watch", 'w', NULL, false, "print it again and again"},
            {"--every", 0, "TIME", false, "with --watch and --listen: time between two measurements (default 5s)"},
            {0},
        },
    .settings = (const char *const[]){"health.lag_alert", "listen", NULL},
    .run = health,
};
