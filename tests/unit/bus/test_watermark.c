/* The watermark against a model that keeps everything. */
#include <support.h>

#include <bus/watermark.h>
#include <pouch/error.h>
#include <stdlib.h>
#include <time.h>

enum { STEPS = 20000, ROUNDS = 20, MODEL = STEPS };

struct model {
    int64_t offsets[MODEL];
    uint64_t tickets[MODEL];
    bool done[MODEL];
    size_t taken, prefix;
};

static void a_new_one_has_nothing_open(void **state) {
    (void)state;
    struct pl_watermark w;
    assert_int_equal(pl_watermark_init(&w, 3), POUCH_OK);
    assert_int_equal(pl_watermark_open(&w), 0);
    assert_false(pl_watermark_full(&w));
    pl_watermark_free(&w);
}

static void only_the_done_prefix_is_committed(void **state) {
    (void)state;
    struct pl_watermark w;
    uint64_t t[3];
    int64_t commit = -1;
    assert_int_equal(pl_watermark_init(&w, 3), POUCH_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(pl_watermark_take(&w, 100 + 10 * i, &t[i]), POUCH_OK);
    assert_false(pl_watermark_done(&w, t[2], &commit));
    assert_false(pl_watermark_done(&w, t[1], &commit));
    assert_int_equal(commit, -1);
    assert_true(pl_watermark_done(&w, t[0], &commit));
    assert_int_equal(commit, 121);
    assert_int_equal(pl_watermark_open(&w), 0);
    pl_watermark_free(&w);
}

static void a_ticket_counts_once(void **state) {
    (void)state;
    struct pl_watermark w;
    uint64_t t[2];
    int64_t commit = -1;
    assert_int_equal(pl_watermark_init(&w, 8), POUCH_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(pl_watermark_take(&w, i, &t[i]), POUCH_OK);
    assert_true(pl_watermark_done(&w, t[0], &commit));
    assert_false(pl_watermark_done(&w, t[0], &commit));
    assert_false(pl_watermark_done(&w, t[1] + 1, &commit));
    assert_int_equal(commit, 1);
    assert_int_equal(pl_watermark_open(&w), 1);
    pl_watermark_free(&w);
}

static void a_full_one_takes_no_more_until_its_oldest_is_done(void **state) {
    (void)state;
    const size_t bounds[] = {1, 2, 15, 16, 17, 1000};
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        struct pl_watermark w;
        uint64_t first = 0, t = 0;
        int64_t commit;
        assert_int_equal(pl_watermark_init(&w, bounds[b]), POUCH_OK);
        for (size_t i = 0; i < bounds[b]; i++) {
            assert_false(pl_watermark_full(&w));
            assert_int_equal(pl_watermark_take(&w, (int64_t)i, i ? &t : &first), POUCH_OK);
        }
        assert_true(pl_watermark_full(&w));
        assert_int_equal(pl_watermark_take(&w, (int64_t)bounds[b], &t), POUCH_E_OVERLOADED);
        assert_true(pl_watermark_done(&w, first, &commit));
        assert_int_equal(pl_watermark_take(&w, (int64_t)bounds[b], &t), POUCH_OK);
        pl_watermark_free(&w);
    }
}

static void model_take(struct model *m, struct pl_watermark *w) {
    int64_t last = m->taken ? m->offsets[m->taken - 1] : -1;
    int64_t offset = last + 1 + (rand() % 4 == 0 ? rand() % 100 : 0);
    pouch_err err = pl_watermark_take(w, offset, &m->tickets[m->taken]);
    if (m->taken - m->prefix >= w->max) {
        assert_int_equal(err, POUCH_E_OVERLOADED);
        return;
    }
    assert_int_equal(err, POUCH_OK);
    m->offsets[m->taken++] = offset;
}

static void model_done(struct model *m, struct pl_watermark *w) {
    if (m->prefix == m->taken) return;
    size_t i = m->prefix + (size_t)rand() % (m->taken - m->prefix);
    int64_t commit = -1;
    m->done[i] = true;
    bool grew = pl_watermark_done(w, m->tickets[i], &commit);
    assert_int_equal(grew, i == m->prefix);
    while (m->prefix < m->taken && m->done[m->prefix]) m->prefix++;
    assert_int_equal(commit, grew ? m->offsets[m->prefix - 1] + 1 : -1);
}

static void random_orders_gaps_and_growth_agree_with_the_model(void **state) {
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct model *m = malloc(sizeof *m);
    assert_non_null(m);
    for (int round = 0; round < ROUNDS; round++) {
        struct pl_watermark w;
        memset(m, 0, sizeof *m);
        assert_int_equal(pl_watermark_init(&w, 1 + (size_t)rand() % 3000), POUCH_OK);
        int taking = 30 + rand() % 50;
        for (int step = 0; step < STEPS; step++) {
            if (rand() % 100 < taking)
                model_take(m, &w);
            else
                model_done(m, &w);
            assert_int_equal(pl_watermark_open(&w), m->taken - m->prefix);
            assert_int_equal(pl_watermark_full(&w), m->taken - m->prefix >= w.max);
        }
        pl_watermark_free(&w);
    }
    free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_has_nothing_open),
        cmocka_unit_test(only_the_done_prefix_is_committed),
        cmocka_unit_test(a_ticket_counts_once),
        cmocka_unit_test(a_full_one_takes_no_more_until_its_oldest_is_done),
        cmocka_unit_test(random_orders_gaps_and_growth_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
