/* What the endpoints on routes and services share. */
#ifndef POUCH_GATEWAY_V1_ROUTES_H
#define POUCH_GATEWAY_V1_ROUTES_H

#include <gateway/v1.h>

#define GATEWAY_V1_PUBLISHER                            \
    (const struct gateway_param[]) {                    \
        GATEWAY_V1_PATH("publisher", "Whose route."), { \
            0                                           \
        }                                               \
    }
#define GATEWAY_V1_CHANGED                                                   \
    (const struct gateway_param[]) {                                         \
        GATEWAY_V1_PATH("publisher", "Whose route."), GATEWAY_V1_IF_MATCH, { \
            0                                                                \
        }                                                                    \
    }
#define GATEWAY_V1_NO_ROUTE \
    { 404, "There is no such route.", "Problem", NULL }
#define GATEWAY_V1_CONFLICT \
    { 412, "It is of another version by now.", "Problem", NULL }
#define GATEWAY_V1_UNCONDITIONAL \
    { 428, "The change does not say which version it is for.", "Problem", NULL }

/* Answers with a route that was put, and tells the centers of it unless it was so already. */
POUCH_MUST_CHECK pouch_err gateway_v1_route_put(struct gateway *g, const struct httpd_call *c, struct httpd_answer *a,
                                                const struct pl_route_row *r, bool as_it_was);

#endif
