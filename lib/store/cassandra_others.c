/*
 * Routes that other programs wrote. All cells of a row that we write have one write time, which nobody else's has; and
 * each route has claimed its id, so that one without a row was removed.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/cassandra_registry.h>
#include <store/rows.h>
#include <store/state.h>
#include <string.h>

enum { LOOK_EVERY_US = 5000000, AT_ONCE = 64, FIRST_CAP = 64 };

/* Publishers in the order of their names. */
struct names {
    char **at;
    size_t n, max;
};

/* What is to be made a change is AT_ONCE of each at most: the rest has its turn at the next look. */
struct look {
    const struct pl_cassandra_dealt *before; /* by the look before this one */
    struct pl_cassandra_dealt dealt;
    struct names all, written, removed;
    uint64_t marks[AT_ONCE]; /* of those written */
};

static pouch_err add_name(struct names *names, const struct pl_cql_rows *row, int column) {
    if (names->n == names->max) {
        size_t max = names->max ? 2 * names->max : FIRST_CAP;
        char **wider = reallocarray(names->at, max, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", max);
        names->at = wider;
        names->max = max;
    }
    pouch_err e = pl_cassandra_copy(&names->at[names->n], row, column);
    if (!e && names->at[names->n]) names->n++;
    return e;
}

static void free_names(struct names *names) {
    for (size_t i = 0; i < names->n; i++) free(names->at[i]);
    free(names->at);
}

/* ---- rows that were dealt with ---- */

/*
 * A row that is no route stays as it is: it is read once, told once, and takes no other row's turn. It has another mark
 * as soon as one of its cells is written or removed.
 */
static uint64_t mark_of(const char *name, const struct pl_cql_rows *row, int first) {
    uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3;
    for (int i = first; i < first + PL_WRITE_TIMES_N; i++)
        h = (h ^ (uint64_t)pl_cql_cell_number(row, i, -1)) * 0x100000001b3;
    return h;
}

static pouch_err add_mark(struct pl_cassandra_dealt *dealt, uint64_t mark) {
    if (dealt->n == dealt->max) {
        size_t max = dealt->max ? 2 * dealt->max : FIRST_CAP;
        uint64_t *wider = reallocarray(dealt->at, max, sizeof *wider);
        if (!wider) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu rows of other programs", max);
        dealt->at = wider;
        dealt->max = max;
    }
    dealt->at[dealt->n++] = mark;
    return POUCH_OK;
}

static int compare_marks(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool was_dealt_with(const struct pl_cassandra_dealt *dealt, uint64_t mark) {
    return dealt->n && bsearch(&mark, dealt->at, dealt->n, sizeof mark, compare_marks);
}

/* ---- looking ---- */

enum { NAME, TIMES };

bool pl_cassandra_is_ours(const struct pl_cql_rows *row, int first) {
    enum { ALWAYS_SET = 4 }; /* the others may be null in our rows too */
    int64_t ours = pl_cql_cell_number(row, first, -1);
    if (ours < 0) return false;
    for (int i = 1; i < PL_WRITE_TIMES_N; i++)
        if (pl_cql_cell_number(row, first + i, i < ALWAYS_SET ? -1 : ours) != ours) return false;
    return true;
}

static pouch_err look_at_route(const struct pl_cql_rows *row, void *arg) {
    struct look *look = arg;
    pouch_err e = add_name(&look->all, row, NAME);
    if (e || pl_cassandra_is_ours(row, TIMES)) return e;
    uint64_t mark = mark_of(look->all.at[look->all.n - 1], row, TIMES);
    if (was_dealt_with(look->before, mark)) return add_mark(&look->dealt, mark);
    if (look->written.n == AT_ONCE) return POUCH_OK;
    look->marks[look->written.n] = mark;
    return add_name(&look->written, row, NAME);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* name: an id; source_publisher: whose it is. */
static pouch_err look_at_id(const struct pl_cql_rows *row, void *arg) {
    struct look *look = arg;
    char *publisher;
    pouch_err e = pl_cassandra_copy(&publisher, row, 1);
    if (e || !publisher) return e;
    bool there = look->all.n && bsearch(&publisher, look->all.at, look->all.n, sizeof(char *), compare);
    free(publisher);
    return there || look->removed.n == AT_ONCE ? POUCH_OK : add_name(&look->removed, row, 0);
}

/*
 * The ids are read each time, since no count tells that as many routes came as went. Both readings are some 150 bytes a
 * route, six write times and three names: 150 KB for 1,000 routes, 15 MB for the most that are allowed.
 */
static pouch_err look_for(struct pl_cassandra *c, struct look *look) {
    pouch_err e = pl_cassandra_select(
        c, "SELECT name, " PL_WRITE_TIMES " FROM %s.registry WHERE part = 'registry' AND kind = 'route'", NULL, 0,
        look_at_route, look);
    if (e) return e;
    return pl_cassandra_select(c,
                               "SELECT name, source_publisher FROM %s.registry WHERE part = 'registry' AND kind = 'id'",
                               NULL, 0, look_at_id, look);
}

/* ---- making it a change ---- */

struct other {
    const char *name; /* a publisher; of a route that was removed, its id */
    struct pl_route_row row;
    bool ours;
    char *publisher;
};

/* Every center looks, and the first to find something makes the change: EXISTS for those that come after it. */
static pouch_err made_already(const char *name) {
    return pl_fail(POUCH_E_EXISTS, "another process has made what was done to %s a change", name);
}

static pouch_err keep_row(const struct pl_cql_rows *row, void *arg) {
    struct other *other = arg;
    other->ours = pl_cassandra_is_ours(row, PL_REG_COLUMNS);
    return pl_cassandra_read_route(&other->row, row);
}

static pouch_err read_written(struct pl_cassandra *c, struct other *other) {
    struct pl_route_row *r = &other->row;
    pl_route_clear(r);
    other->ours = false;
    pouch_err e = pl_cassandra_find(c, PL_AUDIT_ROUTE, other->name, keep_row, other);
    if (!e && (other->ours || !r->publisher)) e = made_already(other->name);
    if (!e && !r->id && asprintf(&r->id, "route-%s", r->publisher) < 0) r->id = NULL;
    if (!e && (!r->id || pl_route_check(r)))
        e = pl_fail(POUCH_E_NOT_FOUND, "what another program wrote for %s is no route", other->name);
    return e;
}

/* Cells with a time in the future stay another's after they were taken over: what is so already is no change. */
static pouch_err note_written(struct pl_cassandra_change *change, struct pl_route_row *r, bool has_version) {
    char *before, *now = pl_route_state(r);
    if (!now) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
    pouch_err e = pl_cassandra_last_state(change->c, PL_AUDIT_ROUTE, r->publisher, &before);
    if (!e && before && has_version && !strcmp(before, now)) e = made_already(r->publisher);
    if (!e) {
        change->routes += !before;
        return pl_cassandra_change_note(change, PL_AUDIT_ROUTE, r->publisher, "unknown", before, now);
    }
    free(before);
    free(now);
    return e;
}

static pouch_err decide_written(struct pl_cassandra_change *change, void *arg) {
    struct other *other = arg;
    struct pl_route_row *r = &other->row;
    pouch_err e = read_written(change->c, other);
    if (e) return e;
    bool has_version = r->version != 0;
    r->version = change->version;
    r->updated_ms = change->at_ms;
    if (!r->created_ms) r->created_ms = change->at_ms;
    e = note_written(change, r, has_version);
    return e ? e : pl_cassandra_put_route(change, r);
}

static pouch_err keep_publisher(const struct pl_cql_rows *row, void *arg) {
    return pl_cassandra_copy(&((struct other *)arg)->publisher, row, PL_REG_PUBLISHER);
}

static pouch_err note_there(const struct pl_cql_rows *row, void *arg) {
    (void)row;
    *(bool *)arg = true;
    return POUCH_OK;
}

/* The routes and the ids were read one after the other: a route that came meanwhile has an id and was not seen. */
static pouch_err check_removed(struct pl_cassandra *c, struct other *other) {
    bool there = false;
    free(other->publisher);
    other->publisher = NULL;
    pouch_err e = pl_cassandra_find(c, "id", other->name, keep_publisher, other);
    if (!e && other->publisher) e = pl_cassandra_find(c, PL_AUDIT_ROUTE, other->publisher, note_there, &there);
    return e || (other->publisher && !there) ? e : made_already(other->name);
}

static pouch_err decide_removed(struct pl_cassandra_change *change, void *arg) {
    struct other *other = arg;
    char *before = NULL;
    pouch_err e = check_removed(change->c, other);
    if (!e) e = pl_cassandra_last_state(change->c, PL_AUDIT_ROUTE, other->publisher, &before);
    if (e) return e;
    pl_cassandra_change_remove(change, "id", other->name);
    if (!before) return POUCH_OK; /* the removal is noted: this id is one that the route had before */
    change->routes--;
    return pl_cassandra_change_note(change, PL_AUDIT_ROUTE, other->publisher, "unknown", before, NULL);
}

static pouch_err make_change(struct pl_cassandra *c, const char *name, pl_cassandra_decide *decide) {
    struct other other = {.name = name};
    pouch_err e = pl_cassandra_change(c, decide, &other);
    if (e == POUCH_E_NOT_FOUND || e == POUCH_E_CONFIG) {
        PL_LOG(PL_LOG_WARN, "a route that another program wrote is not taken over", "name", name, "why", pouch_why());
        e = POUCH_OK;
    }
    if (e == POUCH_E_EXISTS) e = POUCH_OK;
    pl_route_clear(&other.row);
    free(other.publisher);
    return e;
}

static pouch_err make_changes(struct pl_cassandra *c, struct look *look) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < look->written.n && !e; i++) {
        e = make_change(c, look->written.at[i], decide_written);
        if (!e) e = add_mark(&look->dealt, look->marks[i]);
    }
    for (size_t i = 0; i < look->removed.n && !e; i++) e = make_change(c, look->removed.at[i], decide_removed);
    return e;
}

static void keep_marks(struct pl_cassandra_store *s, struct look *look) {
    free(s->dealt.at);
    s->dealt = look->dealt;
    look->dealt = (struct pl_cassandra_dealt){0};
    if (s->dealt.n) qsort(s->dealt.at, s->dealt.n, sizeof *s->dealt.at, compare_marks);
}

pouch_err pl_cassandra_take_over(struct pl_store *store) {
    struct pl_cassandra_store *s = (struct pl_cassandra_store *)store;
    int64_t now = pl_mono_us(&pl_clock_system);
    if (s->c.as_it_is || (s->looked_us && now - s->looked_us < LOOK_EVERY_US)) return POUCH_OK;
    struct look look = {.before = &s->dealt};
    pouch_err e = look_for(&s->c, &look);
    if (!e) e = make_changes(&s->c, &look);
    if (!e) keep_marks(s, &look);
    if (!e) s->looked_us = now;
    free(look.dealt.at);
    free_names(&look.all);
    free_names(&look.written);
    free_names(&look.removed);
    return e;
}

/* A route without a row was removed by another program if its last change left it there. */
static pouch_err take_over_removal(struct pl_cassandra *c, const char *publisher) {
    char *state;
    struct pl_route_row *last = NULL;
    pouch_err e = pl_cassandra_last_state(c, PL_AUDIT_ROUTE, publisher, &state);
    if (e || !state) return e;
    e = pl_route_of_state(&last, state);
    if (!e) e = make_change(c, last->id, decide_removed);
    pl_route_free(last, last != NULL);
    free(state);
    return e;
}

pouch_err pl_cassandra_take_over_route(struct pl_cassandra *c, const char *publisher, bool there) {
    return there ? make_change(c, publisher, decide_written) : take_over_removal(c, publisher);
}
