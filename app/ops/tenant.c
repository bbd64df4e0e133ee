/* pouch tenant create and delete. */
#include <admin/topics.h>
#include <base/why.h>
#include <catalog/tenant.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/topics.h>
#include <string.h>

static int print_tenant(const struct ops_call *call, const struct ops_topics *t) {
    return ops_print_json(admin_tenant_json(&t->all, call->args[0]));
}

static pouch_err plan_begin(const struct ops_call *call, struct ops_topics *t) {
    const struct pl_plan_options o = {.tenants = call->args, .n_tenants = 1};
    pouch_err e = ops_topics_open(t, call);
    if (!e) e = pl_tenant_may_begin(t->all.catalog, call->args[0]);
    return e ? e : admin_topics_plan(&t->all, &o);
}

/* Without --dry-run it is done. */
static int show_or_do(const struct ops_call *call, struct ops_topics *t, const char *nothing) {
    return ops_has(call, "--dry-run") ? ops_topics_show(call, t) : ops_topics_apply(call, t, call->args[0], nothing);
}

static int tenant_create(struct ops_call *call) {
    struct ops_topics t = {.print = print_tenant};
    if (pl_tenant_check(call->args[0])) return ops_usage(call, "%s", pouch_why());
    pouch_err e = plan_begin(call, &t);
    int exit_code = e ? ops_error(e) : show_or_do(call, &t, "nothing was changed");
    ops_topics_close(&t);
    return exit_code;
}

/* ---- delete ---- */

static pouch_err plan_end(const struct ops_call *call, struct ops_topics *t) {
    pouch_err e = ops_topics_open(t, call);
    if (!e) e = pl_tenant_end(&t->all.plan, t->all.catalog, &t->all.actual, call->args[0]);
    return e;
}

/* What the list names comes again with the next apply. */
static void say_listed(const struct ops_topics *t, const char *tenant) {
    for (size_t i = 0; i < t->all.catalog->n_tenants; i++)
        if (!strcmp(t->all.catalog->tenants[i], tenant))
            ops_say("%s lists %s: take it out of tenants:, or the next apply makes its topics again",
                    t->all.catalog->file, tenant);
}

static int tenant_delete(struct ops_call *call) {
    struct ops_topics t = {0};
    if (pl_tenant_check(call->args[0])) return ops_usage(call, "%s", pouch_why());
    pouch_err e = plan_end(call, &t);
    int exit_code = e ? ops_error(e) : show_or_do(call, &t, "nothing was deleted");
    if (!exit_code) say_listed(&t, call->args[0]);
    ops_topics_close(&t);
    return exit_code;
}

const struct ops_command ops_tenant_create = {
    .name = "tenant create",
    .args = "ID",
    .summary = "Create the topics of a tenant",
    .about = "Makes one topic for each of the catalogue's patterns, {tenant} being ID: 1 to 64 of a-z, 0-9 and\n"
             "'-'. What there is of them already is made as the catalogue says; nothing is removed. With\n"
             "-o json: {\"tenant_id\",\"topics\":{\"messages\":…},\"missing\":[]}.\n\n"
             "  pouch tenant create acme\n\n"
             "Who did it is kept: see pouch changes --kind topic.\n",
    .flags =
        (const struct ops_flag[]){
            {"--dry-run", 0, NULL, false, "show what would be made, and make nothing"},
            OPS_REPLICATION_FLAG,
            {0},
        },
    .settings = (const char *const[]){"topic.catalog", "store", NULL},
    .least = 1,
    .most = 1,
    .run = tenant_create,
};

const struct ops_command ops_tenant_delete = {
    .name = "tenant delete",
    .args = "ID",
    .summary = "Delete the topics of a tenant, with all their records",
    .about = "Deletes the topics that the catalogue's patterns give for ID, and no others: shows them, and asks\n"
             "for ID to be typed; scripts say --yes.\n\n"
             "  pouch tenant delete acme --dry-run\n\n"
             "Who did it is kept: see pouch changes --kind topic.\n",
    .flags =
        (const struct ops_flag[]){
            {"--dry-run", 0, NULL, false, "show what would be deleted, and delete nothing"},
            {"--yes", 'y', NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"topic.catalog", "store", NULL},
    .least = 1,
    .most = 1,
    .run = tenant_delete,
};
