/* How many connections each address has. Of any thread. */
#ifndef POUCH_HTTPD_PEERS_H
#define POUCH_HTTPD_PEERS_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct httpd_peers {
    pthread_mutex_t lock;
    void *root;  /* of tsearch(3), under the lock; NULL: nobody is there */
    size_t most; /* 0: none is counted */
};

void httpd_peers_init(struct httpd_peers *p, size_t most);
void httpd_peers_free(struct httpd_peers *p); /* when all have left */

/* One more from there (or from an address of IPv4 in its place). False: there are as many as may be, or no memory. */
bool httpd_peers_enter(struct httpd_peers *p, const struct sockaddr_in6 *from);
void httpd_peers_leave(struct httpd_peers *p, const struct sockaddr_in6 *from);

#endif
