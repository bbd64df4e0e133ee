/* Where a browser says that a request comes from, and which host it meant. No I/O. Inside the room. */
#ifndef POUCH_AUTH_ORIGIN_H
#define POUCH_AUTH_ORIGIN_H

#include <httpd/head.h>

/* "localhost", "127.1.2.3" or "[::1]", with or without a port: names that no DNS server answers for. */
bool auth_host_is_local(struct httpd_span host);

/* Whether the host of an address to listen on, "HOST:PORT", is one of those. */
bool auth_listen_is_local(const char *listen);

/* An address of this host, as httpd_call_peer() writes it. */
bool auth_peer_is_local(const char *peer);

/* Whether "https://app.example" is a page of the host that was asked. */
bool auth_origin_is_own(struct httpd_span origin, struct httpd_span host);

/* Whether it is one of the list: whole, or with a star in place of the beginning of its host. */
bool auth_origin_is_listed(struct httpd_span origin, const char *list);

#endif
