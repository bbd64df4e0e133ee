/*
 * A registered schema, read: what payloads are checked, encoded and decoded by. Never changed, so any thread may use
 * it.
 */
#ifndef POUCH_SCHEMA_DOC_H
#define POUCH_SCHEMA_DOC_H

#include <base/buf.h>
#include <pouch/error.h>
#include <schema/registry.h>

struct schema_doc;

/*
 * With one reference to it. INVALID_PAYLOAD: the text is no schema of its type. CONFIG: of a type, draft or with
 * references that are not supported. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err schema_doc_read(struct schema_doc **doc, const struct registry_schema *schema);

struct schema_doc *schema_doc_keep(struct schema_doc *doc); /* one reference more; gives doc */
void schema_doc_drop(struct schema_doc *doc);               /* one less, the last frees it; NULL is allowed */

uint32_t schema_doc_id(const struct schema_doc *doc);

/* As schema_check(), schema_encode() and schema_decode(), the bytes behind the id for the last. */
POUCH_MUST_CHECK pouch_err schema_doc_check(const struct schema_doc *doc, const void *payload, size_t n);
POUCH_MUST_CHECK pouch_err schema_doc_encode(const struct schema_doc *doc, const void *payload, size_t n,
                                             struct pl_buf *out);
POUCH_MUST_CHECK pouch_err schema_doc_decode(const struct schema_doc *doc, const void *data, size_t n,
                                             struct pl_buf *out);

#endif
