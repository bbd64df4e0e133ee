/* What the endpoints say of themselves, as OpenAPI 3.1 and as a page for people. */
#ifndef POUCH_GATEWAY_OPENAPI_H
#define POUCH_GATEWAY_OPENAPI_H

#include <gateway/endpoint.h>

/* The whole description; NULL: no memory, or a schema of some part is no JSON (pouch_why() names it). */
json_t *gateway_openapi(void);

/* A page made from it, which loads nothing else. */
POUCH_MUST_CHECK pouch_err gateway_page(struct pl_buf *out, const json_t *openapi);

#endif
