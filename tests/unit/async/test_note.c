/* The note of a request, written and read. */
#include <support.h>

#include <async/note.h>

#define ID   "0b7f7e3e-6c7e-4a49-8a51-0d6a4f0e9b11"
#define HASH "00112233445566778899aabbccddeeff"

static void a_note_is_read_as_it_was_written(void **state) {
    (void)state;
    for (int has_key = 0; has_key < 2; has_key++) {
        struct async_note note = {.owner = "jwt:\"Zo\xc3\xab\"@issuer", .asked_ms = 17, .deadline_ms = 1700000000000},
                          again;
        struct pl_buf out;
        pl_buf_init(&out, 4096);
        assert_true(pl_uuid_parse(&note.id, ID, 36));
        note.has_key = has_key;
        note.fate = has_key ? ASYNC_VOID : ASYNC_SENT;
        for (size_t i = 0; i < sizeof note.body.b; i++) note.body.b[i] = (uint8_t)(200 + i);
        for (size_t i = 0; has_key && i < sizeof note.key.b; i++) note.key.b[i] = (uint8_t)i;
        assert_int_equal(async_note_write(&out, &note), POUCH_OK);
        assert_int_equal(async_note_read(&again, out.at, out.len), POUCH_OK);
        assert_string_equal(again.owner, note.owner);
        assert_memory_equal(&again.id, &note.id, sizeof note.id);
        assert_memory_equal(&again.body, &note.body, sizeof note.body);
        assert_memory_equal(&again.key, &note.key, sizeof note.key);
        assert_int_equal(again.has_key, has_key);
        assert_int_equal(again.fate, note.fate);
        assert_int_equal(again.asked_ms, note.asked_ms);
        assert_int_equal(again.deadline_ms, note.deadline_ms);
        pl_buf_free(&out);
    }
}

static void what_is_no_note_is_refused(void **state) {
    static const char *const bad[] = {
        "",
        "garbage",
        "[]",
        "{}",
        "{\"owner\":\"a\",\"asked\":1,\"deadline\":2,\"body\":\"" HASH "\"}",
        "{\"note\":\"x\",\"owner\":\"a\",\"asked\":1,\"deadline\":2,\"body\":\"" HASH "\"}",
        "{\"note\":\"" ID "\",\"owner\":7,\"asked\":1,\"deadline\":2,\"body\":\"" HASH "\"}",
        "{\"note\":\"" ID "\",\"owner\":\"a\",\"asked\":-1,\"deadline\":2,\"body\":\"" HASH "\"}",
        "{\"note\":\"" ID "\",\"owner\":\"a\",\"asked\":1,\"deadline\":9223372036854775807,\"body\":\"" HASH "\"}",
        "{\"note\":\"" ID "\",\"owner\":\"a\",\"asked\":1,\"deadline\":\"2\",\"body\":\"" HASH "\"}",
        "{\"note\":\"" ID "\",\"owner\":\"a\",\"asked\":1,\"deadline\":2,\"body\":\"00\"}",
        "{\"note\":\"" ID "\",\"owner\":\"a\",\"asked\":1,\"deadline\":2,\"body\":\"" HASH "\",\"key\":\"zz\"}",
        "{\"note\":\"" ID "\",\"owner\":\"a\",\"asked\":1,\"deadline\":2,\"body\":\"" HASH "\",\"fate\":\"asked\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct async_note note;
        if (async_note_read(&note, bad[i], strlen(bad[i])) != POUCH_E_INVALID_PAYLOAD) fail_msg("taken: %s", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_note_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
