/* Base64 for URLs: one text for each row of bytes. */
#include <support.h>

#include <auth/base64url.h>

static void bytes_come_back_as_they_were(void **state) {
    uint8_t bytes[64], back[64];
    char text[AUTH_BASE64_CHARS(64)];
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        auth_base64_encode(text, bytes, len);
        assert_true(auth_base64_decode(back, &n, text, AUTH_BASE64_CHARS(len)));
        assert_int_equal(n, len);
        assert_memory_equal(back, bytes, len);
    }
    auth_base64_encode(text, (const uint8_t *)"\xfb\xff\xfe", 3);
    assert_memory_equal(text, "-__-", 4);
}

static void another_text_for_the_same_bytes_is_refused(void **state) {
    static const char *const texts[] = {"A", "AB", "AAB", "AA==", "AA=", "A A", "+_AA", "/_AA", "AAAAA", "AA\n"};
    uint8_t out[8];
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(auth_base64_decode(out, &n, texts[i], strlen(texts[i])));
    assert_true(auth_base64_decode(out, &n, "AA", 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(another_text_for_the_same_bytes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
