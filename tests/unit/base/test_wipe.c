/* No byte of a buffer that grew or was wiped is left in freed memory. */
#include <support.h>

#include <base/buf.h>
#include <malloc.h>
#include <sanitized.h>
#include <stdbool.h>

static const char secret[] = "the moon is made of cheese";
static bool found;

#ifndef TEST_SANITIZED
void __libc_free(void *p);

/* Exported, so that it stands in for the C library's. */
POUCH_API void free(void *p) {
    if (p && memmem(p, malloc_usable_size(p), secret, sizeof secret - 1)) found = true;
    __libc_free(p);
}
#endif

static void no_secret_is_left_in_freed_memory(void **state) {
    (void)state;
#ifdef TEST_SANITIZED
    skip();
#endif
    struct pl_buf b;
    pl_buf_init(&b, 10000);
    assert_int_equal(pl_buf_puts(&b, secret), POUCH_OK);
    assert_int_equal(pl_buf_reserve(&b, 500), POUCH_OK);
    assert_string_equal(b.at, secret);
    assert_false(found);

    pl_buf_reset(&b);
    assert_int_equal(pl_buf_puts(&b, ""), POUCH_OK);
    memcpy(b.at, secret, sizeof secret); /* beyond len, as after a reset */
    assert_int_equal(pl_buf_reserve(&b, 5000), POUCH_OK);
    assert_false(found);

    assert_int_equal(pl_buf_puts(&b, secret), POUCH_OK);
    pl_buf_wipe(&b);
    assert_false(found);
    assert_null(b.at);

    assert_int_equal(pl_buf_puts(&b, secret), POUCH_OK);
    pl_buf_free(&b);
    assert_true(found); /* free alone leaves it, so this test can see */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_secret_is_left_in_freed_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
