/* From what a request shows to who it is: places, keys, tokens, tickets, rates, streams, and the audit log. */
#include <support.h>

#include "files.h"
#include <auth/key.h>
#include <auth/state.h>
#include <auth/ticket.h>
#include <base/hex.h>
#include <base/log.h>
#include <metrics/metrics.h>

#define RING   "8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f9276\n"
#define RING_B "b:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static struct test_clock clock_now;
static pouch_keyring *ring;
static char key_a[AUTH_KEY_CHARS + 1], key_b[AUTH_KEY_CHARS + 1];

/* The file: key a with all scopes, and, unless it is NULL, key b with few of them and what else its entry says. */
static void write_access(const char *more_of_b) {
    char text[2048], hash_a[65] = "", hash_b[65] = "";
    uint8_t digest[AUTH_DIGEST_BYTES];
    assert_int_equal(auth_digest(digest, key_a, strlen(key_a)), POUCH_OK);
    pl_hex_encode(hash_a, digest, sizeof digest);
    assert_int_equal(auth_digest(digest, key_b, strlen(key_b)), POUCH_OK);
    pl_hex_encode(hash_b, digest, sizeof digest);
    int n = snprintf(text, sizeof text,
                     "tokens:\n  - {issuer: i, audience: pouch, algorithm: HS256, key: secret}\n"
                     "keys:\n  - {name: a, sha256: %s, scopes: \"*\"}\n",
                     hash_a);
    if (more_of_b)
        snprintf(text + n, sizeof text - (size_t)n,
                 "  - {name: b, sha256: %s, scopes: \"subscribe:news ask:acme.*\"%s}\n", hash_b, more_of_b);
    test_write("access.yaml", text, 0600);
}

/* The file: tokens of that issuer alone, and what else its entry says. */
static void write_tokens(const char *issuer, const char *more) {
    char text[512];
    snprintf(text, sizeof text, "tokens:\n  - {issuer: \"%s\", audience: pouch, algorithm: HS256, key: secret%s}\n",
             issuer, more);
    test_write("access.yaml", text, 0600);
}

static int begin(void **state) {
    if (test_folder_make(state)) return -1;
    test_write("secret", TEST_SECRET "\n", 0600);
    test_write("ring", RING, 0600);
    assert_int_equal(pouch_keyring_load(&ring, test_path("ring")), POUCH_OK);
    assert_int_equal(auth_key_generate(key_a), POUCH_OK);
    assert_int_equal(auth_key_generate(key_b), POUCH_OK);
    test_clock_init(&clock_now);
    return 0;
}

static int finish(void **state) {
    pouch_keyring_free(ring);
    return test_folder_remove(state);
}

static struct pl_settings settings(const char *access) {
    return (struct pl_settings){.gateway_access = (char *)access,
                                .gateway_topics = (char *)"orders.*,internal.*",
                                .inbox = (char *)"orders.inbox",
                                .dlq_topic = (char *)"internal.dlq",
                                .routes_topic = (char *)"pouch.routes",
                                .gateway_events_topic = (char *)"orders.live",
                                .plain_replies = (char *)"orders.plain",
                                .reply_topic = (char *)"orders.answers"};
}

static struct auth *made(const struct pl_settings *s) {
    struct auth *a;
    if (auth_make(&a, s, ring, "127.0.0.1:0", &clock_now.clock, false)) fail_msg("%s", pouch_why());
    return a;
}

static struct auth *with_keys(const char *more_of_b) {
    char path[256];
    write_access(more_of_b);
    strcpy(path, test_path("access.yaml"));
    struct pl_settings s = settings(path);
    s.gateway_origins = (char *)"https://app.example";
    return made(&s);
}

static struct httpd_span span(const char *text) {
    return (struct httpd_span){text, text ? strlen(text) : 0};
}

static struct auth_shown shown(const char *api_key) {
    return (struct auth_shown){
        .peer = "127.0.0.1", .method = span("GET"), .host = span("localhost:8080"), .api_key = span(api_key)};
}

static void expect(struct auth *a, const struct auth_shown *s, int status) {
    struct auth_refusal no;
    struct auth_who *who = auth_admit(a, s, &no);
    assert_int_equal(no.status, status);
    assert_int_equal(!who, status != 0);
    if (status) assert_non_null(no.why);
    auth_who_free(who);
    auth_who_free(no.who);
}

/* The file is taken as it is now, and decides about what is shown. */
static void reload(struct auth *a, const struct auth_shown *s, int status) {
    assert_int_equal(auth_reload(a), POUCH_OK);
    expect(a, s, status);
}

static struct auth_who *admitted(struct auth *a, const struct auth_shown *s) {
    struct auth_refusal no;
    struct auth_who *who = auth_admit(a, s, &no);
    if (!who) fail_msg("%d %s", no.status, no.why);
    return who;
}

static void ticket_for(struct auth *a, const struct auth_shown *s, struct pl_buf *text, int64_t *expires_ms) {
    struct auth_who *who = admitted(a, s);
    pl_buf_init(text, AUTH_TICKET_MAX);
    assert_int_equal(auth_ticket(a, who, text, expires_ms), POUCH_OK);
    auth_who_free(who);
}

/* ---- without keys ---- */

static void without_keys_only_an_address_of_this_host_is_served(void **state) {
    struct pl_settings s = settings(NULL);
    struct auth *a;
    (void)state;
    assert_int_equal(auth_make(&a, &s, ring, ":8080", &clock_now.clock, false), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "gateway.open"));
    assert_int_equal(auth_make(&a, &s, ring, "0.0.0.0:8080", &clock_now.clock, false), POUCH_E_CONFIG);
    s.gateway_open = true;
    assert_int_equal(auth_make(&a, &s, ring, ":8080", &clock_now.clock, false), POUCH_OK);
    struct auth_shown from_afar = shown(NULL);
    from_afar.peer = "192.0.2.1";
    from_afar.host = span("gateway.example");
    expect(a, &from_afar, 0);
    auth_free(a);
    s.gateway_access = (char *)"access.yaml";
    assert_int_equal(auth_make(&a, &s, ring, ":8080", &clock_now.clock, false), POUCH_E_CONFIG);
}

static void without_keys_only_programs_of_this_host_are_let_in(void **state) {
    struct pl_settings s = settings(NULL);
    struct auth *a = made(&s);
    static const struct {
        const char *peer, *host, *origin, *site, *mode, *method;
        bool forwarded;
        int status;
    } rows[] = {
        {"127.0.0.1", "localhost:8080", NULL, NULL, NULL, "POST", false, 0},
        {"::1", "[::1]:8080", NULL, NULL, NULL, "GET", false, 0},
        {"127.0.0.1", "localhost:8080", "http://localhost:8080", "same-origin", "cors", "POST", false, 0},
        {"127.0.0.1", "localhost:8080", NULL, "none", "navigate", "GET", false, 0},
        {"127.0.0.1", "localhost:8080", NULL, "cross-site", "navigate", "GET", false, 0},
        {"192.0.2.1", "localhost:8080", NULL, NULL, NULL, "GET", false, 403},
        {"127.0.0.1", "rebound.example:8080", NULL, NULL, NULL, "GET", false, 403},
        {"127.0.0.1", NULL, NULL, NULL, NULL, "GET", false, 403},
        {"127.0.0.1", "localhost:8080", NULL, NULL, NULL, "GET", true, 403},
        {"127.0.0.1", "localhost:8080", "http://evil.example", NULL, NULL, "POST", false, 403},
        {"127.0.0.1", "localhost:8080", "http://localhost:9999", "same-site", "cors", "POST", false, 403},
        {"127.0.0.1", "localhost:8080", "null", NULL, NULL, "POST", false, 403},
        {"127.0.0.1", "localhost:8080", NULL, "cross-site", "no-cors", "GET", false, 403},
        {"127.0.0.1", "localhost:8080", NULL, "cross-site", "navigate", "POST", false, 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(a,
               &(struct auth_shown){.peer = rows[i].peer,
                                    .host = span(rows[i].host),
                                    .origin = span(rows[i].origin),
                                    .fetch_site = span(rows[i].site),
                                    .fetch_mode = span(rows[i].mode),
                                    .method = span(rows[i].method),
                                    .forwarded = rows[i].forwarded},
               rows[i].status);
    struct auth_shown here = shown(NULL);
    struct auth_who *who = admitted(a, &here);
    assert_string_equal(auth_who_name(who), "local");
    assert_true(auth_may(who, AUTH_WRITE_ROUTES, NULL));
    auth_who_free(who);
    here.api_key = span(key_a); /* what is shown is never passed over */
    expect(a, &here, 401);
    auth_free(a);
}

static void without_keys_pages_of_listed_origins_are_let_in_too(void **state) {
    struct pl_settings s = settings(NULL);
    s.gateway_origins = (char *)"http://localhost:5173";
    struct auth *a = made(&s);
    struct auth_shown page = shown(NULL);
    (void)state;
    page.fetch_site = span("same-site");
    page.fetch_mode = span("cors");
    page.origin = span("http://localhost:5173");
    expect(a, &page, 0);
    page.host = span("rebound.example:8080");
    expect(a, &page, 403);
    page.host = span("localhost:8080");
    page.origin = span("http://localhost:5174");
    expect(a, &page, 403);
    page.origin = span(NULL);
    expect(a, &page, 403);
    auth_free(a);
}

/* ---- keys ---- */

static void a_key_is_who_the_file_says(void **state) {
    struct auth *a = with_keys("");
    struct auth_shown s = shown(key_b);
    char bearer[128], other[AUTH_KEY_CHARS + 1];
    (void)state;
    s.peer = "192.0.2.1";
    s.host = span("gateway.example");
    struct auth_who *who = admitted(a, &s);
    assert_string_equal(auth_who_name(who), "key:b");
    assert_true(auth_may(who, AUTH_ASK, "acme.tax"));
    assert_false(auth_may(who, AUTH_ASK, "other.tax"));
    auth_who_free(who);
    snprintf(bearer, sizeof bearer, "bearer %s", key_b);
    s.api_key = span(NULL);
    s.authorization = span(bearer);
    expect(a, &s, 0);
    s.api_key = span(key_a); /* one thing at a time */
    expect(a, &s, 401);
    s.authorization = span(NULL);
    assert_int_equal(auth_key_generate(other), POUCH_OK);
    s.api_key = span(other);
    expect(a, &s, 401);
    s.api_key = span("pouch_");
    expect(a, &s, 401);
    s.api_key = span(NULL);
    expect(a, &s, 401); /* nothing */
    s.authorization = span("Basic YTpi");
    expect(a, &s, 401);
    auth_free(a);
}

static void a_topic_of_pouch_is_never_sent_to(void **state) {
    struct auth *a = with_keys(NULL);
    struct auth_shown s = shown(key_a);
    struct auth_who *who = admitted(a, &s);
    static const char *const ours[] = {"internal.dlq",         "orders.inbox",   "orders.replies",
                                       "orders.async-replies", "orders.x-reply", "__consumer_offsets",
                                       "pouch.events",         "orders.live",    "orders.live.gateways",
                                       "orders.plain",         "orders.answers"};
    (void)state;
    assert_true(auth_may(who, AUTH_SEND, "orders.new") && auth_may(who, AUTH_REQUEST, "orders.new"));
    assert_false(auth_may(who, AUTH_SEND, "invoices.new")); /* no pattern of gateway.topics */
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        assert_false(auth_may(who, AUTH_SEND, ours[i]));
        assert_false(auth_may(who, AUTH_REQUEST, ours[i]));
    }
    assert_true(auth_may(who, AUTH_READ_TOPICS, "internal.dlq"));
    auth_who_free(who);
    auth_free(a);
}

static void a_key_ends_when_its_entry_says(void **state) {
    struct auth *a = with_keys(", not_after: 2023-11-15");
    struct auth_shown s = shown(key_b);
    (void)state;
    expect(a, &s, 0);
    clock_now.wall_ms = INT64_C(1700092800000); /* 2023-11-16 */
    expect(a, &s, 401);
    test_clock_init(&clock_now);
    auth_free(a);
}

static void pages_may_ask_where_they_are_allowed(void **state) {
    struct auth *a = with_keys(", origins: \"https://shop.example\"");
    struct auth_shown s = shown(key_a);
    (void)state;
    s.host = span("gateway.example");
    s.origin = span("https://gateway.example");
    expect(a, &s, 0);
    s.origin = span("https://app.example");
    expect(a, &s, 0);
    s.origin = span("https://evil.example");
    expect(a, &s, 403);
    s.api_key = span(key_b); /* has origins of its own */
    s.origin = span("https://app.example");
    expect(a, &s, 403);
    s.origin = span("https://shop.example");
    expect(a, &s, 0);
    s.origin = span(NULL); /* no page */
    expect(a, &s, 0);
    auth_free(a);
}

static void calls_over_the_rate_of_a_key_wait(void **state) {
    struct auth *a = with_keys(", rate: 10, burst: 3");
    struct auth_shown s = shown(key_b);
    struct auth_refusal no;
    (void)state;
    for (int i = 0; i < 3; i++) expect(a, &s, 0);
    assert_null(auth_admit(a, &s, &no));
    assert_int_equal(no.status, 429);
    assert_int_equal(no.retry_after_s, 1);
    auth_who_free(no.who);
    expect(a, &(struct auth_shown){.peer = "127.0.0.1", .api_key = span(key_a)}, 0);
    clock_now.mono_us += 100000;
    expect(a, &s, 0);
    expect(a, &s, 429);
    auth_free(a);
}

/* Which are new to the gateway: behind a proxy, everybody has the address of whoever fails on purpose. */
static void expect_good_ones_to_pass(struct auth *a, struct auth_shown s, const char *ticket) {
    char token[TEST_TOKEN_MAX], bearer[TEST_TOKEN_MAX + 8];
    expect(a, &s, 0);
    test_hs256(token, "{\"alg\":\"HS256\"}",
               "{\"iss\":\"i\",\"aud\":\"pouch\",\"sub\":\"bob\",\"exp\":1700000100,\"scope\":\"subscribe:b\"}");
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    s.api_key = span(NULL);
    s.authorization = span(bearer);
    expect(a, &s, 0);
    bearer[strlen(bearer) - 2] ^= 1;
    expect(a, &s, 429);
    s.authorization = span(NULL);
    s.stream = true;
    s.ticket = ticket;
    expect(a, &s, 0);
}

static void an_address_that_keeps_failing_is_slowed_and_what_is_good_is_not(void **state) {
    struct auth *a = with_keys(NULL);
    struct auth_shown wrong = shown("pouch_no"), right = shown(key_a), elsewhere = wrong;
    struct auth_refusal no;
    struct pl_buf ticket;
    int64_t expires_ms;
    (void)state;
    ticket_for(a, &right, &ticket, &expires_ms);
    wrong.peer = right.peer = "2001:db8::1";
    for (int i = 0; i < 20; i++) expect(a, &wrong, 401);
    assert_null(auth_admit(a, &wrong, &no));
    assert_int_equal(no.status, 429);
    assert_in_range(no.retry_after_s, 1, 6);
    wrong.peer = "2001:db8::2"; /* the same network */
    expect(a, &wrong, 429);
    expect_good_ones_to_pass(a, right, ticket.at);
    elsewhere.peer = "2001:db8:1::1";
    expect(a, &elsewhere, 401);
    clock_now.mono_us += 6000000;
    expect(a, &wrong, 401);
    expect(a, &wrong, 429);
    pl_buf_free(&ticket);
    auth_free(a);
}

/* ---- tokens ---- */

static void a_token_is_checked_once_until_it_expires(void **state) {
    struct auth *a = with_keys(NULL);
    char token[TEST_TOKEN_MAX], bearer[TEST_TOKEN_MAX + 8];
    (void)state;
    test_hs256(token, "{\"alg\":\"HS256\"}",
               "{\"iss\":\"i\",\"aud\":\"pouch\",\"sub\":\"ann\",\"exp\":1700000100,\"scope\":\"ask:a subscribe:b\"}");
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    struct auth_shown s = shown(NULL);
    s.authorization = span(bearer);
    struct auth_who *first = admitted(a, &s), *second = admitted(a, &s);
    assert_ptr_equal(first, second);
    assert_string_equal(auth_who_name(first), "jwt:ann@i");
    clock_now.wall_ms = INT64_C(1700000160000); /* with the skew */
    expect(a, &s, 401);
    test_clock_init(&clock_now);
    auth_who_free(first);
    auth_who_free(second);
    bearer[strlen(bearer) - 2] ^= 1;
    expect(a, &s, 401);
    auth_free(a);
}

/* ---- tickets and streams ---- */

static void a_ticket_opens_streams_and_nothing_else(void **state) {
    struct auth *a = with_keys(""), *again = with_keys("");
    struct auth_shown s = shown(key_b);
    struct pl_buf text;
    int64_t expires_ms;
    (void)state;
    ticket_for(a, &s, &text, &expires_ms);
    assert_int_equal(expires_ms, clock_now.wall_ms + AUTH_TICKET_S * 1000);
    s.api_key = span(NULL);
    s.ticket = text.at;
    expect(again, &s, 401); /* no stream */
    s.stream = true;
    struct auth_who *who = admitted(again, &s); /* another gateway */
    assert_string_equal(auth_who_name(who), "key:b");
    assert_true(auth_may(who, AUTH_SUBSCRIBE, "news"));
    assert_false(auth_may(who, AUTH_SUBSCRIBE, "other"));
    assert_false(auth_may(who, AUTH_ASK, "acme.tax")); /* which the key may */
    assert_int_equal(auth_ticket(again, who, &text, &expires_ms), POUCH_E_NOT_ALLOWED);
    auth_who_free(who);
    clock_now.wall_ms = expires_ms;
    expect(again, &s, 401);
    test_clock_init(&clock_now);
    write_access(NULL); /* b is taken back */
    reload(again, &s, 401);
    pl_buf_free(&text);
    auth_free(a);
    auth_free(again);
}

static void a_ticket_of_a_token_carries_its_scopes_and_its_end(void **state) {
    struct auth *a = with_keys(NULL);
    char token[TEST_TOKEN_MAX], bearer[TEST_TOKEN_MAX + 8];
    struct pl_buf text;
    int64_t expires_ms;
    (void)state;
    test_hs256(token, "{\"alg\":\"HS256\"}",
               "{\"iss\":\"i\",\"aud\":\"pouch\",\"sub\":\"ann\",\"exp\":1700000100,\"scope\":\"ask:a subscribe:b\"}");
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    struct auth_shown s = shown(NULL);
    s.authorization = span(bearer);
    ticket_for(a, &s, &text, &expires_ms);
    assert_int_equal(expires_ms, INT64_C(1700000160000));
    s.authorization = span(NULL);
    s.stream = true;
    s.ticket = text.at;
    struct auth_who *who = admitted(a, &s);
    assert_string_equal(auth_who_name(who), "jwt:ann@i");
    assert_true(auth_may(who, AUTH_SUBSCRIBE, "b"));
    assert_false(auth_may(who, AUTH_SUBSCRIBE, "a"));
    assert_int_equal(auth_who_expires(who), INT64_C(1700000160000));
    auth_who_free(who);
    write_tokens("i", ", origins: \"https://shop.example\", rate: 1");
    assert_int_equal(auth_reload(a), POUCH_OK);
    s.origin = span("https://app.example");
    expect(a, &s, 403);
    s.origin = span("https://shop.example");
    expect(a, &s, 0);
    expect(a, &s, 429);
    write_tokens("h@i2", ""); /* the issuer is taken back */
    reload(a, &s, 401);
    pl_buf_free(&text);
    auth_free(a);
}

static void a_ticket_that_was_changed_or_is_of_others_is_refused(void **state) {
    struct auth_ticket t = {.kind = AUTH_BY_KEY, .name = "key:a", .until_ms = INT64_MAX}, back;
    struct pl_buf text;
    pouch_keyring *others, *both;
    (void)state;
    pl_buf_init(&text, AUTH_TICKET_MAX);
    assert_int_equal(auth_ticket_write(ring, &t, &text), POUCH_OK);
    for (size_t i = 0; i < text.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.at[i] = (char)(text.at[i] ^ 1 << bit);
            assert_int_equal(auth_ticket_read(ring, text.at, &back), POUCH_E_NOT_ALLOWED);
            text.at[i] = (char)(text.at[i] ^ 1 << bit);
        }
    assert_int_equal(auth_ticket_read(ring, "", &back), POUCH_E_NOT_ALLOWED);
    test_write("ring-b", RING_B, 0600);
    assert_int_equal(pouch_keyring_load(&others, test_path("ring-b")), POUCH_OK);
    assert_int_equal(auth_ticket_read(others, text.at, &back), POUCH_E_NOT_ALLOWED);
    test_write("ring-both", RING_B RING, 0600); /* a rotation: the other key is the first here */
    assert_int_equal(pouch_keyring_load(&both, test_path("ring-both")), POUCH_OK);
    assert_int_equal(auth_ticket_read(both, text.at, &back), POUCH_OK);
    assert_string_equal(back.name, "key:a");
    auth_ticket_clear(&back);
    pouch_keyring_free(others);
    pouch_keyring_free(both);
    pl_buf_free(&text);
}

static void the_newest_stream_of_a_ticket_lives(void **state) {
    struct auth *a = with_keys("");
    struct auth_shown s = shown(key_b);
    struct auth_stream *one, *two, *other;
    struct pl_buf text;
    int64_t expires_ms;
    (void)state;
    ticket_for(a, &s, &text, &expires_ms);
    struct auth_who *by_key = admitted(a, &s);
    s.api_key = span(NULL);
    s.stream = true;
    s.ticket = text.at;
    struct auth_who *first = admitted(a, &s), *second = admitted(a, &s);
    assert_int_equal(auth_stream_begin(&one, a, first), POUCH_OK);
    assert_int_equal(auth_stream_begin(&other, a, by_key), POUCH_OK);
    assert_false(auth_stream_is_over(one));
    assert_int_equal(auth_stream_begin(&two, a, second), POUCH_OK);
    assert_true(auth_stream_is_over(one));
    assert_false(auth_stream_is_over(two) || auth_stream_is_over(other));
    auth_stream_end(one);
    auth_stream_end(two);
    auth_stream_end(other);
    auth_who_free(by_key);
    auth_who_free(first);
    auth_who_free(second);
    pl_buf_free(&text);
    auth_free(a);
}

static void streams_are_bounded_by_key_and_end_when_it_is_taken_back(void **state) {
    struct auth *a = with_keys(", streams: 2");
    struct auth_shown s = shown(key_b), t = shown(key_a);
    struct auth_who *b = admitted(a, &s), *all = admitted(a, &t);
    struct auth_stream *one, *two, *three, *of_a;
    (void)state;
    assert_int_equal(auth_stream_begin(&one, a, b), POUCH_OK);
    assert_int_equal(auth_stream_begin(&two, a, b), POUCH_OK);
    assert_int_equal(auth_stream_begin(&three, a, b), POUCH_E_OVERLOADED);
    assert_int_equal(auth_stream_begin(&of_a, a, all), POUCH_OK);
    auth_stream_end(one);
    assert_int_equal(auth_stream_begin(&one, a, b), POUCH_OK);
    write_access(NULL);
    assert_int_equal(auth_reload(a), POUCH_OK);
    assert_true(auth_stream_is_over(one) && auth_stream_is_over(two));
    assert_false(auth_stream_is_over(of_a));
    assert_int_equal(auth_stream_begin(&three, a, all), POUCH_OK);
    assert_false(auth_stream_is_over(three));
    auth_stream_end(three);
    auth_stream_end(two);
    assert_int_equal(auth_stream_begin(&two, a, b), POUCH_OK); /* let in before the change */
    assert_true(auth_stream_is_over(two));
    auth_stream_end(one);
    auth_stream_end(two);
    auth_stream_end(of_a);
    auth_who_free(b);
    auth_who_free(all);
    auth_free(a);
}

/* Between being let in and the stream the file may change, as with keys. */
static void a_stream_of_a_token_let_in_before_a_change_is_over(void **state) {
    struct auth *a = with_keys(NULL);
    char token[TEST_TOKEN_MAX], bearer[TEST_TOKEN_MAX + 8];
    struct pl_buf text;
    struct auth_stream *s;
    int64_t expires_ms;
    (void)state;
    test_hs256(token, "{\"alg\":\"HS256\"}",
               "{\"iss\":\"i\",\"aud\":\"pouch\",\"sub\":\"ann\",\"exp\":1700000100,\"scope\":\"subscribe:b\"}");
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    struct auth_shown by_token = shown(NULL), by_ticket = shown(NULL);
    by_token.authorization = span(bearer);
    ticket_for(a, &by_token, &text, &expires_ms);
    by_ticket.stream = true;
    by_ticket.ticket = text.at;
    const struct auth_shown *ways[] = {&by_token, &by_ticket};
    for (size_t i = 0; i < 2; i++) {
        write_tokens("i", "");
        assert_int_equal(auth_reload(a), POUCH_OK);
        struct auth_who *who = admitted(a, ways[i]);
        assert_int_equal(auth_stream_begin(&s, a, who), POUCH_OK);
        assert_false(auth_stream_is_over(s));
        auth_stream_end(s);
        write_tokens("other", "");
        assert_int_equal(auth_reload(a), POUCH_OK);
        assert_int_equal(auth_stream_begin(&s, a, who), POUCH_OK);
        assert_true(auth_stream_is_over(s));
        auth_stream_end(s);
        auth_who_free(who);
    }
    pl_buf_free(&text);
    auth_free(a);
}

/* ---- changes and records ---- */

static void a_bad_new_file_changes_nothing(void **state) {
    struct auth *a = with_keys("");
    struct auth_shown s = shown(key_b);
    (void)state;
    test_write("access.yaml", "keys:\n  - name: b\n", 0600);
    assert_int_equal(auth_reload(a), POUCH_E_CONFIG);
    expect(a, &s, 0);
    write_access(NULL);
    reload(a, &s, 401);
    auth_free(a);
}

static void the_last_key_is_taken_back_with_its_line(void **state) {
    struct auth *a = with_keys("");
    struct auth_shown s = shown(key_a);
    (void)state;
    expect(a, &s, 0);
    test_write("access.yaml", "", 0600);
    reload(a, &s, 401);
    write_access(NULL);
    reload(a, &s, 0);
    auth_free(a);
}

static void a_file_that_is_gone_or_broken_is_told_of_until_it_is_back(void **state) {
    struct auth *a = with_keys("");
    struct auth_shown s = shown(key_b);
    char why[512];
    (void)state;
    assert_true(auth_is_current(a, why, sizeof why));
    for (int broken = 0; broken < 2; broken++) {
        if (broken)
            test_write("access.yaml", "keys: 5\n", 0600);
        else
            assert_int_equal(unlink(test_path("access.yaml")), 0);
        assert_int_equal(auth_reload(a), POUCH_E_CONFIG);
        assert_false(auth_is_current(a, why, sizeof why));
        assert_non_null(strstr(why, "access.yaml"));
        assert_int_equal(pl_metric_get(PL_M_ACCESS_STALE), 1);
        expect(a, &s, 0);
        write_access("");
        assert_int_equal(auth_reload(a), POUCH_OK);
        assert_true(auth_is_current(a, why, sizeof why));
        assert_int_equal(pl_metric_get(PL_M_ACCESS_STALE), 0);
    }
    auth_free(a);
}

static void who_is_known_and_refused_is_named(void **state) {
    struct auth *a = with_keys(", not_after: 2020-01-31");
    struct auth_shown late = shown(key_b), elsewhere = shown(key_a), stranger = shown("pouch_nobody");
    struct auth_refusal no;
    (void)state;
    elsewhere.origin = span("https://evil.example");
    assert_null(auth_admit(a, &late, &no));
    assert_string_equal(auth_who_name(no.who), "key:b");
    auth_who_free(no.who);
    assert_null(auth_admit(a, &elsewhere, &no));
    assert_string_equal(auth_who_name(no.who), "key:a");
    auth_who_free(no.who);
    assert_null(auth_admit(a, &stranger, &no));
    assert_null(no.who);
    auth_free(a);
}

static void the_audit_log_says_who_did_what(void **state) {
    char path[256], line[1024];
    struct pl_settings s = settings(NULL);
    strcpy(path, test_path("audit"));
    s.gateway_audit = path;
    struct auth *a = made(&s);
    struct auth_shown here = shown(NULL);
    struct auth_who *who = admitted(a, &here);
    (void)state;
    auth_audit(a, &(struct auth_deed){.who = who,
                                      .peer = "127.0.0.1",
                                      .method = "POST",
                                      .route = "/kafka/send/{topic}",
                                      .action = AUTH_SEND,
                                      .object = "orders\"new",
                                      .status = 201});
    auth_audit(
        a, &(struct auth_deed){
               .peer = "192.0.2.1", .method = "GET", .route = "/v1/routes", .action = AUTH_READ_ROUTES, .status = 401});
    auth_who_free(who);
    auth_free(a);
    FILE *f = fopen(path, "r");
    struct stat st;
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "\"who\":\"local\""));
    assert_non_null(strstr(line, "\"action\":\"send\",\"status\":\"201\",\"object\":\"orders\\\"new\""));
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "\"who\":\"nobody\",\"peer\":\"192.0.2.1\""));
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
}

static void count_line(const char *json, size_t n, void *count) {
    static const char said[] = "the audit log cannot be opened again";
    *(size_t *)count += memmem(json, n, said, sizeof said - 1) != NULL;
}

/* It goes on in the file that was moved away, which a person must hear of. */
static void an_audit_log_that_cannot_be_opened_again_is_told_of(void **state) {
    char path[256], moved[256];
    struct auth_audit log;
    size_t told = 0;
    (void)state;
    assert_int_equal(mkdir(test_path("logs"), 0700), 0);
    strcpy(path, test_path("logs/audit"));
    strcpy(moved, test_path("old-logs"));
    assert_int_equal(auth_audit_open(&log, path), POUCH_OK);
    auth_audit_reopen(&log);
    pl_log_kept(count_line, &told);
    assert_int_equal(told, 0);
    assert_int_equal(rename(test_path("logs"), moved), 0);
    auth_audit_reopen(&log);
    pl_log_kept(count_line, &told);
    assert_int_equal(told, 1);
    auth_audit_put(&log, &(struct auth_deed){.peer = "192.0.2.1", .method = "GET", .route = "/", .status = 401}, 5);
    auth_audit_close(&log);
    struct stat st;
    assert_int_equal(stat(test_path("old-logs/audit"), &st), 0);
    assert_true(st.st_size > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys_only_an_address_of_this_host_is_served),
        cmocka_unit_test(without_keys_only_programs_of_this_host_are_let_in),
        cmocka_unit_test(without_keys_pages_of_listed_origins_are_let_in_too),
        cmocka_unit_test(a_key_is_who_the_file_says),
        cmocka_unit_test(a_topic_of_pouch_is_never_sent_to),
        cmocka_unit_test(a_key_ends_when_its_entry_says),
        cmocka_unit_test(pages_may_ask_where_they_are_allowed),
        cmocka_unit_test(calls_over_the_rate_of_a_key_wait),
        cmocka_unit_test(an_address_that_keeps_failing_is_slowed_and_what_is_good_is_not),
        cmocka_unit_test(a_token_is_checked_once_until_it_expires),
        cmocka_unit_test(a_ticket_opens_streams_and_nothing_else),
        cmocka_unit_test(a_ticket_of_a_token_carries_its_scopes_and_its_end),
        cmocka_unit_test(a_ticket_that_was_changed_or_is_of_others_is_refused),
        cmocka_unit_test(the_newest_stream_of_a_ticket_lives),
        cmocka_unit_test(streams_are_bounded_by_key_and_end_when_it_is_taken_back),
        cmocka_unit_test(a_stream_of_a_token_let_in_before_a_change_is_over),
        cmocka_unit_test(a_bad_new_file_changes_nothing),
        cmocka_unit_test(the_last_key_is_taken_back_with_its_line),
        cmocka_unit_test(a_file_that_is_gone_or_broken_is_told_of_until_it_is_back),
        cmocka_unit_test(who_is_known_and_refused_is_named),
        cmocka_unit_test(the_audit_log_says_who_did_what),
        cmocka_unit_test(an_audit_log_that_cannot_be_opened_again_is_told_of),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
