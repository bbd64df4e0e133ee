/* Hexadecimal of every length around the 16-byte blocks, against the C library. */
#include <support.h>

#include <base/hex.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST = 70 };

typedef bool decode_fn(uint8_t *out, const char *in, size_t n);
static decode_fn *const decoders[] = {pl_hex_decode, pl_hex_decode_secret};

static void fill(uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * 89 + n);
}

static void expect(char *out, const uint8_t *in, size_t n) {
    for (size_t i = 0; i < n; i++) sprintf(out + 2 * i, "%02x", in[i]);
}

/* Each length has a block of its own size, so that a sanitizer sees one byte too many. */
static void every_length_encodes_as_printf_does(void **state) {
    (void)state;
    for (size_t n = 1; n <= LONGEST; n++) {
        uint8_t *in = malloc(n);
        char *out = malloc(2 * n), want[2 * LONGEST + 1];
        fill(in, n);
        expect(want, in, n);
        pl_hex_encode(out, in, n);
        assert_memory_equal(out, want, 2 * n);
        free(in);
        free(out);
    }
}

static void every_byte_encodes_and_decodes(void **state) {
    (void)state;
    uint8_t in[256], back[256];
    char out[512];
    for (int i = 0; i < 256; i++) in[i] = (uint8_t)i;
    pl_hex_encode(out, in, sizeof in);
    for (size_t d = 0; d < 2; d++) {
        memset(back, 0, sizeof back);
        assert_true(decoders[d](back, out, sizeof back));
        assert_memory_equal(in, back, sizeof in);
    }
}

static void encoding_works_in_the_place_of_its_input(void **state) {
    (void)state;
    for (size_t n = 1; n <= LONGEST; n++) {
        char *place = malloc(2 * n), want[2 * LONGEST + 1];
        fill((uint8_t *)place + n, n);
        expect(want, (uint8_t *)place + n, n);
        pl_hex_encode(place, (uint8_t *)place + n, n);
        assert_memory_equal(place, want, 2 * n);
        free(place);
    }
}

static void decoding_works_in_the_place_of_its_input(void **state) {
    (void)state;
    for (size_t d = 0; d < 2; d++) {
        for (size_t n = 1; n <= LONGEST; n++) {
            uint8_t want[LONGEST];
            char digits[2 * LONGEST + 1], *place = malloc(2 * n);
            fill(want, n);
            expect(digits, want, n);
            memcpy(place, digits, 2 * n);
            assert_true(decoders[d]((uint8_t *)place, place, n));
            assert_memory_equal(place, want, n);
            free(place);
        }
    }
}

/* In each place of a text with a block and a tail, each of the 256 characters. */
static void each_character_is_a_digit_exactly_when_strtol_says_so(void **state) {
    (void)state;
    for (size_t d = 0; d < 2; d++) {
        for (size_t place = 0; place < 38; place++) {
            for (int c = 0; c < 256; c++) {
                char text[38], one[2] = {(char)c, 0}, *end;
                memset(text, '7', sizeof text);
                text[place] = (char)c;
                long value = strtol(one, &end, 16);
                bool digit = c && end == one + 1;
                uint8_t out[19];
                assert_int_equal(decoders[d](out, text, 19), digit);
                if (digit) assert_int_equal(out[place / 2], place % 2 ? 0x70 + value : value * 16 + 7);
            }
        }
    }
}

/* Whatever the length and whatever stands in the way, wherever it does. */
static void skipping_ends_at_the_first_byte_that_is_no_digit(void **state) {
    (void)state;
    enum { MOST = 300 };
    for (size_t n = 0; n <= MOST; n++) {
        char *text = calloc(n ? n : 1, 1); /* of its own size, so that a sanitizer sees what is read beyond it */
        for (size_t i = 0; i < n; i++) text[i] = "0123456789abcdefABCDEF"[i % 22];
        assert_ptr_equal(pl_hex_skip(text, text + n), text + n);
        for (size_t place = 0; place < n; place++) {
            char was = text[place];
            text[place] = "\0/:@G`g\x80\xff\""[(n + place) % 10];
            assert_ptr_equal(pl_hex_skip(text, text + n), text + place);
            text[place] = was;
        }
        free(text);
    }
}

static void each_character_is_skipped_exactly_when_it_decodes(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[38];
        uint8_t out[19];
        memset(text, '7', sizeof text);
        text[1] = text[37] = (char)c;
        bool skipped = pl_hex_skip(text, text + sizeof text) == text + sizeof text;
        assert_int_equal(skipped, pl_hex_decode(out, text, sizeof out));
    }
}

static void nothing_encodes_and_decodes_to_nothing(void **state) {
    (void)state;
    pl_hex_encode(NULL, NULL, 0);
    assert_true(pl_hex_decode(NULL, NULL, 0));
    assert_true(pl_hex_decode_secret(NULL, NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_encodes_as_printf_does),
        cmocka_unit_test(every_byte_encodes_and_decodes),
        cmocka_unit_test(encoding_works_in_the_place_of_its_input),
        cmocka_unit_test(decoding_works_in_the_place_of_its_input),
        cmocka_unit_test(each_character_is_a_digit_exactly_when_strtol_says_so),
        cmocka_unit_test(skipping_ends_at_the_first_byte_that_is_no_digit),
        cmocka_unit_test(each_character_is_skipped_exactly_when_it_decodes),
        cmocka_unit_test(nothing_encodes_and_decodes_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
