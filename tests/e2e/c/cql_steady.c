/*
 * cql_steady URL TABLE
 *
 * Inserts rows 0, 1, 2, … into TABLE (p int, c int, PRIMARY KEY (p, c)) as long as its standard input is open, each
 * until it is acknowledged. Lines on stdout: "up" and "down" as rows can be written or not, with the first reason and
 * the rows begun so far; "written N" at the end. Exit 1 when a failure of a request came later than its time, or when
 * nothing can be written at all.
 */
#include <base/clock.h>
#include <cql/cql.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { UNDER_WAY = 64, TIMEOUT_US = 2000000, SLACK_US = 20000000, PATIENCE_US = 60000000 };

struct row {
    int64_t number, begun_us;
    bool open, failed;
};

static struct row rows[UNDER_WAY];
static int64_t begun, written;
static bool is_up = true;

static int64_t now(void) {
    return pl_mono_us(&pl_clock_system);
}

static int fail(const char *what) {
    fprintf(stderr, "cql_steady: %s: %s\n", what, pouch_why());
    return EXIT_FAILURE;
}

static void say(bool up) {
    if (up == is_up) return;
    is_up = up;
    printf("%s at %" PRId64 " %s\n", up ? "up" : "down", begun, up ? "" : pouch_why());
    fflush(stdout);
}

static void done(const struct pl_cql_result *r, void *arg) {
    struct row *row = arg;
    row->open = false;
    row->failed = r->error != POUCH_OK;
    written += !row->failed;
    say(!row->failed);
    if (now() - row->begun_us > TIMEOUT_US + SLACK_US) exit(fail("told too late"));
}

/* A row that failed is written again before another is begun. */
static void write_row(struct pl_cql *s, const struct pl_cql_statement *st, struct row *row) {
    if (!row->failed) row->number = begun++;
    const struct pl_cql_value v[] = {pl_cql_number(row->number % 16), pl_cql_number(row->number)};
    const struct pl_cql_bound b = {st, v, 2};
    const struct pl_cql_how how = {.idempotent = true, .timeout_us = TIMEOUT_US};
    row->begun_us = now();
    row->failed = pl_cql_execute(s, &b, &how, done, row);
    row->open = !row->failed;
    if (row->failed) say(false);
}

static bool input_ended(void) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) > 0;
}

static bool all_written(void) {
    for (int i = 0; i < UNDER_WAY; i++)
        if (rows[i].open || rows[i].failed) return false;
    return true;
}

static int run(struct pl_cql *s, const char *table) {
    const struct pl_cql_statement *st;
    char text[200];
    int64_t end = 0;
    snprintf(text, sizeof text, "INSERT INTO %s (p, c) VALUES (?, ?)", table);
    if (pl_cql_ready(s, PATIENCE_US) || pl_cql_prepare(s, &st, text, PATIENCE_US)) return fail("cannot begin");
    printf("writing\n");
    fflush(stdout);
    while (!end || !all_written()) {
        if (!end && input_ended()) end = now() + PATIENCE_US;
        if (end && now() > end) return fail("cannot end");
        for (int i = 0; i < UNDER_WAY; i++)
            if (!rows[i].open && (!end || rows[i].failed)) write_row(s, st, &rows[i]);
        pl_cql_run(s, 10000);
    }
    printf("written %" PRId64 "\n", written);
    return written == begun ? EXIT_SUCCESS : fail("rows are missing");
}

int main(int argc, char **argv) {
    struct pl_cql_config config;
    struct pl_cql *s;
    if (argc != 3 || pl_cql_config_parse(&config, argv[1])) return fail("usage: cql_steady URL TABLE");
    pouch_err e = pl_cql_open(&s, &config, NULL);
    pl_cql_config_free(&config);
    if (e) return fail("cannot open");
    int code = run(s, argv[2]);
    pl_cql_close(s);
    return code;
}
