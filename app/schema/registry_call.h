/* One call to a registry, with its retries. Inside the room. */
#ifndef POUCH_SCHEMA_REGISTRY_CALL_H
#define POUCH_SCHEMA_REGISTRY_CALL_H

#include <base/buf.h>
#include <json/json.h>
#include <schema/registry.h>

struct registry_call {
    const char *method;
    const char *path;   /* from the base on, in front of it a slash */
    const json_t *body; /* NULL: none */
    bool once;          /* it may not be sent again once it may have been done */
    int timeout_ms;     /* 0: schema.timeout */
};

/* *answer gets what came with a status of 2xx, whatever it is. */
POUCH_MUST_CHECK pouch_err schema_registry_call(struct registry *r, const struct registry_call *call, json_t **answer);

/* Appends "%2F" and such where a name has what a path may not have. Errors as pl_buf_append(). */
POUCH_MUST_CHECK pouch_err schema_registry_quote(struct pl_buf *path, const char *name);

/* For an answer that is JSON and not what was asked for. */
POUCH_MUST_CHECK pouch_err schema_registry_nonsense(const struct registry *r, const char *path);

#endif
