/* pouch dlq show. */
#include <admin/anytext.h>
#include <admin/letter.h>
#include <admin/letter_filter.h>
#include <admin/scan.h>
#include <admin/when.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/anytext.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>
#include <ops/screen.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

struct show {
    const struct ops_call *call;
    const char *dlq_topic;
    const char *request_id;  /* NULL: by place */
    struct pl_position only; /* by place */
    pouch_keyring *ring;     /* NULL: payloads stay closed */
    bool raw;                /* values are shown as they lie there */
    struct ops_screen screen;
    size_t shown;
    int exit_code;
};

/* A payload that was opened, or why it was not. */
struct opened {
    char *json;
    size_t n;
    const char *why;
    char *said;       /* the handler; NULL: not told, or not opened */
    char unsaid[256]; /* why that was not opened */
};

static void open_payload(const struct show *show, const struct admin_letter *l, const rd_kafka_message_t *m,
                         struct opened *o) {
    if (!show->ring) {
        o->why = "not shown; --payload opens it with the key";
    } else if (l->facts.whole_bytes >= 0) {
        o->why = "not opened: what was cut off cannot be opened";
    } else if (pouch_open(show->ring, m->payload ? m->payload : "", m->len, NULL, &o->json, &o->n)) {
        o->why = pouch_why();
    } else if (!pl_json_valid(o->json, o->n)) {
        pouch_free(o->json);
        o->json = NULL;
        o->why = "what was sealed is no JSON text";
    }
}

/* What the handler said, as the requester was told. */
static void open_words(const struct show *show, const struct admin_letter *l, struct opened *o) {
    struct pl_span words = l->facts.words;
    char *json = NULL;
    size_t n;
    if (!words.at) return;
    if (!show->ring) {
        snprintf(o->unsaid, sizeof o->unsaid, "not shown; --payload opens it with the key");
        return;
    }
    if (pouch_open(show->ring, words.at, words.n, NULL, &json, &n)) {
        snprintf(o->unsaid, sizeof o->unsaid, "not opened: %s", pouch_why());
        return;
    }
    json_t *reply = json_loadb(json, n, 0, NULL);
    const char *error = json_string_value(json_object_get(reply, "error"));
    if (error)
        o->said = strdup(error);
    else
        snprintf(o->unsaid, sizeof o->unsaid, "not shown: what was sealed is no answer of a handler");
    json_decref(reply);
    pouch_free(json);
}

/* The id of an event (docs/topics.md), from its payload or from what was never sealed; NULL: it is none. */
static json_t *event_id(const struct opened *o, const rd_kafka_message_t *m) {
    const char *at = o->json ? o->json : m->payload;
    json_t *event = at ? json_loadb(at, o->json ? o->n : m->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *id = json_object_get(event, "id"), *type = json_object_get(event, "type");
    if (!json_is_string(id) || !json_is_string(type)) id = NULL;
    json_incref(id);
    json_decref(event);
    return id;
}

enum { LABEL = 12, ALL = 1 << 20 };

/* "  label       text", without the line when there is no text. */
static void line(const struct show *show, const char *label, struct pl_span text) {
    if (!text.at) return;
    printf("  %-*s", LABEL, label);
    ops_screen_put(stdout, &show->screen, text.at, text.n, ALL);
    putchar('\n');
}

static void text_line(const struct show *show, const char *label, const char *text) {
    line(show, label, (struct pl_span){text, strlen(text)});
}

static void number_line(const struct show *show, const char *label, int64_t n) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, n);
    if (n >= 0) text_line(show, label, text);
}

static void print_source(const struct show *show, const struct pl_letter_facts *f) {
    line(show, "topic", f->topic);
    number_line(show, "partition", f->partition);
    number_line(show, "offset", f->offset);
}

static void print_headers(const struct show *show, const struct pl_letter_facts *f, const rd_kafka_headers_t *headers) {
    const char *name;
    const void *value;
    size_t n, count = 0;
    for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++) {
        if (!pl_letter_original(f, headers, i)) continue;
        if (!count++) puts("Headers that it came with");
        fputs("  ", stdout);
        ops_screen_put(stdout, &show->screen, name, strlen(name), ALL);
        fputs(": ", stdout);
        if (value) ops_screen_put(stdout, &show->screen, value, n, ALL);
        putchar('\n');
    }
    if (!count) puts("It came without headers");
}

static struct pl_span value_of(const rd_kafka_message_t *m) {
    return (struct pl_span){m->payload, m->len};
}

static void print_payload(const struct show *show, const struct admin_letter *l, const rd_kafka_message_t *m,
                          const struct opened *o) {
    char text[128];
    const struct pl_letter_facts *f = &l->facts;
    if (f->whole_bytes >= 0)
        snprintf(text, sizeof text, "truncated: the first %zu of %" PRId64 " bytes are here", l->bytes, f->whole_bytes);
    else
        snprintf(text, sizeof text, "%zu bytes", l->bytes);
    text_line(show, "value", text);
    if (o->why)
        text_line(show, "payload", o->why);
    else
        line(show, "payload", (struct pl_span){o->json, o->n});
    if (show->raw) line(show, "raw value", value_of(m));
}

static void print_text(const struct show *show, const struct admin_letter *l, const rd_kafka_message_t *m,
                       const rd_kafka_headers_t *headers, const struct opened *o) {
    const struct pl_letter_facts *f = &l->facts;
    const struct admin_advice *advice = admin_advice_for(f->code);
    char when[ADMIN_WHEN_TEXT];
    printf("%sDead letter at %" PRId32 "/%" PRId64 " of %s\n", show->shown ? "\n" : "", l->partition, l->offset,
           show->dlq_topic);
    text_line(show, f->failed_at_ms >= 0 ? "failed at" : "written at", admin_when_text(when, l->time_ms));
    text_line(show, "written by", admin_letter_tool(f->by));
    line(show, "code", f->code);
    line(show, "kind", f->kind);
    line(show, "reason", f->reason);
    if (o->said)
        text_line(show, "it said", o->said);
    else if (o->unsaid[0])
        text_line(show, "it said", o->unsaid);
    line(show, "request id", f->request_id);
    line(show, "publisher", l->publisher);
    line(show, "tenant", l->tenant);
    line(show, "correlation", l->correlation_id);
    line(show, "target", f->target);
    line(show, "group", f->group);
    number_line(show, "attempts", f->attempts);
    print_payload(show, l, m, o);
    puts(f->topic.at ? "Where it came from" : "Where it came from is not told");
    print_source(show, f);
    puts("What this means");
    text_line(show, "meaning", advice->meaning);
    text_line(show, "next step", advice->next);
    print_headers(show, f, headers);
}

static int print_json(const struct show *show, const struct admin_letter *l, const rd_kafka_message_t *m,
                      const rd_kafka_headers_t *headers, const struct opened *o) {
    json_t *object = admin_letter_explain_json(l, headers), *id = event_id(o, m);
    json_object_set_new(object, "event_id", id ? id : json_null());
    if (o->said) json_object_set_new(object, "said", json_string(o->said));
    if (show->ring && o->unsaid[0]) json_object_set_new(object, "said_error", json_string(o->unsaid));
    if (show->ring && o->why) json_object_set_new(object, "payload_error", json_string(o->why));
    if (show->raw) json_object_set_new(object, "raw_value", admin_anytext(value_of(m)));
    return ops_anytext_item(show->call, show->shown, object, "payload", (struct pl_span){o->json, o->n});
}

static bool is_wanted(const struct show *show, const struct admin_letter *l) {
    return !show->request_id || admin_letter_is_of(l, show->request_id);
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct show *show = arg;
    struct admin_letter l;
    rd_kafka_headers_t *headers = NULL;
    admin_letter_read(&l, m);
    if (!is_wanted(show, &l)) return true;
    if (rd_kafka_message_headers(m, &headers)) headers = NULL;
    struct opened o = {0};
    open_words(show, &l, &o);
    open_payload(show, &l, m, &o); /* last, since its reason lies in pouch_why() */
    if (show->call->output == OPS_TABLE)
        print_text(show, &l, m, headers, &o);
    else
        show->exit_code = print_json(show, &l, m, headers, &o);
    pouch_free(o.json);
    if (o.said) pouch_free(o.said);
    show->shown++;
    return !show->exit_code;
}

static int say_not_found(const struct show *show, pouch_err e) {
    ops_print_end(show->call, 0);
    if (e == POUCH_E_TARGET_REFUSED)
        ops_say("nothing was dead-lettered yet: there is no topic %s", show->dlq_topic);
    else if (e)
        return ops_error(e);
    else
        ops_say("no dead letter of request %s on %s; `pouch trace` shows where the request went", show->request_id,
                show->dlq_topic);
    return OPS_EXIT_NEGATIVE;
}

static int show_all(struct show *show, const struct pl_settings *s) {
    show->dlq_topic = s->dlq_topic;
    show->screen = ops_screen_of(stdout);
    pouch_err e = admin_scan(s, s->dlq_topic, show->request_id ? NULL : &show->only, NULL, on_record, show);
    if (!show->shown) return say_not_found(show, e);
    ops_print_end(show->call, show->shown);
    return e ? ops_error(e) : show->exit_code;
}

static int show_command(struct ops_call *call) {
    struct show show = {.call = call, .raw = ops_has(call, "--raw")};
    struct pl_settings s;
    if (admin_letter_which(call->args[0], &show.request_id, &show.only)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    if (ops_has(call, "--payload")) e = ops_keyring(call, &show.ring);
    int exit_code = e ? ops_error(e) : show_all(&show, &s);
    pouch_keyring_free(show.ring);
    pl_settings_free(&s);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_show = {
    .name = "dlq show",
    .args = "(REQUEST_ID | PARTITION/OFFSET)",
    .summary = "Explain a dead letter: why, where from, what to do next",
    .about = "By the request's id, or by the dead letter's own place as `pouch dlq list -o json` tells it.\n"
             "A request with several targets may have several. The payload and what a handler said\n"
             "of its failure stay sealed, unless --payload opens them with the key.\n\n"
             "  pouch dlq show 0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10\n"
             "  pouch dlq show 2/1041 --payload -o json\n"
             "  pouch dlq show 2/1041 --raw               # what cannot be opened, because it is no envelope, say\n",
    .flags =
        (const struct ops_flag[]){
            {"--payload", 0, NULL, false,
             "open the payload with the key ring, and what the handler said, and show them"},
            {"--raw", 0, NULL, false, "show the value as it lies on the topic, sealed or not"},
            {0},
        },
    .least = 1,
    .most = 1,
    .run = show_command,
};
