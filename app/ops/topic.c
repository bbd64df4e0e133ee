/* pouch topic create, list, describe, delete. */
#include <admin/topics.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/screen.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

enum { TIMEOUT_MS = 10000, CONFIGS_MAX = 32 };

static pouch_err check_names(const struct ops_call *call) {
    for (size_t i = 0; i < call->n_args; i++)
        if (!pl_name_valid(call->args[i], strlen(call->args[i])))
            return pl_fail(POUCH_E_CONFIG,
                           "'%.249s' is no topic name: 1 to 249 characters of letters, digits, '.', '_' and '-'",
                           call->args[i]);
    return POUCH_OK;
}

/* Splits each --set name=value into the spec's list; storage holds the copies. */
static pouch_err configs(const struct ops_call *call, const char *list[], char *storage[]) {
    const char *text;
    for (size_t i = 0; (text = ops_flag(call, "--set", i)); i++) {
        const char *equals = strchr(text, '=');
        if (!equals || equals == text || i == CONFIGS_MAX)
            return pl_fail(POUCH_E_CONFIG, "--set wants name=value, at most %d of them", CONFIGS_MAX);
        storage[i] = strdup(text);
        if (!storage[i]) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
        storage[i][equals - text] = 0;
        list[2 * i] = storage[i];
        list[2 * i + 1] = storage[i] + (equals - text) + 1;
    }
    return POUCH_OK;
}

/* Whether the list says a config. */
static bool says(const char *const list[], const char *config) {
    for (size_t i = 0; list[i]; i += 2)
        if (!strcmp(list[i], config)) return true;
    return false;
}

/* What the settings say where the flags do not. */
static pouch_err fill(const struct ops_call *call, struct pl_topic_spec *spec, const char *list[], char *storage[]) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return e;
    if (spec->partitions < 0 && s.topic_partitions) spec->partitions = s.topic_partitions;
    if (spec->replication < 0 && s.topic_replication) spec->replication = s.topic_replication;
    size_t n = 0; /* each has its copy in storage */
    while (list[2 * n]) n++;
    if (s.topic_retention_ms && !says(list, "retention.ms") && n < CONFIGS_MAX) {
        if (asprintf(&storage[n], "%zu", s.topic_retention_ms) < 0) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory");
        list[2 * n] = "retention.ms";
        list[2 * n + 1] = storage[n];
    }
    pl_settings_free(&s);
    return e;
}

/* What the flags ask of each topic, and the settings. */
static pouch_err read_spec(const struct ops_call *call, struct pl_topic_spec *spec, const char *list[],
                           char *storage[]) {
    int64_t partitions, replication;
    pouch_err e = configs(call, list, storage);
    if (!e) e = ops_number(call, "--partitions", -1, 1, 100000, &partitions);
    if (!e) e = ops_number(call, "--replication", -1, 1, 100, &replication);
    if (e) return e;
    *spec = (struct pl_topic_spec){NULL, (int)partitions, (int)replication, list};
    return fill(call, spec, list, storage);
}

static int create_all(struct ops_call *call, struct pl_cluster *c, struct pl_topic_spec *spec) {
    int exit_code = OPS_EXIT_OK;
    pouch_err e = POUCH_OK;
    /* Without a broker each further topic would only wait for one again. */
    for (size_t i = 0; i < call->n_args && e != POUCH_E_NO_BROKER; i++) {
        bool existed = false;
        spec->name = call->args[i];
        e = pl_topic_create(pl_cluster_handle(c), spec, &existed, TIMEOUT_MS);
        if (e) {
            exit_code = ops_error(e);
        } else if (existed) {
            ops_say("topic %s exists already; pouch topic describe %s shows it", call->args[i], call->args[i]);
            if (!exit_code) exit_code = OPS_EXIT_NEGATIVE;
        } else {
            ops_say("topic %s created", call->args[i]);
        }
    }
    return exit_code;
}

static int topic_create(struct ops_call *call) {
    const char *list[2 * CONFIGS_MAX + 1] = {0};
    char *storage[CONFIGS_MAX] = {0};
    struct pl_topic_spec spec;
    struct pl_cluster *c = NULL;
    pouch_err e = check_names(call);
    if (!e) e = read_spec(call, &spec, list, storage);
    int exit_code = OPS_EXIT_OK;
    if (e)
        exit_code = ops_usage(call, "%s", pouch_why());
    else if ((e = ops_cluster_open(call, &c)))
        exit_code = ops_error(e);
    else
        exit_code = create_all(call, c, &spec);
    pl_cluster_close(c);
    for (size_t i = 0; i < CONFIGS_MAX; i++) free(storage[i]);
    return exit_code;
}

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
    if (check_names(call)) return ops_usage(call, "%s", pouch_why());
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

/* Deleting is for ever, so a person is asked, and a script says --yes. OK: go on; else the exit code. */
static int agreed(const struct ops_call *call) {
    if (ops_has(call, "--yes")) return OPS_EXIT_OK;
    fprintf(stderr, "pouch: this deletes, with all their records:");
    for (size_t i = 0; i < call->n_args; i++) fprintf(stderr, " %s", call->args[i]);
    fputc('\n', stderr);
    return ops_agreed(call, "Delete?", "nothing deleted");
}

static int topic_delete(struct ops_call *call) {
    if (check_names(call)) return ops_usage(call, "%s", pouch_why());
    int exit_code = agreed(call);
    if (exit_code) return exit_code;
    struct pl_cluster *c = NULL;
    pouch_err e = ops_cluster_open(call, &c);
    if (e) return ops_error(e);
    for (size_t i = 0; i < call->n_args && e != POUCH_E_NO_BROKER; i++) {
        e = pl_topic_delete(pl_cluster_handle(c), call->args[i], TIMEOUT_MS);
        if (e)
            exit_code = ops_error(e);
        else
            ops_say("topic %s deleted", call->args[i]);
    }
    pl_cluster_close(c);
    return exit_code;
}

enum { ANY = 1000 };

const struct ops_command ops_topic_create = {
    .name = "topic create",
    .args = "TOPIC…",
    .summary = "Create topics",
    .about = "Without --partitions and --replication the settings topic.partitions, topic.replication and\n"
             "topic.retention are used, else the broker's defaults. A topic that is there already is left as it\n"
             "is; the exit code is then 1.\n\n"
             "  pouch topic create calculate --partitions 3 --set retention.ms=604800000\n",
    .flags =
        (const struct ops_flag[]){
            {"--partitions", 'p', "N", false, "how many partitions"},
            {"--replication", 'r', "N", false, "how many copies of each"},
            {"--set", 0, "NAME=VALUE", true, "a topic configuration, such as retention.ms=604800000"},
            {0},
        },
    .least = 1,
    .most = ANY,
    .run = topic_create,
};

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

const struct ops_command ops_topic_delete = {
    .name = "topic delete",
    .args = "TOPIC…",
    .summary = "Delete topics with all their records",
    .about = "Shows what would be deleted and asks; scripts say --yes.\n",
    .flags =
        (const struct ops_flag[]){
            {"--yes", 'y', NULL, false, "do not ask"},
            {0},
        },
    .least = 1,
    .most = ANY,
    .run = topic_delete,
};
