#include <base/clock.h>
#include <base/why.h>
#include <stdlib.h>
#include <store/audit.h>
#include <store/cassandra_registry.h>
#include <string.h>

/* Others change other routes at the same moment; each try waits longer, at random. */
enum { TRIES = 200, FIRST_PAUSE_US = 2000, LAST_PAUSE_US = 200000 };

#define COLUMNS                                                                                                  \
    "kind, name, change, row_version, route_id, source_publisher, target_topic, service_name, enabled, version," \
    " description, endpoint, tags, created_at, updated_at, about_kind, about_name, changed_by, before_state,"    \
    " after_state, weights"

static const char *const insert_row = "INSERT INTO %s.registry (" COLUMNS ", part) VALUES "
                                      "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'registry')";
static const char *const delete_row =
    "DELETE FROM %s.registry WHERE part = 'registry' AND kind = ? AND name = ? AND change = 0";
static const char *const next_version =
    "UPDATE %s.registry SET registry_version = ?, routes = ? WHERE part = 'registry' IF registry_version = ?";
static const char *const read_version =
    "SELECT registry_version, routes FROM %s.registry WHERE part = 'registry' LIMIT 1";

struct pl_cql_value pl_cassandra_text(const char *text) {
    return text ? pl_cql_text(text) : pl_cql_null();
}

/* ---- reading ---- */

pouch_err pl_cassandra_select(struct pl_cassandra *c, const char *text, const struct pl_cql_value *values, size_t n,
                              pl_cassandra_found *fn, void *arg) {
    const struct pl_cql_statement *statement = NULL;
    struct pl_cql_cursor *cursor;
    pouch_err e = pl_cassandra_wait(c);
    if (!e) e = pl_cassandra_prepare(c, &statement, text);
    const struct pl_cql_bound bound = {statement, values, n};
    const struct pl_cql_how how = pl_cassandra_how(c);
    if (!e) e = pl_cql_select(c->session, &cursor, &bound, &how);
    if (e) return pl_cassandra_told(e);
    const struct pl_cql_rows *row;
    while (!(e = pl_cassandra_told(pl_cql_cursor_next(cursor, &row))) && row)
        if ((e = fn(row, arg))) break;
    pl_cql_cursor_close(cursor);
    return e;
}

pouch_err pl_cassandra_find(struct pl_cassandra *c, const char *kind, const char *name, pl_cassandra_found *fn,
                            void *arg) {
    const struct pl_cql_value values[] = {pl_cql_text(kind), pl_cql_text(name)};
    return pl_cassandra_select(c,
                               name ? "SELECT " COLUMNS ", " PL_WRITE_TIMES
                                      " FROM %s.registry WHERE part = 'registry' AND kind = ? AND name = ?"
                                    : "SELECT " COLUMNS " FROM %s.registry WHERE part = 'registry' AND kind = ?",
                               values, name ? 2 : 1, fn, arg);
}

int64_t pl_cassandra_number(const struct pl_cql_rows *row, enum pl_registry_column column, int64_t otherwise) {
    return pl_cql_cell_number(row, (int)column, otherwise);
}

struct list {
    char **texts;
    size_t n, max;
    bool failed;
};

static void add_text(const char *at, size_t n, void *arg) {
    struct list *list = arg;
    if (list->failed || list->n == list->max) return;
    list->texts[list->n] = strndup(at, n);
    list->failed = !list->texts[list->n];
    list->n += !list->failed;
}

pouch_err pl_cassandra_list(char ***texts, size_t *n, const struct pl_cql_rows *row, enum pl_registry_column column,
                            size_t max) {
    struct list list = {.texts = calloc(max, sizeof *list.texts), .max = max};
    list.failed = !list.texts;
    pl_cql_cell_texts(row, (int)column, add_text, &list);
    *texts = list.texts;
    *n = list.n;
    return list.failed ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store") : POUCH_OK;
}

struct statics {
    int64_t version, routes;
};

static pouch_err take_statics(const struct pl_cql_rows *row, void *arg) {
    struct statics *s = arg;
    s->version = pl_cql_cell_number(row, 0, 0);
    s->routes = pl_cql_cell_number(row, 1, 0);
    return POUCH_OK;
}

static pouch_err read_statics(struct pl_cassandra *c, struct statics *s) {
    *s = (struct statics){.version = -1};
    pouch_err e = pl_cassandra_select(c, read_version, NULL, 0, take_statics, s);
    if (!e && s->version < 0)
        e = pl_fail(POUCH_E_STORE, "keyspace %s has no registry: the row of its version is gone; put a backup back",
                    c->config.keyspace);
    return e;
}

pouch_err pl_cassandra_version(struct pl_store *s, int64_t *version) {
    struct statics now;
    pouch_err e = pl_cassandra_take_over(s);
    if (!e) e = read_statics(pl_cassandra_of(s), &now);
    if (!e) *version = now.version;
    return e;
}

/* ---- changing ---- */

struct pl_cql_value *pl_cassandra_change_row(struct pl_cassandra_change *change, const char *kind, const char *name,
                                             int64_t number, bool is_new) {
    struct pl_cql_value *row = change->rows[change->n++];
    for (size_t i = 0; i < PL_REG_COLUMNS; i++) row[i] = is_new ? pl_cql_unset() : pl_cql_null();
    row[PL_REG_KIND] = pl_cql_text(kind);
    row[PL_REG_NAME] = pl_cql_text(name);
    row[PL_REG_CHANGE] = pl_cql_number(number);
    return row;
}

void pl_cassandra_change_remove(struct pl_cassandra_change *change, const char *kind, const char *name) {
    size_t at = change->n;
    pl_cassandra_change_row(change, kind, name, 0, true);
    change->removed[at] = true;
}

static void note_row(struct pl_cassandra_change *change, const char *list, const char *of, const char *kind,
                     const char *name, const char *who) {
    struct pl_cql_value *row = pl_cassandra_change_row(change, list, of, change->version, true);
    row[PL_REG_UPDATED] = pl_cql_number(change->at_ms);
    row[PL_REG_ABOUT_KIND] = pl_cql_text(kind);
    row[PL_REG_ABOUT_NAME] = pl_cql_text(name);
    row[PL_REG_WHO] = pl_cql_text(who);
    row[PL_REG_BEFORE] = pl_cql_text(change->before);
    row[PL_REG_AFTER] = pl_cql_text(change->after);
}

/* The list of the changes of one thing. */
static const char *list_of(const char *kind) {
    if (!strcmp(kind, PL_AUDIT_ROUTE)) return "audit route";
    return !strcmp(kind, PL_AUDIT_SERVICE) ? "audit service" : "audit key";
}

pouch_err pl_cassandra_change_note(struct pl_cassandra_change *change, const char *kind, const char *name,
                                   const char *who, char *before, char *after) {
    change->before = before;
    change->after = after;
    if (!before && !after) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
    note_row(change, "audit", "", kind, name, who);
    note_row(change, list_of(kind), name, kind, name, who);
    return POUCH_OK;
}

static pouch_err write_rows(struct pl_cassandra_change *change, bool *applied) {
    struct pl_cassandra *c = change->c;
    const struct pl_cql_statement *next = NULL, *insert = NULL, *delete = NULL;
    struct pl_cql_bound bound[PL_CHANGE_ROWS + 1];
    const struct pl_cql_value version[] = {pl_cql_number(change->version), pl_cql_number(change->routes),
                                           pl_cql_number(change->version - 1)};
    pouch_err e = pl_cassandra_prepare(c, &next, next_version);
    if (!e) e = pl_cassandra_prepare(c, &insert, insert_row);
    if (!e) e = pl_cassandra_prepare(c, &delete, delete_row);
    bound[0] = (struct pl_cql_bound){next, version, 3};
    for (size_t i = 0; i < change->n; i++)
        bound[i + 1] = change->removed[i] ? (struct pl_cql_bound){delete, change->rows[i], 2}
                                          : (struct pl_cql_bound){insert, change->rows[i], PL_REG_COLUMNS};
    const struct pl_cql_how how = {.consistency = c->consistency};
    return e ? e : pl_cql_call_batch(c->session, bound, change->n + 1, &how, applied);
}

static void pause_before(struct pl_cassandra *c, int try) {
    int64_t most = (int64_t)FIRST_PAUSE_US << (try < 10 ? try : 10);
    if (most > LAST_PAUSE_US) most = LAST_PAUSE_US;
    int64_t until = pl_mono_us(&pl_clock_system) + most / 2 + random() % (most / 2);
    for (int64_t now; (now = pl_mono_us(&pl_clock_system)) < until;) pl_cql_run(c->session, until - now);
}

/* One try; *applied: the change is made. */
static pouch_err try_change(struct pl_cassandra *c, pl_cassandra_decide *decide, void *arg, bool *applied) {
    struct statics now;
    pouch_err e = read_statics(c, &now);
    if (e) return e;
    struct pl_cassandra_change change = {
        .c = c, .version = now.version + 1, .at_ms = pl_wall_ms(&pl_clock_system), .routes = now.routes};
    e = decide(&change, arg);
    if (!e) e = pl_cassandra_told(write_rows(&change, applied));
    free(change.before);
    free(change.after);
    free(change.weights);
    return e;
}

pouch_err pl_cassandra_change(struct pl_cassandra *c, pl_cassandra_decide *decide, void *arg) {
    for (int try = 0; try < TRIES; try++) {
        bool applied = false;
        pouch_err e = try_change(c, decide, arg, &applied);
        if (e || applied) return e;
        pause_before(c, try);
    }
    return pl_fail(POUCH_E_STORE,
                   "others changed the registry of keyspace %s each time this change was tried: try again",
                   c->config.keyspace);
}

/* ---- what was changed ---- */

static pouch_err copy_change(struct pl_audit *change, const struct pl_cql_rows *row) {
    static const enum pl_registry_column columns[] = {PL_REG_ABOUT_KIND, PL_REG_ABOUT_NAME, PL_REG_WHO, PL_REG_BEFORE,
                                                      PL_REG_AFTER};
    char *texts[sizeof columns / sizeof columns[0]] = {NULL};
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && !e; i++)
        e = pl_cassandra_copy(&texts[i], row, (int)columns[i]);
    *change = (struct pl_audit){.version = pl_cassandra_number(row, PL_REG_CHANGE, 0),
                                .at_ms = pl_cassandra_number(row, PL_REG_UPDATED, 0),
                                .kind = texts[0],
                                .name = texts[1],
                                .who = texts[2],
                                .before = texts[3],
                                .after = texts[4]};
    return e;
}

static void free_change(struct pl_audit *change) {
    const char *const texts[] = {change->kind, change->name, change->who, change->before, change->after};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free((void *)texts[i]);
}

struct audit_walk {
    const struct pl_audit_query *q;
    pl_audit_visit *fn;
    void *arg;
    size_t shown;
    bool ended;
};

static bool is_asked_for(const struct pl_audit_query *q, const struct pl_audit *change) {
    return change->kind && change->name && change->who && (!q->kind || !strcmp(q->kind, change->kind)) &&
           (!q->name || !strcmp(q->name, change->name)) && change->at_ms >= q->since_ms;
}

static pouch_err show_change(const struct pl_cql_rows *row, void *arg) {
    struct audit_walk *walk = arg;
    struct pl_audit change;
    pouch_err e = copy_change(&change, row);
    if (!e && is_asked_for(walk->q, &change))
        walk->ended = !walk->fn(&change, walk->arg) || ++walk->shown >= walk->q->limit;
    free_change(&change);
    return walk->ended ? POUCH_E_CLOSED : e; /* so that no more is read */
}

pouch_err pl_cassandra_audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn, void *arg) {
    bool one = q->kind && q->name;
    const struct pl_cql_value values[] = {
        pl_cql_text(one ? list_of(q->kind) : "audit"), pl_cql_text(one ? q->name : ""),
        pl_cql_number(q->below ? q->below : INT64_MAX),
        pl_cql_number(q->limit < INT32_MAX && one && !q->since_ms ? (int64_t)q->limit : INT32_MAX)};
    struct audit_walk walk = {.q = q, .fn = fn, .arg = arg};
    pouch_err e =
        pl_cassandra_select(pl_cassandra_of(s),
                            "SELECT " COLUMNS " FROM %s.registry WHERE part = 'registry' AND kind = ? AND name = ?"
                            " AND change < ? ORDER BY kind DESC, name DESC, change DESC LIMIT ?",
                            values, 4, show_change, &walk);
    return walk.ended ? POUCH_OK : e;
}

static pouch_err decide_audit(struct pl_cassandra_change *change, void *arg) {
    const struct pl_audit *a = arg;
    char *before = a->before ? strdup(a->before) : NULL, *after = a->after ? strdup(a->after) : NULL;
    if (!before == !a->before && !after == !a->after)
        return pl_cassandra_change_note(change, a->kind, a->name, a->who, before, after);
    free(before);
    free(after);
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
}

pouch_err pl_cassandra_audit_put(struct pl_store *s, const struct pl_audit *audit) {
    return pl_cassandra_change(pl_cassandra_of(s), decide_audit, (void *)audit);
}

struct last {
    struct pl_audit change;
    bool there;
};

static pouch_err keep_last(const struct pl_cql_rows *row, void *arg) {
    struct last *last = arg;
    last->there = true;
    return copy_change(&last->change, row);
}

static pouch_err read_last(struct pl_cassandra *c, const char *kind, const char *name, struct last *last) {
    const struct pl_cql_value values[] = {pl_cql_text(list_of(kind)), pl_cql_text(name)};
    *last = (struct last){.there = false};
    return pl_cassandra_select(c,
                               "SELECT " COLUMNS " FROM %s.registry WHERE part = 'registry' AND kind = ? AND name = ?"
                               " ORDER BY kind DESC, name DESC, change DESC LIMIT 1",
                               values, 2, keep_last, last);
}

pouch_err pl_cassandra_expected(struct pl_cassandra *c, const char *kind, const char *name, int64_t is,
                                int64_t expected) {
    pouch_err e = pl_expected_check(kind, name, is, expected, NULL);
    if (!e) return e; /* the usual case needs no reading */
    struct last last;
    e = read_last(c, kind, name, &last);
    if (!e) e = pl_expected_check(kind, name, is, expected, last.there ? &last.change : NULL);
    free_change(&last.change);
    return e;
}

pouch_err pl_cassandra_last_state(struct pl_cassandra *c, const char *kind, const char *name, char **state) {
    struct last last;
    pouch_err e = read_last(c, kind, name, &last);
    *state = (char *)last.change.after;
    last.change.after = NULL;
    free_change(&last.change);
    return e;
}
