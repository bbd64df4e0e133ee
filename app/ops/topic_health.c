/* pouch topic health. */
#include <admin/anytext.h>
#include <admin/topics.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/shape.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/screen.h>
#include <string.h>

enum { CALL_MS = 15000, ANY = 1000 };

static bool asked_for(const struct ops_call *call, const struct pl_shape_topic *t) {
    for (size_t i = 0; i < call->n_args; i++)
        if (!strcmp(call->args[i], t->name)) return true;
    return !call->n_args && !t->internal;
}

static bool is_there(const struct pl_shape *s, const char *topic) {
    for (size_t i = 0; i < s->n_topics; i++)
        if (!strcmp(s->topics[i].name, topic)) return true;
    return false;
}

/* ---- telling ---- */

static void print_line(const struct pl_shape_topic *t, const struct admin_ills *ills) {
    const struct ops_screen screen = ops_screen_of(stdout);
    ops_screen_column(stdout, &screen, t->name, 40);
    printf(" %10d %11d ", t->partitions, t->replication);
    for (size_t i = 0; i < ills->n; i++) printf("%s%s", i ? "; " : "", ills->text[i]);
    puts(ills->n ? "" : "healthy");
}

/* A topic that was asked for and is not there. */
static struct pl_shape_topic none_such(const char *name, struct admin_ills *ills) {
    ills->n = 1;
    snprintf(ills->text[0], ADMIN_ILL_TEXT, "there is no such topic");
    return (struct pl_shape_topic){.name = (char *)name};
}

struct report {
    const struct ops_call *call;
    json_t *all;
    size_t total, unhealthy;
};

static void take(struct report *r, const struct pl_shape_topic *t, const struct admin_ills *ills) {
    if (r->call->output != OPS_TABLE)
        r->all = admin_array_with(r->all, admin_topic_health_json(t, ills));
    else if (!r->total)
        printf("%-40s %10s %11s %s\n", "TOPIC", "PARTITIONS", "REPLICATION", "HEALTH");
    if (r->call->output == OPS_TABLE) print_line(t, ills);
    r->total++;
    r->unhealthy += ills->n > 0;
}

static int report(const struct ops_call *call, const struct pl_shape *s) {
    struct report r = {.call = call, .all = json_array()};
    struct admin_ills ills;
    for (size_t i = 0; i < s->n_topics; i++) {
        if (!asked_for(call, &s->topics[i])) continue;
        admin_topic_look(&s->topics[i], &ills);
        take(&r, &s->topics[i], &ills);
    }
    for (size_t i = 0; i < call->n_args; i++) {
        if (is_there(s, call->args[i])) continue;
        const struct pl_shape_topic none = none_such(call->args[i], &ills);
        take(&r, &none, &ills);
    }
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_JSONL) {
        exit_code = ops_print_array(call, r.all);
    } else if (call->output == OPS_JSON) {
        exit_code = ops_print_json(json_pack("{s:I,s:I,s:I,s:o}", "total", (json_int_t)r.total, "healthy",
                                             (json_int_t)(r.total - r.unhealthy), "unhealthy", (json_int_t)r.unhealthy,
                                             "topics", r.all));
    } else {
        json_decref(r.all);
        ops_say("%zu topics, %zu healthy, %zu not", r.total, r.total - r.unhealthy, r.unhealthy);
    }
    if (!exit_code) exit_code = ops_done();
    return !exit_code && r.unhealthy ? OPS_EXIT_NEGATIVE : exit_code;
}

static int topic_health(struct ops_call *call) {
    struct pl_cluster *c = NULL;
    struct pl_shape *shape = NULL;
    pouch_err e = ops_cluster_open(call, &c);
    if (!e) e = pl_shape_read(pl_cluster_handle(c), &shape, CALL_MS);
    int exit_code = e ? ops_error(e) : report(call, shape);
    pl_shape_free(shape);
    pl_cluster_close(c);
    return exit_code;
}

const struct ops_command ops_topic_health = {
    .name = "topic health",
    .args = "[TOPIC…]",
    .summary = "Say of each topic whether all of its partitions work",
    .about =
        "Leaders and copies in sync are what the brokers tell now. The exit code is 1 when a topic is not healthy,\n"
        "or one that was named is not there. Kafka's internal topics (__…) are left out unless named.\n\n"
        "See also pouch health, of the whole cluster.\n",
    .most = ANY,
    .run = topic_health,
};
