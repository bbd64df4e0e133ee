#include <inttypes.h>
#include <ops/waterfall.h>
#include <string.h>

enum { WHO = 6, TIME = 8, END = 6, NAMES_LEAST = 12, BAR_LEAST = 12, BAR_MOST = 100 };
enum { FIXED = WHO + 1 + 1 + TIME + 2 + 2 + TIME + 2 + END }; /* all but names and bar */

struct layout {
    const struct ops_screen *screen;
    const char *arrow;
    size_t arrow_columns, names, bar;
    int64_t first_us, span_us;
};

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
static size_t between(const struct layout *l, const struct admin_hop *hop) {
    return l->arrow_columns + (hop->from ? 1 : 0) + (hop->to ? 1 : 0);
}

static size_t names_columns(const struct layout *l, const struct admin_hop *hop) {
    return length(hop->from) + length(hop->to) + between(l, hop);
}

/* Names get what they want as long as the bars keep their least; bars get the rest. */
static struct layout layout_of(const struct ops_screen *s, const struct admin_hop *hops, size_t n) {
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
    l.span_us = admin_hops_span_us(hops, n);
    return l;
}

/* "from -> to" in just l->names columns; where that is too little, both are cut. */
static void put_names(FILE *out, const struct layout *l, const struct admin_hop *hop) {
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

static const char *colour_of(enum admin_hop_end end) {
    static const char *const colours[] = {
        [ADMIN_HOP_OK] = "\033[32m", [ADMIN_HOP_FAILED] = "\033[31m", [ADMIN_HOP_OPEN] = "\033[33m"};
    return colours[end];
}

static void put_coloured(FILE *out, const struct layout *l, const struct admin_hop *hop, const char *text,
                         size_t times) {
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

static void put_bar(FILE *out, const struct layout *l, const struct admin_hop *hop) {
    bool open = hop->end == ADMIN_HOP_OPEN;
    size_t first = column_of(l, hop->start_us), end = column_of(l, admin_hop_end_us(hop));
    if (first >= l->bar) first = l->bar - 1;
    if (end <= first) end = first + 1;
    fprintf(out, "%*s", (int)first, "");
    if (open)
        put_coloured(out, l, hop, l->screen->utf8 ? "╶" : "-", 1);
    else
        put_coloured(out, l, hop, l->screen->utf8 ? "█" : "#", end - first);
    fprintf(out, "%*s", (int)(l->bar - (open ? first + 1 : end)), "");
}

static const char *end_text(const struct admin_hop *hop) {
    if (hop->end == ADMIN_HOP_FAILED) return "failed";
    if (hop->end == ADMIN_HOP_OK) return "ok";
    return hop->by == PL_TRACE_CLIENT ? "sent" : "open";
}

static void put_hop(FILE *out, const struct layout *l, const struct admin_hop *hop) {
    const char *edge = l->screen->utf8 ? "│" : "|";
    char start[OPS_SPAN_TEXT], took[OPS_SPAN_TEXT];
    fprintf(out, "%-*s ", WHO, admin_by_text(hop->by));
    put_names(out, l, hop);
    fprintf(out, " %*s %s", TIME, ops_span_text(start, hop->start_us - l->first_us), edge);
    put_bar(out, l, hop);
    fprintf(out, "%s %*s  ", edge, TIME, ops_span_text(took, hop->took_us));
    put_coloured(out, l, hop, end_text(hop), 1);
    putc('\n', out);
}

/* Why, below the picture: a line for each hop that failed. */
static void put_error(FILE *out, const struct layout *l, const struct admin_hop *hop) {
    const char *code = hop->code ? hop->code : "failed", *error = hop->error ? hop->error : "";
    enum { ALL = 4096 };
    fprintf(out, "%s", admin_by_text(hop->by));
    if (hop->from) fputs(" on ", out);
    if (hop->from) ops_screen_put(out, l->screen, hop->from, strlen(hop->from), ALL);
    fputs(": ", out);
    ops_screen_put(out, l->screen, code, strlen(code), ALL);
    if (*error) fputs(": ", out);
    ops_screen_put(out, l->screen, error, strlen(error), ALL);
    putc('\n', out);
}

void ops_waterfall(FILE *out, const struct ops_screen *s, const struct admin_hop *hops, size_t n) {
    const struct layout l = layout_of(s, hops, n);
    fprintf(out, "%-*s ", WHO, "WHO");
    ops_screen_cell(out, s, s->utf8 ? "FROM → TO" : "FROM -> TO", l.names);
    fprintf(out, " %*s %*s %*s  END\n", TIME, "START", (int)l.bar + 2, "", TIME, "TOOK");
    for (size_t i = 0; i < n; i++) put_hop(out, &l, &hops[i]);
    for (size_t i = 0; i < n; i++)
        if (hops[i].end == ADMIN_HOP_FAILED) put_error(out, &l, &hops[i]);
}
