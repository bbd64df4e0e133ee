/*
 * A schema, a payload and binary data, with a NUL between them, of either kind: whatever they are, what is written is
 * read again as the same bytes, and nothing is read beyond them.
 */
#include <schema/doc.h>
#include <schema/frame.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { OUT_MAX = 1 << 16 };

static void require(int truth) {
    if (!truth) abort();
}

/* The part in front of the next NUL, as text; what is behind it is left. */
static char *part(const uint8_t **data, size_t *n) {
    const uint8_t *end = memchr(*data, 0, *n);
    size_t length = end ? (size_t)(end - *data) : *n, past = length + (end != NULL);
    char *text = malloc(length + 1);
    require(text != NULL);
    memcpy(text, *data, length);
    text[length] = 0;
    *data += past;
    *n -= past;
    return text;
}

static void write_and_read(const struct schema_doc *doc, const char *payload) {
    struct pl_buf framed, text, again;
    pl_buf_init(&framed, OUT_MAX);
    pl_buf_init(&text, OUT_MAX);
    pl_buf_init(&again, OUT_MAX);
    pouch_err checked = schema_doc_check(doc, payload, strlen(payload));
    pouch_err e = schema_doc_encode(doc, payload, strlen(payload), &framed);
    require(e == checked || e == POUCH_E_TOO_LARGE);
    uint32_t id;
    if (!e) {
        require(!schema_frame_read(framed.at, framed.len, &id) && id == 7);
        e = schema_doc_decode(doc, framed.at + SCHEMA_FRAME_BYTES, framed.len - SCHEMA_FRAME_BYTES, &text);
        require(!e || e == POUCH_E_TOO_LARGE);
    }
    if (!e) e = schema_doc_encode(doc, text.at, text.len, &again);
    pl_buf_free(&framed);
    pl_buf_free(&text);
    pl_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!n) return 0;
    struct registry_schema schema = {.id = 7, .type = *data & 1 ? (char[]){"AVRO"} : (char[]){"JSON"}};
    data++;
    n--;
    char *text = part(&data, &n), *payload = part(&data, &n);
    schema.text = text;
    struct schema_doc *doc;
    struct pl_buf out;
    pl_buf_init(&out, OUT_MAX);
    pouch_err e = schema_doc_read(&doc, &schema);
    if (!e) {
        write_and_read(doc, payload);
        e = schema_doc_decode(doc, data, n, &out);
        require(!e || !out.len);
    }
    schema_doc_drop(doc);
    pl_buf_free(&out);
    free(text);
    free(payload);
    return 0;
}
