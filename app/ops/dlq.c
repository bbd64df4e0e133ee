/* pouch dlq list. */
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/anytext.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq.h>
#include <ops/dlq_filter.h>
#include <ops/dlq_history.h>
#include <ops/scan.h>
#include <ops/screen.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 50, LIMIT_MAX = 10000 };

/* What is asked for, and the newest `limit` of what was found; room for twice as many, so that sorting is seldom. */
struct list {
    struct ops_letter_filter filter;
    struct ops_letter_history history;
    struct ops_letter *at;
    size_t n, limit;
    uint64_t matching;
    pouch_err error;
};

static int newest_first(const void *a, const void *b) {
    const struct ops_letter *x = a, *y = b;
    if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? 1 : -1;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return x->offset < y->offset ? 1 : -1;
}

static void keep_newest(struct list *list) {
    qsort(list->at, list->n, sizeof *list->at, newest_first);
    while (list->n > list->limit) ops_letter_drop(&list->at[--list->n]);
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct list *list = arg;
    struct ops_letter l;
    ops_letter_read(&l, m);
    if (!ops_letter_matches(&list->filter, &l)) return true;
    list->matching++;
    if (list->n == 2 * list->limit) keep_newest(list);
    list->error = ops_letter_keep(&l);
    if (list->error) return false;
    list->at[list->n++] = l;
    return true;
}

static const char *source_text(char out[320], const struct pl_letter_facts *f) {
    int n = (int)(f->topic.n < 250 ? f->topic.n : 250);
    if (!f->topic.at) return strcpy(out, "-");
    if (f->partition < 0 || f->offset < 0)
        snprintf(out, 320, "%.*s", n, f->topic.at);
    else
        snprintf(out, 320, "%.*s/%" PRId64 "/%" PRId64, n, f->topic.at, f->partition, f->offset);
    return out;
}

enum { CODE_MAX = 24, PUBLISHER_MAX = 24, SOURCE_MAX = 48, REQUEST = 36, WHEN = 24, REASON_LEAST = 30 };

static void widen(size_t *width, size_t n, size_t most) {
    if (n > most) n = most;
    if (n > *width) *width = n;
}

static void span_cell(const struct ops_screen *s, struct pl_span span, size_t width) {
    size_t used =
        span.at ? ops_screen_put(stdout, s, span.at, span.n, width) : ops_screen_put(stdout, s, "-", 1, width);
    printf("%*s ", (int)(width - used), "");
}

static void print_table(const struct list *list) {
    struct ops_screen s = ops_screen_of(stdout);
    size_t code = 4, publisher = 9, source = 6;
    char text[320], when[OPS_WHEN_TEXT];
    for (size_t i = 0; i < list->n; i++) {
        widen(&code, list->at[i].facts.code.n, CODE_MAX);
        widen(&publisher, list->at[i].publisher.n, PUBLISHER_MAX);
        widen(&source, strlen(source_text(text, &list->at[i].facts)), SOURCE_MAX);
    }
    size_t used = WHEN + code + publisher + source + REQUEST + 5;
    size_t reason = s.columns > used + REASON_LEAST ? s.columns - used : REASON_LEAST;
    if (list->n)
        printf("%-*s %-*s %-*s %-*s %-*s %s\n", WHEN, "TIME", (int)code, "CODE", (int)publisher, "PUBLISHER",
               (int)source, "SOURCE", REQUEST, "REQUEST", "REASON");
    for (size_t i = 0; i < list->n; i++) {
        const struct ops_letter *l = &list->at[i];
        printf("%-*s ", WHEN, ops_when_text(when, l->time_ms));
        span_cell(&s, l->facts.code, code);
        span_cell(&s, l->publisher, publisher);
        ops_screen_cell(stdout, &s, source_text(text, &l->facts), source);
        putchar(' ');
        span_cell(&s, l->facts.request_id, REQUEST);
        if (ops_letter_was_redriven(&list->history, l)) fputs("[redriven] ", stdout);
        ops_screen_put(stdout, &s, l->facts.reason.at ? l->facts.reason.at : "-",
                       l->facts.reason.at ? l->facts.reason.n : 1, reason);
        putchar('\n');
    }
}

static json_t *letter_json(const struct list *list, const struct ops_letter *l) {
    json_t *o = ops_letter_json(l);
    json_t *again = list->history.known ? json_boolean(ops_letter_was_redriven(&list->history, l)) : json_null();
    return o ? ops_json_with(o, "redriven", again) : NULL;
}

static int print_list(const struct ops_call *call, const struct list *list) {
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE) {
        print_table(list);
        if (!list->n) ops_say("no dead letters%s", ops_letter_filter_any(&list->filter) ? "" : " like that");
    } else {
        for (size_t i = 0; i < list->n && !exit_code; i++)
            exit_code = ops_anytext_item(call, i, letter_json(list, &list->at[i]), "", (struct pl_span){0});
        ops_print_end(call, list->n);
    }
    if (list->matching > list->n) ops_say("the newest %zu of %" PRIu64 "; --limit shows more", list->n, list->matching);
    return exit_code;
}

static pouch_err read_flags(const struct ops_call *call, struct list *list) {
    int64_t limit;
    pouch_err e = ops_number(call, "--limit", LIMIT, 1, LIMIT_MAX, &limit);
    *list = (struct list){.limit = (size_t)limit};
    return e ? e : ops_letter_filter_read(call, &list->filter);
}

static int read_list(const struct ops_call *call, const struct pl_settings *s, struct list *list) {
    list->at = calloc(2 * list->limit, sizeof *list->at);
    pouch_err e = ops_letter_history_read(call, s->dlq_topic, false, &list->history);
    (void)e; /* it is told, and they are listed all the same */
    e = list->at ? ops_scan(s, s->dlq_topic, NULL, on_record, list)
                 : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu dead letters", list->limit);
    if (e == POUCH_E_TARGET_REFUSED) {
        ops_say("nothing was dead-lettered yet: there is no topic %s", s->dlq_topic);
        ops_print_end(call, 0);
        return OPS_EXIT_OK;
    }
    if (!e) e = list->error;
    if (e == POUCH_OK || list->n) keep_newest(list);
    int told = e ? ops_error(e) : OPS_EXIT_OK, printed = e && !list->n ? OPS_EXIT_OK : print_list(call, list);
    return told ? told : printed;
}

static int list_command(struct ops_call *call) {
    struct list list;
    struct pl_settings s;
    if (read_flags(call, &list)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    int exit_code = read_list(call, &s, &list);
    while (list.n) ops_letter_drop(&list.at[--list.n]);
    free(list.at);
    ops_letter_history_free(&list.history);
    pl_settings_free(&s);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_list = {
    .name = "dlq list",
    .args = "",
    .summary = "List dead letters, the newest first",
    .about = "A dead letter is a record that could not be delivered or handled: it lies on the dead-letter\n"
             "topic as it came, sealed, with headers that say why and where from. The topic is read from\n"
             "its beginning to its end, without a group; nothing is changed. Dead letters of Spring and\n"
             "Kafka Connect are listed as far as their headers tell; those that `pouch dlq redrive` has sent again\n"
             "are marked, by what the store tells.\n\n"
             "  pouch dlq list --since 1h --reason handler_error\n"
             "  pouch dlq list -o jsonl | jq -r .request_id\n",
    .flags =
        (const struct ops_flag[]){
            OPS_LETTER_FLAGS,
            {"--limit", 0, "N", false, "at most so many (50)"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = list_command,
};
