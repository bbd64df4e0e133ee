/* Who asks, for handlers. Any thread that has the call. */
#ifndef POUCH_GATEWAY_ADMIT_H
#define POUCH_GATEWAY_ADMIT_H

#include <gateway/gateway.h>

/*
 * Whoever was let in, for as long as the call. NULL: nobody, at an endpoint that is open. It is kept with
 * httpd_call_set(), which is therefore nobody else's.
 */
const struct auth_who *gateway_who(const struct httpd_call *c);

/*
 * Whether they may do that to the object (auth_may()), for endpoints with AUTH_EACH and for names in a body. False:
 * the answer is filled in with 403, and the handler returns *e.
 */
bool gateway_may(const struct httpd_call *c, struct httpd_answer *a, enum auth_action action, const char *object,
                 pouch_err *e);

#endif
