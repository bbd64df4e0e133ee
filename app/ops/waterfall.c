#include <inttypes.h>
#include <ops/waterfall.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows to hops ---- */

/* A row that tells only of a beginning. */
static bool begins(const struct pl_trace *row) {
    return !row->response && row->by != PL_TRACE_CENTER;
}

/* A row that tells of an end and how long it took until then. */
static bool is_end(const struct pl_trace *row) {
    return row->response && row->by != PL_TRACE_CENTER;
}

static bool same_record(const struct pl_trace *a, const struct pl_trace *b) {
    return a->offset == b->offset && a->partition == b->partition && a->topic && b->topic &&
           !strcmp(a->topic, b->topic);
}

/* The row in which the end of what `row` begins is told; NULL: none. A client has one call a request. */
static const struct pl_trace *end_of(const struct pl_trace *row, const struct pl_trace *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].by == row->by && rows[i].response && (row->by == PL_TRACE_CLIENT || same_record(row, &rows[i])))
            return &rows[i];
    return NULL;
}

static bool is_told(const struct ops_hop *hops, size_t n, const struct pl_trace *end) {
    for (size_t i = 0; i < n; i++)
        if (hops[i].ended_by == end) return true;
    return false;
}

static struct ops_hop hop_begun(const struct pl_trace *row) {
    bool ended = row->by == PL_TRACE_CENTER || !row->success;
    return (struct ops_hop){
        .by = row->by,
        .from = row->by == PL_TRACE_CLIENT ? NULL : row->topic,
        .to = row->by == PL_TRACE_CLIENT ? row->topic : row->target,
        .start_us = row->at_us,
        .took_us = ended && row->took_us < 0 ? 0 : row->took_us,
        .end = !row->success ? OPS_HOP_FAILED
               : ended       ? OPS_HOP_OK
                             : OPS_HOP_OPEN,
        .code = row->code,
        .error = row->error,
    };
}

/* at_us of a response is its end; its length tells the beginning better than the row of the beginning, which may be missing. */
static void hop_end(struct ops_hop *hop, const struct pl_trace *end) {
    int64_t since_us = end->at_us > hop->start_us ? end->at_us - hop->start_us : 0;
    hop->took_us = end->took_us >= 0 ? end->took_us : since_us;
    hop->start_us = end->at_us - hop->took_us;
    hop->end = end->success ? OPS_HOP_OK : OPS_HOP_FAILED;
    hop->ended_by = end;
    hop->code = end->code;
    hop->error = end->error;
    if (end->by != PL_TRACE_CLIENT && end->target) hop->to = end->target;
}

/* Without the beginning; a client's topic is then the one that the reply came from. */
static struct ops_hop hop_of_end(const struct pl_trace *end) {
    struct ops_hop hop = {.by = end->by, .from = end->topic, .start_us = end->at_us};
    hop_end(&hop, end);
    return hop;
}

static int in_order(const void *a, const void *b) {
    const struct ops_hop *x = a, *y = b;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    return (int)x->by - (int)y->by;
}

size_t ops_hops_of(struct ops_hop *hops, const struct pl_trace *rows, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_end(&rows[i])) continue;
        const struct pl_trace *end = begins(&rows[i]) ? end_of(&rows[i], rows, n) : NULL;
        hops[count] = hop_begun(&rows[i]);
        if (end) hop_end(&hops[count], end);
        count++;
    }
    for (size_t i = 0; i < n; i++)
        if (is_end(&rows[i]) && !is_told(hops, count, &rows[i])) hops[count++] = hop_of_end(&rows[i]);
    qsort(hops, count, sizeof *hops, in_order);
    return count;
}

/* ---- hops to lines ---- */

const char *ops_by_text(enum pl_trace_by by) {
    static const char *const names[] = {
        [PL_TRACE_CLIENT] = "client", [PL_TRACE_CENTER] = "center", [PL_TRACE_WORKER] = "worker"};
    return names[by];
}

enum { WHO = 6, TIME = 8, END = 6, NAMES_LEAST = 12, BAR_LEAST = 12, BAR_MOST = 100 };
enum { FIXED = WHO + 1 + 1 + TIME + 2 + 2 + TIME + 2 + END }; /* all but names and bar */

struct layout {
    const struct ops_screen *screen;
    const char *arrow;
    size_t arrow_columns, names, bar;
    int64_t first_us, span_us;
};

static int64_t end_us(const struct ops_hop *hop) {
    return hop->start_us + (hop->took_us > 0 ? hop->took_us : 0);
}

int64_t ops_hops_span_us(const struct ops_hop *hops, size_t n) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        if (hops[i].start_us < first) first = hops[i].start_us;
        if (end_us(&hops[i]) > last) last = end_us(&hops[i]);
    }
    return n ? last - first : 0;
}

const char *ops_span_text(char out[OPS_SPAN_TEXT], int64_t us) {
    double ms = (double)us / 1000;
    if (us < 0)
        snprintf(out, OPS_SPAN_TEXT, "-");
    else if (us < 1000)
        snprintf(out, OPS_SPAN_TEXT, "%d us", (int)us);
    else if (us < 9995)
        snprintf(out, OPS_SPAN_TEXT, "%.2f ms", ms);
    else if (us < 99950)
        snprintf(out, OPS_SPAN_TEXT, "%.1f ms", ms);
    else if (us < 999500)
        snprintf(out, OPS_SPAN_TEXT, "%.0f ms", ms);
    else if (us < 99995000)
        snprintf(out, OPS_SPAN_TEXT, "%.2f s", ms / 1000);
    else
        snprintf(out, OPS_SPAN_TEXT, "%.0f s", ms / 1000);
    return out;
}

/* Columns of a name as it is shown, which is topic names' ASCII but for what a foreign writer put there. */
static size_t length(const char *name) {
    return name ? strlen(name) : 0;
}

/* The arrow, and a space beside it for each name. */
static size_t between(const struct layout *l, const struct ops_hop *hop) {
    return l->arrow_columns + (hop->from ? 1 : 0) + (hop->to ? 1 : 0);
}

static size_t names_columns(const struct layout *l, const struct ops_hop *hop) {
    return length(hop->from) + length(hop->to) + between(l, hop);
}

/* Names get what they want as long as the bars keep their least; bars get the rest. */
static struct layout layout_of(const struct ops_screen *s, const struct ops_hop *hops, size_t n) {
    struct layout l = {.screen = s, .arrow = s->utf8 ? "→" : "->", .arrow_columns = s->utf8 ? 1 : 2};
    const size_t least = NAMES_LEAST + BAR_LEAST;
    size_t room = s->columns > FIXED + least ? s->columns - FIXED : least;
    l.names = sizeof "FROM -> TO" - 1;
    for (size_t i = 0; i < n; i++)
        if (names_columns(&l, &hops[i]) > l.names) l.names = names_columns(&l, &hops[i]);
    if (l.names > room - BAR_LEAST) l.names = room - BAR_LEAST;
    l.bar = room - l.names < BAR_MOST ? room - l.names : BAR_MOST;
    l.first_us = INT64_MAX;
    for (size_t i = 0; i < n; i++)
        if (hops[i].start_us < l.first_us) l.first_us = hops[i].start_us;
    l.span_us = ops_hops_span_us(hops, n);
    return l;
}

/* "from -> to" in just l->names columns; where that is too little, both are cut. */
static void put_names(FILE *out, const struct layout *l, const struct ops_hop *hop) {
    size_t used = between(l, hop), room = l->names > used ? l->names - used : 0;
    size_t from = length(hop->from), to = length(hop->to);
    if (from + to > room) {
        size_t half = room / 2;
        from = from <= half ? from : to <= room - half ? room - to : half;
        to = room - from;
    }
    if (hop->from) {
        used += ops_screen_put(out, l->screen, hop->from, length(hop->from), from);
        putc(' ', out);
    }
    fputs(l->arrow, out);
    if (hop->to) {
        putc(' ', out);
        used += ops_screen_put(out, l->screen, hop->to, length(hop->to), to);
    }
    fprintf(out, "%*s", (int)(l->names > used ? l->names - used : 0), "");
}

static const char *colour_of(enum ops_hop_end end) {
    static const char *const colours[] = {
        [OPS_HOP_OK] = "\033[32m", [OPS_HOP_FAILED] = "\033[31m", [OPS_HOP_OPEN] = "\033[33m"};
    return colours[end];
}

static void put_coloured(FILE *out, const struct layout *l, const struct ops_hop *hop, const char *text, size_t times) {
    if (l->screen->colour) fputs(colour_of(hop->end), out);
    for (size_t i = 0; i < times; i++) fputs(text, out);
    if (l->screen->colour) fputs("\033[0m", out);
}

/* The column that a time falls into, in [0, bar]. */
static size_t column_of(const struct layout *l, int64_t us) {
    if (l->span_us <= 0) return 0;
    double part = (double)(us - l->first_us) / (double)l->span_us;
    return (size_t)(part * (double)l->bar);
}

static void put_bar(FILE *out, const struct layout *l, const struct ops_hop *hop) {
    bool open = hop->end == OPS_HOP_OPEN;
    size_t first = column_of(l, hop->start_us), end = column_of(l, end_us(hop));
    if (first >= l->bar) first = l->bar - 1;
    if (end <= first) end = first + 1;
    fprintf(out, "%*s", (int)first, "");
    if (open)
        put_coloured(out, l, hop, l->screen->utf8 ? "╶" : "-", 1);
    else
        put_coloured(out, l, hop, l->screen->utf8 ? "█" : "#", end - first);
    fprintf(out, "%*s", (int)(l->bar - (open ? first + 1 : end)), "");
}

static const char *end_text(const struct ops_hop *hop) {
    if (hop->end == OPS_HOP_FAILED) return "failed";
    if (hop->end == OPS_HOP_OK) return "ok";
    return hop->by == PL_TRACE_CLIENT ? "sent" : "open";
}

static void put_hop(FILE *out, const struct layout *l, const struct ops_hop *hop) {
    const char *edge = l->screen->utf8 ? "│" : "|";
    char start[OPS_SPAN_TEXT], took[OPS_SPAN_TEXT];
    fprintf(out, "%-*s ", WHO, ops_by_text(hop->by));
    put_names(out, l, hop);
    fprintf(out, " %*s %s", TIME, ops_span_text(start, hop->start_us - l->first_us), edge);
    put_bar(out, l, hop);
    fprintf(out, "%s %*s  ", edge, TIME, ops_span_text(took, hop->took_us));
    put_coloured(out, l, hop, end_text(hop), 1);
    putc('\n', out);
}

/* Why, below the picture: a line for each hop that failed. */
static void put_error(FILE *out, const struct layout *l, const struct ops_hop *hop) {
    const char *code = hop->code ? hop->code : "failed", *error = hop->error ? hop->error : "";
    enum { ALL = 4096 };
    fprintf(out, "%s", ops_by_text(hop->by));
    if (hop->from) fputs(" on ", out);
    if (hop->from) ops_screen_put(out, l->screen, hop->from, strlen(hop->from), ALL);
    fputs(": ", out);
    ops_screen_put(out, l->screen, code, strlen(code), ALL);
    if (*error) fputs(": ", out);
    ops_screen_put(out, l->screen, error, strlen(error), ALL);
    putc('\n', out);
}

void ops_waterfall(FILE *out, const struct ops_screen *s, const struct ops_hop *hops, size_t n) {
    const struct layout l = layout_of(s, hops, n);
    fprintf(out, "%-*s ", WHO, "WHO");
    ops_screen_cell(out, s, s->utf8 ? "FROM → TO" : "FROM -> TO", l.names);
    fprintf(out, " %*s %*s %*s  END\n", TIME, "START", (int)l.bar + 2, "", TIME, "TOOK");
    for (size_t i = 0; i < n; i++) put_hop(out, &l, &hops[i]);
    for (size_t i = 0; i < n; i++)
        if (hops[i].end == OPS_HOP_FAILED) put_error(out, &l, &hops[i]);
}
