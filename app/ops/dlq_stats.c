/* pouch dlq stats. */
#include <admin/letter_filter.h>
#include <admin/letter_history.h>
#include <admin/letter_stats.h>
#include <admin/letter_tally.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>
#include <ops/screen.h>
#include <string.h>
#include <wire/headers.h>

enum { LIMIT = 10 };

struct stats {
    const struct ops_call *call;
    struct admin_letter_stats all;
    size_t limit;
};

/* ---- as a table ---- */

static const char *bytes_text(char out[32], uint64_t n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)n;
    size_t unit = 0;
    while (value >= 1024 && unit < sizeof units / sizeof units[0] - 1) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

static void print_summary(const struct stats *s) {
    const struct admin_tally *t = &s->all.tally;
    char bytes[32], oldest[ADMIN_WHEN_TEXT], newest[ADMIN_WHEN_TEXT];
    printf("topic      %s\n", s->all.settings->dlq_topic);
    printf("letters    %" PRIu64 ", %s\n", t->all.letters, bytes_text(bytes, t->all.bytes));
    if (s->all.history.known)
        printf("of these   %" PRIu64 " open, %" PRIu64 " sent again, %" PRIu64 " dismissed\n",
               t->with[ADMIN_LETTER_OPEN], t->with[ADMIN_LETTER_REDRIVEN], t->with[ADMIN_LETTER_DISMISSED]);
    if (t->all.letters)
        printf("failed     %s to %s\n", admin_when_text(oldest, t->all.oldest_ms),
               admin_when_text(newest, t->all.newest_ms));
    if (s->all.retention_ms >= 0)
        printf("kept for   %.1f days\n", (double)s->all.retention_ms / 86400000);
    else if (s->all.retention_ms == -1)
        puts("kept for   ever");
}

enum { VALUE = 36 };

static void print_row(const struct ops_screen *screen, const char *value, size_t n, const struct admin_tally_count *c) {
    char bytes[32], oldest[ADMIN_WHEN_TEXT], newest[ADMIN_WHEN_TEXT];
    size_t used = ops_screen_put(stdout, screen, value, n, VALUE);
    printf("%*s %9" PRIu64 " %10s  %-24s %s\n", (int)(VALUE - used), "", c->letters, bytes_text(bytes, c->bytes),
           admin_when_text(oldest, c->oldest_ms), admin_when_text(newest, c->newest_ms));
}

static void print_list(const struct stats *s, enum admin_tally_by by, const struct ops_screen *screen) {
    const struct admin_tally_list *list = &s->all.tally.by[by];
    const char *name = admin_tally_name(by);
    char title[VALUE];
    size_t shown = list->n < s->limit ? list->n : s->limit;
    /* A thing that no letter tells of is not worth a table. */
    if (!list->n || (list->n == 1 && !list->rows[0].value)) return;
    for (size_t i = 0; i <= strlen(name); i++) title[i] = name[i] >= 'a' ? (char)(name[i] - 32) : name[i];
    printf("\n%-*s %9s %10s  %-24s %s\n", VALUE, title, "LETTERS", "BYTES", "OLDEST", "NEWEST");
    for (size_t i = 0; i < shown; i++) {
        const struct admin_tally_row *row = &list->rows[i];
        print_row(screen, row->value ? row->value : "-", row->value ? row->n : 1, &row->count);
    }
    if (list->n > shown) printf("and %zu more; --limit shows them\n", list->n - shown);
    if (list->others.letters) printf("%" PRIu64 " letters of yet others\n", list->others.letters);
}

static int print_table(const struct stats *s) {
    struct ops_screen screen = ops_screen_of(stdout);
    print_summary(s);
    for (enum admin_tally_by by = 0; by < ADMIN_TALLY_BYS; by++) print_list(s, by, &screen);
    return OPS_EXIT_OK;
}

/* ---- the command ---- */

static int count_all(struct stats *s) {
    const char *topic = s->all.settings->dlq_topic;
    pouch_err e = ops_letter_history_read(s->call, topic, false, &s->all.history);
    (void)e; /* it is told, and they are counted all the same */
    e = admin_letter_stats_read(&s->all);
    bool none_yet = e == POUCH_E_TARGET_REFUSED;
    if (none_yet) ops_say("nothing was dead-lettered yet: there is no topic %s", topic);
    if (e && !none_yet) return ops_error(e);
    return s->call->output == OPS_TABLE ? print_table(s) : ops_print_json(admin_letter_stats_json(&s->all));
}

static pouch_err read_flags(struct stats *s) {
    const struct admin_asked asked = ops_letter_asked(s->call);
    int64_t limit;
    pouch_err e = ops_number(s->call, "--limit", LIMIT, 1, ADMIN_TALLY_VALUES, &limit);
    s->limit = (size_t)limit;
    if (!e) e = admin_letter_filter_read(&s->all.filter, &asked);
    return e ? e : admin_letter_wanted_read(&s->all.wanted, &asked);
}

static int stats(struct ops_call *call) {
    struct stats s = {.call = call};
    struct pl_settings settings;
    if (read_flags(&s)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&settings, call->options);
    if (e) return ops_error(e);
    s.all.settings = &settings;
    int exit_code = count_all(&s);
    admin_letter_stats_free(&s.all);
    pl_settings_free(&settings);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_stats = {
    .name = "dlq stats",
    .args = "",
    .summary = "Count dead letters by reason, topic, publisher, group, tenant and age",
    .about =
        "The topic is read from its beginning to its end, as by `pouch dlq list`; nothing is changed. A group is that\n"
        "of the worker or center that gave the record up. Ages are counted from now.\n\n"
        "  pouch dlq stats --since 1d\n"
        "  pouch dlq stats --reason handler_error -o json | jq '.by_publisher[0]'\n",
    .flags =
        (const struct ops_flag[]){
            OPS_LETTER_FLAGS,
            OPS_LETTER_STATUS_FLAG,
            {"--limit", 0, "N", false, "at most so many lines for each of them in the table (10)"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = stats,
};
