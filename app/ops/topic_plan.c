/* pouch topic plan, apply. */
#include <admin/topics.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/topics.h>

enum { ANY = 1000 };

static pouch_err look(const struct ops_call *call, struct ops_topics *t) {
    const struct pl_plan_options o = {
        .prune = ops_has(call, "--prune"), .topics = call->n_args ? call->args : NULL, .n_topics = call->n_args};
    pouch_err e = ops_topics_open(t, call);
    return e ? e : admin_topics_plan(&t->all, &o);
}

static int show(const struct ops_call *call, const struct ops_topics *t) {
    int exit_code = ops_topics_show(call, t);
    return !exit_code && t->all.plan.n && ops_has(call, "--exit-code") ? OPS_EXIT_DRIFT : exit_code;
}

static int topic_plan(struct ops_call *call) {
    struct ops_topics t = {0};
    pouch_err e = look(call, &t);
    int exit_code = e ? ops_error(e) : show(call, &t);
    ops_topics_close(&t);
    return exit_code;
}

static int topic_apply(struct ops_call *call) {
    struct ops_topics t = {0};
    pouch_err e = look(call, &t);
    int exit_code = e ? ops_error(e) : ops_topics_apply(call, &t, "prune", "nothing was changed");
    ops_topics_close(&t);
    return exit_code;
}

const struct ops_command ops_topic_plan = {
    .name = "topic plan",
    .args = "[TOPIC…]",
    .summary = "Show what differs between the catalogue and the cluster",
    .about = "The catalogue says which topics there are to be, for the platform and for every tenant; without\n"
             "--catalog it is the built-in one, which `pouch topic catalog` prints. Only what differs is shown:\n\n"
             "  + a topic to create      ~ partitions or a config to change\n"
             "  - a topic to delete      ! a difference that apply leaves as it is, and why\n\n"
             "Too much are topics under names that the catalogue owns, overrides of configs that it does not say,\n"
             "and topics of tenants that it does not list; only --prune removes them. Where it lists no tenants,\n"
             "only pouch tenant delete removes those. Other topics are none of its business.\n\n"
             "  pouch topic plan --catalog topics.yaml --exit-code\n",
    .flags =
        (const struct ops_flag[]){
            {"--exit-code", 0, NULL, false, "exit 2 when something differs"},
            {"--prune", 0, NULL, false, "plan to remove what is too much"},
            OPS_REPLICATION_FLAG,
            {0},
        },
    .settings = (const char *const[]){"topic.catalog", NULL},
    .most = ANY,
    .run = topic_plan,
};

const struct ops_command ops_topic_apply = {
    .name = "topic apply",
    .args = "[TOPIC…]",
    .summary = "Make the cluster's topics as the catalogue says",
    .about = "Makes what `pouch topic plan` shows: creates topics, adds partitions, changes configs, and leaves\n"
             "all that the catalogue does not say. Nothing is removed without --prune, and then only after the\n"
             "word prune was typed; scripts say --yes. Partitions are never taken away, nor copies moved.\n\n"
             "  pouch topic apply --catalog topics.yaml\n"
             "  pouch topic apply platform.audit\n\n"
             "Who did it is kept: see pouch changes --kind topic.\n",
    .flags =
        (const struct ops_flag[]){
            {"--prune", 0, NULL, false, "remove what is too much as well"},
            {"--yes", 'y', NULL, false, "do not ask before something is removed"},
            OPS_REPLICATION_FLAG,
            {0},
        },
    .settings = (const char *const[]){"topic.catalog", "store", NULL},
    .most = ANY,
    .run = topic_apply,
};
