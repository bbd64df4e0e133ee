/* pouch topic orphans. */
#include <admin/anytext.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/orphans.h>
#include <cluster/topics.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/screen.h>
#include <ops/topic_book.h>
#include <stdlib.h>
#include <string.h>

/* A minute at least: in a shorter time clients that are at work are quiet too. */
enum { TIMEOUT_MS = 30000, OLDER_MS = 3600000, OLDER_LEAST_MS = 60000, DAY_MS = 86400000, DAYS_MOST = 3650, NAME = 48 };

struct orphans {
    const struct ops_call *call;
    rd_kafka_t *rk;
    int64_t older_ms;
    struct pl_reply_topic *topics;
    size_t n;
    struct pl_reply_topic *named; /* those that the question named; NULL: it was not put yet */
    size_t n_named;
    bool sees_all;
};

static pouch_err look(struct orphans *o) {
    return pl_reply_topics(o->rk, o->older_ms, &o->topics, &o->n, &o->sees_all, TIMEOUT_MS);
}

static bool is_orphan(const struct orphans *o, const struct pl_reply_topic *t) {
    return t->use == PL_REPLY_ORPHAN || (t->use == PL_REPLY_UNUSED && ops_has(o->call, "--unused"));
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_reply_topic *)a)->name, ((const struct pl_reply_topic *)b)->name);
}

static bool was_named(const struct orphans *o, const struct pl_reply_topic *t) {
    const struct pl_reply_topic *named = bsearch(t, o->named, o->n_named, sizeof *t, by_name);
    return named && is_orphan(o, named);
}

static bool is_for_deletion(const struct orphans *o, const struct pl_reply_topic *t) {
    return is_orphan(o, t) && (!o->named || was_named(o, t));
}

/* ---- telling ---- */

static json_t *state_of(const struct pl_reply_topic *t) {
    return json_pack("{s:i, s:I}", "partitions", t->partitions, "records", (json_int_t)t->records);
}

static json_t *topic_json(const struct orphans *o, const struct pl_reply_topic *t, bool deleted) {
    return json_pack("{s:s, s:s, s:b, s:i, s:o, s:o, s:b}", "topic", t->name, "use", pl_reply_use_name(t->use),
                     "orphan", is_orphan(o, t), "partitions", t->partitions, "records",
                     t->records < 0 ? json_null() : json_integer(t->records), "retention_ms",
                     t->retention_ms < 0 ? json_null() : json_integer(t->retention_ms), "deleted", deleted);
}

static void print_table(const struct orphans *o) {
    const struct ops_screen screen = ops_screen_of(stdout);
    if (!o->n) ops_say("there are no topics named *.replies");
    if (o->n) printf("%-48s %10s %12s %s\n", "TOPIC", "PARTITIONS", "RECORDS", "USE");
    for (size_t i = 0; i < o->n; i++) {
        const struct pl_reply_topic *t = &o->topics[i];
        ops_screen_column(stdout, &screen, t->name, NAME);
        printf(" %10d ", t->partitions);
        if (t->records < 0)
            printf("%12s", "-");
        else
            printf("%12" PRId64, t->records);
        printf(" %s\n", pl_reply_use_name(t->use));
    }
}

/* outcomes: of those for deletion, in their order, which are written down; NULL: nothing was deleted. */
static int tell(const struct orphans *o, const struct pl_outcome *outcomes) {
    struct ops_topic_book book = {.call = o->call};
    json_t *all = o->call->output == OPS_TABLE ? NULL : json_array();
    int exit_code = OPS_EXIT_OK;
    size_t k = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct pl_outcome *done = outcomes && is_for_deletion(o, &o->topics[i]) ? &outcomes[k++] : NULL;
        if (done && done->error) {
            ops_say("%s", done->why);
            exit_code = pouch_err_exit_code(done->error);
        } else if (done) {
            ops_say("topic %s deleted", o->topics[i].name);
            ops_topic_book_put(&book, o->topics[i].name, state_of(&o->topics[i]), NULL);
        }
        if (o->call->output != OPS_TABLE)
            all = admin_array_with(all, topic_json(o, &o->topics[i], done && !done->error));
    }
    ops_topic_book_close(&book);
    if (o->call->output == OPS_TABLE) {
        if (!outcomes) print_table(o);
    } else {
        int printed = ops_print_array(o->call, all);
        if (!exit_code) exit_code = printed;
    }
    return exit_code;
}

/* ---- deleting ---- */

/* The names of those for deletion; NULL: no memory. */
static const char **names_of(const struct orphans *o, size_t *n) {
    const char **names = calloc(o->n + 1, sizeof *names);
    *n = 0;
    for (size_t i = 0; names && i < o->n; i++)
        if (is_for_deletion(o, &o->topics[i])) names[(*n)++] = o->topics[i].name;
    return names;
}

static int delete_all(const struct orphans *o) {
    size_t n;
    const char **names = names_of(o, &n);
    struct pl_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
    pouch_err e = names && outcomes ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for reply topics");
    if (!e) e = pl_topics_delete(o->rk, names, n, outcomes, NULL, TIMEOUT_MS);
    int exit_code = e ? ops_error(e) : tell(o, outcomes);
    free(outcomes);
    free(names);
    return exit_code;
}

static int ask(const struct orphans *o) {
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct pl_reply_topic *t = &o->topics[i];
        if (!is_for_deletion(o, t)) continue;
        ops_say("%s: %s, %" PRId64 " records", t->name, pl_reply_use_name(t->use), t->records);
        n++;
    }
    if (!n) {
        ops_say("there is nothing to delete");
        return -1;
    }
    return ops_agreed(o->call, "Delete them?", "nothing was deleted");
}

static int blind(void) {
    return ops_error(pl_fail(POUCH_E_NOT_ALLOWED,
                             "not all consumer groups can be looked at, so that one may read these topics; nothing "
                             "was deleted"));
}

/* What has been used again since the question was put is not deleted, nor what it did not name. */
static int delete_if_agreed(struct orphans *o) {
    if (!o->sees_all) return blind();
    int exit_code = ask(o);
    if (exit_code < 0) return tell(o, NULL);
    if (exit_code) return exit_code;
    o->named = o->topics;
    o->n_named = o->n;
    pouch_err e = look(o);
    if (e) return ops_error(e);
    return o->sees_all ? delete_all(o) : blind();
}

static pouch_err read_flags(struct orphans *o) {
    const char *older = ops_flag(o->call, "--older", 0);
    o->older_ms = OLDER_MS;
    pouch_err e =
        older ? pl_duration_parse(&o->older_ms, older, OLDER_LEAST_MS, (int64_t)DAYS_MOST * DAY_MS) : POUCH_OK;
    if (e) return pl_fail(POUCH_E_CONFIG, "--older: %s", pouch_why());
    if (ops_has(o->call, "--delete")) return POUCH_OK;
    return ops_has(o->call, "--yes") ? pl_fail(POUCH_E_CONFIG, "--yes goes with --delete") : POUCH_OK;
}

static int orphans(struct ops_call *call) {
    struct orphans o = {.call = call};
    struct pl_cluster *c = NULL;
    if (read_flags(&o)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_cluster_open(call, &c);
    if (e) return ops_error(e);
    o.rk = pl_cluster_handle(c);
    e = look(&o);
    int exit_code = e ? ops_error(e) : ops_has(call, "--delete") ? delete_if_agreed(&o) : tell(&o, NULL);
    pl_reply_topics_free(o.topics, o.n);
    pl_reply_topics_free(o.named, o.n_named);
    pl_cluster_close(c);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_topic_orphans = {
    .name = "topic orphans",
    .args = "",
    .summary = "Find reply topics whose clients are gone, and delete them",
    .about = "A client makes <client id>.replies, and it stays when the client goes. Its readers are in no group,\n"
             "so that none can be seen; what tells is that no reply came in a long time. Of each topic named\n"
             "*.replies this says how it is used:\n\n"
             "  orphan     it was written to, and not since --older; no group reads it\n"
             "  unused     it was never written to: of a client that has just begun, or asked nothing yet\n"
             "  recent     a reply is younger than --older\n"
             "  group      a group has an offset of it committed, or a member assigned\n"
             "  unproven   it is empty, and keeps replies for less than --older, so that it cannot be told\n"
             "  unknown    a partition has no leader or does not answer\n\n"
             "--delete deletes orphans, and with --unused those as well. A client that is there after all, and was\n"
             "only quiet, makes its topic again; a reply that was on its way meanwhile is lost.\n\n"
             "  pouch topic orphans --older 1h\n"
             "  pouch topic orphans --older 1h --delete --yes\n\n"
             "Who deleted what is kept: see pouch changes --kind topic.\n",
    .flags =
        (const struct ops_flag[]){
            {"--older", 0, "AGE", false,
             "how long there must have been no reply (default 1h, as replies are kept; 1m at least)"},
            {"--unused", 0, NULL, false, "those that were never written to as well"},
            {"--delete", 0, NULL, false, "delete them, after a question"},
            {"--yes", 'y', NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = orphans,
};
