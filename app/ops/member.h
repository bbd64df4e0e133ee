/* What `--listen` serves for a command that is a member of a group. */
#ifndef POUCH_OPS_MEMBER_H
#define POUCH_OPS_MEMBER_H

#include <bus/status.h>
#include <httpd/health.h>
#include <ops/notify.h>
#include <pouch/key.h>

struct ops_member {
    const char *role;
    struct pl_status *status;
    pouch_keyring *ring;                     /* NULL: it holds no key */
    void (*notes)(json_t *notes, void *arg); /* as httpd_owner's; NULL: none */
    void (*more)(json_t *into, void *arg);   /* adds members to /statusz, on the server's thread; NULL: none */
    void *arg;
    struct httpd_owner owner; /* ops_member_serve()'s, as the next */
    struct ops_notify *notify;
    struct httpd_health *health;
};

/* As httpd_health_start(); the service manager is told as well. m stays until ops_member_end(). */
POUCH_MUST_CHECK pouch_err ops_member_serve(struct ops_member *m, const char *listen);
void ops_member_end(struct ops_member *m);

#endif
