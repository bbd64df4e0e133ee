/* A session with servers that lose connections, forget, fall silent and send nonsense. */
#include <support.h>

#include <base/clock.h>
#include <base/why.h>
#include <cql/session.h>
#include <fake_cassandra.h>
#include <netdb.h>
#include <oom.h>

static struct fake *const one = &fakes[0], *const two = &fakes[1];

static bool locked(bool truth) {
    pthread_mutex_unlock(&fake_lock);
    return truth;
}

/* Whether something holds of a fake. */
#define SEEN(condition) (pthread_mutex_lock(&fake_lock), locked(condition))

/* Runs the session until it is so; fails when that does not come. */
#define UNTIL(s, condition)                                                                     \
    do {                                                                                        \
        int64_t end_of_patience = pl_mono_us(&pl_clock_system) + 60000000;                      \
        while (!(condition)) {                                                                  \
            pl_cql_run(s, 1000);                                                                \
            if (pl_mono_us(&pl_clock_system) > end_of_patience) fail_msg("never: " #condition); \
        }                                                                                       \
    } while (0)

static void tell(bool *what, bool value) {
    pthread_mutex_lock(&fake_lock);
    *what = value;
    pthread_mutex_unlock(&fake_lock);
}

static void hang_up(struct fake *f) {
    pthread_mutex_lock(&fake_lock);
    fake_hang_up(f);
    pthread_mutex_unlock(&fake_lock);
}

static void answer(struct fake *f, size_t which, uint32_t code) {
    pthread_mutex_lock(&fake_lock);
    fake_answer(f, which, code);
    pthread_mutex_unlock(&fake_lock);
}

/* What a name leads to; NULL: the resolver is away. Addresses lead to themselves. */
static const char *name_leads_to;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list) {
    struct {
        struct addrinfo info;
        struct sockaddr_in in;
    } * found;
    struct in_addr address;
    const char *text = inet_pton(AF_INET, node, &address) == 1 ? node : name_leads_to;
    if (!text) return EAI_AGAIN;
    if (!(found = calloc(1, sizeof *found))) return EAI_MEMORY;
    inet_pton(AF_INET, text, &found->in.sin_addr);
    found->in.sin_family = AF_INET;
    found->in.sin_port = htons((uint16_t)strtoul(service, NULL, 10));
    found->info = (struct addrinfo){.ai_family = AF_INET,
                                    .ai_socktype = hints->ai_socktype,
                                    .ai_addrlen = sizeof found->in,
                                    .ai_addr = (struct sockaddr *)&found->in};
    *list = &found->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list) {
    free(list);
}

static int one_host(void **state) {
    (void)state;
    fake_start(one, 1, "dc1", "0");
    fakes_go(1);
    return 0;
}

static int make_two(const char *dc) {
    fake_start(one, 1, "dc1", "0");
    fake_start(two, 2, dc, "9223372036854775807");
    one->peer = two;
    two->peer = one;
    fakes_go(2);
    return 0;
}

static int two_hosts(void **state) {
    (void)state;
    return make_two("dc1");
}

static int two_centers(void **state) {
    (void)state;
    return make_two("dc2");
}

static int stop_hosts(void **state) {
    (void)state;
    fakes_stop();
    return 0;
}

static size_t up(const struct pl_cql *s) {
    size_t known;
    return pl_cql_hosts_up(s, &known);
}

static pouch_err open_to(struct pl_cql **s, const char *parameters) {
    char url[300];
    struct pl_cql_config c;
    snprintf(url, sizeof url, "127.0.0.%d:%d/k%s", one->address, one->port, parameters);
    pouch_err e = pl_cql_config_parse(&c, url);
    if (e) return e;
    e = pl_cql_open(s, &c, NULL);
    pl_cql_config_free(&c);
    return e;
}

static struct pl_cql *start(const char *parameters, size_t hosts, const struct pl_cql_statement **st) {
    struct pl_cql *s = NULL;
    assert_int_equal(open_to(&s, parameters), POUCH_OK);
    UNTIL(s, up(s) == hosts);
    assert_int_equal(pl_cql_prepare(s, st, "STATEMENT", 30000000), POUCH_OK);
    return s;
}

struct end {
    int calls;
    pouch_err error;
    int32_t code;
    char why[300];
};

static void ended(const struct pl_cql_result *r, void *arg) {
    struct end *e = arg;
    e->calls++;
    e->error = r->error;
    e->code = r->server_code;
    snprintf(e->why, sizeof e->why, "%s", r->error ? pouch_why() : "");
}

static pouch_err ask(struct pl_cql *s, const struct pl_cql_statement *st, const char *key, bool idempotent,
                     int64_t timeout_us, struct end *e) {
    const struct pl_cql_value v = pl_cql_text(key);
    const struct pl_cql_bound b = {st, &v, 1};
    const struct pl_cql_how how = {.idempotent = idempotent, .timeout_us = timeout_us};
    *e = (struct end){0};
    return pl_cql_execute(s, &b, &how, ended, e);
}

enum { LONG = 60000000 };

/*
 * "123" lies at -7468325962851647638, which is `one`'s (token 0); "9223372036854775807" at 7162290910810015547,
 * `two`'s.
 */
static const char of_one[] = "123", of_two[] = "9223372036854775807";

static void answers_may_come_in_any_order(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    struct end e[3];
    for (int i = 0; i < 3; i++) assert_int_equal(ask(s, st, "k", false, LONG, &e[i]), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 3));
    answer(one, 2, 0);
    UNTIL(s, e[2].calls);
    assert_int_equal(pl_cql_pending(s), 2);
    answer(one, 0, 0x2200);
    answer(one, 0, 0);
    UNTIL(s, !pl_cql_pending(s));
    assert_int_equal(e[0].error, POUCH_E_CONFIG);
    assert_int_equal(e[0].code, 0x2200);
    assert_int_equal(e[1].error, POUCH_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(e[i].calls, 1);
    pl_cql_close(s);
}

static void no_more_is_under_way_than_may_be(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("?in_flight=2", 1, &st);
    struct end e[3];
    assert_int_equal(ask(s, st, "k", false, LONG, &e[0]), POUCH_OK);
    assert_int_equal(ask(s, st, "k", false, LONG, &e[1]), POUCH_OK);
    assert_int_equal(pl_cql_room(s), 0);
    assert_int_equal(ask(s, st, "k", false, LONG, &e[2]), POUCH_E_OVERLOADED);
    UNTIL(s, SEEN(one->n_held == 2));
    answer(one, 0, 0);
    UNTIL(s, pl_cql_room(s) == 1);
    assert_int_equal(ask(s, st, "k", false, LONG, &e[2]), POUCH_OK);
    pl_cql_close(s); /* each is told once */
    assert_int_equal(e[0].calls + e[1].calls + e[2].calls, 3);
    assert_int_equal(e[2].error, POUCH_E_CLOSED);
}

static void a_request_goes_to_the_owner_of_its_partition(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    struct end e[2];
    assert_int_equal(ask(s, st, of_two, false, LONG, &e[0]), POUCH_OK);
    UNTIL(s, SEEN(two->n_held == 1 && !one->n_held));
    assert_int_equal(ask(s, st, of_one, false, LONG, &e[1]), POUCH_OK);
    UNTIL(s, SEEN(two->n_held == 1 && one->n_held == 1));
    pl_cql_close(s);
}

static void what_a_host_has_not_done_another_does(void **state) {
    (void)state;
    static const uint32_t codes[] = {0x1000, 0x1002};
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct end e;
        assert_int_equal(ask(s, st, of_two, false, LONG, &e), POUCH_OK);
        UNTIL(s, SEEN(two->n_held == 1));
        answer(two, 0, codes[i]);
        UNTIL(s, SEEN(one->n_held == 1));
        answer(one, 0, 0);
        UNTIL(s, e.calls);
        assert_int_equal(e.error, POUCH_OK);
    }
    pl_cql_close(s);
}

static void what_may_be_done_is_done_again_only_where_that_makes_no_difference(void **state) {
    (void)state;
    static const struct {
        uint32_t code;
        pouch_err error;
    } answers[] = {{0x1001, POUCH_E_OVERLOADED},
                   {0x1100, POUCH_E_TIMEOUT},
                   {0x1200, POUCH_E_TIMEOUT},
                   {0x1300, POUCH_E_STORE},
                   {0x1500, POUCH_E_STORE}};
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct end once, twice;
        assert_int_equal(ask(s, st, of_two, false, LONG, &once), POUCH_OK);
        assert_int_equal(ask(s, st, of_two, true, LONG, &twice), POUCH_OK);
        UNTIL(s, SEEN(two->n_held == 2));
        answer(two, 0, answers[i].code);
        answer(two, 0, answers[i].code);
        UNTIL(s, SEEN(one->n_held == 1));
        assert_int_equal(once.calls, 1);
        assert_int_equal(once.error, answers[i].error);
        assert_int_equal(once.code, (int32_t)answers[i].code);
        answer(one, 0, 0);
        UNTIL(s, twice.calls);
        assert_int_equal(twice.error, POUCH_OK);
    }
    pl_cql_close(s);
}

static void requests_of_a_lost_connection_go_elsewhere_or_are_told(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    struct end once, twice;
    assert_int_equal(ask(s, st, of_two, false, LONG, &once), POUCH_OK);
    assert_int_equal(ask(s, st, of_two, true, LONG, &twice), POUCH_OK);
    UNTIL(s, SEEN(two->n_held == 2));
    hang_up(two);
    UNTIL(s, SEEN(one->n_held == 1));
    assert_int_equal(once.calls, 1);
    assert_int_equal(once.error, POUCH_E_CLOSED);
    assert_non_null(strstr(once.why, "127.0.0.2"));
    assert_int_equal(twice.calls, 0);
    answer(one, 0, 0);
    UNTIL(s, twice.calls == 1);
    assert_int_equal(twice.error, POUCH_OK);
    UNTIL(s, up(s) == 2); /* it is connected to again */
    pl_cql_close(s);
}

/* A frame that no socket takes whole goes first, so that those behind it are not sent at all. */
static void what_was_not_sent_is_done_elsewhere_whatever_went_before_it(void **state) {
    (void)state;
    enum { LARGE = 24 << 20, BEHIND = 3 };
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    struct end large = {0}, behind[BEHIND];
    char *bytes = calloc(1, LARGE);
    assert_non_null(bytes);
    const struct pl_cql_value values[] = {pl_cql_text(of_two), pl_cql_bytes(bytes, LARGE)};
    const struct pl_cql_bound both[] = {{st, &values[0], 1}, {st, &values[1], 1}};
    const struct pl_cql_how how = {.timeout_us = LONG};
    tell(&two->mute, true);
    assert_int_equal(pl_cql_batch(s, both, 2, &how, ended, &large), POUCH_OK);
    free(bytes);
    for (int i = 0; i < BEHIND; i++) assert_int_equal(ask(s, st, of_two, false, LONG, &behind[i]), POUCH_OK);
    pl_cql_run(s, 0);
    hang_up(two);
    UNTIL(s, SEEN(one->n_held == BEHIND));
    assert_int_equal(large.error, POUCH_E_CLOSED);
    for (int i = 0; i < BEHIND; i++) assert_int_equal(behind[i].calls, 0);
    pl_cql_close(s);
}

static void without_a_host_requests_are_refused_until_one_is_back(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    struct end e;
    tell(&one->refuse, true);
    hang_up(one);
    UNTIL(s, up(s) == 0);
    assert_int_equal(ask(s, st, "k", true, LONG, &e), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), "127.0.0.1"));
    size_t before = 0;
    UNTIL(s, SEEN((before = one->accepted) > 0));
    UNTIL(s, SEEN(one->accepted > before + 1)); /* it goes on trying */
    tell(&one->refuse, false);
    UNTIL(s, up(s) == 1);
    assert_int_equal(ask(s, st, "k", true, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 1));
    answer(one, 0, 0);
    UNTIL(s, e.calls);
    assert_int_equal(e.error, POUCH_OK);
    pl_cql_close(s);
}

static void a_host_that_has_moved_is_found_where_its_peers_say_it_is(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    pthread_mutex_lock(&fake_lock);
    fake_stop(two);
    fake_start(two, 3, "dc1", two->token);
    two->id = 2;
    two->peer = one;
    pthread_mutex_unlock(&fake_lock);
    UNTIL(s, up(s) == 1);
    UNTIL(s, up(s) == 2);
    struct end e;
    assert_int_equal(ask(s, st, of_two, false, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(two->n_held == 1));
    answer(two, 0, 0x2200);
    UNTIL(s, e.calls);
    assert_non_null(strstr(e.why, "127.0.0.3"));
    pl_cql_close(s);
}

static void names_are_looked_up_again_while_no_host_is_up(void **state) {
    (void)state;
    char url[100];
    struct pl_cql_config c;
    struct pl_cql *s = NULL;
    snprintf(url, sizeof url, "moving.example:%d/k?connect_timeout=100ms", one->port);
    assert_int_equal(pl_cql_config_parse(&c, url), POUCH_OK);
    name_leads_to = NULL;
    assert_int_equal(pl_cql_open(&s, &c, NULL), POUCH_OK);
    assert_int_equal(pl_cql_ready(s, 1000), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), "no address yet"));
    name_leads_to = "127.0.0.4"; /* nobody is there */
    UNTIL(s, s->n_hosts == 1);
    name_leads_to = "127.0.0.1";
    UNTIL(s, up(s) == 1);
    pl_cql_close(s);
    pl_cql_config_free(&c);
}

static void a_forgotten_statement_is_prepared_where_it_is_missed(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    struct end e;
    assert_int_equal(ask(s, st, "k", false, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 1));
    answer(one, 0, 0x2500);
    UNTIL(s, SEEN(one->n_held == 1 && one->prepares == 2));
    answer(one, 0, 0);
    UNTIL(s, e.calls);
    assert_int_equal(e.error, POUCH_OK);
    pl_cql_close(s);
}

static void what_was_to_be_prepared_first_is_done_elsewhere(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 2, &st);
    struct end e;
    assert_int_equal(ask(s, st, of_two, false, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(two->n_held == 1));
    tell(&two->slow, true);
    size_t before = 0;
    assert_true(SEEN((before = two->prepares) < SIZE_MAX));
    answer(two, 0, 0x2500);
    UNTIL(s, SEEN(two->prepares == before + 1));
    hang_up(two);
    UNTIL(s, e.calls || SEEN(one->n_held == 1));
    assert_int_equal(e.calls, 0);
    answer(one, 0, 0);
    UNTIL(s, e.calls);
    assert_int_equal(e.error, POUCH_OK);
    pl_cql_close(s);
}

static void an_answer_after_its_time_is_for_nobody(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("?in_flight=8", 1, &st);
    struct end late, next;
    assert_int_equal(ask(s, st, "k", false, 20000, &late), POUCH_OK);
    UNTIL(s, late.calls);
    assert_int_equal(late.error, POUCH_E_TIMEOUT);
    assert_non_null(strstr(late.why, "127.0.0.1"));
    assert_non_null(strstr(late.why, "whether the request was done is not known"));
    assert_int_equal(pl_cql_pending(s), 0);
    assert_int_equal(pl_cql_room(s), 7); /* its stream is not given away while its answer may come */
    UNTIL(s, SEEN(one->n_held == 1));
    assert_int_equal(ask(s, st, "k", false, LONG, &next), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 2));
    answer(one, 0, 0);
    UNTIL(s, pl_cql_room(s) == 7);
    assert_int_equal(next.calls, 0);
    answer(one, 0, 0);
    UNTIL(s, next.calls);
    assert_int_equal(late.calls, 1);
    assert_true(SEEN(one->accepted == 1)); /* the heartbeat was answered, so the connection was kept */
    pl_cql_close(s);
}

static void wait_until(int64_t us) {
    const struct timespec at = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)) {
    }
}

/* Nobody runs the session from before the answer comes until after the request's time. */
static void an_answer_that_lay_there_in_time_is_not_late(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    struct end e;
    int64_t time_us = 5000000;
    assert_int_equal(ask(s, st, "k", false, time_us, &e), POUCH_OK);
    int64_t until_us = pl_mono_us(&pl_clock_system) + time_us;
    UNTIL(s, SEEN(one->n_held == 1));
    answer(one, 0, 0);
    wait_until(until_us);
    UNTIL(s, e.calls);
    assert_int_equal(e.error, POUCH_OK);
    pl_cql_close(s);
}

static void a_silent_host_is_given_up_and_found_again(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("?request_timeout=100ms&connect_timeout=100ms", 1, &st);
    struct end e;
    tell(&one->mute, true);
    assert_int_equal(ask(s, st, "k", false, 0, &e), POUCH_OK);
    UNTIL(s, e.calls);
    assert_int_equal(e.error, POUCH_E_TIMEOUT);
    UNTIL(s, up(s) == 0);
    tell(&one->mute, false);
    hang_up(one);
    UNTIL(s, up(s) == 1);
    pl_cql_close(s);
}

/* The loss of a host makes the other be asked for its peers, which it is too busy to tell. */
static void a_host_that_is_too_busy_to_tell_its_peers_keeps_its_requests(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("?connect_timeout=1s", 2, &st);
    struct end e;
    assert_int_equal(ask(s, st, of_one, false, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 1));
    pthread_mutex_lock(&fake_lock);
    one->busy = two->refuse = true;
    size_t asked = one->asked_peers;
    fake_hang_up(two);
    pthread_mutex_unlock(&fake_lock);
    UNTIL(s, SEEN(one->asked_peers >= asked + 2)); /* and again */
    assert_int_equal(e.calls, 0);
    answer(one, 0, 0);
    UNTIL(s, e.calls);
    assert_int_equal(e.error, POUCH_OK);
    pl_cql_close(s);
}

static void nonsense_ends_its_connection(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *why;
        size_t n;
    } nonsense[] = {{"HTTP/1.1 400 Bad Request\r\n\r\n", "version 4", 28},
                    {"\x84\0\0\x09\x08\0\0\0\4\0\0\0\1", "no request", 13},
                    {"\x84\0\0\0\x08\0\0\0\4\0\0\0\x09", "cannot be read", 13},
                    {"\x84\0\0\0\x08\x7f\xff\xff\xff", "over the bound", 9},
                    {"\x84\0\x7f\xff\x08\0\0\0\4\0\0\0\1", "out of turn", 13}};
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct end e;
        assert_int_equal(ask(s, st, "k", false, LONG, &e), POUCH_OK);
        UNTIL(s, SEEN(one->n_held == 1));
        pthread_mutex_lock(&fake_lock);
        assert_int_equal(send(one->held[0].fd, nonsense[i].bytes, nonsense[i].n, MSG_NOSIGNAL), nonsense[i].n);
        one->n_held = 0;
        pthread_mutex_unlock(&fake_lock);
        UNTIL(s, e.calls);
        if (!e.error || !strstr(e.why, nonsense[i].why)) fail_msg("%zu: %s", i, e.why);
        UNTIL(s, up(s) == 1);
    }
    pl_cql_close(s);
}

static void hosts_of_another_data_center_are_left_alone(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st); /* that of the first to answer */
    struct end e;
    assert_int_equal(ask(s, st, of_two, true, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 1));
    assert_true(SEEN(two->accepted == 0));
    pl_cql_close(s);

    s = start("?dc=dc2", 1, &st); /* found through a host of the other */
    assert_int_equal(ask(s, st, of_one, true, LONG, &e), POUCH_OK);
    UNTIL(s, SEEN(two->n_held == 1));
    pl_cql_close(s);

    assert_int_equal(open_to(&s, "?dc=dc3"), POUCH_OK);
    assert_int_equal(pl_cql_ready(s, 1000000), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "dc3"));
    pl_cql_close(s);
}

static void a_log_in_is_done_where_it_is_asked_for(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s;
    pthread_mutex_lock(&fake_lock);
    one->authenticator = "PasswordAuthenticator";
    pthread_mutex_unlock(&fake_lock);
    assert_int_equal(open_to(&s, ""), POUCH_OK);
    assert_int_equal(pl_cql_ready(s, LONG), POUCH_E_NOT_ALLOWED);
    assert_non_null(strstr(pouch_why(), "give user"));
    pl_cql_close(s);

    setenv("POUCH_CASSANDRA_PASSWORD", "wrong", 1);
    assert_int_equal(open_to(&s, "?user=user"), POUCH_OK);
    assert_int_equal(pl_cql_ready(s, LONG), POUCH_E_NOT_ALLOWED);
    assert_null(strstr(pouch_why(), "wrong"));
    pl_cql_close(s);

    setenv("POUCH_CASSANDRA_PASSWORD", "word", 1);
    s = start("?user=user&connections=3", 1, &st);
    UNTIL(s, SEEN(one->accepted == 5)); /* three of this session */
    pl_cql_close(s);
    unsetenv("POUCH_CASSANDRA_PASSWORD");
}

/* Longer than what is sent after it, which would overwrite it. */
static void a_password_is_wiped_once_it_is_sent(void **state) {
    (void)state;
    static const char tail[] = "-the-end-of-a-password";
    char password[800];
    const struct pl_cql_statement *st;
    snprintf(password, sizeof password, "word%0700d%s", 0, tail);
    pthread_mutex_lock(&fake_lock);
    one->authenticator = "PasswordAuthenticator";
    pthread_mutex_unlock(&fake_lock);
    setenv("POUCH_CASSANDRA_PASSWORD", password, 1);
    struct pl_cql *s = start("?user=user", 1, &st);
    const struct pl_cql_conn *c = s->hosts[0]->conns[0];
    assert_true(SEEN(one->good_password));
    assert_null(memmem(c->out, PL_CQL_OUT_BYTES, tail, strlen(tail)));
    assert_null(c->control.at ? memmem(c->control.at, c->control.cap, tail, strlen(tail)) : NULL);
    pl_cql_close(s);
    unsetenv("POUCH_CASSANDRA_PASSWORD");
}

static void mislead(const struct pl_cql_result *r, void *arg) {
    (void)r, (void)arg;
    pl_why_set("another reason");
}

/*
 * Both end with their connection, in the order of their slots, and the first slot is free again when the call is made.
 */
static void a_call_that_waits_tells_its_own_reason(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    struct end first;
    const struct pl_cql_value v = pl_cql_text("k");
    const struct pl_cql_bound bound = {st, &v, 1};
    const struct pl_cql_how how = {.timeout_us = LONG};
    assert_int_equal(ask(s, st, "k", false, LONG, &first), POUCH_OK);
    assert_int_equal(pl_cql_execute(s, &bound, &how, mislead, NULL), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 2));
    answer(one, 0, 0);
    UNTIL(s, first.calls);
    pthread_mutex_lock(&fake_lock);
    one->hang_up_at = 2;
    pthread_mutex_unlock(&fake_lock);
    assert_int_equal(pl_cql_call(s, &bound, &how, NULL, NULL, NULL), POUCH_E_CLOSED);
    assert_non_null(strstr(pouch_why(), "127.0.0.1"));
    pl_cql_close(s);
}

/* The fake answers nothing, so the first one keeps its room for longer than the others may take. */
static void who_waits_for_room_waits_for_no_longer_than_a_call_may_take(void **state) {
    (void)state;
    const struct pl_cql_statement *st, *other;
    struct pl_cql *s = start("?in_flight=1", 1, &st);
    struct end first;
    struct pl_cql_cursor *c;
    const struct pl_cql_value v = pl_cql_text("k");
    const struct pl_cql_bound bound = {st, &v, 1};
    const struct pl_cql_how how = {.timeout_us = 20000};
    assert_int_equal(ask(s, st, "k", false, INT64_C(3600000000), &first), POUCH_OK);
    assert_int_equal(pl_cql_call(s, &bound, &how, NULL, NULL, NULL), POUCH_E_OVERLOADED);
    assert_non_null(strstr(pouch_why(), "in_flight"));
    assert_int_equal(pl_cql_call_batch(s, &bound, 1, &how, NULL), POUCH_E_OVERLOADED);
    assert_int_equal(pl_cql_do(s, "TRUNCATE k.t", &how), POUCH_E_OVERLOADED);
    assert_int_equal(pl_cql_prepare(s, &other, "ANOTHER", how.timeout_us), POUCH_E_OVERLOADED);
    assert_int_equal(pl_cql_select(s, &c, &bound, &how), POUCH_E_OVERLOADED);
    assert_int_equal(first.calls, 0);
    pl_cql_close(s);
}

static void a_query_without_rows_is_not_taken_for_one_that_found_none(void **state) {
    (void)state;
    const struct pl_cql_statement *st;
    struct pl_cql *s = start("", 1, &st);
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    const struct pl_cql_value v = pl_cql_text("k");
    const struct pl_cql_how how = {.timeout_us = LONG};
    assert_int_equal(pl_cql_select(s, &c, &(struct pl_cql_bound){st, &v, 1}, &how), POUCH_OK);
    UNTIL(s, SEEN(one->n_held == 1));
    answer(one, 0, 0); /* void */
    assert_int_equal(pl_cql_cursor_next(c, &row), POUCH_E_STORE);
    pl_cql_cursor_close(c);
    pl_cql_close(s);
}

static int64_t patience_us = LONG; /* where an allocation failed, a host would be tried again and again */

static bool converse(void) {
    struct pl_cql *s = NULL;
    const struct pl_cql_statement *st;
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    pouch_err e = open_to(&s, "?in_flight=3");
    if (!e) e = pl_cql_ready(s, patience_us);
    if (!e) e = pl_cql_prepare(s, &st, "STATEMENT", LONG);
    if (!e) e = pl_cql_select_text(s, &c, "SELECT … FROM system.local", NULL);
    if (!e) {
        e = pl_cql_cursor_next(c, &row);
        pl_cql_cursor_close(c);
    }
    pl_cql_close(s);
    return !e;
}

static void every_allocation_of_a_conversation_may_fail(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(converse());
    patience_us = 100000;
    assert_true(test_oom_each(converse) > 20);
}

int main(void) {
#define ON(hosts, test) cmocka_unit_test_setup_teardown(test, hosts, stop_hosts)
    const struct CMUnitTest tests[] = {
        ON(one_host, answers_may_come_in_any_order),
        ON(one_host, no_more_is_under_way_than_may_be),
        ON(two_hosts, a_request_goes_to_the_owner_of_its_partition),
        ON(two_hosts, what_a_host_has_not_done_another_does),
        ON(two_hosts, what_may_be_done_is_done_again_only_where_that_makes_no_difference),
        ON(two_hosts, requests_of_a_lost_connection_go_elsewhere_or_are_told),
        ON(two_hosts, what_was_not_sent_is_done_elsewhere_whatever_went_before_it),
        ON(one_host, without_a_host_requests_are_refused_until_one_is_back),
        ON(two_hosts, a_host_that_has_moved_is_found_where_its_peers_say_it_is),
        ON(one_host, names_are_looked_up_again_while_no_host_is_up),
        ON(one_host, a_forgotten_statement_is_prepared_where_it_is_missed),
        ON(two_hosts, what_was_to_be_prepared_first_is_done_elsewhere),
        ON(one_host, an_answer_after_its_time_is_for_nobody),
        ON(one_host, an_answer_that_lay_there_in_time_is_not_late),
        ON(one_host, a_silent_host_is_given_up_and_found_again),
        ON(two_hosts, a_host_that_is_too_busy_to_tell_its_peers_keeps_its_requests),
        ON(one_host, nonsense_ends_its_connection),
        ON(two_centers, hosts_of_another_data_center_are_left_alone),
        ON(one_host, a_log_in_is_done_where_it_is_asked_for),
        ON(one_host, a_password_is_wiped_once_it_is_sent),
        ON(one_host, a_call_that_waits_tells_its_own_reason),
        ON(one_host, who_waits_for_room_waits_for_no_longer_than_a_call_may_take),
        ON(one_host, a_query_without_rows_is_not_taken_for_one_that_found_none),
        ON(one_host, every_allocation_of_a_conversation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
