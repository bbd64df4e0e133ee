/* A route goes back to what it was, unless somebody changes it meanwhile. */
#include <support.h>

#include <admin/rollback.h>
#include <folder.h>
#include <store/backend.h>

static struct test_folder folder;
static const struct pl_store_kind *real;
static int64_t reads_left; /* until another operator changes the route; 0: none does */

static void put_target(struct pl_store *s, const char *target) {
    char *targets[] = {(char *)target};
    struct pl_route_row r = {.publisher = (char *)"p", .targets = targets, .n_targets = 1, .enabled = true};
    assert_int_equal(pl_store_route_put(s, &r, -1), POUCH_OK);
    free(r.id);
}

static void count_read(void) {
    if (reads_left == 0 || --reads_left > 0) return;
    struct pl_store *other;
    assert_int_equal(pl_store_open(&other, folder.url), POUCH_OK);
    put_target(other, "theirs");
    pl_store_close(other);
}

static pouch_err routes(struct pl_store *s, struct pl_route_row **r, size_t *n, int64_t *version) {
    pouch_err e = real->routes(s, r, n, version);
    count_read();
    return e;
}

static pouch_err audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn, void *arg) {
    pouch_err e = real->audit(s, q, fn, arg);
    count_read();
    return e;
}

/* The target that the one route has. */
static void assert_target(struct pl_store *s, const char *target) {
    struct pl_route_row *r;
    size_t n;
    int64_t version;
    assert_int_equal(pl_store_routes(s, &r, &n, &version), POUCH_OK);
    assert_int_equal(n, 1);
    assert_string_equal(r[0].targets[0], target);
    pl_route_free(r, n);
}

/* A rollback of a route that had two changes, where another operator changes it after so many reads. */
static void roll_back(int64_t reads, pouch_err wanted, const char *target) {
    struct pl_store *s;
    struct pl_store_kind watched;
    struct pl_route_row *row;
    bool as_it_was;
    test_folder_make(&folder);
    assert_int_equal(pl_store_open(&s, folder.url), POUCH_OK);
    put_target(s, "first");
    put_target(s, "second");
    real = s->kind;
    watched = *real;
    watched.routes = routes;
    watched.audit = audit;
    s->kind = &watched;
    reads_left = reads;
    assert_int_equal(admin_rollback(s, "p", 0, -1, &row, &as_it_was), wanted);
    assert_int_equal(reads_left, 0);
    assert_false(as_it_was);
    s->kind = real;
    pl_route_free(row, row != NULL);
    assert_target(s, target);
    pl_store_close(s);
    test_folder_remove(&folder);
}

/* acceptance: B7 */
static void a_route_becomes_what_it_was_before_its_last_change(void **state) {
    (void)state;
    roll_back(0, POUCH_OK, "first");
}

/* acceptance: B7 */
static void a_change_made_meanwhile_is_not_overwritten(void **state) {
    (void)state;
    for (int64_t reads = 1; reads <= 2; reads++) roll_back(reads, POUCH_E_EXISTS, "theirs");
}

/* What is there, of an earlier version, or gone. */
static void roll_back_expecting(bool removed, int64_t expected, pouch_err wanted) {
    struct pl_store *s;
    struct pl_route_row *row;
    bool as_it_was;
    int64_t version;
    test_folder_make(&folder);
    assert_int_equal(pl_store_open(&s, folder.url), POUCH_OK);
    put_target(s, "first");
    put_target(s, "second");
    if (removed) assert_int_equal(pl_store_route_remove(s, "p", -1, &version), POUCH_OK);
    assert_int_equal(admin_rollback(s, "p", 1, expected, &row, &as_it_was), wanted);
    pl_route_free(row, row != NULL);
    if (!removed) assert_target(s, wanted ? "second" : "first");
    pl_store_close(s);
    test_folder_remove(&folder);
}

static void a_route_of_another_version_than_expected_stays(void **state) {
    (void)state;
    roll_back_expecting(false, 2, POUCH_OK);
    roll_back_expecting(false, 1, POUCH_E_EXISTS);
    roll_back_expecting(false, 0, POUCH_E_EXISTS);
    roll_back_expecting(true, 0, POUCH_OK);
    roll_back_expecting(true, 2, POUCH_E_EXISTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_becomes_what_it_was_before_its_last_change),
        cmocka_unit_test(a_change_made_meanwhile_is_not_overwritten),
        cmocka_unit_test(a_route_of_another_version_than_expected_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
