/* Every allocation of the room fails in turn: the error says so, nothing leaks. */
#include <support.h>

#include <oom.h>

#include "../crypto/ringfile.h"
#include <openssl/err.h>
#include <pouch/envelope.h>
#include <wire/dialect.h>

static pouch_keyring *ring;

/* OpenSSL's queue of errors holds memory, which is not ours to count. */
static bool ended(pouch_err e) {
    ERR_clear_error();
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    if (e) assert_non_null(strstr(pouch_why(), "memory"));
    return !e;
}

static bool seal_and_open(void) {
    char *envelope = NULL, *json = NULL;
    size_t n = 0;
    pouch_err e = pouch_seal(ring, NULL, "a.replies", "[1]", 3, NULL, &envelope, &n);
    if (!e) e = pouch_open(ring, envelope, n, NULL, &json, &n);
    if (!e) assert_string_equal(json, "[1]");
    pouch_free(envelope);
    pouch_free(json);
    return ended(e);
}

static bool build_dest(void) {
    pouch_dest *d = pouch_dest_topic("t");
    pouch_err e = d ? pouch_dest_set_key(d, "k") : POUCH_E_NO_MEMORY;
    if (!e) e = pouch_dest_add_header(d, "a", "1", 1);
    if (!e) e = pouch_dest_add_header(d, "b", NULL, 0);
    pouch_dest_free(d);
    return ended(e);
}

static bool write_reply(void) {
    struct pl_reply_text reply = {.payload = {"[1]", 3}, .error = {"e", 1}, .code = {"c", 1}};
    struct pl_buf out;
    pl_buf_init(&out, 1000);
    pouch_err e = pl_dialect_splp.write_reply(&out, &reply);
    pl_buf_free(&out);
    return ended(e);
}

static bool write_error(void) {
    struct pl_uuid id = {{0}};
    struct pl_buf out;
    pl_buf_init(&out, 10000);
    pouch_err e = pl_envelope_write_error(&out, &id, POUCH_E_NO_ROUTE, "no route");
    pl_buf_free(&out);
    return ended(e);
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    static bool (*const steps[])(void) = {seal_and_open, build_dest, write_reply, write_error};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_true(steps[i]()); /* what is made once a process or a ring is made now */
        assert_true(test_oom_each(steps[i]) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails_in_turn)};
    struct test_ringfile f;
    ring = test_ring(&f, TEST_KEY_A);
    unlink(f.path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pouch_keyring_free(ring);
    return failed;
}
