#include <base/hex.h>
#include <string.h>

/* Sixteen at a time, in the compiler's vectors: SSE2 on every x86-64, NEON on every arm64, plain code elsewhere. */
typedef uint8_t block __attribute__((vector_size(16)));

enum { BLOCK = sizeof(block) };

static block load(const void *from) {
    block b;
    memcpy(&b, from, BLOCK);
    return b;
}

static block digits_of(block nibbles) {
    block letter = (block)(nibbles > 9);
    return nibbles + '0' + (letter & ('a' - '9' - 1));
}

static void encode_block(char *out, const uint8_t *in) {
    block bytes = load(in);
    block high = digits_of(bytes >> 4), low = digits_of(bytes & 15);
    block first = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    block second = __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    memcpy(out, &first, BLOCK);
    memcpy(out + BLOCK, &second, BLOCK);
}

/*
 * With in == out + n, a block's digits end at out + 2(i + BLOCK), which is at or before the
 * next unread byte at out + n + i + BLOCK, because i + BLOCK <= n. The same holds for a byte.
 */
void pl_hex_encode(char *out, const uint8_t *in, size_t n) {
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;
    for (; n - i >= BLOCK; i += BLOCK) encode_block(out + 2 * i, in + i);
    for (; i < n; i++) {
        uint8_t byte = in[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
}

/* The values of 16 digits; a byte of *good is cleared where there was no digit. */
static block values_of(block digits, block *good) {
    block number = digits - '0', letter = (digits | 0x20) - 'a';
    block is_number = (block)(number <= 9), is_letter = (block)(letter <= 5);
    *good &= is_number | is_letter;
    return (digits & 15) + (is_letter & 9); /* 'a' and 'A' end in 1 */
}

static bool are_digits(const char *in, int blocks) {
    const block all = ~(block){0};
    block good = all;
    for (int i = 0; i < blocks; i++) values_of(load(in + i * BLOCK), &good);
    return memcmp(&good, &all, BLOCK) == 0;
}

static bool is_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

const char *pl_hex_skip(const char *at, const char *end) {
    enum { STRIDE = 8 }; /* blocks that are looked at before the loop may end */
    while (end - at >= STRIDE * BLOCK && are_digits(at, STRIDE)) at += STRIDE * BLOCK;
    while (end - at >= BLOCK && are_digits(at, 1)) at += BLOCK;
    while (at < end && is_digit(*at)) at++;
    return at;
}

static void decode_block(uint8_t *out, const char *in, block *good) {
    block first = values_of(load(in), good), second = values_of(load(in + BLOCK), good);
    block high = __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    block low = __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    block bytes = high << 4 | low;
    memcpy(out, &bytes, BLOCK);
}

bool pl_hex_decode(uint8_t *out, const char *in, size_t n) {
    const block all = ~(block){0};
    block good = all;
    size_t i = 0;
    for (; n - i >= BLOCK; i += BLOCK) decode_block(out + i, in + 2 * i, &good);
    if (i < n) {
        char digits[2 * BLOCK];
        uint8_t bytes[BLOCK];
        memset(digits, '0', sizeof digits);
        memcpy(digits, in + 2 * i, 2 * (n - i));
        decode_block(bytes, digits, &good);
        memcpy(out + i, bytes, n - i);
    }
    return memcmp(&good, &all, BLOCK) == 0;
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
