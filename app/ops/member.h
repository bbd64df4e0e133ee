/* What `--listen` serves for a command that is a member of a group. */
#ifndef POUCH_OPS_MEMBER_H
#define POUCH_OPS_MEMBER_H

#include <bus/status.h>
#include <httpd/health.h>
#include <pouch/key.h>

struct ops_member {
    const char *role;
    struct pl_status *status;
    pouch_keyring *ring;                   /* NULL: it holds no key */
    void (*more)(json_t *into, void *arg); /* adds members to /statusz, on the server's thread; NULL: none */
    void *arg;
    struct httpd_owner owner; /* ops_member_serve()'s */
};

/* As httpd_health_start(). m stays until the server has been stopped. */
POUCH_MUST_CHECK pouch_err ops_member_serve(struct httpd_health **h, struct ops_member *m, const char *listen);

#endif
