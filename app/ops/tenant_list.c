/* pouch tenant list and topics. */
#include <admin/anytext.h>
#include <admin/topics.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/topics.h>
#include <stdlib.h>

enum { NAMED = 3 }; /* missing topics in a line of the table */

/* The first of what is missing, and how many more. */
static void print_missing(const struct ops_topics *t, const char *tenant) {
    char topic[PL_TOPIC_NAME_SIZE];
    size_t missing = 0;
    for (size_t i = 0; i < t->all.catalog->n; i++) {
        if (!t->all.catalog->entries[i].pattern) continue;
        pl_catalog_topic(topic, &t->all.catalog->entries[i], tenant);
        if (admin_tenant_has(&t->all, topic)) continue;
        if (++missing <= NAMED) printf("%s%s", missing > 1 ? ", " : "", topic);
    }
    if (missing > NAMED) printf(" and %zu more", missing - NAMED);
}

static void print_table(const struct ops_topics *t, const struct pl_tenant_state *states, size_t n) {
    size_t orphans = 0;
    if (n) printf("%-32s %-9s %9s  %s\n", "TENANT", "STATE", "TOPICS", "MISSING");
    for (size_t i = 0; i < n; i++) {
        char topics[48];
        snprintf(topics, sizeof topics, "%zu of %zu", states[i].topics, states[i].patterns);
        printf("%-32s %-9s %9s  ", states[i].id, admin_tenant_word(t->all.catalog, &states[i]), topics);
        print_missing(t, states[i].id);
        putchar('\n');
        orphans += !pl_tenant_exists(t->all.catalog, &states[i]);
    }
    if (orphans)
        ops_say("%zu have topics without being tenants: `pouch tenant create` makes one of each, `pouch tenant delete` "
                "removes what is left of one",
                orphans);
}

static int print_states(const struct ops_call *call, const struct ops_topics *t, const struct pl_tenant_state *states,
                        size_t n) {
    if (call->output == OPS_TABLE) {
        print_table(t, states, n);
        return OPS_EXIT_OK;
    }
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++) all = admin_array_with(all, admin_tenant_state_json(&t->all, &states[i]));
    return ops_print_array(call, all);
}

static int tenant_list(struct ops_call *call) {
    struct ops_topics t = {0};
    struct pl_tenant_state *states = NULL;
    size_t n = 0;
    pouch_err e = ops_topics_open(&t, call);
    if (!e) e = pl_tenant_states(t.all.catalog, &t.all.actual, &states, &n);
    int exit_code = e ? ops_error(e) : print_states(call, &t, states, n);
    free(states);
    ops_topics_close(&t);
    return exit_code ? exit_code : ops_done();
}

/* ---- topics ---- */

/* How many of a tenant's topics there are; shown as a table. */
static size_t print_topics(const struct ops_topics *t, const char *tenant, bool show) {
    char name[PL_TOPIC_NAME_SIZE];
    size_t n = 0;
    if (show) printf("%-48s %10s %11s\n", "TOPIC", "PARTITIONS", "REPLICATION");
    for (size_t i = 0; i < t->all.catalog->n; i++) {
        const struct pl_catalog_entry *e = &t->all.catalog->entries[i];
        if (!e->pattern) continue;
        pl_catalog_topic(name, e, tenant);
        const struct pl_actual_topic *topic = pl_actual_find(&t->all.actual, name);
        n += topic != NULL;
        if (show && topic) printf("%-48s %10d %11d\n", name, topic->partitions, topic->replication);
        if (show && !topic) printf("%-48s %10s %11s\n", name, "missing", "");
    }
    return n;
}

static int show_topics(const struct ops_call *call, const struct ops_topics *t) {
    const char *tenant = call->args[0];
    if (!print_topics(t, tenant, false))
        return ops_error(pl_fail(POUCH_E_NOT_FOUND,
                                 "there is no tenant %s: it has no topic; make them with `pouch "
                                 "tenant create %s`",
                                 tenant, tenant));
    if (call->output != OPS_TABLE) return ops_print_json(admin_tenant_json(&t->all, tenant));
    print_topics(t, tenant, true);
    return OPS_EXIT_OK;
}

static int tenant_topics(struct ops_call *call) {
    struct ops_topics t = {0};
    if (pl_tenant_check(call->args[0])) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_topics_open(&t, call);
    int exit_code = e ? ops_error(e) : show_topics(call, &t);
    ops_topics_close(&t);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_tenant_list = {
    .name = "tenant list",
    .args = "",
    .summary = "List tenants, and what is missing of their topics",
    .about = "A tenant is whoever the catalogue lists; where it lists nobody, whoever has the topics of more than\n"
             "half of its patterns. complete: it has them all; partial: some are missing; orphan: there are\n"
             "topics of a tenant that there is not.\n",
    .settings = (const char *const[]){"topic.catalog", NULL},
    .run = tenant_list,
};

const struct ops_command ops_tenant_topics = {
    .name = "tenant topics",
    .args = "ID",
    .summary = "Show the topics of a tenant",
    .about = "With -o json: {\"tenant_id\", \"topics\": {\"messages\": \"chat.messages.acme\", …}, \"missing\": […]}.\n"
             "How full and how healthy they are tells pouch topic describe.\n",
    .settings = (const char *const[]){"topic.catalog", NULL},
    .least = 1,
    .most = 1,
    .run = tenant_topics,
};
