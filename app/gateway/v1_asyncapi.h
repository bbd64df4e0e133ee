#ifndef POUCH_GATEWAY_V1_ASYNCAPI_H
#define POUCH_GATEWAY_V1_ASYNCAPI_H

#include <conf/settings.h>
#include <json/json.h>
#include <store/store.h>

/* AsyncAPI 3 of n routes. No I/O. NULL: out of memory. */
json_t *gateway_asyncapi(const struct pl_settings *s, const struct pl_route_row *routes, size_t n);

#endif
