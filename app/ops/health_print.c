#include <admin/health.h>
#include <admin/when.h>
#include <inttypes.h>
#include <ops/health.h>
#include <ops/screen.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 40 };

static void print_latency(int64_t us) {
    if (us < 0)
        printf("%10s", "-");
    else
        printf("%7.1f ms", (double)us / 1000);
}

static void print_brokers(const struct ops_screen *screen, const struct pl_shape *s) {
    printf("\n%7s %-28s %10s %7s %9s %8s\n", "BROKER", "ADDRESS", "LATENCY", "LEADS", "REPLICAS", "LAGGING");
    for (size_t i = 0; i < s->n_brokers; i++) {
        const struct pl_shape_broker *b = &s->brokers[i];
        char address[300] = "-";
        if (b->host) snprintf(address, sizeof address, "%s:%d", b->host, b->port);
        printf("%7" PRId32 " ", b->id);
        ops_screen_column(stdout, screen, address, 28);
        putchar(' ');
        print_latency(b->took_us);
        printf(" %7zu %9zu %8zu\n", b->leads, b->replicas, b->lagging);
    }
}

static void print_troubles(const struct ops_screen *screen, const struct pl_shape *s) {
    enum { SHOWN = 20 };
    if (!s->n_troubles) return;
    printf("\n%-40s %9s %-18s %7s %8s\n", "TOPIC", "PARTITION", "ISSUE", "LEADER", "IN-SYNC");
    for (size_t i = 0; i < s->n_troubles && i < SHOWN; i++) {
        const struct pl_shape_trouble *t = &s->troubles[i];
        ops_screen_column(stdout, screen, t->topic, NAME);
        printf(" %9" PRId32 " %-18s %7" PRId32 " %4d of %d\n", t->partition, pl_shape_trouble_name(t->kind), t->leader,
               t->in_sync, t->replicas);
    }
    if (s->n_troubles > SHOWN) printf("and %zu more; -o json has them\n", s->n_troubles - SHOWN);
}

static void print_number(int64_t n, int width) {
    if (n < 0)
        printf(" %*s", width, "-");
    else
        printf(" %*" PRId64, width, n);
}

static void print_rows(const struct ops_screen *screen, const struct pl_group_lag *g) {
    for (size_t i = 0; i < g->n; i++) {
        const struct pl_lag *row = &g->at[i];
        printf("  ");
        ops_screen_column(stdout, screen, row->topic, NAME - 2);
        printf(" %12" PRId32, row->partition);
        print_number(row->committed, 14);
        print_number(row->end, 14);
        print_number(row->behind, 14);
        putchar('\n');
    }
}

static void print_lag(const struct ops_screen *screen, const struct pl_lag_report *r, bool rows) {
    if (!r->n) return;
    printf("\n%-40s %-19s %8s %14s\n", "GROUP", "STATE", "MEMBERS", "LAG");
    if (rows) printf("  %-38s %12s %14s %14s %14s\n", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG");
    for (size_t i = 0; i < r->n; i++) {
        const struct pl_group_lag *g = &r->groups[i];
        ops_screen_column(stdout, screen, g->group, NAME);
        printf(" %-19s %8zu", g->outcome.error ? "-" : g->state, g->members);
        print_number(g->outcome.error || (g->n && g->unknown == g->n) ? -1 : g->behind, 14);
        putchar('\n');
        if (rows) print_rows(screen, g);
    }
    if (r->left_out) printf("and %zu groups more, which were not asked\n", r->left_out);
    if (r->partial) printf("a broker has not listed its groups; there may be more\n");
}

static void print_shape(const struct ops_screen *screen, const struct pl_shape *s) {
    printf("cluster      %s\nbrokers      %zu\ncontroller   %" PRId32 "\ntopics       %zu, and %zu of Kafka's own\n"
           "partitions   %zu: %zu under-replicated, %zu offline",
           s->cluster_id, s->n_registered, s->controller, s->n_topics - s->n_internal, s->n_internal, s->partitions,
           s->under_replicated, s->offline);
    if (s->min_insync_known) printf(", %zu below min.insync.replicas", s->under_min_insync);
    printf("\nlatency      %.1f ms\n", (double)s->ping_us / 1000);
    print_brokers(screen, s);
    print_troubles(screen, s);
}

void ops_health_print(const struct admin_health *h, bool rows) {
    const struct ops_screen screen = ops_screen_of(stdout);
    char when[ADMIN_WHEN_TEXT];
    const json_t *text;
    size_t i;
    printf("status       %s\ntime         %s\n", pl_shape_status_name(admin_health_status(h)),
           admin_when_text(when, h->time_ms));
    if (h->shape) print_shape(&screen, h->shape);
    if (h->lag) print_lag(&screen, h->lag, rows);
    json_t *reasons = admin_health_reasons(h, PL_SHAPE_DEGRADED);
    if (json_array_size(reasons)) putchar('\n');
    json_array_foreach(reasons, i, text) {
        const char *why = json_is_string(text) ? json_string_value(text) : "";
        fputs("-> ", stdout);
        ops_screen_put(stdout, &screen, why, strlen(why), SIZE_MAX);
        putchar('\n');
    }
    json_decref(reasons);
}
