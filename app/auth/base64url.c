#include <auth/base64url.h>

void auth_base64_encode(char *out, const uint8_t *in, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | in[i];
        for (have += 8; have >= 6; have -= 6) *out++ = digits[bits >> (have - 6) & 63];
    }
    if (have) *out = digits[bits << (6 - have) & 63];
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool auth_base64_decode(uint8_t *out, size_t *out_n, const char *in, size_t n) {
    uint32_t bits = 0;
    unsigned have = 0;
    *out_n = 0;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(in[i]);
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[(*out_n)++] = (uint8_t)(bits >> have);
    }
    return n % 4 != 1 && !(bits & ((UINT32_C(1) << have) - 1));
}
