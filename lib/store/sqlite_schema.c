#include <store/sqlite_schema.h>

/* Targets and tags are ordered by place. Times are milliseconds since the epoch. */
const struct pl_sqlite_schema pl_registry_schema = {
    .what = "registry",
    .version = 1,
    .sql = "CREATE TABLE registry(version INTEGER NOT NULL);"
           "INSERT INTO registry VALUES(0);"
           "CREATE TABLE route("
           " publisher TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT, enabled INTEGER NOT NULL,"
           " version INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
           "CREATE TABLE target("
           " publisher TEXT, place INTEGER, topic TEXT NOT NULL, PRIMARY KEY(publisher, place)) WITHOUT ROWID;"
           "CREATE TABLE service("
           " name TEXT PRIMARY KEY, version TEXT NOT NULL, description TEXT, endpoint TEXT,"
           " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
           "CREATE TABLE tag("
           " service TEXT, place INTEGER, tag TEXT NOT NULL, PRIMARY KEY(service, place)) WITHOUT ROWID;"
           "CREATE VIEW routes AS SELECT"
           " id AS route_id, publisher AS source_publisher,"
           " (SELECT group_concat(topic, ',') FROM target WHERE target.publisher = route.publisher) AS target_topic,"
           " service AS service_name, enabled, created_ms AS created_at, updated_ms AS updated_at FROM route;"
           "CREATE VIEW services AS SELECT"
           " name AS service_name, version, description, endpoint,"
           " (SELECT group_concat(tag, ',') FROM tag WHERE tag.service = service.name) AS tags,"
           " created_ms AS created_at, updated_ms AS updated_at FROM service;",
};
