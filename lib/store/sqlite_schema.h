/* The tables of registry.db and of a trace file. The views have the names and columns that the tables of earlier systems have. Inside the room. */
#ifndef POUCH_STORE_SQLITE_SCHEMA_H
#define POUCH_STORE_SQLITE_SCHEMA_H

#include <store/sqlite.h>

extern const struct pl_sqlite_schema pl_registry_schema, pl_trace_schema;

#endif
