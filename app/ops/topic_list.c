/* pouch topic list, describe. */
#include <admin/topics.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/screen.h>
#include <ops/topic_book.h>

enum { TIMEOUT_MS = 30000, ANY = 1000 };

static size_t offline(const struct pl_topic_info *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n_partitions; i++) n += t->partitions[i].leader < 0;
    return n;
}

static size_t under_replicated(const struct pl_topic_info *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n_partitions; i++) n += t->partitions[i].in_sync < t->partitions[i].replicas;
    return n;
}

static int print_list(const struct ops_call *call, const struct pl_topic_info *topics, size_t n) {
    if (call->output == OPS_JSON) {
        json_t *all = json_array();
        for (size_t i = 0; all && i < n; i++) json_array_append_new(all, admin_topic_json(&topics[i], false));
        return ops_print_json(all);
    }
    if (call->output == OPS_TABLE && n) printf("%-40s %10s %11s %s\n", "TOPIC", "PARTITIONS", "REPLICATION", "HEALTH");
    const struct ops_screen screen = ops_screen_of(stdout);
    int exit_code = OPS_EXIT_OK;
    for (size_t i = 0; i < n && !exit_code; i++) {
        if (call->output == OPS_JSONL) {
            exit_code = ops_print_json(admin_topic_json(&topics[i], false));
            continue;
        }
        const char *health = offline(&topics[i])            ? "offline partitions"
                             : under_replicated(&topics[i]) ? "under-replicated"
                                                            : "ok";
        ops_screen_column(stdout, &screen, topics[i].name, 40);
        printf(" %10zu %11d %s\n", topics[i].n_partitions, topics[i].replication, health);
    }
    return exit_code;
}

static int topic_list(struct ops_call *call) {
    struct pl_cluster *c = NULL;
    struct pl_topic_info *topics = NULL;
    size_t n = 0;
    pouch_err e = ops_cluster_open(call, &c);
    if (!e) e = pl_topic_list(pl_cluster_handle(c), &topics, &n, TIMEOUT_MS);
    int exit_code = e ? ops_error(e) : print_list(call, topics, n);
    pl_topic_info_free(topics, n);
    pl_cluster_close(c);
    return exit_code ? exit_code : ops_done();
}

static void print_description(const struct pl_topic_info *t) {
    const struct ops_screen screen = ops_screen_of(stdout);
    printf("topic        %s\npartitions   %zu\nreplication  %d\n", t->name, t->n_partitions, t->replication);
    for (char **c = t->configs; c && *c; c += 2) {
        printf("config       %s = ", c[0]);
        ops_screen_column(stdout, &screen, c[1], 0);
        putchar('\n');
    }
    printf("\n%9s %7s %9s %8s %14s %14s %14s\n", "PARTITION", "LEADER", "REPLICAS", "IN-SYNC", "LOW", "HIGH",
           "RECORDS");
    for (size_t i = 0; i < t->n_partitions; i++) {
        const struct pl_topic_partition_info *p = &t->partitions[i];
        printf("%9d %7d %9d %8d %14lld %14lld %14lld\n", p->id, p->leader, p->replicas, p->in_sync, (long long)p->low,
               (long long)p->high, (long long)(p->high - p->low));
    }
}

/* all: what is printed at the end; NULL: print now. */
static int describe(const struct ops_call *call, const struct pl_topic_info *t, json_t *all) {
    if (all) return json_array_append_new(all, admin_topic_json(t, true)) ? ops_error(POUCH_E_NO_MEMORY) : OPS_EXIT_OK;
    if (call->output != OPS_TABLE) return ops_print_json(admin_topic_json(t, true));
    print_description(t);
    return OPS_EXIT_OK;
}

static int topic_describe(struct ops_call *call) {
    struct pl_cluster *c = NULL;
    if (ops_topic_names_check(call, call->n_args)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_cluster_open(call, &c);
    if (e) return ops_error(e);
    json_t *all = call->output == OPS_JSON && call->n_args > 1 ? json_array() : NULL;
    int exit_code = OPS_EXIT_OK;
    for (size_t i = 0; i < call->n_args && e != POUCH_E_NO_BROKER; i++) {
        struct pl_topic_info *t = NULL;
        e = pl_topic_describe(pl_cluster_handle(c), call->args[i], &t, TIMEOUT_MS);
        int told = e ? ops_error(e) : describe(call, t, all);
        if (told) exit_code = told;
        pl_topic_info_free(t, t ? 1 : 0);
    }
    if (all && ops_print_json(all)) exit_code = OPS_EXIT_SOFTWARE;
    pl_cluster_close(c);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_topic_list = {
    .name = "topic list",
    .args = "",
    .summary = "List topics with their partitions and health",
    .about = "Kafka's internal topics (__…) are left out.\n",
    .run = topic_list,
};

const struct ops_command ops_topic_describe = {
    .name = "topic describe",
    .args = "TOPIC…",
    .summary = "Describe topics: leaders, replicas, offsets and settings",
    .about = "Only settings that differ from the broker's defaults are shown.\n",
    .least = 1,
    .most = ANY,
    .run = topic_describe,
};
