/* The deadline heap against a plain array. */
#include <support.h>

#include <base/heap.h>
#include <stdlib.h>

static void an_empty_heap_has_no_first(void **state) {
    (void)state;
    struct pl_heap h;
    struct pl_heap_node n = {0};
    pl_heap_init(&h);
    assert_null(pl_heap_first(&h));
    pl_heap_remove(&h, &n);
    assert_int_equal(pl_heap_add(&h, &n, 7), POUCH_OK);
    assert_ptr_equal(pl_heap_first(&h), &n);
    assert_int_equal(n.due, 7);
    pl_heap_remove(&h, &n);
    pl_heap_remove(&h, &n);
    assert_null(pl_heap_first(&h));
    pl_heap_free(&h);
}

static void deadlines_come_out_soonest_first(void **state) {
    (void)state;
    enum { NODES = 1000 };
    static struct pl_heap_node nodes[NODES];
    struct pl_heap h;
    srand(1);
    pl_heap_init(&h);
    for (size_t i = 0; i < NODES; i++) assert_int_equal(pl_heap_add(&h, &nodes[i], rand() % 200 - 100), POUCH_OK);
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < NODES; i++) {
        struct pl_heap_node *n = pl_heap_first(&h);
        assert_true(n->due >= last);
        last = n->due;
        pl_heap_remove(&h, n);
        assert_int_equal(n->place, 0);
    }
    assert_null(pl_heap_first(&h));
    pl_heap_free(&h);
}

/* After each random step the first is the soonest of those that are in, and each node knows its place. */
static void any_node_can_leave_from_any_place(void **state) {
    (void)state;
    enum { NODES = 60, STEPS = 20000 };
    struct pl_heap_node nodes[NODES] = {0};
    struct pl_heap h;
    srand(2);
    pl_heap_init(&h);
    for (int step = 0; step < STEPS; step++) {
        struct pl_heap_node *n = &nodes[rand() % NODES];
        if (n->place) {
            pl_heap_remove(&h, n);
        } else {
            assert_int_equal(pl_heap_add(&h, n, rand() % 1000), POUCH_OK);
        }
        int64_t soonest = INT64_MAX;
        size_t in = 0;
        for (size_t i = 0; i < NODES; i++) {
            if (nodes[i].place == 0) continue;
            in++;
            assert_ptr_equal(h.nodes[nodes[i].place - 1], &nodes[i]);
            if (nodes[i].due < soonest) soonest = nodes[i].due;
        }
        assert_int_equal(h.count, in);
        if (in) assert_int_equal(pl_heap_first(&h)->due, soonest);
    }
    pl_heap_free(&h);
}

static void room_had_ahead_is_enough(void **state) {
    (void)state;
    struct pl_heap_node nodes[40] = {0};
    struct pl_heap h;
    pl_heap_init(&h);
    assert_int_equal(pl_heap_reserve(&h, 40), POUCH_OK);
    struct pl_heap_node **room = h.nodes;
    for (size_t i = 0; i < 40; i++) assert_int_equal(pl_heap_add(&h, &nodes[i], 1), POUCH_OK);
    assert_ptr_equal(h.nodes, room);
    assert_int_equal(pl_heap_reserve(&h, 10), POUCH_OK);
    assert_int_equal(h.count, 40);
    pl_heap_free(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_first),
        cmocka_unit_test(deadlines_come_out_soonest_first),
        cmocka_unit_test(any_node_can_leave_from_any_place),
        cmocka_unit_test(room_had_ahead_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
