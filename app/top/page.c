/* A view as lines. What other processes say is shown in printable ASCII alone, so that it cannot move a cursor. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <top/compare.h>

/* A page of all processes that are at most watched, each with all the lines it may have, fits into a MiB. */
enum { CELL = 64, ROWS_MOST = 50, REMARKS_MOST = 8 };

static const char *text_of(const json_t *o, const char *name, const char *fallback) {
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : fallback;
}

/* In `width` columns: cut, or with spaces behind it. */
static const char *cell(char out[CELL], const char *text, int width) {
    snprintf(out, CELL, "%-*.*s", width, width, text);
    for (char *c = out; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    return out;
}

static const char *rate_text(char out[CELL], const json_t *value) {
    double n = json_number_value(value);
    if (!value || json_is_null(value))
        strcpy(out, "-");
    else
        snprintf(out, CELL, n < 100 ? "%.1f" : "%.0f", n);
    return out;
}

static const char *count_text(char out[CELL], const json_t *value) {
    if (json_is_integer(value))
        snprintf(out, CELL, "%lld", (long long)json_integer_value(value));
    else
        strcpy(out, "-");
    return out;
}

static const char *ms_text(char out[CELL], const json_t *value) {
    if (json_is_integer(value))
        snprintf(out, CELL, "%.2f", (double)json_integer_value(value) / 1000);
    else
        strcpy(out, "-");
    return out;
}

static pouch_err line(struct pl_buf *out, enum top_style style, const char *text) {
    pouch_err e = pl_buf_putc(out, (char)style);
    for (; *text && !e; text++) e = pl_buf_putc(out, *text < ' ' || *text > '~' ? '?' : *text);
    return e ? e : pl_buf_putc(out, '\n');
}

static pouch_err heading(struct pl_buf *out, const char *text) {
    pouch_err e = out->len ? line(out, TOP_PLAIN, "") : POUCH_OK;
    return e ? e : line(out, TOP_HEADING, text);
}

static pouch_err process_line(struct pl_buf *out, const json_t *p) {
    char name[CELL], role[CELL], state[CELL], all[CELL], failed[CELL], p50[CELL], p99[CELL], held[CELL], lag[CELL];
    char text[512];
    const char *error = text_of(p, "error", NULL);
    cell(name, text_of(p, "process", ""), 20);
    if (error) {
        snprintf(text, sizeof text, "%s %s", name, error);
        return line(out, TOP_BAD, text);
    }
    const json_t *times = json_object_get(p, "times");
    bool ready = json_is_true(json_object_get(p, "ready"));
    bool works = !strcmp(text_of(p, "phase", ""), "working");
    snprintf(text, sizeof text, "%s %s %s %8s %7s %7s %8s %7s %7s", name, cell(role, text_of(p, "role", ""), 6),
             cell(state, works && !ready ? "unready" : text_of(p, "phase", ""), 8),
             rate_text(all, json_object_get(p, "rate")), rate_text(failed, json_object_get(p, "failed_rate")),
             ms_text(p50, json_object_get(times, "p50_us")), ms_text(p99, json_object_get(times, "p99_us")),
             count_text(held, json_object_get(p, "in_flight")), count_text(lag, json_object_get(p, "lag")));
    return line(out, ready ? TOP_PLAIN : TOP_BAD, text);
}

static pouch_err remarks(struct pl_buf *out, const json_t *process, const char *what) {
    char name[CELL], text[512];
    const json_t *one;
    size_t i;
    pouch_err e = POUCH_OK;
    json_array_foreach(json_object_get(process, what), i, one) {
        if (i == REMARKS_MOST) break;
        if (e || !json_is_string(one)) continue;
        snprintf(text, sizeof text, "%s %s", cell(name, text_of(process, "process", ""), 20), json_string_value(one));
        e = line(out, TOP_BAD, text);
    }
    return e;
}

static pouch_err paused(struct pl_buf *out, const json_t *process) {
    char name[CELL], text[512];
    const char *why = text_of(process, "paused", NULL);
    if (!why) return POUCH_OK;
    snprintf(text, sizeof text, "%s takes no more: %s", cell(name, text_of(process, "process", ""), 20), why);
    return line(out, TOP_BAD, text);
}

static pouch_err processes(struct pl_buf *out, const json_t *all) {
    pouch_err e =
        heading(out, "PROCESS              ROLE   STATE      RATE/s  FAIL/s  P50 ms   P99 ms INFLIGHT     LAG");
    const json_t *one;
    size_t i;
    json_array_foreach(all, i, one) {
        if (!e) e = process_line(out, one);
    }
    json_array_foreach(all, i, one) {
        if (!e) e = remarks(out, one, "reasons");
        if (!e) e = remarks(out, one, "notes");
        if (!e) e = paused(out, one);
    }
    return e;
}

static pouch_err failure_lines(struct pl_buf *out, const json_t *process, bool *headed) {
    char name[CELL], what[CELL], a_second[CELL], total[CELL], text[256];
    const char *outcome;
    json_t *value;
    pouch_err e = POUCH_OK;
    int lines = 0;
    json_object_foreach(json_object_get(process, "outcomes"), outcome, value) {
        const json_t *n = json_object_get(value, "total");
        if (e || lines == ROWS_MOST || !top_is_failure(outcome) || !json_integer_value(n)) continue;
        if (!*headed) e = heading(out, "PROCESS              FAILED AS              RATE/s       TOTAL");
        *headed = true;
        snprintf(text, sizeof text, "%s %s %8s %11s", cell(name, text_of(process, "process", ""), 20),
                 cell(what, outcome, 20), rate_text(a_second, json_object_get(value, "rate")), count_text(total, n));
        if (!e) e = line(out, TOP_PLAIN, text);
        lines++;
    }
    return e;
}

static pouch_err failures(struct pl_buf *out, const json_t *all) {
    bool headed = false;
    const json_t *one;
    size_t i;
    pouch_err e = POUCH_OK;
    json_array_foreach(all, i, one) {
        if (!e) e = failure_lines(out, one, &headed);
    }
    return e;
}

static pouch_err publisher_line(struct pl_buf *out, const json_t *p) {
    char name[CELL], all[CELL], failed[CELL], limited[CELL], routed[CELL], total[CELL], text[256];
    snprintf(text, sizeof text, "%s %8s %7s %7s %11s %11s", cell(name, text_of(p, "publisher", ""), 30),
             rate_text(all, json_object_get(p, "rate")), rate_text(failed, json_object_get(p, "failed_rate")),
             rate_text(limited, json_object_get(p, "limited_rate")), count_text(routed, json_object_get(p, "routed")),
             count_text(total, json_object_get(p, "failed")));
    return line(out, json_number_value(json_object_get(p, "failed_rate")) > 0 ? TOP_BAD : TOP_PLAIN, text);
}

static pouch_err target_line(struct pl_buf *out, const json_t *t) {
    char name[CELL], all[CELL], failed[CELL], held[CELL], routed[CELL], total[CELL], text[256];
    bool stalled = json_is_true(json_object_get(t, "stalled"));
    snprintf(text, sizeof text, "%s %8s %7s %7s %11s %11s%s", cell(name, text_of(t, "target", ""), 30),
             rate_text(all, json_object_get(t, "rate")), rate_text(failed, json_object_get(t, "failed_rate")),
             count_text(held, json_object_get(t, "in_flight")), count_text(routed, json_object_get(t, "routed")),
             count_text(total, json_object_get(t, "failed")), stalled ? " STALLED" : "");
    return line(out, stalled ? TOP_BAD : TOP_PLAIN, text);
}

static pouch_err breaker_line(struct pl_buf *out, const json_t *b) {
    char process[CELL], name[CELL], kind[CELL], state[CELL], failures_text[CELL], held[CELL], text[256];
    const char *is = text_of(b, "state", "");
    snprintf(text, sizeof text, "%s %s %s %s %8s %7s", cell(process, text_of(b, "process", ""), 20),
             cell(name, text_of(b, "name", ""), 24), cell(kind, text_of(b, "kind", ""), 8), cell(state, is, 9),
             count_text(failures_text, json_object_get(b, "failures")), count_text(held, json_object_get(b, "held")));
    return line(out, strcmp(is, "closed") != 0 ? TOP_BAD : TOP_PLAIN, text);
}

static pouch_err list(struct pl_buf *out, const json_t *all, const char *head,
                      pouch_err (*one_line)(struct pl_buf *, const json_t *)) {
    const json_t *one;
    size_t i;
    pouch_err e = json_array_size(all) ? heading(out, head) : POUCH_OK;
    json_array_foreach(all, i, one) {
        if (!e && i < ROWS_MOST) e = one_line(out, one);
    }
    return e;
}

pouch_err top_page(struct pl_buf *out, const json_t *view) {
    const json_t *all = json_object_get(view, "processes");
    pl_buf_reset(out);
    pouch_err e = processes(out, all);
    if (!e)
        e = list(out, json_object_get(view, "breakers"),
                 "PROCESS              BREAKER                  KIND     STATE     FAILURES    HELD", breaker_line);
    if (!e)
        e = list(out, json_object_get(view, "publishers"),
                 "PUBLISHER                        RATE/s  FAIL/s   LIM/s      ROUTED      FAILED", publisher_line);
    if (!e)
        e = list(out, json_object_get(view, "targets"),
                 "TARGET                           RATE/s  FAIL/s INFLIGHT     ROUTED      FAILED", target_line);
    return e ? e : failures(out, all);
}
