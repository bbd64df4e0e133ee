/*
 * A schema registry, by Confluent's REST interface. Each call is tried at every URL, and again with growing pauses, for
 * as long as it may take; nothing is kept between calls. Any number of threads.
 *
 * Errors of all calls, with the URL (never its password) and the next step in pouch_why():
 *   NO_RESPONDERS    nobody is there, or only servers that answer 5xx, 429, or what no registry answers
 *   TIMEOUT, CLOSED  no answer in time; stopped, or broken off on the way
 *   NOT_FOUND        there is no such subject, version or schema
 *   NOT_ALLOWED      it wants a user and a password, or another user
 *   TARGET_REFUSED   the schema is not compatible with those before it
 *   INVALID_PAYLOAD  it takes the schema, version or mode for none
 *   CONFIG           there is no registry under that path, or its certificate is not trusted
 *   NO_MEMORY
 */
#ifndef POUCH_SCHEMA_REGISTRY_H
#define POUCH_SCHEMA_REGISTRY_H

#include <conf/settings.h>
#include <json/json.h>
#include <pouch/error.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry;

/* Talks to nobody yet. CONFIG: schema.registry is unset, or not URLs. stop as http_post's, or NULL. s is not kept. */
POUCH_MUST_CHECK pouch_err schema_registry_open(struct registry **r, const struct pl_settings *s,
                                                const atomic_bool *stop);
void schema_registry_close(struct registry *r);

/* A schema as it is registered. */
struct registry_schema {
    char *subject; /* NULL: asked for by id */
    int version;   /* 0: asked for by id */
    uint32_t id;
    char *type; /* "AVRO", "JSON", "PROTOBUF" */
    char *text;
    bool refers; /* it has references to other subjects */
};
void schema_registry_schema_free(struct registry_schema *schema); /* its texts; it is empty then */

/* timeout_ms: less than schema.timeout where there is no time for that; 0: that. */
enum { REGISTRY_LATEST = 0 };
POUCH_MUST_CHECK pouch_err schema_registry_get(struct registry *r, const char *subject, int version, int timeout_ms,
                                               struct registry_schema *schema);
POUCH_MUST_CHECK pouch_err schema_registry_get_id(struct registry *r, uint32_t id, struct registry_schema *schema);

/* Arrays, of names and of version numbers. */
POUCH_MUST_CHECK pouch_err schema_registry_subjects(struct registry *r, json_t **names);
POUCH_MUST_CHECK pouch_err schema_registry_versions(struct registry *r, const char *subject, json_t **versions);

/* A version more of the subject; one that is there already keeps its id. */
POUCH_MUST_CHECK pouch_err schema_registry_put(struct registry *r, const char *subject, const char *type,
                                               const char *text, uint32_t *id);

/* Whether the schema could be the subject's next version. *reasons gets an array of texts; it may be NULL. */
POUCH_MUST_CHECK pouch_err schema_registry_test(struct registry *r, const char *subject, const char *type,
                                                const char *text, bool *compatible, json_t **reasons);

/* The mode of compatibility of a subject, also where it is the global one; subject NULL: that. */
POUCH_MUST_CHECK pouch_err schema_registry_mode(struct registry *r, const char *subject, char **mode);
POUCH_MUST_CHECK pouch_err schema_registry_set_mode(struct registry *r, const char *subject, const char *mode);

/* A version, or all (REGISTRY_LATEST): so that no new data has it (soft), or so that it is gone (permanent). */
POUCH_MUST_CHECK pouch_err schema_registry_delete(struct registry *r, const char *subject, int version, bool permanent,
                                                  json_t **versions);

#endif
