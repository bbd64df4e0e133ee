/* What `--listen` serves for a command that is a member of a group. */
#ifndef POUCH_OPS_MEMBER_H
#define POUCH_OPS_MEMBER_H

#include <bus/status.h>
#include <httpd/health.h>
#include <pouch/key.h>

struct ops_member {
    const char *role;
    struct pl_status *status;
    pouch_keyring *ring;                     /* NULL: it holds no key */
    void (*notes)(json_t *notes, void *arg); /* as httpd_owner's; NULL: none */
    void (*more)(json_t *into, void *arg);   /* adds members to /statusz, on the server's thread; NULL: none */
    void *arg;
    struct httpd_owner owner; /* ops_member_serve()'s */
};

/* Adds a text to reasons or notes; one that there is no memory for still counts. */
void ops_member_say(json_t *texts, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As httpd_health_start(). m stays until the server has been stopped. */
POUCH_MUST_CHECK pouch_err ops_member_serve(struct httpd_health **h, struct ops_member *m, const char *listen);

#endif
