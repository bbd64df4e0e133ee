/* What may have been meant. */
#include <support.h>

#include <base/nearest.h>
#include <stdio.h>
#include <string.h>

static const char *nearest_of(const char *written, size_t most, const char *const names[]) {
    static char name[128];
    struct pl_nearest n;
    pl_nearest_begin(&n, written, strlen(written), most);
    for (size_t i = 0; names[i]; i++) pl_nearest_offer(&n, names[i], strlen(names[i]));
    if (!n.name) return NULL;
    snprintf(name, sizeof name, "%.*s", (int)n.name_n, n.name);
    return name;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void the_nearest_of_several_is_found(void **state) {
    (void)state;
    assert_string_equal(nearest_of("reqest", 2, NAMES("register", "request", "requests")), "request");
    assert_string_equal(nearest_of("wroker", 2, NAMES("broker", "worker", "write")),
                        "broker");                                            /* one letter, not two */
    assert_string_equal(nearest_of("lst", 1, NAMES("last", "list")), "last"); /* the first of equals */
    assert_string_equal(nearest_of("", 1, NAMES("ab", "a")), "a");
    assert_string_equal(nearest_of("same", 0, NAMES("some", "same")), "same");
}

static void what_is_too_far_is_not_offered(void **state) {
    (void)state;
    char longer[65];
    memset(longer, 'x', 64);
    longer[64] = '\0';
    assert_null(nearest_of("lst", 0, NAMES("last", "list")));
    assert_null(nearest_of("frobnicate", 3, NAMES("request", "route")));
    assert_null(nearest_of(longer, SIZE_MAX - 1, NAMES("x")));
    assert_null(nearest_of("x", SIZE_MAX - 1, NAMES(longer)));
    assert_null(nearest_of("x", 3, NAMES(NULL)));
}

static void only_so_many_bytes_of_each_count(void **state) {
    (void)state;
    struct pl_nearest n;
    pl_nearest_begin(&n, "topc list", 4, 1);
    pl_nearest_offer(&n, "topic create", 5);
    assert_int_equal(n.name_n, 5);
    assert_int_equal(n.most, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_of_several_is_found),
        cmocka_unit_test(what_is_too_far_is_not_offered),
        cmocka_unit_test(only_so_many_bytes_of_each_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
