/*
 * cql_calls URL KEYSPACE
 *
 * Every call of lib/cql on a real Cassandra. The keyspace is there with the tables that tests/e2e/test_cql.py makes and
 * partly fills, and it looks afterwards at what is written here. Exit 1 with a line on stderr when an answer is wrong;
 * else one JSON line.
 */
#include <cql/cql.h>
#include <cql/frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_US = 60000000, MANY = 5000, TEXT_MAX = 400 };

#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void expect(bool right, const char *what, int line) {
    if (right) return;
    fprintf(stderr, "cql_calls: line %d: not %s; the last why: %s\n", line, what, pouch_why());
    exit(1);
}

static bool why_has(const char *text) {
    return strstr(pouch_why(), text) != NULL;
}

static const char *keyspace;

/* A statement's text with the keyspace for its %s. Valid until the next call. */
static const char *in_keyspace(const char *format) {
    static char text[TEXT_MAX];
    const char *at = strstr(format, "%s");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - format), format, keyspace, at + 2);
    return text;
}

static const struct pl_cql_statement *prepare(struct pl_cql *s, const char *format) {
    const struct pl_cql_statement *st = NULL;
    EXPECT(pl_cql_prepare(s, &st, in_keyspace(format), 0) == POUCH_OK);
    return st;
}

static const struct pl_cql_how usual = {.timeout_us = PATIENCE_US};

/* ---- values ---- */

static const char *const texts[] = {"one", "", "\xc3\xa9"};

static void write_values(struct pl_cql *s) {
    const struct pl_uuid id = {{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};
    const struct pl_cql_statement *st =
        prepare(s, "INSERT INTO %s.kinds (k, t, b, i, n, small, tiny, yes, real, single, id, at, list, names) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    EXPECT(pl_cql_statement_values(st) == 14);
    const struct pl_cql_value all[] = {pl_cql_text("ours"),    pl_cql_text("h\xc3\xa9"), pl_cql_bytes("\0\1\xff", 3),
                                       pl_cql_number(-7),      pl_cql_number(INT64_MIN), pl_cql_number(-300),
                                       pl_cql_number(-128),    pl_cql_boolean(true),     pl_cql_double(0.1),
                                       pl_cql_double(-1.5),    pl_cql_uuid(&id),         pl_cql_number(1700000000123),
                                       pl_cql_texts(texts, 3), pl_cql_texts(texts, 2)};
    const struct pl_cql_bound b = {st, all, 14};
    EXPECT(pl_cql_call(s, &b, &usual, NULL, NULL, NULL) == POUCH_OK);

    /*
     * UNSET leaves what is there, NULL removes it; the missing rest is UNSET; the later timestamp wins, ours are lower.
     */
    const struct pl_cql_value some[] = {pl_cql_text("ours"), pl_cql_unset(), pl_cql_null()};
    const struct pl_cql_bound unset = {st, some, 3};
    EXPECT(pl_cql_call(s, &unset, &usual, NULL, NULL, NULL) == POUCH_OK);
    const struct pl_cql_value late[] = {pl_cql_text("ours"), pl_cql_text("too late")};
    const struct pl_cql_bound old = {st, late, 2};
    const struct pl_cql_how at = {.timestamp_us = 1000, .timeout_us = PATIENCE_US};
    EXPECT(pl_cql_call(s, &old, &at, NULL, NULL, NULL) == POUCH_OK);

    const struct pl_cql_value wide[] = {pl_cql_text("wide"), pl_cql_unset(), pl_cql_unset(), pl_cql_number(1LL << 31)};
    const struct pl_cql_bound bad = {st, wide, 4};
    EXPECT(pl_cql_call(s, &bad, NULL, NULL, NULL, NULL) == POUCH_E_CONFIG && why_has("column i "));
    const struct pl_cql_value kind[] = {pl_cql_number(1)};
    const struct pl_cql_bound wrong = {st, kind, 1};
    EXPECT(pl_cql_call(s, &wrong, NULL, NULL, NULL, NULL) == POUCH_E_CONFIG && why_has("column k "));
}

static void count_text(const char *at, size_t n, void *arg) {
    *(size_t *)arg += n + (at ? 100U : 0U);
}

/* The row that the Python driver wrote. */
static void read_values(struct pl_cql *s) {
    const struct pl_cql_statement *st = prepare(s, "SELECT * FROM %s.kinds WHERE k = ?");
    const struct pl_cql_value key = pl_cql_text("theirs");
    const struct pl_cql_bound b = {st, &key, 1};
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    EXPECT(pl_cql_select(s, &c, &b, &usual) == POUCH_OK);
    EXPECT(pl_cql_cursor_next(c, &row) == POUCH_OK && row);
    size_t n, bytes = 0;
    struct pl_uuid id;
    EXPECT(!strncmp(pl_cql_cell_text(row, pl_cql_column(row, "t"), &n), "there", 5) && n == 5);
    EXPECT(pl_cql_cell_number(row, pl_cql_column(row, "i"), 0) == -2147483647 - 1);
    EXPECT(pl_cql_cell_number(row, pl_cql_column(row, "n"), 0) == INT64_MAX);
    EXPECT(pl_cql_cell_number(row, pl_cql_column(row, "small"), 0) == 32767);
    EXPECT(pl_cql_cell_number(row, pl_cql_column(row, "tiny"), 0) == 127);
    EXPECT(pl_cql_cell_number(row, pl_cql_column(row, "yes"), 1) == 0);
    EXPECT(pl_cql_cell_number(row, pl_cql_column(row, "at"), 0) == 1600000000000);
    EXPECT(pl_cql_cell_double(row, pl_cql_column(row, "real"), 0) == 2.5);
    EXPECT(pl_cql_cell_double(row, pl_cql_column(row, "single"), 0) == 0.25);
    EXPECT(pl_cql_cell_uuid(row, pl_cql_column(row, "id"), &id) && id.b[0] == 0x12 && id.b[15] == 0xf0);
    EXPECT(pl_cql_cell_null(row, pl_cql_column(row, "b")) && pl_cql_column(row, "nothing") == -1);
    EXPECT(pl_cql_cell_texts(row, pl_cql_column(row, "list"), count_text, &bytes) == 2 && bytes == 205);
    EXPECT(pl_cql_cursor_next(c, &row) == POUCH_OK && !row);
    EXPECT(pl_cql_cursor_next(c, &row) == POUCH_OK && !row);
    pl_cql_cursor_close(c);
}

/* ---- tokens ---- */

static size_t compare_single(struct pl_cql *s) {
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    const struct pl_cql_how how = {.page_size = 100, .timeout_us = PATIENCE_US};
    size_t n = 0;
    EXPECT(pl_cql_select_text(s, &c, in_keyspace("SELECT token(k), k FROM %s.single"), &how) == POUCH_OK);
    for (; pl_cql_cursor_next(c, &row) == POUCH_OK && row; n++) {
        struct pl_cql_cell key = pl_cql_cell_bytes(row, 1);
        EXPECT(pl_cql_cell_number(row, 0, 0) == pl_cql_token(key.at, (size_t)key.n));
    }
    EXPECT(!row);
    pl_cql_cursor_close(c);
    return n;
}

/* As pl_cql_execute() finds it: from a statement's values, in the order of the statement and not of the key. */
static size_t compare_composite(struct pl_cql *s) {
    const struct pl_cql_statement *find =
        prepare(s, "SELECT token(a, b, c) FROM %s.composite WHERE c = ? AND a = ? AND b = ?");
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    struct pl_buf key;
    size_t n = 0;
    pl_buf_init(&key, 1 << 17);
    EXPECT(pl_cql_select_text(s, &c, in_keyspace("SELECT token(a, b, c), a, b, c FROM %s.composite"), &usual) ==
           POUCH_OK);
    for (; pl_cql_cursor_next(c, &row) == POUCH_OK && row; n++) {
        struct pl_uuid id;
        size_t text_n;
        bool whole;
        const char *text = pl_cql_cell_text(row, 1, &text_n);
        EXPECT(pl_cql_cell_uuid(row, 3, &id));
        const struct pl_cql_value v[] = {pl_cql_uuid(&id), pl_cql_bytes(text, text_n),
                                         pl_cql_number(pl_cql_cell_number(row, 2, 0))};
        const struct pl_cql_bound b = {find, v, 3};
        EXPECT(pl_cql_routing_key(&key, &b, &whole) == POUCH_OK && whole);
        EXPECT(pl_cql_cell_number(row, 0, 0) == pl_cql_token(key.at, key.len));
    }
    EXPECT(!row);
    pl_cql_cursor_close(c);
    pl_buf_free(&key);
    return n;
}

/* ---- many at once, batches, pages ---- */

struct tally {
    size_t ok, failed;
};

static void count(const struct pl_cql_result *r, void *arg) {
    struct tally *t = arg;
    ++*(r->error ? &t->failed : &t->ok);
}

static void drain(struct pl_cql *s) {
    while (pl_cql_pending(s)) pl_cql_run(s, -1);
}

static void write_many(struct pl_cql *s) {
    const struct pl_cql_statement *st = prepare(s, "INSERT INTO %s.many (p, c, v) VALUES (?, ?, ?)");
    struct tally t = {0, 0};
    bool full = false;
    for (int i = 0; i < MANY;) {
        const struct pl_cql_value v[] = {pl_cql_number(0), pl_cql_number(i), pl_cql_text("single")};
        const struct pl_cql_bound b = {st, v, 3};
        pouch_err e = pl_cql_execute(s, &b, &usual, count, &t);
        EXPECT(!e || e == POUCH_E_OVERLOADED);
        full = full || e;
        if (e)
            pl_cql_run(s, -1);
        else
            i++;
    }
    EXPECT(full && pl_cql_room(s) <= MANY);
    drain(s);
    EXPECT(t.ok == MANY && !t.failed);

    struct pl_cql_value v[20][3];
    struct pl_cql_bound batch[20];
    for (int i = 0; i < 20; i++) {
        v[i][0] = pl_cql_number(1);
        v[i][1] = pl_cql_number(i);
        v[i][2] = pl_cql_text("batch");
        batch[i] = (struct pl_cql_bound){st, v[i], 3};
    }
    const struct pl_cql_how at = {
        .timestamp_us = 1234567890, .idempotent = true, .timeout_us = PATIENCE_US, .consistency = PL_CQL_QUORUM};
    EXPECT(pl_cql_batch(s, batch, 20, &at, count, &t) == POUCH_OK);
    drain(s);
    EXPECT(t.ok == MANY + 1 && !t.failed);
}

static void read_pages(struct pl_cql *s) {
    const struct pl_cql_statement *st = prepare(s, "SELECT c FROM %s.many WHERE p = ?");
    const struct pl_cql_value key[] = {pl_cql_number(0), pl_cql_number(1)};
    const struct pl_cql_bound b[] = {{st, &key[0], 1}, {st, &key[1], 1}};
    const struct pl_cql_how small = {.page_size = 73, .timeout_us = PATIENCE_US};
    struct pl_cql_cursor *c[2];
    const struct pl_cql_rows *row;
    EXPECT(pl_cql_select(s, &c[0], &b[0], &small) == POUCH_OK);
    EXPECT(pl_cql_select(s, &c[1], &b[1], &small) == POUCH_OK);
    for (int i = 0; i < MANY; i++) {
        EXPECT(pl_cql_cursor_next(c[0], &row) == POUCH_OK && row && pl_cql_cell_number(row, 0, -1) == i);
        EXPECT(pl_cql_cursor_next(c[1], &row) == POUCH_OK && !row == (i >= 20));
    }
    EXPECT(pl_cql_cursor_next(c[0], &row) == POUCH_OK && !row);
    pl_cql_cursor_close(c[0]);
    pl_cql_cursor_close(c[1]);
    EXPECT(pl_cql_select(s, &c[0], &b[0], &small) == POUCH_OK); /* closed while its page is on the way */
    pl_cql_cursor_close(c[0]);
}

/* ---- conditions, forgotten statements, errors ---- */

static void saw(struct pl_cql_rows *row, void *arg) {
    *(int64_t *)arg = pl_cql_cell_number(row, pl_cql_column(row, "v"), -1);
}

static void conditions(struct pl_cql *s) {
    const struct pl_cql_statement *add = prepare(s, "INSERT INTO %s.versions (k, v) VALUES (?, ?) IF NOT EXISTS");
    const struct pl_cql_statement *set = prepare(s, "UPDATE %s.versions SET v = ? WHERE k = ? IF v = ?");
    const struct pl_cql_value first[] = {pl_cql_text("a"), pl_cql_number(1)};
    const struct pl_cql_value next[] = {pl_cql_number(2), pl_cql_text("a"), pl_cql_number(1)};
    const struct pl_cql_bound b = {add, first, 2}, up = {set, next, 3};
    const struct pl_cql_how how = {.serial = PL_CQL_SERIAL, .timeout_us = PATIENCE_US};
    bool applied = false;
    int64_t seen = 0;
    EXPECT(pl_cql_call(s, &b, &how, &applied, saw, &seen) == POUCH_OK && applied && !seen);
    EXPECT(pl_cql_call(s, &b, &how, &applied, saw, &seen) == POUCH_OK && !applied && seen == 1);
    EXPECT(pl_cql_call(s, &up, &how, &applied, saw, &seen) == POUCH_OK && applied);
    EXPECT(pl_cql_call(s, &up, &how, &applied, saw, &seen) == POUCH_OK && !applied && seen == 2);
    EXPECT(pl_cql_call_batch(s, &up, 1, &how, &applied) == POUCH_OK && !applied);
}

/* A table that is made anew: the server has forgotten what was prepared for it. */
static void forgotten(struct pl_cql *s) {
    static const char make[] = "CREATE TABLE %s.passing (k int PRIMARY KEY, v int)";
    EXPECT(pl_cql_do(s, in_keyspace(make), &usual) == POUCH_OK);
    EXPECT(pl_cql_do(s, in_keyspace(make), &usual) == POUCH_E_EXISTS && why_has("passing"));
    const struct pl_cql_statement *a = prepare(s, "INSERT INTO %s.passing (k, v) VALUES (?, ?)");
    const struct pl_cql_statement *b = prepare(s, "UPDATE %s.passing SET v = ? WHERE k = ?");
    EXPECT(prepare(s, "INSERT INTO %s.passing (k, v) VALUES (?, ?)") == a);
    EXPECT(pl_cql_do(s, in_keyspace("DROP TABLE %s.passing"), &usual) == POUCH_OK);
    EXPECT(pl_cql_do(s, in_keyspace(make), &usual) == POUCH_OK);
    const struct pl_cql_value v[] = {pl_cql_number(1), pl_cql_number(1)};
    const struct pl_cql_bound batch[] = {{a, v, 2}, {b, v, 2}};
    struct tally t = {0, 0};
    for (int i = 0; i < 100; i++) EXPECT(pl_cql_batch(s, batch, 2, &usual, count, &t) == POUCH_OK);
    drain(s);
    EXPECT(t.ok == 100 && !t.failed);
}

static void errors(struct pl_cql *s) {
    const struct pl_cql_statement *st;
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    EXPECT(pl_cql_prepare(s, &st, "SELEKT", 0) == POUCH_E_CONFIG && why_has("syntax error"));
    EXPECT(pl_cql_prepare(s, &st, in_keyspace("SELECT * FROM %s.missing"), 0) == POUCH_E_CONFIG && why_has("missing"));
    EXPECT(pl_cql_select_text(s, &c, in_keyspace("SELECT * FROM %s.missing"), NULL) == POUCH_OK);
    EXPECT(pl_cql_cursor_next(c, &row) == POUCH_E_CONFIG && why_has("missing"));
    EXPECT(pl_cql_cursor_next(c, &row) == POUCH_E_CONFIG && !row);
    pl_cql_cursor_close(c);

    /* More replicas than there are. */
    const struct pl_cql_how two = {.consistency = PL_CQL_TWO, .idempotent = true};
    st = prepare(s, "INSERT INTO %s.versions (k, v) VALUES (?, ?)");
    const struct pl_cql_value v[] = {pl_cql_text("b"), pl_cql_number(1)};
    const struct pl_cql_bound b = {st, v, 2};
    EXPECT(pl_cql_call(s, &b, &two, NULL, NULL, NULL) == POUCH_E_STORE && why_has("unavailable"));
    const struct pl_cql_how hurried = {.timeout_us = 1};
    pouch_err e = pl_cql_call(s, &b, &hurried, NULL, NULL, NULL); /* unless the answer is faster still */
    EXPECT(!e || (e == POUCH_E_TIMEOUT && why_has("in time")));
    EXPECT(pl_cql_call(s, &b, &usual, NULL, NULL, NULL) == POUCH_OK);
}

static void closed(const struct pl_cql_result *r, void *arg) {
    *(pouch_err *)arg = r->error;
}

int main(int argc, char **argv) {
    EXPECT(argc == 3);
    keyspace = argv[2];
    struct pl_cql_config config;
    struct pl_cql *s;
    EXPECT(pl_cql_config_parse(&config, argv[1]) == POUCH_OK);
    config.in_flight = 1000;
    config.connect_us = PATIENCE_US; /* also what a heartbeat may take, on a busy machine */
    EXPECT(pl_cql_open(&s, &config, NULL) == POUCH_OK);
    pl_cql_config_free(&config);
    EXPECT(pl_cql_ready(s, PATIENCE_US) == POUCH_OK);
    write_values(s);
    read_values(s);
    size_t single = compare_single(s), composite = compare_composite(s);
    write_many(s);
    read_pages(s);
    conditions(s);
    forgotten(s);
    errors(s);
    const struct pl_cql_statement *st = prepare(s, "SELECT * FROM %s.versions");
    const struct pl_cql_bound b = {st, NULL, 0};
    pouch_err end = POUCH_OK;
    EXPECT(pl_cql_execute(s, &b, NULL, closed, &end) == POUCH_OK);
    pl_cql_close(s);
    EXPECT(end == POUCH_E_CLOSED);
    printf("{\"tokens\":%zu,\"composite_tokens\":%zu}\n", single, composite);
    return 0;
}
