#include <base/hex.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
enum { BLOCK = 16 }; /* bytes at a time; twice as many digits */

static __m128i digits_of(__m128i nibbles) {
    __m128i letter = _mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9));
    __m128i base = _mm_add_epi8(_mm_set1_epi8('0'), _mm_and_si128(letter, _mm_set1_epi8('a' - '9' - 1)));
    return _mm_add_epi8(nibbles, base);
}

/*
 * Encodes whole blocks and returns how many bytes those were. With in == out + n the digits
 * end at out + 2(i + BLOCK), which is at or before the next unread byte at out + n + i + BLOCK
 * because i + BLOCK <= n.
 */
static size_t encode_blocks(char *out, const uint8_t *in, size_t n) {
    const __m128i low = _mm_set1_epi8(0x0f);
    size_t i = 0;
    for (; n - i >= BLOCK; i += BLOCK) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(in + i));
        __m128i high_digits = digits_of(_mm_and_si128(_mm_srli_epi16(bytes, 4), low));
        __m128i low_digits = digits_of(_mm_and_si128(bytes, low));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i), _mm_unpacklo_epi8(high_digits, low_digits));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i + BLOCK), _mm_unpackhi_epi8(high_digits, low_digits));
    }
    return i;
}

static __m128i at_most(__m128i v, char limit) {
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(limit)), v);
}

/* The values of 16 digits; a byte of *good is cleared where there was no digit. */
static __m128i values_of(__m128i digits, __m128i *good) {
    __m128i number = _mm_sub_epi8(digits, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(digits, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i is_number = at_most(number, 9);
    __m128i is_letter = at_most(letter, 5);
    *good = _mm_and_si128(*good, _mm_or_si128(is_number, is_letter));
    return _mm_or_si128(_mm_and_si128(is_number, number),
                        _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
}

/* The byte of each pair of digit values, in the low half of its 16-bit lane. */
static __m128i joined(__m128i values) {
    __m128i both = _mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8));
    return _mm_and_si128(both, _mm_set1_epi16(0xff));
}

/* Decodes whole blocks and returns how many bytes those were. */
static size_t decode_blocks(uint8_t *out, const char *in, size_t n, bool *good) {
    __m128i all = _mm_set1_epi8(-1);
    size_t i = 0;
    for (; n - i >= BLOCK; i += BLOCK) {
        __m128i first = _mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i));
        __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i + BLOCK));
        __m128i bytes = _mm_packus_epi16(joined(values_of(first, &all)), joined(values_of(second, &all)));
        _mm_storeu_si128((__m128i *)(void *)(out + i), bytes);
    }
    *good = _mm_movemask_epi8(all) == 0xffff;
    return i;
}
#else
static size_t encode_blocks(char *out, const uint8_t *in, size_t n) {
    (void)out, (void)in, (void)n;
    return 0;
}

static size_t decode_blocks(uint8_t *out, const char *in, size_t n, bool *good) {
    (void)out, (void)in, (void)n;
    *good = true;
    return 0;
}
#endif

void pl_hex_encode(char *out, const uint8_t *in, size_t n) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = encode_blocks(out, in, n); i < n; i++) {
        uint8_t byte = in[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
}

bool pl_hex_decode(uint8_t *out, const char *in, size_t n) {
    bool good;
    size_t done = decode_blocks(out, in, n, &good);
    return pl_hex_decode_secret(out + done, in + 2 * done, n - done) && good;
}

/* All ones when low <= c <= high, else 0, by the sign of two differences. */
static unsigned in_range(unsigned c, unsigned low, unsigned high) {
    return (((low - 1 - c) & (c - high - 1)) >> 31) * ~0u;
}

/* The digit's value, or 0 and all ones in *bad. */
static unsigned value_of(unsigned c, unsigned *bad) {
    unsigned number = in_range(c, '0', '9');
    unsigned upper = in_range(c, 'A', 'F');
    unsigned lower = in_range(c, 'a', 'f');
    *bad |= ~(number | upper | lower);
    return (number & (c - '0')) | (upper & (c - 'A' + 10)) | (lower & (c - 'a' + 10));
}

bool pl_hex_decode_secret(uint8_t *out, const char *in, size_t n) {
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned high = value_of((uint8_t)in[2 * i], &bad);
        unsigned low = value_of((uint8_t)in[2 * i + 1], &bad);
        out[i] = (uint8_t)(high << 4 | low);
    }
    return bad == 0;
}
