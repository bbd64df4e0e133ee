/* registry.db. */
#include <store/sqlite_schema.h>

/* Times are kept as milliseconds since the epoch; the views give them as people and other programs read them. */
#define TIME(ms) "strftime('%Y-%m-%dT%H:%M:%fZ', " ms " / 1000.0, 'unixepoch')"

/*
 * A write to a table by another program than ours gets a version too, and is noted as far as it can be: what was before
 * is what the last change left. Ours set registry.own for their time, and do all that themselves.
 */
#define NOW_MS "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
#define OTHERS(event, table, row, kind, name, stamp, state)                                                         \
    "CREATE TRIGGER " table "_" event " AFTER " event " ON " table " WHEN (SELECT own FROM registry) = 0 BEGIN"     \
    " UPDATE registry SET version = version + 1, own = 1;"                                                          \
    " " stamp " = (SELECT version FROM registry) WHERE " kind "." name " = " row ";"                                \
    " INSERT INTO audit SELECT version, " NOW_MS ", '" kind "', " row ", 'unknown', (SELECT after_state FROM audit" \
    " WHERE kind = '" kind "' AND name = " row                                                                      \
    " ORDER BY version DESC LIMIT 1), " state(row) " FROM registry;"                                                \
                                                   " UPDATE registry SET own = 0; END;"
#define OTHERS_ON(table, kind, column, name, stamp, state)           \
    OTHERS("INSERT", table, "new." column, kind, name, stamp, state) \
    OTHERS("UPDATE", table, "new." column, kind, name, stamp, state) \
    OTHERS("DELETE", table, "old." column, kind, name, stamp, state)
#define ROUTE_STAMP   "UPDATE route SET version"
#define TARGET_STAMP  "UPDATE route SET weights = NULL, version"
#define SERVICE_STAMP "UPDATE service SET revision"

#define AUDIT                                                                                       \
    "CREATE TABLE audit("                                                                           \
    " version INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL," \
    " who TEXT NOT NULL, before_state TEXT, after_state TEXT);"                                     \
    "CREATE INDEX audit_of ON audit(kind, name, version);"

/*
 * Targets and tags are ordered by place. Whoever writes targets knows of no weights, and makes the route one without.
 */
#define TRIGGERS                                                                         \
    OTHERS_ON("route", "route", "publisher", "publisher", ROUTE_STAMP, PL_ROUTE_STATE)   \
    OTHERS_ON("target", "route", "publisher", "publisher", TARGET_STAMP, PL_ROUTE_STATE) \
    OTHERS_ON("service", "service", "name", "name", SERVICE_STAMP, PL_SERVICE_STATE)     \
    OTHERS_ON("tag", "service", "service", "name", SERVICE_STAMP, PL_SERVICE_STATE)
#define NO_TRIGGERS_ON(table)                                                           \
    "DROP TRIGGER IF EXISTS " table "_INSERT; DROP TRIGGER IF EXISTS " table "_UPDATE;" \
    "DROP TRIGGER IF EXISTS " table "_DELETE;"
#define NO_TRIGGERS NO_TRIGGERS_ON("route") NO_TRIGGERS_ON("target") NO_TRIGGERS_ON("service") NO_TRIGGERS_ON("tag")

#define STATE_WITHOUT_WEIGHTS(name) PL_ROUTE_STATE_WITH(name, "NULL")

/* From version 1: what is there then is the first state that is known of it. Version 3 has weights. */
static const char *const registry_upgrades[] = {
    "ALTER TABLE registry ADD COLUMN own INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE service ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;" AUDIT
    "INSERT OR IGNORE INTO audit SELECT version, updated_ms, 'route', publisher, 'unknown', NULL,"
    " " STATE_WITHOUT_WEIGHTS(
        "r.publisher") " FROM route AS r;"
                       "INSERT INTO audit SELECT (SELECT version FROM registry) + row_number() OVER (ORDER BY name),"
                       " updated_ms, 'service', name, 'unknown', NULL, " PL_SERVICE_STATE(
                           "s.name") " FROM service AS s;"
                                     "UPDATE registry SET version = version + (SELECT count(*) FROM service);"
                                     "UPDATE service SET revision = (SELECT audit.version FROM audit WHERE kind = "
                                     "'service' AND audit.name ="
                                     " service.name);",
    "ALTER TABLE route ADD COLUMN weights TEXT;" NO_TRIGGERS TRIGGERS,
};

const struct pl_sqlite_schema pl_registry_schema = {
    .what = "registry",
    .version = 3,
    .upgrades = registry_upgrades,
    .sql =
        "CREATE TABLE registry(version INTEGER NOT NULL, own INTEGER NOT NULL);"
        "INSERT INTO registry VALUES(0, 0);"
        "CREATE TABLE route("
        " publisher TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT, enabled INTEGER NOT NULL,"
        " version INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, weights TEXT) WITHOUT "
        "ROWID;"
        "CREATE TABLE target("
        " publisher TEXT, place INTEGER, topic TEXT NOT NULL, PRIMARY KEY(publisher, place)) WITHOUT ROWID;"
        "CREATE TABLE service("
        " name TEXT PRIMARY KEY, version TEXT NOT NULL, description TEXT, endpoint TEXT,"
        " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;"
        "CREATE TABLE tag("
        " service TEXT, place INTEGER, tag TEXT NOT NULL, PRIMARY KEY(service, place)) WITHOUT ROWID;" AUDIT TRIGGERS
        "CREATE VIEW routes AS SELECT"
        " id AS route_id, publisher AS source_publisher,"
        " (SELECT group_concat(topic, ',') FROM target WHERE target.publisher = route.publisher) AS target_topic,"
        " service AS service_name, enabled, " TIME("created_ms") " AS created_at, " TIME(
            "updated_ms") " AS updated_at FROM route;"
                          "CREATE VIEW services AS SELECT"
                          " name AS service_name, version, description, endpoint,"
                          " (SELECT group_concat(tag, ',') FROM tag WHERE tag.service = service.name) AS tags,"
                          " " TIME("created_ms") " AS created_at, " TIME("updated_ms") " AS updated_at FROM service;",
};
