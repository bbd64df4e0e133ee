/* The address of a Redis. */
#ifndef POUCH_SHARE_URL_H
#define POUCH_SHARE_URL_H

#include <pouch/error.h>

struct share_url {
    char *host;
    int port;     /* 6379 unless given */
    int database; /* 0 unless given */
    char *user;   /* NULL: none */
    char *password;
    char *shown; /* the URL without user and password */
};

/*
 * redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], what is in percent decoded. CONFIG, without the password;
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err share_url_read(struct share_url *u, const char *text);
void share_url_free(struct share_url *u); /* wipes the password; also after a failure */

#endif
