/*
 * How many connections each address has, so that one cannot take all there are. A tree, since with hashes clients could
 * choose addresses that meet.
 */
#include <httpd/peers.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_BYTES = 16, NETWORK_BYTES = 8 };

struct peer {
    uint8_t place[PLACE_BYTES];
    size_t n;
};

/* The address; of IPv6 the half that says which network, since the other half is its owner's to choose. */
static struct peer place_of(const struct sockaddr_in6 *from) {
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
    struct peer p = {0};
    if (from->sin6_family == AF_INET) {
        memcpy(p.place, mapped, sizeof mapped);
        memcpy(p.place + sizeof mapped, &v4->sin_addr, sizeof v4->sin_addr);
    } else {
        memcpy(p.place, &from->sin6_addr, IN6_IS_ADDR_V4MAPPED(&from->sin6_addr) ? PLACE_BYTES : NETWORK_BYTES);
    }
    return p;
}

static int compare(const void *a, const void *b) {
    return memcmp(((const struct peer *)a)->place, ((const struct peer *)b)->place, PLACE_BYTES);
}

static struct peer *find(const struct httpd_peers *p, const struct peer *wanted) {
    struct peer *const *found = tfind(wanted, &p->root, compare);
    return found ? *found : NULL;
}

/* NULL: no memory. */
static struct peer *add(struct httpd_peers *p, const struct peer *wanted) {
    struct peer *made = malloc(sizeof *made);
    if (!made) return NULL;
    *made = *wanted;
    if (tsearch(made, &p->root, compare)) return made;
    free(made);
    return NULL;
}

void httpd_peers_init(struct httpd_peers *p, size_t most) {
    *p = (struct httpd_peers){.most = most};
    pthread_mutex_init(&p->lock, NULL);
}

void httpd_peers_free(struct httpd_peers *p) {
    pthread_mutex_destroy(&p->lock);
}

bool httpd_peers_enter(struct httpd_peers *p, const struct sockaddr_in6 *from) {
    if (!p->most) return true;
    struct peer wanted = place_of(from);
    pthread_mutex_lock(&p->lock);
    struct peer *one = find(p, &wanted);
    if (!one) one = add(p, &wanted);
    bool room = one && one->n < p->most;
    if (room) one->n++;
    pthread_mutex_unlock(&p->lock);
    return room;
}

void httpd_peers_leave(struct httpd_peers *p, const struct sockaddr_in6 *from) {
    if (!p->most) return;
    struct peer wanted = place_of(from);
    pthread_mutex_lock(&p->lock);
    struct peer *one = find(p, &wanted);
    if (one && !--one->n) {
        tdelete(one, &p->root, compare);
        free(one);
    }
    pthread_mutex_unlock(&p->lock);
}
