/* /v1/dead-letters: which there are, how many, and what is known of one. Payloads stay sealed. */
#include <admin/anytext.h>
#include <admin/letter_list.h>
#include <admin/letter_stats.h>
#include <admin/scan.h>
#include <base/clock.h>
#include <base/why.h>
#include <gateway/state.h>
#include <gateway/v1.h>
#include <string.h>
#include <wire/headers.h>

/* STEP: as many records as are read at first. */
enum { READ_US = 5000000, STEP = 1000 };

/* The letters' topic is made when there is a first one. */
static pouch_err or_none(pouch_err e) {
    return e == POUCH_E_TARGET_REFUSED ? POUCH_OK : e;
}

/* What became of letters; they are shown all the same when that cannot be told. */
static void read_history(struct gateway *g, const struct httpd_call *c, struct admin_letter_history *h) {
    struct pl_store *store;
    pouch_err e = gateway_v1_store(g, c, &store);
    if (!e) e = admin_letter_history_read(h, store, gateway_conf(g)->dlq_topic);
    gateway_v1_store_end(g, store, e);
}

/* ---- lists ---- */

static pouch_err read_filter(const struct httpd_call *c, struct admin_letter_filter *f, struct admin_letter_wanted *w) {
    const struct admin_asked asked = gateway_v1_query(c);
    struct pl_position place;
    pouch_err e = admin_letter_filter_read(f, &asked);
    if (!e) e = admin_letter_wanted_read(w, &asked);
    const char *request = httpd_call_query(c, "request");
    if (!e && request && (admin_letter_which(request, &f->request_id, &place) || !f->request_id))
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the parameter request is no request id");
    return e;
}

static json_t *list_json(const struct admin_letter_list *l) {
    json_t *letters = json_array();
    for (size_t i = 0; letters && i < l->n; i++)
        letters = admin_array_with(letters, admin_letter_list_json(l, &l->at[i]));
    return json_pack("{s:o,s:s?,s:I,s:I,s:b}", "letters", letters, "cursor", l->cursor, "matching",
                     (json_int_t)l->matching, "hidden", (json_int_t)l->hidden, "complete", (int)!l->incomplete);
}

static pouch_err read_query(const struct httpd_call *c, struct admin_letter_list *list) {
    pouch_err e = read_filter(c, &list->filter, &list->wanted);
    if (!e) e = gateway_v1_limit(c, &list->limit);
    list->behind = httpd_call_query(c, "cursor");
    return e || !list->behind || admin_letter_cursor_valid(list->behind) ? e : gateway_v1_no_cursor();
}

/* The topic may hold millions: what was found within that time is told, and that it is not all. */
static struct admin_until until(const struct gateway *g) {
    return (struct admin_until){&g->draining, pl_mono_us(&pl_clock_system) + READ_US};
}

static pouch_err list_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct admin_letter_list list = {.step = STEP, .until = until(gateway)};
    pouch_err told;
    if (!gateway_may(c, a, AUTH_READ_LETTERS, httpd_call_query(c, "topic"), &told)) return told;
    if (read_query(c, &list)) return gateway_v1_bad(a);
    read_history(gateway, c, &list.history);
    pouch_err e = or_none(admin_letter_list_read(&list, gateway_conf(gateway)));
    if (!e) e = gateway_v1_tagged(c, a, list_json(&list));
    admin_letter_list_free(&list);
    return e;
}

static pouch_err stats_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct admin_letter_stats stats = {.settings = gateway_conf(gateway), .until = until(gateway)};
    pouch_err told;
    if (!gateway_may(c, a, AUTH_READ_LETTERS, httpd_call_query(c, "topic"), &told)) return told;
    if (read_filter(c, &stats.filter, &stats.wanted)) return gateway_v1_bad(a);
    read_history(gateway, c, &stats.history);
    pouch_err e = or_none(admin_letter_stats_read(&stats));
    if (!e) e = gateway_v1_tagged(c, a, admin_letter_stats_json(&stats));
    admin_letter_stats_free(&stats);
    return e;
}

/* ---- one ---- */

struct one {
    struct admin_letter_history history;
    json_t *json;
    char topic[PL_NAME_MAX + 1]; /* that it came from; "": not told */
};

static bool on_letter(const rd_kafka_message_t *m, void *arg) {
    struct one *one = arg;
    rd_kafka_headers_t *headers = NULL;
    struct admin_letter l;
    admin_letter_read(&l, m);
    if (rd_kafka_message_headers(m, &headers)) headers = NULL;
    size_t n = l.facts.topic.n < sizeof one->topic ? l.facts.topic.n : 0;
    if (n) memcpy(one->topic, l.facts.topic.at, n);
    bool known = one->history.known;
    const char *status = admin_letter_statuses[admin_letter_status(&one->history, &l)];
    one->json = admin_letter_explain_json(&l, headers);
    if (one->json) one->json = admin_json_with(one->json, "status", known ? json_string(status) : json_null());
    return false;
}

static pouch_err read_place(const struct httpd_call *c, struct pl_position *at) {
    int64_t partition;
    const char *p = httpd_call_param(c, "partition"), *o = httpd_call_param(c, "offset");
    if (pl_header_number(&partition, p, strlen(p)) && partition <= INT32_MAX &&
        pl_header_number(&at->offset, o, strlen(o))) {
        at->partition = (int32_t)partition;
        return POUCH_OK;
    }
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "a dead letter's place is two numbers: partition and offset");
}

static pouch_err get_now(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct pl_settings *s = gateway_conf(gateway);
    const struct admin_until by = until(gateway);
    struct one one = {0};
    struct pl_position at;
    pouch_err told, e = read_place(c, &at);
    if (e) return e;
    read_history(gateway, c, &one.history);
    e = admin_scan(s, s->dlq_topic, &at, &by, on_letter, &one);
    admin_letter_history_free(&one.history);
    if (e == POUCH_E_TARGET_REFUSED || (!e && !one.json))
        e = pl_fail(POUCH_E_NOT_FOUND, "there is no dead letter there");
    if (!e && !gateway_may(c, a, AUTH_READ_LETTERS, one.topic[0] ? one.topic : NULL, &told)) {
        json_decref(one.json);
        return told;
    }
    if (!e) return gateway_v1_tagged(c, a, one.json);
    json_decref(one.json);
    return e;
}

/* ---- endpoints ---- */

static pouch_err list(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work_long(g, c, a, list_now);
}

static pouch_err stats(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work_long(g, c, a, stats_now);
}

static pouch_err get(struct httpd_call *c, struct httpd_answer *a, void *g) {
    return gateway_work_long(g, c, a, get_now);
}

#define FILTERS                                                                                            \
    GATEWAY_V1_TEXT("reason", "Only with this code, such as no_route."),                                   \
        GATEWAY_V1_TEXT("topic", "Only of records that came from this topic."),                            \
        GATEWAY_V1_TEXT("publisher", "Only of this publisher."),                                           \
        GATEWAY_V1_TEXT("tenant", "Only of this tenant, by the header tenant_id."),                        \
        {"request", "query", "{\"type\":\"string\",\"format\":\"uuid\"}", "Only of this request.", false}, \
        {"status", "query", "{\"enum\":[\"open\",\"redriven\",\"dismissed\",\"all\"]}",                    \
         "What this has become of; all but those dismissed unless given.", false},                         \
        GATEWAY_V1_SINCE_PARAM, GATEWAY_V1_UNTIL_PARAM

#define CURSOR                                                                                               \
    {                                                                                                        \
        "cursor", "query",                                                                                   \
            "{\"type\":\"string\",\"maxLength\":4352,\"pattern\":\"^[0-9a-f]{1,15}([.][0-9a-f]{1,15})*$\"}", \
            "Where the page before has ended.", false                                                        \
    }

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/v1/dead-letters",
        .id = "listDeadLetters",
        .tag = "Dead letters",
        .about = "List dead letters, the newest first. Whoever may not see all names the topic that they came from.",
        .need = {AUTH_READ_LETTERS, AUTH_EACH},
        .params = (const struct gateway_param[]){FILTERS, GATEWAY_V1_LIMIT_PARAM, CURSOR, {0}},
        .says = (const struct gateway_says[]){{200, "They are.", "DeadLetters", NULL}, {0}},
        .handle = list,
    },
    {
        .method = "GET",
        .path = "/v1/dead-letters/stats",
        .id = "countDeadLetters",
        .tag = "Dead letters",
        .about = "Count dead letters by reason, topic, publisher, group, tenant and age.",
        .need = {AUTH_READ_LETTERS, AUTH_EACH},
        .params = (const struct gateway_param[]){FILTERS, {0}},
        .says = (const struct gateway_says[]){{200, "The counts.", "DeadLetterCounts", NULL}, {0}},
        .handle = stats,
    },
    {
        .method = "GET",
        .path = "/v1/dead-letters/{partition}/{offset}",
        .id = "getDeadLetter",
        .tag = "Dead letters",
        .about = "Explain a dead letter: why, where from, what to do next.",
        .need = {AUTH_READ_LETTERS, AUTH_EACH},
        .params =
            (const struct gateway_param[]){
                {"partition", "path", "{\"type\":\"integer\",\"minimum\":0}", "Of the dead-letter topic.", true},
                {"offset", "path", "{\"type\":\"integer\",\"minimum\":0}", "Within it.", true},
                {0}},
        .says = (const struct gateway_says[]){{200, "It is.", "DeadLetter", NULL},
                                              {404, "There is none there.", "Problem", NULL},
                                              {0}},
        .handle = get,
    },
};

static const struct gateway_schema schemas[] = {
    {"DeadLetter",
     "{\"type\":\"object\",\"required\":[\"time\",\"partition\",\"offset\"],\"properties\":{\"time\":{\"type\":"
     "\"string\"},"
     "\"code\":{\"type\":[\"string\",\"null\"]},\"reason\":{\"type\":[\"string\",\"null\"]},\"publisher\":{\"type\":["
     "\"string\",\"null\"]},\"request_id\":{\"type\":[\"string\",\"null\"]},\"source\":{\"type\":\"object\"},"
     "\"partition\":{\"type\":\"integer\"},\"offset\":{\"type\":\"integer\"},\"bytes\":{\"type\":\"integer\"},"
     "\"status\":{\"enum\":[\"open\",\"redriven\",\"dismissed\",null]}}}"},
    {"DeadLetters",
     "{\"type\":\"object\",\"required\":[\"letters\",\"cursor\",\"matching\",\"hidden\",\"complete\"],\"properties\":{"
     "\"letters\":{"
     "\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/DeadLetter\"}},\"cursor\":{\"type\":[\"string\","
     "\"null\"]},\"matching\":{\"type\":\"integer\"},\"hidden\":{\"type\":\"integer\"},\"complete\":{\"type\":"
     "\"boolean\"}}}"},
    {"DeadLetterCounts",
     "{\"type\":\"object\",\"required\":[\"topic\",\"letters\",\"bytes\"],\"properties\":{\"topic\":{\"type\":"
     "\"string\"},"
     "\"letters\":{\"type\":\"integer\"},\"bytes\":{\"type\":\"integer\"},\"complete\":{\"type\":\"boolean\"},\"by_"
     "reason\":{\"type\":\"array\"},"
     "\"by_topic\":{\"type\":\"array\"},\"by_publisher\":{\"type\":\"array\"}}}"},
};

const struct gateway_part gateway_v1_letters = {
    GATEWAY_TABLES(endpoints, schemas),
};
