#include <base/hex.h>
#include <base/uuid.h>
#include <string.h>

/* How the 16 bytes fall into groups, and where each group stands in the text. */
static const struct {
    size_t byte, bytes, text;
} groups[] = {{0, 4, 0}, {4, 2, 9}, {6, 2, 14}, {8, 2, 19}, {10, 6, 24}};

enum { GROUPS = sizeof groups / sizeof groups[0], TEXT = 36 };

void pl_uuid_v4(struct pl_uuid *u) {
    u->b[6] = (uint8_t)((u->b[6] & 0x0f) | 0x40);
    u->b[8] = (uint8_t)((u->b[8] & 0x3f) | 0x80);
}

void pl_uuid_v7(struct pl_uuid *u, int64_t ms) {
    for (int i = 0; i < 6; i++) u->b[i] = (uint8_t)(ms >> 8 * (5 - i));
    u->b[6] = (uint8_t)((u->b[6] & 0x0f) | 0x70);
    u->b[8] = (uint8_t)((u->b[8] & 0x3f) | 0x80);
}

void pl_uuid_format(char out[37], const struct pl_uuid *u) {
    char digits[32];
    pl_hex_encode(digits, u->b, 16);
    for (size_t g = 0; g < GROUPS; g++) {
        memcpy(out + groups[g].text, digits + 2 * groups[g].byte, 2 * groups[g].bytes);
        out[groups[g].text + 2 * groups[g].bytes] = '-';
    }
    out[TEXT] = 0;
}

bool pl_uuid_parse(struct pl_uuid *u, const char *text, size_t n) {
    if (n != TEXT) return false;
    char digits[32];
    for (size_t g = 0; g < GROUPS; g++) {
        if (g && text[groups[g].text - 1] != '-') return false;
        memcpy(digits + 2 * groups[g].byte, text + groups[g].text, 2 * groups[g].bytes);
    }
    return pl_hex_decode(u->b, digits, 16);
}
