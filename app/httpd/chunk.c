#include <httpd/chunk.h>

enum { OK = 200, BAD = 400, TOO_LARGE = 413, EXTRA_TOO_LARGE = 431 };
enum { DIGITS_MAX = 15 };

/*
 * A size line with extensions (";name", ";name=value", ";name="quoted""), the chunk with its CR LF, and again; after
 * the size 0 the trailers, each a field, and an empty line.
 */
enum {
    SIZE,
    EXTENSIONS, /* blanks after a size or a value, which ";" must follow */
    NAME_BEGIN, /* and VALUE_BEGIN: blanks may precede what begins */
    NAME,
    NAME_END, /* blanks after a name */
    VALUE_BEGIN,
    VALUE,
    QUOTED,
    ESCAPED,
    QUOTED_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF
};

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool is_text(char c) {
    return (unsigned char)c >= ' ' ? c != 0x7f : c == '\t';
}

static int go(struct httpd_chunks *c, int state) {
    c->state = state;
    return 0;
}

/* What may follow a size, a name without a value, or a value. */
static int end_extension(struct httpd_chunks *c, char byte) {
    if (byte == '\r') return go(c, SIZE_LF);
    if (byte == ';') return go(c, NAME_BEGIN);
    return is_blank(byte) ? go(c, EXTENSIONS) : BAD;
}

static int read_size(struct httpd_chunks *c, char byte) {
    int digit = digit_of(byte);
    if (digit >= 0) {
        c->left = c->left * 16 + (uint64_t)digit;
        return ++c->digits > DIGITS_MAX ? BAD : 0;
    }
    if (!c->digits) return BAD;
    return end_extension(c, byte);
}

static int end_size(struct httpd_chunks *c, char byte) {
    if (byte != '\n') return BAD;
    if (c->left > c->room) return TOO_LARGE;
    c->room -= c->left;
    c->digits = 0;
    return go(c, c->left ? DATA : TRAILER);
}

static int read_name(struct httpd_chunks *c, char byte) {
    if (c->state == NAME_BEGIN && is_blank(byte)) return 0;
    if (c->state != NAME_END && httpd_is_token_char(byte)) return go(c, NAME);
    if (c->state == NAME_BEGIN) return BAD;
    if (byte == '=') return go(c, VALUE_BEGIN);
    if (is_blank(byte)) return go(c, NAME_END);
    return c->state == NAME || byte == ';' ? end_extension(c, byte) : BAD;
}

static int read_value(struct httpd_chunks *c, char byte) {
    if (c->state == VALUE_BEGIN && is_blank(byte)) return 0;
    if (c->state == VALUE_BEGIN && byte == '"') return go(c, QUOTED);
    if (httpd_is_token_char(byte)) return go(c, VALUE);
    return c->state == VALUE ? end_extension(c, byte) : BAD;
}

static int read_quoted(struct httpd_chunks *c, char byte) {
    if (!is_text(byte)) return BAD;
    if (c->state == ESCAPED) return go(c, QUOTED);
    return go(c, byte == '"' ? QUOTED_END : byte == '\\' ? ESCAPED : QUOTED);
}

static int read_extension(struct httpd_chunks *c, char byte) {
    switch (c->state) {
    case EXTENSIONS: return byte == ';' ? go(c, NAME_BEGIN) : is_blank(byte) ? 0 : BAD;
    case NAME_BEGIN:
    case NAME:
    case NAME_END: return read_name(c, byte);
    case VALUE_BEGIN:
    case VALUE: return read_value(c, byte);
    case QUOTED_END: return end_extension(c, byte);
    default: return read_quoted(c, byte);
    }
}

static int read_trailer(struct httpd_chunks *c, char byte) {
    if (c->state == TRAILER && byte == '\r') return go(c, END_LF);
    if (c->state == TRAILER) return httpd_is_token_char(byte) ? go(c, TRAILER_NAME) : BAD;
    if (c->state == TRAILER_NAME && byte == ':') return go(c, TRAILER_VALUE);
    if (c->state == TRAILER_NAME) return httpd_is_token_char(byte) ? 0 : BAD;
    return byte == '\r' ? go(c, TRAILER_LF) : is_text(byte) ? 0 : BAD;
}

static int read_byte(struct httpd_chunks *c, char byte) {
    switch (c->state) {
    case SIZE: return read_size(c, byte);
    case SIZE_LF: return end_size(c, byte);
    case DATA_CR: return byte == '\r' ? go(c, DATA_LF) : BAD;
    case DATA_LF: return byte == '\n' ? go(c, SIZE) : BAD;
    case TRAILER_LF: return byte == '\n' ? go(c, TRAILER) : BAD;
    case END_LF: return byte == '\n' ? OK : BAD;
    default: break;
    }
    if (++c->extra > HTTPD_CHUNK_EXTRA_MAX) return EXTRA_TOO_LARGE;
    return c->state < SIZE_LF ? read_extension(c, byte) : read_trailer(c, byte);
}

static void take_data(struct httpd_chunks *c, const char *at, size_t n, struct httpd_span *data) {
    *data = (struct httpd_span){at, n < c->left ? n : (size_t)c->left};
    c->left -= data->n;
    if (!c->left) c->state = DATA_CR;
}

int httpd_chunks_read(struct httpd_chunks *c, const char *at, size_t n, size_t *used, struct httpd_span *data) {
    *data = (struct httpd_span){0};
    *used = 0;
    while (*used < n) {
        if (c->state == DATA) {
            take_data(c, at + *used, n - *used, data);
            *used += data->n;
            return 0;
        }
        int status = read_byte(c, at[(*used)++]);
        if (status) return status;
    }
    return 0;
}
