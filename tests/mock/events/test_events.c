/* Two gateways' events on one log: who gets what, from where, and what they tell each other. */
#include <support.h>

#include "../../unit/httpd/http_client.h"

#include <base/why.h>
#include <bus/producer.h>
#include <events/events.h>
#include <events/state.h>
#include <metrics/metrics.h>
#include <mock.h>
#include <sse_reader.h>

#define LOG "pouch.events"

enum { GATEWAYS = 2, SEEN_MAX = 40000 };

struct gateway {
    struct events *events;
    struct httpd *httpd;
};

struct stage {
    struct test_mock mock;
    struct pl_settings settings;
    struct gateway gateways[GATEWAYS];
    const struct pl_clock *clock;
};

/* ---- gateways ---- */

static pouch_err join(struct httpd_call *c, struct httpd_answer *a, void *arg) {
    struct gateway *g = arg;
    const char *channel = httpd_call_query(c, "channel");
    const struct httpd_span *last = httpd_call_field(c, "Last-Event-ID");
    char since[64];
    if (last) snprintf(since, sizeof since, "%.*s", (int)last->n, last->at);
    const struct events_wish wish = {.channels = channel ? &channel : NULL,
                                     .n = channel != NULL,
                                     .user = httpd_call_query(c, "userId"),
                                     .owner = "key:one",
                                     .since = last ? since : NULL};
    (void)a;
    return events_join(g->events, g->httpd, c, &wish);
}

static struct httpd_route route = {"GET", "/events", join, NULL, 0};

static void open_gateway(struct stage *s, int i) {
    struct gateway *g = &s->gateways[i];
    static struct httpd_route routes[GATEWAYS];
    struct httpd_options o = {.routes = &routes[i], .n_routes = 1, .limits = httpd_limits, .serving = "serving tests"};
    routes[i] = route;
    routes[i].arg = g;
    o.limits.linger_ms = 100;
    o.limits.loops = 2;
    if (events_new(&g->events, &s->settings, i ? "gw-b" : "gw-a", s->clock)) fail_msg("%s", pouch_why());
    if (httpd_start(&g->httpd, "127.0.0.1:0", &o)) fail_msg("%s", pouch_why());
}

static void close_gateway(struct gateway *g) {
    if (!g->events) return;
    events_stop(g->events);
    httpd_stop(g->httpd);
    events_free(g->events);
    memset(g, 0, sizeof *g);
}

static bool is_ready(void *events) {
    char why[256];
    return events_ready(events, why, sizeof why);
}

static void set_up_with(struct stage *s, int gateways, const char *const settings[], const struct pl_clock *clock) {
    memset(s, 0, sizeof *s);
    s->clock = clock;
    test_mock_start(&s->mock, 1);
    test_mock_topic(&s->mock, LOG, 1);
    test_mock_topic(&s->mock, LOG ".gateways", 1);
    test_mock_topic(&s->mock, "orders", 1);
    test_mock_settings_with(&s->mock, &s->settings, settings);
    for (int i = 0; i < gateways; i++) open_gateway(s, i);
    for (int i = 0; i < gateways; i++) test_until(is_ready, s->gateways[i].events);
}

static void set_up(struct stage *s, int gateways, const char *const settings[]) {
    set_up_with(s, gateways, settings, &pl_clock_system);
}

static void tear_down(struct stage *s) {
    for (int i = 0; i < GATEWAYS; i++) close_gateway(&s->gateways[i]);
    pl_settings_free(&s->settings);
    test_mock_stop(&s->mock);
}

/* ---- clients ---- */

struct client {
    int fd;
    struct sse_reader *reader;
    char *held; /* bytes that are no whole line yet */
    size_t n_held;
    bool in_body;
    char id[EVENTS_ID_MAX]; /* its own */
    char *numbers;          /* the data of events called "n", joined */
    size_t n_numbers, resets, updates, beats, comments;
    char connected_at[256]; /* the id that "connected" came with */
};

static void note(const struct sse_seen *event, void *arg) {
    struct client *c = arg;
    if (!strcmp(event->name, "n") && c->n_numbers + event->n + 2 < 16 * SEEN_MAX) {
        memcpy(c->numbers + c->n_numbers, event->data, event->n);
        c->n_numbers += event->n;
        strcpy(c->numbers + c->n_numbers++, " ");
    }
    if (!strcmp(event->name, "reset")) c->resets++;
    if (!strcmp(event->name, "heartbeat") && strstr(event->data, "{\"timestamp\":\"20")) c->beats++;
    if (!strcmp(event->name, "subscription_updated")) c->updates++;
    if (!strcmp(event->name, "connected")) {
        const char *id = strstr(event->data, "\"clientId\":\"");
        assert_non_null(id);
        memcpy(c->id, id + 12, EVENTS_ID_MAX - 1);
        strcpy(c->connected_at, event->id);
    }
}

static void open_client(struct client *c, struct gateway *g, const char *query, const char *since) {
    char request[512];
    *c = (struct client){.fd = client_connect(httpd_port(g->httpd))};
    c->reader = calloc(1, sizeof *c->reader);
    c->held = malloc(1 << 20);
    c->numbers = calloc(1, 16 * SEEN_MAX);
    assert_true(c->reader && c->held && c->numbers);
    c->reader->dispatch = note;
    c->reader->arg = c;
    /* HTTP/1.0: what comes has no chunks around it */
    snprintf(request, sizeof request, "GET /events%s HTTP/1.0\r\nHost: a\r\n%s%s%s\r\n", query,
             since ? "Last-Event-ID: " : "", since ? since : "", since ? "\r\n" : "");
    client_say(c->fd, request);
}

static void close_client(struct client *c) {
    if (c->fd >= 0) close(c->fd);
    free(c->reader);
    free(c->held);
    free(c->numbers);
}

static void skip_head(struct client *c) {
    c->held[c->n_held] = 0;
    char *end = strstr(c->held, "\r\n\r\n");
    if (!end) return;
    assert_non_null(strstr(c->held, " 200 OK\r\n"));
    assert_non_null(strstr(c->held, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(c->held, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(c->held, "X-Accel-Buffering: no\r\n"));
    c->in_body = true;
    c->n_held -= (size_t)(end + 4 - c->held);
    memmove(c->held, end + 4, c->n_held);
}

/* Of whole lines. */
static void count_comments(struct client *c, size_t n) {
    for (const char *at = c->held, *end; (size_t)(at - c->held) < n; at = end + 1) {
        end = memchr(at, '\n', n - (size_t)(at - c->held));
        assert_non_null(end);
        if (*at == ':') c->comments++;
    }
}

/* Reads once; false: the gateway has closed. */
static bool hear(struct client *c) {
    size_t n = client_read(c->fd, c->held + c->n_held, (1 << 20) - c->n_held - 1);
    if (!n) return false;
    c->n_held += n;
    if (!c->in_body) skip_head(c);
    if (!c->in_body) return true;
    size_t fed = sse_reader_feed(c->reader, c->held, c->n_held);
    count_comments(c, fed);
    c->n_held -= fed;
    memmove(c->held, c->held + fed, c->n_held);
    return true;
}

static void hear_until_connected(struct client *c) {
    while (!c->updates) assert_true(hear(c));
}

/* Until it has this many numbers more, and they are those. */
static void expect(struct client *c, int from, int to) {
    char *want = calloc(1, 16 * SEEN_MAX), *at = want;
    assert_non_null(want);
    for (int i = from; i < to; i++) at += sprintf(at, "%d ", i);
    while (c->n_numbers < (size_t)(at - want)) assert_true(hear(c));
    assert_string_equal(c->numbers, want);
    free(want);
}

/* ---- publishing ---- */

static void count_stored(pouch_err e, const char *why, void *arg) {
    if (e) fail_msg("%s", why);
    atomic_fetch_add((atomic_int *)arg, 1);
}

struct target {
    atomic_int *count;
    int value;
};

static bool is_reached(void *arg) {
    const struct target *t = arg;
    return atomic_load(t->count) >= t->value;
}

static void publish(struct gateway *g, const char *channel, int from, int to) {
    atomic_int stored = 0;
    struct target all = {&stored, 0};
    for (int i = from; i < to; i++) {
        json_t *data = json_integer(i);
        const struct events_event event = {.channel = channel, .name = "n", .data = data};
        assert_int_equal(events_publish(g->events, &event, count_stored, &stored), POUCH_OK);
        json_decref(data);
        all.value++;
        if (all.value % 1000 == 0) test_until(is_reached, &all);
    }
    test_until(is_reached, &all);
}

/* ---- tests ---- */

/* A clock that stands still until it is told to go on. */
static atomic_llong told_s;

static int64_t told_us(void *arg) {
    (void)arg;
    return atomic_load(&told_s) * 1000000;
}

static int64_t told_ms(void *arg) {
    return told_us(arg) / 1000;
}

struct tick {
    struct events *events;
    unsigned wanted;
};

static bool has_ticked(void *arg) {
    const struct tick *t = arg;
    return atomic_load(&t->events->tick) == t->wanted;
}

static void pass(struct gateway *g, unsigned seconds) {
    struct tick t = {g->events, atomic_load(&g->events->tick) + seconds};
    atomic_fetch_add(&told_s, seconds);
    pl_wake_signal(&g->events->wake);
    test_until(has_ticked, &t);
}

/* acceptance: C8 */
static void a_stream_has_a_comment_every_15_s_and_a_heartbeat_every_30(void **state) {
    (void)state;
    static const struct pl_clock told = {.mono_us = told_us, .wall_ms = told_ms};
    static const struct {
        unsigned seconds; /* that pass */
        size_t comments, beats;
    } rows[] = {{14, 0, 0}, {1, 1, 0}, {14, 1, 0}, {1, 1, 1},  {15, 2, 1}, {15, 2, 2},
                {29, 3, 2}, {1, 3, 3}, {60, 3, 4}, {14, 3, 4}, {1, 4, 4}}; /* one for all that were due meanwhile */
    struct stage s;
    struct client c;
    set_up_with(&s, 1, NULL, &told);
    open_client(&c, &s.gateways[0], "", NULL);
    hear_until_connected(&c);
    for (int i = 0; i < (int)(sizeof rows / sizeof rows[0]); i++) {
        pass(&s.gateways[0], rows[i].seconds);
        /* What is due comes before the second event, and at times behind the first. */
        publish(&s.gateways[0], "alerts", 2 * i, 2 * i + 1);
        expect(&c, 0, 2 * i + 1);
        publish(&s.gateways[0], "alerts", 2 * i + 1, 2 * i + 2);
        expect(&c, 0, 2 * i + 2);
        if (c.comments != rows[i].comments || c.beats != rows[i].beats)
            fail_msg("%zu comments and %zu heartbeats after row %d", c.comments, c.beats, i);
    }
    close_client(&c);
    tear_down(&s);
}

/* acceptance: C7 C8 C13 */
static void an_event_reaches_the_clients_of_all_gateways_that_want_its_channel_once(void **state) {
    (void)state;
    struct stage s;
    struct client a, b, other, all;
    set_up(&s, 2, NULL);
    open_client(&a, &s.gateways[0], "", NULL);
    open_client(&b, &s.gateways[1], "", NULL);
    open_client(&other, &s.gateways[1], "?channel=other", NULL);
    open_client(&all, &s.gateways[0], "?channel=*", NULL);
    struct client *const clients[] = {&a, &b, &other, &all};
    for (int i = 0; i < 4; i++) hear_until_connected(clients[i]);
    publish(&s.gateways[0], "alerts", 0, 100);
    publish(&s.gateways[1], "other", 100, 101);
    publish(&s.gateways[1], "alerts", 101, 102);
    expect(&other, 100, 101);
    expect(&all, 0, 102);
    while (!strstr(a.numbers, " 101 ")) assert_true(hear(&a));
    while (!strstr(b.numbers, " 101 ")) assert_true(hear(&b));
    assert_string_equal(a.numbers, b.numbers);
    assert_null(strstr(a.numbers, " 100 "));
    assert_string_equal(a.reader->last_id, b.reader->last_id);
    for (int i = 0; i < 4; i++) close_client(clients[i]);
    tear_down(&s);
}

static void a_stream_resumes_at_another_gateway_without_gap_or_repeat(void **state) {
    (void)state;
    struct stage s;
    struct client a, b, fresh, none;
    set_up(&s, 2, NULL);
    open_client(&none, &s.gateways[0], "", NULL);
    hear_until_connected(&none);
    assert_string_equal(none.connected_at, "earliest"); /* there is nothing before */
    open_client(&a, &s.gateways[0], "", NULL);
    hear_until_connected(&a);
    publish(&s.gateways[0], "auth", 0, 20);
    publish(&s.gateways[0], "elsewhere", 20, 25);
    expect(&a, 0, 20);
    publish(&s.gateways[1], "auth", 25, 40);
    open_client(&b, &s.gateways[1], "", a.reader->last_id);
    hear_until_connected(&b);
    assert_string_equal(b.connected_at, a.reader->last_id);
    publish(&s.gateways[0], "auth", 40, 60);
    expect(&b, 25, 60);
    open_client(&fresh, &s.gateways[1], "?channel=auth", "earliest");
    while (!strstr(fresh.numbers, " 59 ")) assert_true(hear(&fresh));
    while (!strstr(none.numbers, " 59 ")) assert_true(hear(&none));
    assert_string_equal(none.numbers, fresh.numbers);
    assert_int_equal(b.resets + fresh.resets, 0);
    assert_string_equal(fresh.reader->last_id, b.reader->last_id);
    struct client *const clients[] = {&a, &b, &fresh, &none};
    for (int i = 0; i < 4; i++) close_client(clients[i]);
    tear_down(&s);
}

static void a_stream_resumes_from_before_what_is_in_memory(void **state) {
    (void)state;
    struct stage s;
    struct client old, older, first;
    int n = EVENTS_RING + 2000;
    set_up(&s, 1, NULL);
    publish(&s.gateways[0], "auth", 0, n);
    open_gateway(&s, 1); /* which has never seen the first */
    test_until(is_ready, s.gateways[1].events);
    open_client(&old, &s.gateways[0], "", "1499");
    open_client(&older, &s.gateways[1], "", "9");
    open_client(&first, &s.gateways[1], "", "earliest");
    publish(&s.gateways[0], "auth", n, n + 50);
    expect(&old, 1500, n + 50);
    expect(&older, 10, n + 50);
    expect(&first, 0, n + 50);
    publish(&s.gateways[1], "auth", n + 50, n + 60);
    expect(&older, 10, n + 60);
    assert_int_equal(old.resets + older.resets + first.resets, 0);
    close_client(&old);
    close_client(&older);
    close_client(&first);
    tear_down(&s);
}

static void a_position_that_is_not_there_is_told_by_a_reset(void **state) {
    (void)state;
    static const char *const ids[] = {"999999", "nonsense", "-5", "99999999999999999999"};
    struct stage s;
    struct client c, before;
    set_up(&s, 1, NULL);
    open_client(&before, &s.gateways[0], "", NULL);
    hear_until_connected(&before);
    publish(&s.gateways[0], "auth", 0, 3);
    expect(&before, 0, 3); /* so the gateway has read them */
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        open_client(&c, &s.gateways[0], "", ids[i]);
        while (!c.resets) assert_true(hear(&c));
        publish(&s.gateways[0], "auth", 7, 8);
        expect(&c, 7, 8);
        while (before.reader->events < 6 + i) assert_true(hear(&before));
        close_client(&c);
    }
    close_client(&before);
    tear_down(&s);
}

struct change {
    atomic_int ended;
    pouch_err e;
    char channels[256];
};

static void note_change(pouch_err e, const char *why, const json_t *channels, void *arg) {
    struct change *c = arg;
    char *text = channels ? json_dumps(channels, JSON_COMPACT) : strdup(why);
    snprintf(c->channels, sizeof c->channels, "%s", text);
    free(text);
    c->e = e;
    atomic_store(&c->ended, 1);
}

static void change(struct gateway *g, const char *client, const char *owner, bool subscribe, const char *channel,
                   pouch_err want, const char *channels) {
    struct change c;
    do {
        c = (struct change){0};
        struct target done = {&c.ended, 1};
        assert_int_equal(events_change(g->events, client, owner, subscribe, &channel, 1, note_change, &c), POUCH_OK);
        test_until(is_reached, &done);
    } while (c.e == POUCH_E_TIMEOUT); /* the other gateway has a few seconds to answer */
    assert_int_equal(c.e, want);
    if (channels) assert_string_equal(c.channels, channels);
}

static bool both_know(void *arg) {
    struct stage *s = arg;
    for (int i = 0; i < GATEWAYS; i++)
        if (events_subscribers(s->gateways[i].events, "one") != 2) return false;
    return true;
}

/* acceptance: C10 C11 C12 */
static void any_gateway_changes_and_lists_the_clients_of_all(void **state) {
    (void)state;
    struct stage s;
    struct client a, b;
    set_up(&s, 2, NULL);
    open_client(&a, &s.gateways[0], "?channel=one&userId=ann", NULL);
    open_client(&b, &s.gateways[1], "?channel=one", NULL);
    hear_until_connected(&a);
    hear_until_connected(&b);
    test_until(both_know, &s);
    json_t *list = events_clients(s.gateways[1].events, NULL, "one");
    assert_int_equal(json_array_size(json_object_get(list, "clients")), 2);
    assert_int_equal(json_array_size(json_object_get(list, "gateways")), 2);
    json_decref(list);
    list = events_clients(s.gateways[1].events, "key:other", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "clients")), 0);
    json_decref(list);

    change(&s.gateways[0], a.id, "key:one", true, "two", POUCH_OK, "[\"one\",\"two\"]");
    change(&s.gateways[1], a.id, "key:one", true, "three", POUCH_OK, "[\"one\",\"two\",\"three\"]");
    change(&s.gateways[1], a.id, NULL, false, "one", POUCH_OK, "[\"two\",\"three\"]");
    change(&s.gateways[1], a.id, "key:other", true, "four", POUCH_E_NOT_FOUND, NULL);
    change(&s.gateways[0], a.id, "key:other", true, "four", POUCH_E_NOT_FOUND, NULL);
    change(&s.gateways[1], "00000000-0000-4000-8000-000000000000", NULL, true, "x", POUCH_E_NOT_FOUND, NULL);
    a.id[20] ^= 1; /* of a gateway that is there, which has no such client */
    change(&s.gateways[1], a.id, NULL, true, "x", POUCH_E_NOT_FOUND, NULL);
    while (a.updates < 4) assert_true(hear(&a));
    publish(&s.gateways[1], "one", 1, 2);
    publish(&s.gateways[1], "three", 3, 4);
    expect(&a, 3, 4);
    expect(&b, 1, 2);
    close_client(&a);
    close_client(&b);
    tear_down(&s);
}

static void who_is_one_too_many_is_told_when_to_come_again(void **state) {
    (void)state;
    static const char *const settings[] = {"gateway.streams", "1", NULL};
    struct stage s;
    struct client a, b;
    set_up(&s, 1, settings);
    open_client(&a, &s.gateways[0], "", NULL);
    hear_until_connected(&a);
    open_client(&b, &s.gateways[0], "", NULL);
    while (hear(&b)) continue;
    assert_true(b.in_body);
    assert_int_equal(b.reader->events, 0);
    assert_true(b.reader->retry_ms >= 1000);
    close_client(&a);
    close_client(&b);
    tear_down(&s);
}

/* acceptance: C32 */
static void a_stop_tells_every_client_when_to_come_again(void **state) {
    (void)state;
    struct stage s;
    struct client a;
    set_up(&s, 1, NULL);
    open_client(&a, &s.gateways[0], "", NULL);
    hear_until_connected(&a);
    a.reader->retry_ms = 0;
    close_gateway(&s.gateways[0]);
    while (hear(&a)) continue;
    assert_true(a.reader->retry_ms >= 500);
    assert_true(a.reader->comments >= 1);
    close_client(&a);
    tear_down(&s);
}

/* acceptance: C26 */
static void records_of_a_mapped_topic_become_events(void **state) {
    (void)state;
    static const char *const settings[] = {"gateway.events_map", "orders=auth:n:An order came", NULL};
    struct stage s;
    struct client a;
    set_up(&s, 1, settings);
    open_client(&a, &s.gateways[0], "", NULL);
    hear_until_connected(&a);
    char why[100];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", s.mock.brokers, why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(rk);
    while (!a.n_numbers) { /* the group begins at the end, wherever that is when it does */
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("orders"), RD_KAFKA_V_VALUE("{\"total\":7}", 11),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        rd_kafka_flush(rk, 10000);
        struct pollfd p = {.fd = a.fd, .events = POLLIN};
        if (poll(&p, 1, 100) == 1) assert_true(hear(&a));
    }
    assert_non_null(strstr(a.numbers, "\"message\":\"An order came\",\"topic\":\"orders\""));
    assert_non_null(strstr(a.numbers, "\"value\":{\"total\":7}"));
    rd_kafka_destroy(rk);
    close_client(&a);
    tear_down(&s);
}

/* acceptance: C25 */
static void what_is_wrong_here_reaches_who_wants_to_know_without_the_log(void **state) {
    (void)state;
    struct stage s;
    struct client a, b;
    set_up(&s, 1, NULL);
    open_client(&a, &s.gateways[0], "?channel=system", NULL);
    open_client(&b, &s.gateways[0], "", NULL);
    hear_until_connected(&a);
    hear_until_connected(&b);
    json_t *data = json_integer(5);
    events_tell(s.gateways[0].events, "system", "n", data);
    json_decref(data);
    expect(&a, 5, 6);
    assert_string_equal(a.reader->last_id, "earliest");
    publish(&s.gateways[0], "auth", 1, 2);
    expect(&b, 1, 2);
    close_client(&a);
    close_client(&b);
    tear_down(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_has_a_comment_every_15_s_and_a_heartbeat_every_30),
        cmocka_unit_test(an_event_reaches_the_clients_of_all_gateways_that_want_its_channel_once),
        cmocka_unit_test(a_stream_resumes_at_another_gateway_without_gap_or_repeat),
        cmocka_unit_test(a_stream_resumes_from_before_what_is_in_memory),
        cmocka_unit_test(a_position_that_is_not_there_is_told_by_a_reset),
        cmocka_unit_test(any_gateway_changes_and_lists_the_clients_of_all),
        cmocka_unit_test(who_is_one_too_many_is_told_when_to_come_again),
        cmocka_unit_test(a_stop_tells_every_client_when_to_come_again),
        cmocka_unit_test(records_of_a_mapped_topic_become_events),
        cmocka_unit_test(what_is_wrong_here_reaches_who_wants_to_know_without_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
