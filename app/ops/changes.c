/* pouch changes, and what the histories of routes and services share with it. */
#include <admin/changes.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/changes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/screen.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 100, LIMIT_MAX = 100000, ALL = 4096 };

/* ---- differences ---- */

static void put_text(FILE *out, const struct ops_screen *screen, const json_t *text) {
    ops_screen_put(out, screen, json_string_value(text), json_string_length(text), ALL);
}

static void put_value(FILE *out, const struct ops_screen *screen, const json_t *value) {
    char *text = NULL;
    if (json_is_string(value)) {
        put_text(out, screen, value);
    } else if (json_is_array(value) && json_array_size(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i) fputs(", ", out);
            put_value(out, screen, json_array_get(value, i));
        }
    } else if (!value || json_is_null(value) || json_is_array(value)) {
        fputs("none", out);
    } else if ((text = pl_json_text(value, NULL))) {
        fputs(text, out);
    }
    free(text);
}

/* What a thing is called is told beside its difference. */
static bool is_name(const char *member) {
    return !strcmp(member, "publisher") || !strcmp(member, "name");
}

static void put_member(FILE *out, const struct ops_screen *screen, const char *between, const char *member) {
    fputs(between, out);
    ops_screen_put(out, screen, member, strlen(member), ALL);
    fputc(' ', out);
}

void ops_difference_put(FILE *out, const json_t *before, const json_t *after) {
    const struct ops_screen screen = ops_screen_of(out);
    bool both = json_is_object(before) && json_is_object(after);
    const json_t *now = json_is_object(after) ? after : before, *value;
    const char *member, *between = "";
    json_object_foreach((json_t *)now, member, value) {
        const json_t *was = both ? json_object_get(before, member) : NULL;
        if (is_name(member) || (both ? json_equal(was, value) : json_is_null(value))) continue;
        put_member(out, &screen, between, member);
        if (both) put_value(out, &screen, was);
        if (both) fputs(" -> ", out);
        put_value(out, &screen, value);
        between = "; ";
    }
    json_object_foreach((json_t *)(both ? before : NULL), member, value) {
        if (json_object_get(now, member)) continue;
        put_member(out, &screen, between, member);
        put_value(out, &screen, value);
        fputs(" -> none", out);
        between = "; ";
    }
}

/* ---- lists ---- */

static const char *text_of(const json_t *row, const char *member) {
    return json_string_value(json_object_get(row, member));
}

static void print_line(const json_t *row, bool with_names) {
    const json_t *before = json_object_get(row, "before"), *after = json_object_get(row, "after");
    const char *what = json_is_null(before) ? "added" : json_is_null(after) ? "removed" : "changed";
    const struct ops_screen screen = ops_screen_of(stdout);
    printf("%-8" JSON_INTEGER_FORMAT " %-24s ", json_integer_value(json_object_get(row, "version")),
           text_of(row, "at"));
    ops_screen_cell(stdout, &screen, text_of(row, "who"), 24);
    if (with_names) {
        printf(" %-8s ", text_of(row, "kind"));
        ops_screen_cell(stdout, &screen, text_of(row, "name"), 24);
    }
    printf(" %-8s ", what);
    ops_difference_put(stdout, before, after);
    putchar('\n');
}

static int print_rows(const struct ops_call *call, json_t *rows, bool with_names) {
    if (!rows || call->output != OPS_TABLE) return ops_print_array(call, rows);
    size_t n = json_array_size(rows);
    if (n && with_names)
        printf("%-8s %-24s %-24s %-8s %-24s %-8s %s\n", "VERSION", "TIME", "WHO", "KIND", "NAME", "CHANGE", "WHAT");
    else if (n)
        printf("%-8s %-24s %-24s %-8s %s\n", "VERSION", "TIME", "WHO", "CHANGE", "WHAT");
    else
        ops_say("no changes like that are known");
    for (size_t i = 0; i < n; i++) print_line(json_array_get(rows, i), with_names);
    json_decref(rows);
    return OPS_EXIT_OK;
}

static pouch_err read_flags(const struct ops_call *call, struct pl_audit_query *q) {
    const char *since = ops_flag(call, "--since", 0);
    int64_t limit;
    pouch_err e = ops_number(call, "--limit", LIMIT, 1, LIMIT_MAX, &limit);
    if (!e && since) e = admin_when_parse("--since", since, pl_wall_ms(&pl_clock_system), &q->since_ms);
    if (!e) q->limit = (size_t)limit;
    return e;
}

/* none: the error for a name of which nothing was ever changed. */
static int list(const struct ops_call *call, const char *kind, const char *name, pouch_err (*none)(const char *name)) {
    struct pl_audit_query q = {.kind = kind, .name = name};
    struct pl_store *store = NULL;
    json_t *rows = NULL;
    if (read_flags(call, &q)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_changes_read(store, &q, &rows);
    pl_store_close(store);
    if (!e && name && !q.since_ms && !json_array_size(rows)) e = none(name);
    if (e) {
        json_decref(rows);
        return ops_error(e);
    }
    int exit_code = print_rows(call, rows, !name);
    return exit_code ? exit_code : ops_done();
}

int ops_history(const struct ops_call *call, const char *kind, pouch_err (*none)(const char *name)) {
    return list(call, kind, call->args[0], none);
}

static int changes(struct ops_call *call) {
    return list(call, ops_flag(call, "--kind", 0), NULL, NULL);
}

const struct ops_command ops_changes = {
    .name = "changes",
    .args = "",
    .summary = "List who changed routes, services, keys and topics or sent dead letters again, the newest last",
    .about = "Every change is kept with the user and host that made it, and with what was before and after;\n"
             "of keys, never the key. What another program wrote to the store is by unknown.\n\n"
             "  pouch changes --since 24h\n"
             "  pouch changes --kind route -o jsonl | jq -r 'select(.after == null).name'\n\n"
             "See also pouch route history.\n",
    .flags =
        (const struct ops_flag[]){
            {"--kind", 0, "route|service|key|dlq|topic", false, "only changes of these"},
            OPS_CHANGES_FLAGS,
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = changes,
};
