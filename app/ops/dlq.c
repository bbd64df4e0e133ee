/* pouch dlq list. */
#include <admin/letter.h>
#include <admin/letter_filter.h>
#include <admin/letter_history.h>
#include <admin/letter_list.h>
#include <admin/when.h>
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/anytext.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>
#include <ops/screen.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 50, LIMIT_MAX = 10000 };

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

static void print_table(const struct admin_letter_list *list) {
    struct ops_screen s = ops_screen_of(stdout);
    size_t code = 4, publisher = 9, source = 6;
    char text[320], when[ADMIN_WHEN_TEXT];
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
        const struct admin_letter *l = &list->at[i];
        printf("%-*s ", WHEN, admin_when_text(when, l->time_ms));
        span_cell(&s, l->facts.code, code);
        span_cell(&s, l->publisher, publisher);
        ops_screen_cell(stdout, &s, source_text(text, &l->facts), source);
        putchar(' ');
        span_cell(&s, l->facts.request_id, REQUEST);
        enum admin_letter_status status = admin_letter_status(&list->history, l);
        if (status) printf("[%s] ", admin_letter_statuses[status]);
        ops_screen_put(stdout, &s, l->facts.reason.at ? l->facts.reason.at : "-",
                       l->facts.reason.at ? l->facts.reason.n : 1, reason);
        putchar('\n');
    }
}

static int print_list(const struct ops_call *call, const struct admin_letter_list *list) {
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE) {
        print_table(list);
        if (!list->n) ops_say("no dead letters%s", admin_letter_filter_any(&list->filter) ? "" : " like that");
    } else {
        for (size_t i = 0; i < list->n && !exit_code; i++)
            exit_code = ops_anytext_item(call, i, admin_letter_list_json(list, &list->at[i]), "", (struct pl_span){0});
        ops_print_end(call, list->n);
    }
    if (list->hidden) ops_say("%" PRIu64 " of another status are left out; --status all shows them", list->hidden);
    if (list->matching > list->n) ops_say("the newest %zu of %" PRIu64 "; --limit shows more", list->n, list->matching);
    return exit_code;
}

static pouch_err read_flags(const struct ops_call *call, struct admin_letter_list *list) {
    const struct admin_asked asked = ops_letter_asked(call);
    int64_t limit;
    pouch_err e = ops_number(call, "--limit", LIMIT, 1, LIMIT_MAX, &limit);
    *list = (struct admin_letter_list){.limit = (size_t)limit, .step = INT64_MAX};
    if (!e) e = admin_letter_wanted_read(&list->wanted, &asked);
    return e ? e : admin_letter_filter_read(&list->filter, &asked);
}

static int read_list(const struct ops_call *call, const struct pl_settings *s, struct admin_letter_list *list) {
    pouch_err e = ops_letter_history_read(call, s->dlq_topic, false, &list->history);
    (void)e; /* it is told, and they are listed all the same */
    e = admin_letter_list_read(list, s);
    if (e == POUCH_E_TARGET_REFUSED) {
        ops_say("nothing was dead-lettered yet: there is no topic %s", s->dlq_topic);
        ops_print_end(call, 0);
        return OPS_EXIT_OK;
    }
    int told = e ? ops_error(e) : OPS_EXIT_OK, printed = e && !list->n ? OPS_EXIT_OK : print_list(call, list);
    return told ? told : printed;
}

static int list_command(struct ops_call *call) {
    struct admin_letter_list list;
    struct pl_settings s;
    if (read_flags(call, &list)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    int exit_code = read_list(call, &s, &list);
    admin_letter_list_free(&list);
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
             "its beginning to its end, without a group; nothing is changed. Those of one partition come in its\n"
             "order, the last first, whatever the clocks of their writers said. Dead letters of Spring and\n"
             "Kafka Connect are listed as far as their headers tell; those that `pouch dlq redrive` has sent again\n"
             "are marked, by what the store tells, and those that `pouch dlq dismiss` took away are not listed\n"
             "unless --status asks for them.\n\n"
             "  pouch dlq list --since 1h --reason handler_error\n"
             "  pouch dlq list -o jsonl | jq -r .request_id\n",
    .flags =
        (const struct ops_flag[]){
            OPS_LETTER_FLAGS,
            OPS_LETTER_STATUS_FLAG,
            {"--limit", 0, "N", false, "at most so many (50)"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = list_command,
};
