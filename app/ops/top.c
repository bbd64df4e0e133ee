/* pouch top. */
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <stdint.h>
#include <string.h>
#include <top/top.h>
#include <unistd.h>

enum { EVERY_LEAST_MS = 100, EVERY_MOST_MS = 3600000, EVERY_MS = 1000, PAGE_MAX = 1 << 20 };

static void stop(void *top) {
    top_stop(top);
}

static pouch_err print_page(const json_t *view, size_t nth) {
    struct pl_buf page;
    pl_buf_init(&page, PAGE_MAX);
    pouch_err e = top_page(&page, view);
    if (!e && nth) putchar('\n');
    for (const char *at = page.at, *end; !e && at && *at; at = end + 1) {
        end = strchr(at, '\n');
        fwrite(at + 1, 1, (size_t)(end - at), stdout);
    }
    pl_buf_free(&page);
    return e;
}

/* Takes view. */
static pouch_err print(const struct ops_call *call, json_t *view, size_t nth) {
    if (call->output != OPS_TABLE)
        return ops_print_json(view) ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a view") : POUCH_OK;
    pouch_err e = print_page(view, nth);
    json_decref(view);
    return e;
}

static bool has_read(const json_t *view) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(view, "processes"), i, one) {
        if (!json_object_get(one, "error")) return true;
    }
    return false;
}

/* *blind: there were views, and in none of them any process could be read. */
static pouch_err print_views(const struct ops_call *call, struct top *t, int64_t count, bool *blind) {
    json_t *view;
    pouch_err e = POUCH_OK;
    for (int64_t i = 0; !e && i < count; i++) {
        e = top_next(t, &view);
        if (!e) *blind = (i == 0 || *blind) && !has_read(view);
        if (!e) e = print(call, view, (size_t)i);
        if (!e && (fflush(stdout) || ferror(stdout))) break; /* nobody reads it */
    }
    return e == POUCH_E_CLOSED ? POUCH_OK : e;
}

/* One view where it goes into a file or a pipe; on a terminal it is watched. */
static bool is_watched(const struct ops_call *call) {
    return call->output == OPS_TABLE && !ops_has(call, "--count") && !ops_has(call, "--follow") &&
           isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static pouch_err read_flags(const struct ops_call *call, int64_t *every_ms, int64_t *count) {
    const char *every = ops_flag(call, "--every", 0);
    *every_ms = EVERY_MS;
    pouch_err e = every ? pl_duration_parse(every_ms, every, EVERY_LEAST_MS, EVERY_MOST_MS) : POUCH_OK;
    if (e) return pl_fail(POUCH_E_CONFIG, "--every: %s", pouch_why());
    e = ops_number(call, "--count", 1, 1, INT64_MAX, count);
    if (e || !ops_has(call, "--follow")) return e;
    *count = INT64_MAX;
    if (ops_has(call, "--count") || call->output == OPS_JSON)
        return pl_fail(POUCH_E_CONFIG, "--follow has no end, so neither --count nor -o json goes with it");
    return POUCH_OK;
}

static int unread(void) {
    ops_say("none of the processes could be read");
    return pouch_err_exit_code(POUCH_E_NO_BROKER);
}

static int top(struct ops_call *call) {
    int64_t every_ms, count;
    struct top *t;
    if (read_flags(call, &every_ms, &count)) return ops_usage(call, "%s", pouch_why());
    if (count > 1 && call->output == OPS_JSON)
        return ops_usage(call, "-o json is one document: --count wants -o jsonl");
    pouch_err e = top_new(&t, call->args, call->n_args, (int)every_ms);
    if (e == POUCH_E_CONFIG) return ops_usage(call, "%s", pouch_why());
    if (e) return ops_error(e);
    e = ops_on_stop(stop, t);
    bool blind = false;
    if (!e) e = is_watched(call) ? top_watch(t) : print_views(call, t, count, &blind);
    int exit_code = e ? ops_error(e) : ops_done();
    if (!exit_code && blind) exit_code = unread();
    ops_no_stop();
    top_free(t);
    return exit_code;
}

const struct ops_command ops_top = {
    .name = "top",
    .args = "HOST:PORT…",
    .summary = "Watch centers and workers at work",
    .about = "Reads /statusz of the processes, at the addresses that their --listen was given, once a second,\n"
             "and shows what came in between: requests a second, how many failed and as what, times, requests\n"
             "in flight, records behind (lag), breakers, and each publisher and target.\n\n"
             "  pouch top 127.0.0.1:9464 127.0.0.1:9465\n\n"
             "Times are, of a center, from taking a record from the inbox until a target has it; of a worker, those\n"
             "of its handlers. A median and a 99th percentile are at most 12.5 % too high. Publishers and targets\n"
             "are the 64 busiest of each center, added up.\n\n"
             "q quits, p or space pauses, s sorts by rate, failures or name, arrows scroll. Where it does not go to\n"
             "a terminal, and with -o, --count or --follow, it prints views instead: one, after --every. Exit code 69: "
             "none\n"
             "of the processes could be read.\n\n"
             "  pouch top :9464 -o json | jq '.processes[].rate'\n"
             "  pouch top :9464 -o jsonl --follow > top.jsonl\n",
    .flags =
        (const struct ops_flag[]){
            {"--every", 0, "TIME", false, "time between two readings (default 1s)"},
            {"--count", 'n', "N", false, "print so many views (default 1)"},
            {"--follow", 'f', NULL, false, "print views until stopped"},
            {0},
        },
    .least = 1,
    .most = SIZE_MAX,
    .no_settings = true,
    .run = top,
};
