/* All parts, in the order in which they start. */
#include <gateway/state.h>

extern const struct gateway_part gateway_access, gateway_admission, gateway_broadcast, gateway_console, gateway_docs,
    gateway_events, gateway_health, gateway_history, gateway_subscriptions, gateway_messages, gateway_pages,
    gateway_requests, gateway_results, gateway_shared, gateway_traffic, gateway_v1_asyncapi, gateway_v1_cluster,
    gateway_v1_letters, gateway_v1_letters_do, gateway_v1_route_changes, gateway_v1_routes, gateway_v1_schemas,
    gateway_v1_services, gateway_v1_traces;

const struct gateway_part *const gateway_parts[] = {
    &gateway_shared,           &gateway_admission,   &gateway_access,      &gateway_messages,   &gateway_requests,
    &gateway_health,           &gateway_results,     &gateway_pages,       &gateway_console,    &gateway_docs,
    &gateway_subscriptions,    &gateway_broadcast,   &gateway_events,      &gateway_traffic,    &gateway_v1_routes,
    &gateway_v1_route_changes, &gateway_v1_services, &gateway_v1_traces,   &gateway_v1_letters, &gateway_v1_letters_do,
    &gateway_v1_cluster,       &gateway_v1_schemas,  &gateway_v1_asyncapi, &gateway_history,    NULL,
};
