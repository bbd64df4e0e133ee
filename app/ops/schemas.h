/* What the commands of pouch schema share. */
#ifndef POUCH_OPS_SCHEMAS_H
#define POUCH_OPS_SCHEMAS_H

#include <ops/common.h>
#include <schema/registry.h>

enum { OPS_SCHEMA_MAX = 4 << 20 };   /* bytes of a schema's text */
enum { OPS_VERSION_MOST = 1 << 30 }; /* of a subject */

/* The registry that the settings name, and those settings where they are asked for, for pl_settings_free(). */
POUCH_MUST_CHECK pouch_err ops_schema_registry(const struct ops_call *call, struct registry **r, struct pl_settings *s);

/* --version, REGISTRY_LATEST when it is not given. CONFIG. */
POUCH_MUST_CHECK pouch_err ops_schema_version(const struct ops_call *call, int *version);

/* All of the file that the argument names; NULL or "-": of stdin. CONFIG: it cannot be read. TOO_LARGE. */
POUCH_MUST_CHECK pouch_err ops_schema_file(const char *name, struct pl_buf *text);

/* "AVRO" or "JSON": as --type says, or else JSON where the text names a draft of JSON Schema. */
const char *ops_schema_type(const struct ops_call *call, const struct pl_buf *text);

#endif
