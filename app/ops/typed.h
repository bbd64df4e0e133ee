/*
 * --schema and --reply-schema: requests and replies in clear are checked against what a schema registry says of a
 * subject, where they are sent and where they are taken.
 */
#ifndef POUCH_OPS_TYPED_H
#define POUCH_OPS_TYPED_H

#include <ops/ops.h>
#include <schema/schema.h>

/* For the flags of request, send and worker. */
#define OPS_SCHEMA_FLAG \
    { "--schema", 0, "SUBJECT", false, "requests are as this subject's newest schema says; auto: TOPIC-value" }
#define OPS_REPLY_SCHEMA_FLAG \
    { "--reply-schema", 0, "SUBJECT", false, "and replies as this one's; auto: TOPIC.replies-value" }

struct ops_typed;

/* CONFIG: auto, where requests go to a publisher. */
POUCH_MUST_CHECK pouch_err ops_typed_flags(const struct ops_call *call);

/*
 * By the flags, a validator for what is made of call's options; without them *t is NULL. CONFIG: no registry is set.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err ops_typed_open(struct ops_typed **t, const struct ops_call *call);

/*
 * Gets the schemas for these topics, n of them, or for what has no topic: as schema_fetch(). t may be NULL.
 */
POUCH_MUST_CHECK pouch_err ops_typed_fetch(struct ops_typed *t, const char *const topics[], size_t n);

/* A check that waits for the registry ends at once, as do those to come. NULL is allowed, here and below. */
void ops_typed_stop(struct ops_typed *t);

/* What was made of the options is gone. */
void ops_typed_close(struct ops_typed *t);

/* The subject that a flag's value names for requests to a topic, or replies; own gives room. NULL: value is. */
const char *ops_subject(const char *value, const char *topic, bool reply, char own[static SCHEMA_SUBJECT_MAX]);

#endif
