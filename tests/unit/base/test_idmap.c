/* The id map against a plain array, with ids that collide and wrap. */
#include <support.h>

#include <base/idmap.h>
#include <stdbool.h>
#include <stdlib.h>

static struct pl_uuid id_at(uint64_t slot, uint8_t which) {
    struct pl_uuid u = {0};
    memcpy(u.b, &slot, sizeof slot);
    u.b[15] = which;
    return u;
}

static void what_is_put_is_got_until_removed(void **state) {
    (void)state;
    struct pl_idmap m;
    int value;
    struct pl_uuid id = id_at(3, 0), other = id_at(3, 1);
    assert_int_equal(pl_idmap_init(&m, 10), POUCH_OK);
    assert_null(pl_idmap_get(&m, &id));
    assert_null(pl_idmap_remove(&m, &id));
    assert_int_equal(pl_idmap_put(&m, &id, &value), POUCH_OK);
    assert_ptr_equal(pl_idmap_get(&m, &id), &value);
    assert_null(pl_idmap_get(&m, &other));
    assert_ptr_equal(pl_idmap_remove(&m, &id), &value);
    assert_null(pl_idmap_get(&m, &id));
    assert_int_equal(m.count, 0);
    pl_idmap_free(&m);
}

static void an_id_in_use_is_refused_and_keeps_its_value(void **state) {
    (void)state;
    struct pl_idmap m;
    int first, second;
    struct pl_uuid id = id_at(3, 0);
    assert_int_equal(pl_idmap_init(&m, 10), POUCH_OK);
    assert_int_equal(pl_idmap_put(&m, &id, &first), POUCH_OK);
    assert_int_equal(pl_idmap_put(&m, &id, &second), POUCH_E_CONFIG);
    assert_ptr_equal(pl_idmap_get(&m, &id), &first);
    pl_idmap_free(&m);
}

static void a_full_map_refuses_until_one_leaves(void **state) {
    (void)state;
    enum { MAX = 1000 };
    static char values[MAX + 1];
    struct pl_idmap m;
    assert_int_equal(pl_idmap_init(&m, MAX), POUCH_OK);
    for (size_t i = 0; i < MAX; i++) {
        struct pl_uuid id = id_at(i, 0);
        assert_int_equal(pl_idmap_put(&m, &id, &values[i]), POUCH_OK);
    }
    struct pl_uuid more = id_at(MAX, 0), first = id_at(0, 0);
    assert_int_equal(pl_idmap_put(&m, &more, &values[MAX]), POUCH_E_OVERLOADED);
    assert_ptr_equal(pl_idmap_remove(&m, &first), &values[0]);
    assert_int_equal(pl_idmap_put(&m, &more, &values[MAX]), POUCH_OK);
    for (size_t i = 1; i <= MAX; i++) {
        struct pl_uuid id = id_at(i, 0);
        assert_ptr_equal(pl_idmap_get(&m, &id), &values[i]);
    }
    pl_idmap_free(&m);
}

/*
 * Random puts and removals of 48 ids that share six homes, two of them at the end of the
 * table so that runs wrap; after each step the map and a plain array agree on all ids.
 */
static void removal_leaves_every_other_id_reachable(void **state) {
    (void)state;
    enum { IDS = 48, STEPS = 20000 };
    static const uint64_t homes[] = {0, 1, 5, 14, 15, 63};
    static char values[IDS];
    bool there[IDS] = {false};
    struct pl_idmap m;
    srand(1);
    assert_int_equal(pl_idmap_init(&m, IDS), POUCH_OK);
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)rand() % IDS;
        struct pl_uuid id = id_at(homes[i % 6], (uint8_t)i);
        if (there[i]) {
            assert_ptr_equal(pl_idmap_remove(&m, &id), &values[i]);
        } else {
            assert_int_equal(pl_idmap_put(&m, &id, &values[i]), POUCH_OK);
        }
        there[i] = !there[i];
        for (size_t j = 0; j < IDS; j++) {
            struct pl_uuid other = id_at(homes[j % 6], (uint8_t)j);
            assert_ptr_equal(pl_idmap_get(&m, &other), there[j] ? &values[j] : NULL);
        }
    }
    pl_idmap_free(&m);
}

static void draining_by_any_meets_each_value_once(void **state) {
    (void)state;
    enum { IDS = 5000 };
    static struct pl_uuid ids[IDS];
    struct pl_idmap m;
    srand(2);
    assert_int_equal(pl_idmap_init(&m, IDS), POUCH_OK);
    assert_null(pl_idmap_any(&m));
    for (size_t i = 0; i < IDS; i++) {
        ids[i] = id_at((uint64_t)rand() % 3000, 0);
        memcpy(&ids[i].b[8], &i, sizeof i);
        assert_int_equal(pl_idmap_put(&m, &ids[i], &ids[i]), POUCH_OK);
    }
    for (size_t i = 0; i < IDS; i++) {
        struct pl_uuid *id = pl_idmap_any(&m);
        assert_non_null(id);
        assert_ptr_equal(pl_idmap_remove(&m, id), id);
    }
    assert_null(pl_idmap_any(&m));
    assert_int_equal(m.count, 0);
    pl_idmap_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_got_until_removed),
        cmocka_unit_test(an_id_in_use_is_refused_and_keeps_its_value),
        cmocka_unit_test(a_full_map_refuses_until_one_leaves),
        cmocka_unit_test(removal_leaves_every_other_id_reachable),
        cmocka_unit_test(draining_by_any_meets_each_value_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
