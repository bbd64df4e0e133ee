/*
 * The tables of registry.db and of a trace file. The views have the names and columns that the tables of earlier
 * systems have. Inside the room.
 */
#ifndef POUCH_STORE_SQLITE_SCHEMA_H
#define POUCH_STORE_SQLITE_SCHEMA_H

#include <store/sqlite.h>

/* The expressions that give what state.h says, as text; NULL when there is none of that name. */
#define PL_ROUTE_STATE(name) PL_ROUTE_STATE_WITH(name, "weights")
#define PL_ROUTE_STATE_WITH(name, weights)                                                                       \
    "(SELECT json_insert(json_object('publisher', publisher, 'id', id, 'targets', json(iif(" weights " IS NULL," \
    " (SELECT json_group_array(topic) FROM"                                                                      \
    " (SELECT topic FROM target WHERE target.publisher = route.publisher ORDER BY place)),"                      \
    " (SELECT json_group_array(key) FROM json_each(" weights ")))), 'service', service,"                         \
    " 'enabled', json(iif(enabled, 'true', 'false'))),"                                                          \
    " iif(" weights " IS NULL, '$.publisher', '$.weights'), json(" weights "))"                                  \
    " FROM route WHERE publisher = " name ")"
#define PL_SERVICE_STATE(wanted)                                                                              \
    "(SELECT json_object('name', name, 'version', version, 'description', description, 'endpoint', endpoint," \
    " 'tags', json((SELECT json_group_array(tag) FROM (SELECT tag FROM tag WHERE tag.service = service.name"  \
    " ORDER BY place)))) FROM service WHERE name = " wanted ")"

extern const struct pl_sqlite_schema pl_registry_schema, pl_trace_schema;

#endif
