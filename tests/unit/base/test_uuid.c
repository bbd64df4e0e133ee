/* UUIDs: text there and back, and what is none. */
#include <support.h>

#include <base/uuid.h>

static void text_and_bytes_go_both_ways(void **state) {
    (void)state;
    static const struct {
        const char *text, *lower;
        uint8_t b[16];
    } rows[] = {
        {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000", {0}},
        {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
         "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
         {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6}},
        {"FFFFFFFF-ABCD-EFab-cdef-0123456789AB",
         "ffffffff-abcd-efab-cdef-0123456789ab",
         {0xff, 0xff, 0xff, 0xff, 0xab, 0xcd, 0xef, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_uuid u;
        char text[37];
        assert_true(pl_uuid_parse(&u, rows[i].text, 36));
        assert_memory_equal(u.b, rows[i].b, 16);
        pl_uuid_format(text, &u);
        assert_string_equal(text, rows[i].lower);
    }
}

static void a_text_with_one_wrong_character_is_no_uuid(void **state) {
    (void)state;
    static const char good[] = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";
    static const char wrong[] = {'g', '-', ' ', '\0', '0'};
    struct pl_uuid u;
    assert_true(pl_uuid_parse(&u, good, 36));
    for (size_t place = 0; place < 36; place++) {
        for (size_t i = 0; i < sizeof wrong; i++) {
            if ((good[place] == '-') == (wrong[i] == '-')) continue;
            if (good[place] != '-' && wrong[i] == '0') continue;
            char text[37];
            memcpy(text, good, sizeof text);
            text[place] = wrong[i];
            assert_false(pl_uuid_parse(&u, text, 36));
        }
    }
}

static void other_lengths_and_forms_are_no_uuid(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "-",
        "f81d4fae-7dec-41d0-a765-00a0c91e6bf",
        "f81d4fae-7dec-41d0-a765-00a0c91e6bf60",
        "f81d4fae7dec41d0a76500a0c91e6bf6",
        "{f81d4fae-7dec-41d0-a765-00a0c91e6bf6}",
        "urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
        "f81d4fae7-dec-41d0-a765-00a0c91e6bf6",
    };
    struct pl_uuid u;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_false(pl_uuid_parse(&u, rows[i], strlen(rows[i])));
}

static void a_drawn_uuid_says_version_4_and_keeps_its_other_bits(void **state) {
    (void)state;
    for (int fill = 0; fill < 256; fill++) {
        struct pl_uuid u;
        char text[37];
        memset(u.b, fill, sizeof u.b);
        pl_uuid_v4(&u);
        pl_uuid_format(text, &u);
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
        assert_int_equal(u.b[6] & 0x0f, fill & 0x0f);
        assert_int_equal(u.b[8] & 0x3f, fill & 0x3f);
        for (int i = 0; i < 16; i++)
            if (i != 6 && i != 8) assert_int_equal(u.b[i], fill);
    }
}

static void a_uuid_of_version_7_begins_with_its_time(void **state) {
    (void)state;
    struct pl_uuid u;
    char text[37];
    memset(u.b, 0xff, sizeof u.b);
    pl_uuid_v7(&u, 0x0192f0c15b7a);
    pl_uuid_format(text, &u);
    assert_string_equal(text, "0192f0c1-5b7a-7fff-bfff-ffffffffffff");
    memset(u.b, 0, sizeof u.b);
    pl_uuid_v7(&u, ((int64_t)1 << 48) - 1);
    pl_uuid_format(text, &u);
    assert_string_equal(text, "ffffffff-ffff-7000-8000-000000000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_go_both_ways),
        cmocka_unit_test(a_text_with_one_wrong_character_is_no_uuid),
        cmocka_unit_test(other_lengths_and_forms_are_no_uuid),
        cmocka_unit_test(a_drawn_uuid_says_version_4_and_keeps_its_other_bits),
        cmocka_unit_test(a_uuid_of_version_7_begins_with_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
