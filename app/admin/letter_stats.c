#include <admin/anytext.h>
#include <admin/letter_stats.h>
#include <admin/registry.h>
#include <admin/scan.h>
#include <admin/when.h>
#include <base/clock.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <string.h>
#include <wire/headers.h>

/* Of what is read at first where the time has a bound, and how much more the next step reads. */
enum { CALL_MS = 10000, STEP = 5000, GROWTH = 4 };

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_letter_stats *s = arg;
    struct admin_letter l;
    admin_letter_read(&l, m);
    if (!admin_letter_matches(&s->filter, &l)) return true;
    enum admin_letter_status status = admin_letter_status(&s->history, &l);
    if (s->wanted.status[status]) s->error = admin_tally_add(&s->tally, &l, status);
    return !s->error;
}

/* -2: not known. */
static int64_t retention_of(const char *value) {
    int64_t ms;
    if (!strcmp(value, "-1")) return -1;
    return pl_header_number(&ms, value, strlen(value)) ? ms : -2;
}

/* How long the topic keeps letters. Who may not see that still sees the letters. */
static void read_retention(struct admin_letter_stats *s) {
    struct pl_cluster *c = NULL;
    struct pl_configs configs = {0};
    pouch_err e = pl_cluster_open(&c, s->settings, admin_client_id(s->settings));
    if (!e) e = pl_topic_configs(pl_cluster_handle(c), s->settings->dlq_topic, &configs, CALL_MS);
    s->retention_ms = e ? -2 : retention_of(pl_configs_value(&configs, "retention.ms"));
    pl_configs_free(&configs, 1);
    pl_cluster_close(c);
}

/* The newest first, so that those are counted when the time is over. */
static pouch_err read_back(struct admin_letter_stats *s) {
    struct admin_walk *w;
    pouch_err e = admin_walk_open(&w, s->settings, s->settings->dlq_topic, &s->until);
    int64_t records = s->until.by_us ? STEP : INT64_MAX;
    while (!e && admin_walk_has_more(w, -1)) {
        e = admin_walk_step(w, records, on_record, s);
        if (!e) e = s->error;
        if (records < INT64_MAX / GROWTH) records *= GROWTH;
    }
    admin_walk_close(w);
    s->incomplete = e == POUCH_E_EXPIRED;
    return s->incomplete ? POUCH_OK : e;
}

pouch_err admin_letter_stats_read(struct admin_letter_stats *s) {
    s->retention_ms = -2;
    pouch_err e = admin_tally_init(&s->tally, pl_wall_ms(&pl_clock_system));
    if (!e) e = read_back(s);
    if (!e) read_retention(s);
    if (!e || e == POUCH_E_TARGET_REFUSED) admin_tally_order(&s->tally);
    return e;
}

void admin_letter_stats_free(struct admin_letter_stats *s) {
    admin_tally_free(&s->tally);
    admin_letter_history_free(&s->history);
}

/* ---- as JSON ---- */

static json_t *when_json(const struct admin_tally_count *c, int64_t ms) {
    char when[ADMIN_WHEN_TEXT];
    return c->letters ? json_string(admin_when_text(when, ms)) : json_null();
}

/* Takes o, which may be NULL. */
static json_t *with_count(json_t *o, const struct admin_tally_count *c) {
    if (o) o = admin_json_with(o, "letters", json_integer((json_int_t)c->letters));
    if (o) o = admin_json_with(o, "bytes", json_integer((json_int_t)c->bytes));
    if (o) o = admin_json_with(o, "oldest", when_json(c, c->oldest_ms));
    return o ? admin_json_with(o, "newest", when_json(c, c->newest_ms)) : NULL;
}

static json_t *list_json(const struct admin_tally_list *list, const char *name) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < list->n; i++) {
        json_t *value = admin_anytext((struct pl_span){list->rows[i].value, list->rows[i].n});
        json_t *row = json_object();
        if (row)
            row = admin_json_with(row, name, value);
        else
            json_decref(value);
        all = admin_array_with(all, with_count(row, &list->rows[i].count));
    }
    return all;
}

static json_t *status_json(const struct admin_letter_stats *s, enum admin_letter_status status) {
    return s->history.known ? json_integer((json_int_t)s->tally.with[status]) : json_null();
}

json_t *admin_letter_stats_json(const struct admin_letter_stats *s) {
    const struct admin_tally *t = &s->tally;
    json_t *o = json_pack("{s:s}", "topic", s->settings->dlq_topic);
    o = with_count(o, &t->all);
    for (enum admin_letter_status i = 0; o && i < ADMIN_LETTER_STATUSES; i++)
        o = admin_json_with(o, admin_letter_statuses[i], status_json(s, i));
    if (o) o = admin_json_with(o, "retention_ms", s->retention_ms == -2 ? json_null() : json_integer(s->retention_ms));
    for (enum admin_tally_by by = 0; o && by < ADMIN_TALLY_BYS; by++) {
        char name[32];
        snprintf(name, sizeof name, "by_%s", admin_tally_name(by));
        o = admin_json_with(o, name, list_json(&t->by[by], admin_tally_name(by)));
    }
    if (!o) return NULL;
    o = admin_json_with(o, "complete", json_boolean(!s->incomplete));
    if (!o) return NULL;
    json_t *beyond = json_object();
    for (enum admin_tally_by by = 0; beyond && by < ADMIN_TALLY_BYS; by++)
        if (t->by[by].others.letters)
            beyond = admin_json_with(beyond, admin_tally_name(by), json_integer((json_int_t)t->by[by].others.letters));
    return admin_json_with(o, "not_listed", beyond);
}
