#include <base/why.h>
#include <schema/avro.h>
#include <schema/doc.h>
#include <schema/frame.h>
#include <schema/jsonschema.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BINARY_MAX = 64 << 20 };

struct schema_doc {
    atomic_uint references;
    uint32_t id;
    struct avro_schema *avro; /* one of the two */
    struct jsonschema *json;
};

pouch_err schema_doc_read(struct schema_doc **doc, const struct registry_schema *schema) {
    *doc = NULL;
    if (schema->refers)
        return pl_fail(POUCH_E_CONFIG,
                       "schema %u has references to other subjects, which are not supported: register it "
                       "with what they stand for in it",
                       schema->id);
    struct schema_doc *d = calloc(1, sizeof *d);
    if (!d) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a schema");
    d->references = 1;
    d->id = schema->id;
    pouch_err e;
    if (!strcmp(schema->type, "AVRO"))
        e = schema_avro_compile(&d->avro, schema->text, strlen(schema->text));
    else if (!strcmp(schema->type, "JSON"))
        e = schema_json_read(&d->json, schema->text, strlen(schema->text));
    else
        e = pl_fail(POUCH_E_CONFIG, "schema %u is of type %.30s; AVRO and JSON are supported", schema->id,
                    schema->type);
    if (e)
        schema_doc_drop(d);
    else
        *doc = d;
    return e;
}

struct schema_doc *schema_doc_keep(struct schema_doc *doc) {
    atomic_fetch_add(&doc->references, 1);
    return doc;
}

void schema_doc_drop(struct schema_doc *doc) {
    if (!doc || atomic_fetch_sub(&doc->references, 1) != 1) return;
    schema_avro_free(doc->avro);
    schema_json_free(doc->json);
    free(doc);
}

uint32_t schema_doc_id(const struct schema_doc *doc) {
    return doc->id;
}

/* ---- payloads ---- */

/* out as it was at that length. */
static void cut(struct pl_buf *out, size_t n) {
    out->len = n;
    if (out->at) out->at[n] = 0;
}

pouch_err schema_doc_check(const struct schema_doc *doc, const void *payload, size_t n) {
    json_t *value;
    pouch_err e = pl_json_read_payload(&value, "payload", payload, n);
    if (e) return e;
    if (doc->json) {
        e = schema_json_check(doc->json, value, n);
    } else {
        struct pl_buf binary;
        pl_buf_init(&binary, BINARY_MAX);
        e = schema_avro_write(doc->avro, value, n, &binary);
        pl_buf_wipe(&binary);
        /* It would be as large at every other try. */
        if (e == POUCH_E_TOO_LARGE) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the payload is too large in Avro");
    }
    json_decref(value);
    return e;
}

pouch_err schema_doc_encode(const struct schema_doc *doc, const void *payload, size_t n, struct pl_buf *out) {
    json_t *value;
    size_t before = out->len;
    pouch_err e = pl_json_read_payload(&value, "payload", payload, n);
    if (e) return e;
    e = schema_frame_put(out, doc->id);
    if (!e && doc->json) e = schema_json_check(doc->json, value, n);
    if (!e) e = doc->json ? pl_buf_append(out, payload, n) : schema_avro_write(doc->avro, value, n, out);
    if (e) cut(out, before);
    json_decref(value);
    return e;
}

static pouch_err put_json(const json_t *value, struct pl_buf *out) {
    size_t n;
    char *text = pl_json_text(value, &n);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a payload");
    pouch_err e = pl_buf_append(out, text, n);
    explicit_bzero(text, n);
    free(text);
    return e;
}

pouch_err schema_doc_decode(const struct schema_doc *doc, const void *data, size_t n, struct pl_buf *out) {
    json_t *value = NULL;
    pouch_err e;
    if (doc->json) {
        e = pl_json_read_payload(&value, "payload", data, n);
        if (!e) e = schema_json_check(doc->json, value, n);
        if (!e) e = pl_buf_append(out, data, n);
    } else {
        e = schema_avro_read(doc->avro, data, n, out->max - out->len, &value);
        if (!e) e = put_json(value, out);
    }
    json_decref(value);
    return e;
}
