/* pouch event new and pouch event check. */
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <string.h>

enum { LINE_MAX_BYTES = 64 * 1024 * 1024 };

/* What is the same for all lines. */
struct run {
    const struct ops_call *call;
    pouch_event *event;
    struct pl_buf out;
};

/* The fields that flags give. */
static const struct {
    const char *flag;
    pouch_event_field field;
} given[] = {{"--tenant", POUCH_EVENT_TENANT_ID}, {"--source", POUCH_EVENT_SOURCE},
             {"--version", POUCH_EVENT_VERSION},  {"--correlation", POUCH_EVENT_CORRELATION_ID},
             {"--trace", POUCH_EVENT_TRACE_ID},   {"--metadata", POUCH_EVENT_METADATA}};

/* A fresh event of the command line's type and fields, without its payload. */
static pouch_err begin(struct run *r) {
    const char *type = r->call->args[0];
    if (!*type) return pl_fail(POUCH_E_CONFIG, "TYPE is empty");
    pouch_err e = pouch_event_begin(r->event);
    if (!e) e = pouch_event_set(r->event, POUCH_EVENT_TYPE, type, strlen(type));
    for (size_t i = 0; !e && i < sizeof given / sizeof given[0]; i++) {
        const char *value = ops_flag(r->call, given[i].flag, 0);
        if (value && !*value) return pl_fail(POUCH_E_CONFIG, "%s is empty", given[i].flag);
        if (value) e = pouch_event_set(r->event, given[i].field, value, strlen(value));
    }
    return e;
}

typedef pouch_err line_fn(struct run *r, const struct pl_buf *line);

static pouch_err make(struct run *r, const struct pl_buf *line) {
    pouch_err e = begin(r);
    return e ? e : pouch_event_set(r->event, POUCH_EVENT_PAYLOAD, line->at, line->len);
}

static pouch_err check(struct run *r, const struct pl_buf *line) {
    return pouch_event_read(r->event, line->at, line->len);
}

/* Prints the event as the nth line: between the tokens of a JSON text a line's end is as good as a space. */
static pouch_err print(struct run *r, size_t nth) {
    size_t n;
    pl_buf_reset(&r->out);
    pouch_err e = pouch_event_write(r->event, NULL, 0, &n);
    if (e == POUCH_E_TOO_LARGE) e = pl_buf_reserve(&r->out, n);
    if (!e) e = pouch_event_write(r->event, r->out.at, n + 1, &n);
    if (e) return e;
    for (size_t i = 0; i < n; i++)
        if (r->out.at[i] == '\n' || r->out.at[i] == '\r') r->out.at[i] = ' ';
    ops_print_item(r->call, nth, r->out.at, n);
    return POUCH_OK;
}

/* Each line of the input until its end, or until nobody gets what is written; the exit code. */
static int each_line(struct run *r, line_fn *fn) {
    struct pl_buf line;
    pl_buf_init(&line, LINE_MAX_BYTES);
    int exit_code = OPS_EXIT_OK, got;
    size_t printed = 0;
    for (unsigned long number = 1; !ferror(stdout) && (got = ops_read_line(stdin, &line)) != 0; number++) {
        if (got > 0 && line.len == 0) continue;
        if (got > 0 && fn(r, &line) == POUCH_OK && print(r, printed) == POUCH_OK) {
            printed++;
            continue;
        }
        ops_say("line %lu: %s", number, got < 0 ? "longer than 64 MiB" : pouch_why());
        exit_code = OPS_EXIT_DATA;
    }
    pouch_err e = ops_read_end(stdin);
    if (e) exit_code = ops_error(e);
    ops_print_end(r->call, printed);
    pl_buf_wipe(&line);
    return exit_code;
}

static int with_event(struct ops_call *call, line_fn *fn) {
    struct run r = {.call = call, .event = pouch_event_new()};
    pl_buf_init(&r.out, LINE_MAX_BYTES);
    int exit_code;
    if (!r.event)
        exit_code = ops_error(POUCH_E_NO_MEMORY);
    else if (fn == make && begin(&r)) /* what the command line says is wrong for each line */
        exit_code = ops_usage(call, "%s", pouch_why());
    else
        exit_code = each_line(&r, fn);
    pl_buf_wipe(&r.out);
    pouch_event_free(r.event);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

static int event_new(struct ops_call *call) {
    if (!ops_has(call, "--tenant") || !ops_has(call, "--source"))
        return ops_usage(call, "say with --tenant and --source whose event it is and where it comes from");
    return with_event(call, make);
}

static int event_check(struct ops_call *call) {
    return with_event(call, check);
}

const struct ops_command ops_event_new = {
    .name = "event new",
    .args = "TYPE",
    .summary = "Make events: JSON objects in, events out",
    .about = "Each line of the input is a payload, one JSON object; each line of the output is an event with\n"
             "a fresh id (a UUID of version 7) and the time. A bad line is told on stderr, the rest goes\n"
             "on, and the exit code is 65 at the end.\n\n"
             "  echo '{\"text\":\"hi\"}' | pouch event new message.sent --tenant acme --source chat\n",
    .flags =
        (const struct ops_flag[]){
            {"--tenant", 0, "ID", false, "whose event it is"},
            {"--source", 0, "NAME", false, "the service that it comes from"},
            {"--version", 0, "V", false, "of the payload's form (default: 1.0.0)"},
            {"--correlation", 0, "ID", false, "what it belongs to, such as a request id"},
            {"--trace", 0, "ID", false, "the trace it is part of"},
            {"--metadata", 0, "JSON", false, "a JSON object beside the payload (default: {})"},
            {0},
        },
    .least = 1,
    .most = 1,
    .no_settings = true,
    .run = event_new,
};

const struct ops_command ops_event_check = {
    .name = "event check",
    .args = "",
    .summary = "Check events: those that are sound go on, the others are told",
    .about = "Each line of the input is an event. Those that are sound are printed, with their members in\n"
             "order; of each other the line, the member and the byte are told on stderr, and the exit code\n"
             "is 65 at the end.\n\n"
             "  kcat -C -b $POUCH_BROKERS -t chat.messages.acme -e -q | pouch event check\n",
    .no_settings = true,
    .run = event_check,
};
