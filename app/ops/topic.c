/* pouch topic create, delete. */
#include <admin/anytext.h>
#include <base/why.h>
#include <cluster/topics.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/topic_book.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 30000, CONFIGS_MAX = 32, ANY = 1000 };

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

/* For the book: what was asked for. All else the broker decided. */
static json_t *asked_for(const struct pl_topic_spec *spec) {
    json_t *o = json_object();
    if (spec->partitions > 0) o = admin_json_with(o, "partitions", json_integer(spec->partitions));
    if (spec->replication > 0) o = admin_json_with(o, "replication", json_integer(spec->replication));
    for (const char *const *c = spec->configs; c[0]; c += 2) o = admin_json_with(o, c[0], admin_anytext_of(c[1]));
    return o;
}

static int create_all(struct ops_call *call, struct pl_cluster *c, struct pl_topic_spec *spec) {
    struct ops_topic_book book = {.call = call};
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
            ops_topic_book_put(&book, call->args[i], NULL, asked_for(spec));
        }
    }
    ops_topic_book_close(&book);
    return exit_code;
}

static int topic_create(struct ops_call *call) {
    const char *list[2 * CONFIGS_MAX + 1] = {0};
    char *storage[CONFIGS_MAX] = {0};
    struct pl_topic_spec spec;
    struct pl_cluster *c = NULL;
    pouch_err e = ops_topic_names_check(call, call->n_args);
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

/* Deleting is for ever, so a person is asked, and a script says --yes. OK: go on; else the exit code. */
static int agreed(const struct ops_call *call) {
    if (ops_has(call, "--yes")) return OPS_EXIT_OK;
    fprintf(stderr, "pouch: this deletes, with all their records:");
    for (size_t i = 0; i < call->n_args; i++) fprintf(stderr, " %s", call->args[i]);
    fputc('\n', stderr);
    return ops_agreed(call, "Delete?", "nothing deleted");
}

static void write_deleted(const struct ops_call *call, const struct pl_actual *before,
                          const struct pl_outcome *outcomes) {
    struct ops_topic_book book = {.call = call};
    for (size_t i = 0; i < call->n_args; i++)
        if (!outcomes[i].error) ops_topic_book_put(&book, call->args[i], ops_topic_state(before, call->args[i]), NULL);
    ops_topic_book_close(&book);
}

/* e: what met all that were left. Gives the exit code. */
static int tell_deleted(const struct ops_call *call, const struct pl_outcome *outcomes, pouch_err e) {
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    for (size_t i = 0; i < call->n_args; i++) {
        if (!outcomes[i].error)
            ops_say("topic %s deleted", call->args[i]);
        else if (!e)
            exit_code = ops_error(pl_fail(outcomes[i].error, "%s", outcomes[i].why));
    }
    return exit_code;
}

static int delete_all(const struct ops_call *call, rd_kafka_t *rk) {
    struct pl_actual before;
    struct pl_outcome *outcomes = calloc(call->n_args, sizeof *outcomes);
    if (!outcomes) return ops_error(pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu topics", call->n_args));
    ops_topic_states(&before, rk, call, call->n_args);
    pouch_err e = pl_topics_delete(rk, call->args, call->n_args, outcomes, NULL, TIMEOUT_MS);
    int exit_code = tell_deleted(call, outcomes, e);
    write_deleted(call, &before, outcomes);
    pl_actual_free(&before);
    free(outcomes);
    return exit_code;
}

static int topic_delete(struct ops_call *call) {
    struct pl_cluster *c = NULL;
    if (ops_topic_names_check(call, call->n_args)) return ops_usage(call, "%s", pouch_why());
    int exit_code = agreed(call);
    if (exit_code) return exit_code;
    pouch_err e = ops_cluster_open(call, &c);
    exit_code = e ? ops_error(e) : delete_all(call, pl_cluster_handle(c));
    pl_cluster_close(c);
    return exit_code;
}

const struct ops_command ops_topic_create = {
    .name = "topic create",
    .args = "TOPIC…",
    .summary = "Create topics",
    .about = "Without --partitions and --replication the settings topic.partitions, topic.replication and\n"
             "topic.retention are used, else the broker's defaults. A topic that is there already is left as it\n"
             "is; the exit code is then 1.\n\n"
             "  pouch topic create calculate --partitions 3 --set retention.ms=604800000\n\n"
             "Who did it is kept: see pouch changes --kind topic.\n",
    .flags =
        (const struct ops_flag[]){
            {"--partitions", 'p', "N", false, "how many partitions"},
            {"--replication", 'r', "N", false, "how many copies of each"},
            {"--set", 0, "NAME=VALUE", true, "a topic configuration, such as retention.ms=604800000"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = ANY,
    .run = topic_create,
};

const struct ops_command ops_topic_delete = {
    .name = "topic delete",
    .args = "TOPIC…",
    .summary = "Delete topics with all their records",
    .about = "Shows what would be deleted and asks; scripts say --yes.\n\n"
             "Who did it is kept: see pouch changes --kind topic.\n",
    .flags =
        (const struct ops_flag[]){
            {"--yes", 'y', NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = ANY,
    .run = topic_delete,
};
