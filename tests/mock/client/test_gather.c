/* One question to several: to several topics, to all targets of a route, to several groups that read one topic. */
#include <support.h>

#include <base/clock.h>
#include <metrics/metrics.h>
#include <mock.h>
#include <peer.h>

enum { PEERS = 4, PARTS = 16 };

/* Of a gather that ends with its time: those that answer have done so long before. */
enum { AT_TIMEOUT_MS = 10000 };

struct stage {
    struct test_mock mock;
    pouch_keyring *ring;
    struct peer peers[PEERS];
    pouch_dest *to[PEERS];
    pouch_client *client;
    pouch_part_fn *came; /* of a gather */
};

static const char *const topics[PEERS] = {"bank", "tax", "land", "court"};

/* court never answers; land fails when asked to. */
static void behave(struct peer *p, const struct peer_request *r) {
    if (!strcmp(p->topic, "court")) return;
    if (!strcmp(p->topic, "land") && peer_is(r, "\"land fails\""))
        peer_fail(p, r, "no such parcel", NULL);
    else
        peer_echo(p, r);
}

static pouch_part_fn note_part;

static int set_up(void **state) {
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->came = note_part;
    test_mock_start(&s->mock, 1);
    test_mock_topic(&s->mock, "app.replies", 1);
    test_mock_topic(&s->mock, "command-center-inbox", 1);
    s->ring = test_ring();
    for (int i = 0; i < PEERS; i++) {
        test_mock_topic(&s->mock, topics[i], 1);
        peer_start(&s->peers[i], &s->mock, s->ring, topics[i], 1, behave);
        s->to[i] = pouch_dest_topic(topics[i]);
    }
    s->client = client_of(s->mock.brokers, s->ring, (const char *const[]){"client.id", "app", NULL});
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct stage *s = *state;
    pouch_client_close(s->client, 0);
    for (int i = 0; i < PEERS; i++) {
        peer_stop(&s->peers[i]);
        pouch_dest_free(s->to[i]);
    }
    pouch_keyring_free(s->ring);
    test_mock_stop(&s->mock);
    free(s);
    return 0;
}

/* What the callbacks saw. */
struct gathered {
    atomic_int times;
    size_t came, answered;
    struct seen_part {
        pouch_err error;
        char name[64], why[256];
        size_t to;
        unsigned branch, of;
        bool had_reply;
    } parts[PARTS];
};

static struct seen_part seen(const pouch_part *p) {
    struct seen_part s = {
        .error = pouch_part_error(p), .to = pouch_part_destination(p), .had_reply = pouch_part_reply(p) != NULL};
    s.branch = pouch_part_branch(p, &s.of);
    assert_int_equal(pouch_part_branch(p, NULL), s.branch);
    snprintf(s.name, sizeof s.name, "%s", pouch_part_name(p));
    snprintf(s.why, sizeof s.why, "%s", pouch_part_why(p));
    return s;
}

/* A part's branch is told of how many it is one; that may grow until the end, so the end is what is compared. */
static void note_part(const pouch_part *part, void *arg) {
    struct gathered *g = arg;
    assert_true(g->came < PARTS);
    assert_int_equal(atomic_load(&g->times), 0);
    g->parts[g->came++] = seen(part);
}

static void note_end(const pouch_gather *all, void *arg) {
    struct gathered *g = arg;
    const pouch_part *part;
    size_t n = 0;
    g->answered = pouch_gather_answered(all);
    for (; (part = pouch_gather_part(all, n)); n++) {
        struct seen_part now = seen(part);
        assert_string_equal(now.name, g->parts[n].name);
        assert_int_equal(now.error, g->parts[n].error);
        g->parts[n] = now;
    }
    assert_int_equal(n, g->came);
    atomic_fetch_add(&g->times, 1);
}

static bool is_gathered(void *g) {
    return atomic_load(&((struct gathered *)g)->times) > 0;
}

static void start(struct stage *s, pouch_dest *const to[], size_t n_to, size_t enough, const char *json, int timeout,
                  struct gathered *g) {
    if (pouch_client_gather(s->client, to, n_to, enough, json, strlen(json), timeout, s->came, note_end, g))
        fail_msg("%s", pouch_why());
}

static void gather(struct stage *s, size_t n_to, size_t enough, const char *json, int timeout, struct gathered *g) {
    start(s, s->to, n_to, enough, json, timeout, g);
    test_until(is_gathered, g);
}

static const struct seen_part *part_of(const struct gathered *g, const char *name, unsigned branch) {
    for (size_t i = 0; i < g->came; i++)
        if (!strcmp(g->parts[i].name, name) && g->parts[i].branch == branch) return &g->parts[i];
    fail_msg("no part %s %u", name, branch);
    return NULL;
}

static bool answered(const struct gathered *g, const char *name, unsigned branch) {
    return !part_of(g, name, branch)->error;
}

static void all_answers_are_gathered(void **state) {
    struct gathered g = {0};
    gather(*state, 3, 0, "1", PEER_MS, &g);
    assert_int_equal(g.came, 3);
    assert_int_equal(g.answered, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct seen_part *p = part_of(&g, topics[i], 0);
        assert_int_equal(p->to, i);
        assert_true(!p->error && p->had_reply && !*p->why);
    }
}

/* The parts that are not waited for any more count no longer as open: closing has nothing to drain. */
static void enough_answers_end_it(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    gather(s, 4, 2, "1", PEER_OPEN_MS, &g);
    assert_int_equal(g.answered, 2);
    assert_int_equal(g.came, 4);
    const struct seen_part *court = part_of(&g, "court", 0);
    assert_int_equal(court->error, POUCH_E_TIMEOUT);
    assert_non_null(strstr(court->why, "enough others"));
    int64_t before = pl_mono_us(&pl_clock_system);
    pouch_client_close(s->client, 600000);
    s->client = NULL;
    assert_true(pl_mono_us(&pl_clock_system) - before < 300 * 1000000LL);
    assert_int_equal(atomic_load(&g.times), 1);
}

static void at_the_timeout_it_ends_with_what_has_come_and_names_who_is_missing(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    test_until(client_is_ready, s->client);
    gather(s, 4, 0, "1", AT_TIMEOUT_MS, &g);
    assert_int_equal(g.answered, 3);
    const struct seen_part *court = part_of(&g, "court", 0);
    assert_int_equal(court->error, POUCH_E_TIMEOUT);
    assert_false(court->had_reply);
    assert_non_null(strstr(court->why, "no answer from topic court within 10000 ms"));
}

static void an_error_is_no_answer(void **state) {
    struct gathered g = {0};
    gather(*state, 3, 0, "\"land fails\"", PEER_MS, &g);
    assert_int_equal(g.answered, 2);
    const struct seen_part *land = part_of(&g, "land", 0);
    assert_int_equal(land->error, POUCH_E_HANDLER_ERROR);
    assert_string_equal(land->why, "no such parcel");
    assert_true(land->had_reply);
}

static void it_ends_as_soon_as_enough_cannot_come(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    pouch_dest *nowhere = pouch_dest_topic("nowhere"), *to[2] = {s->to[0], nowhere};
    test_mock_no_topic(&s->mock, "nowhere");
    start(s, to, 2, 0, "1", PEER_OPEN_MS, &g);
    test_until(is_gathered, &g);
    assert_int_equal(g.answered, 1);
    assert_int_equal(part_of(&g, "nowhere", 0)->error, POUCH_E_TARGET_REFUSED);
    pouch_dest_free(nowhere);
}

static pouch_err refused(pouch_client *c, pouch_dest *const to[], size_t n_to, size_t enough, const char *json) {
    return pouch_client_gather(c, to, n_to, enough, json, strlen(json), 0, note_part, note_end, NULL);
}

static void it_is_all_or_nothing(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    pouch_dest *many[1001];
    for (int i = 0; i < 1001; i++) many[i] = s->to[0];
    assert_int_equal(refused(s->client, many, 1001, 0, "1"), POUCH_E_CONFIG);
    assert_int_equal(refused(s->client, many, 0, 0, "1"), POUCH_E_CONFIG);
    assert_int_equal(refused(s->client, many, 2, 3, "1"), POUCH_E_CONFIG);
    assert_int_equal(refused(s->client, many, 2, 0, "{"), POUCH_E_INVALID_PAYLOAD);
    pouch_client *small =
        client_of(s->mock.brokers, s->ring, (const char *const[]){"client.id", "app", "client.max_pending", "3", NULL});
    assert_int_equal(refused(small, many, 4, 0, "1"), POUCH_E_OVERLOADED);
    assert_int_equal(pouch_client_gather(small, many, 3, 0, "1", 1, PEER_MS, note_part, note_end, &g), POUCH_OK);
    test_until(is_gathered, &g);
    assert_int_equal(g.answered, 3);
    assert_int_equal(atomic_load(&s->peers[0].seen), 3);
    pouch_client_close(small, 0);
    assert_int_equal(atomic_load(&g.times), 1);
}

static void close_ends_it_with_what_has_come(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    start(s, s->to, PEERS, 0, "1", PEER_OPEN_MS, &g);
    pouch_client_close(s->client, 0);
    s->client = NULL;
    assert_int_equal(atomic_load(&g.times), 1);
    assert_int_equal(g.came, PEERS);
    assert_int_equal(part_of(&g, "court", 0)->error, POUCH_E_CLOSED);
}

/* ---- one record, several answers ---- */

/* Answers a request by its payload, as a route's targets, a router or groups would. */
static void answer_as_told(struct peer *p, const struct peer_request *r) {
    static const char *const branches[] = {"1/3", "2/3", "3/3"};
    struct {
        const char *json;
        int n;
    } const plain[] = {{"\"all\"", 3}, {"\"two\"", 2}, {"\"one fails\"", 2}, {"\"one refused\"", 2}};
    p->branch = p->group = NULL;
    for (size_t k = 0; k < sizeof plain / sizeof plain[0]; k++)
        for (int i = 0; peer_is(r, plain[k].json) && i < plain[k].n; i++) {
            p->branch = branches[i];
            peer_echo(p, r);
            peer_echo(p, r); /* a handler that ran twice */
        }
    p->branch = branches[2];
    if (peer_is(r, "\"one fails\"")) peer_fail(p, r, "no such parcel", NULL);
    if (peer_is(r, "\"one refused\"")) peer_plain_error(p, r, POUCH_E_TARGET_REFUSED, "no topic");
    p->branch = NULL;
    p->group = "";
    if (peer_is(r, "\"no route\"")) peer_plain_error(p, r, POUCH_E_NO_ROUTE, "there is no route");
    for (int i = 0; peer_is(r, "\"unnamed\"") && i < 3; i++) peer_echo(p, r);
    for (int i = 0; peer_is(r, "\"groups\"") && i < 4; i++) {
        p->group = i < 2 ? "service_1" : i < 3 ? "service_1_a" : "service_1_b";
        peer_echo(p, r);
    }
}

/* The same answer, written again by one who can read and write the topic but has no key. */
static void replay(struct peer *p, const struct peer_request *r) {
    static const char *const branches[] = {"1/2", "2/2"};
    const struct pl_reply_text text = {.id = r->id, .payload = {"1", 1}, .timestamp = 1, .success = true};
    const struct pl_seal_to to = {.id = r->id, .iv_bytes = 12};
    struct pl_buf plain, envelope;
    char key[37];
    pl_buf_init(&plain, 4096);
    pl_buf_init(&envelope, 4096);
    assert_int_equal(pl_dialect_splp.write_reply(&plain, &text), POUCH_OK);
    assert_int_equal(pl_sealed_write(&envelope, p->sealer, &to, plain.at, plain.len), POUCH_OK);
    pl_uuid_format(key, &r->id);
    for (int i = 0; i < 2; i++) {
        p->branch = branches[i];
        peer_produce(p, r->reply_topic, key, 36, envelope.at, envelope.len);
    }
    pl_buf_free(&plain);
    pl_buf_free(&envelope);
}

static void ask_one(struct stage *s, peer_fn *fn, size_t responders, size_t enough, const char *json, int timeout,
                    struct gathered *g) {
    struct peer center;
    pouch_dest *to = pouch_dest_publisher("citizen");
    peer_start(&center, &s->mock, s->ring, "command-center-inbox", 1, fn);
    if (responders) assert_int_equal(pouch_dest_set_responders(to, responders), POUCH_OK);
    test_until(client_is_ready, s->client);
    start(s, &to, 1, enough, json, timeout, g);
    pouch_dest_free(to);
    test_until(is_gathered, g);
    peer_stop(&center);
}

/* acceptance: B24 */
static void each_target_of_a_route_counts_once(void **state) {
    struct gathered g = {0};
    int64_t others = pl_metric_get(PL_M_REPLY_OTHER);
    ask_one(*state, answer_as_told, 0, 0, "\"all\"", PEER_MS, &g);
    assert_int_equal(g.answered, 3);
    assert_int_equal(g.came, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(g.parts[i].branch, i + 1);
        assert_int_equal(g.parts[i].of, 3);
    }
    assert_true(pl_metric_get(PL_M_REPLY_OTHER) - others >= 2);
}

static void an_error_of_a_target_ends_its_part(void **state) {
    struct stage *s = *state;
    static const struct {
        const char *json, *why;
        pouch_err error;
    } rows[] = {{"\"one fails\"", "no such parcel", POUCH_E_HANDLER_ERROR},
                {"\"one refused\"", "no topic", POUCH_E_TARGET_REFUSED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gathered g = {0};
        ask_one(s, answer_as_told, 0, 0, rows[i].json, PEER_MS, &g);
        assert_int_equal(g.answered, 2);
        assert_int_equal(g.came, 3);
        const struct seen_part *third = part_of(&g, "command-center-inbox", 3);
        assert_int_equal(third->error, rows[i].error);
        assert_string_equal(third->why, rows[i].why);
    }
}

static void a_target_that_is_missing_is_named_by_its_place(void **state) {
    struct gathered g = {0};
    ask_one(*state, answer_as_told, 0, 0, "\"two\"", AT_TIMEOUT_MS, &g);
    assert_int_equal(g.answered, 2);
    assert_int_equal(g.came, 3);
    const struct seen_part *third = part_of(&g, "citizen", 3);
    assert_int_equal(third->error, POUCH_E_TIMEOUT);
    assert_int_equal(third->of, 3);
    assert_false(third->had_reply);
}

static void enough_targets_end_it(void **state) {
    struct gathered g = {0};
    ask_one(*state, answer_as_told, 0, 2, "\"two\"", PEER_OPEN_MS, &g);
    assert_int_equal(g.answered, 2);
    assert_true(answered(&g, "command-center-inbox", 1) && answered(&g, "command-center-inbox", 2));
    assert_int_equal(part_of(&g, "citizen", 3)->error, POUCH_E_TIMEOUT);
}

static void a_copied_answer_under_other_headers_is_no_other_answer(void **state) {
    struct gathered g = {0};
    ask_one(*state, replay, 0, 0, "1", AT_TIMEOUT_MS, &g);
    assert_int_equal(g.answered, 1);
    assert_true(answered(&g, "command-center-inbox", 1));
    assert_false(answered(&g, "citizen", 2));
}

static void what_a_router_refuses_is_refused_as_a_whole(void **state) {
    struct gathered g = {0};
    ask_one(*state, answer_as_told, 3, 0, "\"no route\"", PEER_OPEN_MS, &g);
    assert_int_equal(g.answered, 0);
    assert_int_equal(g.came, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(g.parts[i].error, POUCH_E_NO_ROUTE);
        assert_non_null(strstr(g.parts[i].why, "there is no route"));
    }
}

static void note_part_and_fail(const pouch_part *part, void *arg) {
    note_part(part, arg);
    assert_null(pouch_dest_topic("no topic's name"));
}

static void what_a_callback_fails_with_is_no_parts_reason(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    s->came = note_part_and_fail;
    ask_one(s, answer_as_told, 3, 0, "\"no route\"", PEER_OPEN_MS, &g);
    assert_int_equal(g.came, 3);
    for (size_t i = 0; i < 3; i++) assert_non_null(strstr(g.parts[i].why, "there is no route"));
}

/* acceptance: B24 */
static void each_group_that_answers_counts_once(void **state) {
    struct gathered g = {0};
    ask_one(*state, answer_as_told, 3, 0, "\"groups\"", PEER_OPEN_MS, &g);
    assert_int_equal(g.answered, 3);
    assert_int_equal(g.came, 3);
    assert_true(answered(&g, "service_1", 0) && answered(&g, "service_1_a", 0) && answered(&g, "service_1_b", 0));
}

static void answers_that_name_nobody_count_as_one_each(void **state) {
    struct gathered g = {0};
    ask_one(*state, answer_as_told, 3, 0, "\"unnamed\"", PEER_OPEN_MS, &g);
    assert_int_equal(g.answered, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(g.parts[i].name, "citizen");
}

static void without_more_being_said_the_first_answer_ends_it(void **state) {
    struct gathered g = {0};
    ask_one(*state, answer_as_told, 0, 0, "\"groups\"", PEER_OPEN_MS, &g);
    assert_int_equal(g.answered, 1);
    assert_string_equal(g.parts[0].name, "citizen");
}

static void a_gather_wants_no_more_than_can_come(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    pouch_dest *publisher = pouch_dest_publisher("p"), *two[2] = {s->to[0], publisher};
    assert_int_equal(refused(s->client, two, 2, 34, "1"), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_set_responders(s->to[0], 0), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_set_responders(s->to[0], 1001), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_set_responders(s->to[0], 1000), POUCH_OK);
    assert_int_equal(refused(s->client, two, 2, 0, "1"), POUCH_E_CONFIG);
    assert_int_equal(refused(s->client, two, 1, 1001, "1"), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_set_responders(s->to[0], PARTS), POUCH_OK);
    start(s, two, 1, 1, "1", PEER_OPEN_MS, &g);
    test_until(is_gathered, &g);
    assert_int_equal(g.answered, 1);
    assert_int_equal(g.came, PARTS);
    pouch_dest_free(publisher);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(all_answers_are_gathered),
        ON_STAGE(enough_answers_end_it),
        ON_STAGE(at_the_timeout_it_ends_with_what_has_come_and_names_who_is_missing),
        ON_STAGE(an_error_is_no_answer),
        ON_STAGE(it_ends_as_soon_as_enough_cannot_come),
        ON_STAGE(it_is_all_or_nothing),
        ON_STAGE(close_ends_it_with_what_has_come),
        ON_STAGE(each_target_of_a_route_counts_once),
        ON_STAGE(an_error_of_a_target_ends_its_part),
        ON_STAGE(a_target_that_is_missing_is_named_by_its_place),
        ON_STAGE(enough_targets_end_it),
        ON_STAGE(a_copied_answer_under_other_headers_is_no_other_answer),
        ON_STAGE(what_a_router_refuses_is_refused_as_a_whole),
        ON_STAGE(what_a_callback_fails_with_is_no_parts_reason),
        ON_STAGE(each_group_that_answers_counts_once),
        ON_STAGE(answers_that_name_nobody_count_as_one_each),
        ON_STAGE(without_more_being_said_the_first_answer_ends_it),
        ON_STAGE(a_gather_wants_no_more_than_can_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
