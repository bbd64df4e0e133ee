#include <arpa/inet.h>
#include <auth/origin.h>
#include <string.h>
#include <strings.h>

static struct httpd_span without_port(struct httpd_span host) {
    const char *colon = host.n ? memrchr(host.at, ':', host.n) : NULL;
    const char *bracket = host.n ? memchr(host.at, ']', host.n) : NULL;
    if (colon && (host.at[0] != '[' || (bracket && colon > bracket))) host.n = (size_t)(colon - host.at);
    return host;
}

/* IPv4 in 127.0.0.0/8 or ::1, also where IPv6 has mapped it. */
static bool is_loopback(const char *text) {
    static const char mapped[] = "::ffff:";
    struct in_addr v4;
    struct in6_addr v6;
    if (!strncasecmp(text, mapped, sizeof mapped - 1)) text += sizeof mapped - 1;
    if (inet_pton(AF_INET, text, &v4) == 1) return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool auth_peer_is_local(const char *peer) {
    return is_loopback(peer);
}

bool auth_host_is_local(struct httpd_span host) {
    char text[INET6_ADDRSTRLEN];
    host = without_port(host);
    if (host.n == strlen("localhost") && !strncasecmp(host.at, "localhost", host.n)) return true;
    if (host.n > 2 && host.at[0] == '[' && host.at[host.n - 1] == ']') host.at++, host.n -= 2;
    if (!host.n || host.n >= sizeof text) return false;
    memcpy(text, host.at, host.n);
    text[host.n] = 0;
    return is_loopback(text);
}

bool auth_listen_is_local(const char *listen) {
    return auth_host_is_local((struct httpd_span){listen, strlen(listen)});
}

/* What is behind "http://" or "https://"; n 0: neither stands there, as in "null". */
static struct httpd_span host_of(struct httpd_span origin) {
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        if (origin.n > n && !strncasecmp(origin.at, schemes[i], n))
            return (struct httpd_span){origin.at + n, origin.n - n};
    }
    return (struct httpd_span){0};
}

/* The scheme is not compared: a proxy in front may speak TLS for a gateway that does not. */
bool auth_origin_is_own(struct httpd_span origin, struct httpd_span host) {
    struct httpd_span from = host_of(origin);
    return from.n && from.n == host.n && !strncasecmp(from.at, host.at, host.n);
}

/*
 * Anything that can be part of a host's name may stand for the star, which is behind the scheme: "*" is no pattern, or
 * it would be "null", the origin of pages that hide theirs.
 */
static bool fits(struct httpd_span origin, const char *pattern, size_t n) {
    const char *star = memchr(pattern, '*', n);
    if (!star) return origin.n == n && !strncasecmp(origin.at, pattern, n);
    size_t head = (size_t)(star - pattern), tail = n - head - 1;
    return memmem(pattern, head, "://", 3) && origin.n > head + tail && !strncasecmp(origin.at, pattern, head) &&
           !strncasecmp(origin.at + origin.n - tail, star + 1, tail) &&
           !memchr(origin.at + head, '/', origin.n - head - tail);
}

bool auth_origin_is_listed(struct httpd_span origin, const char *list) {
    for (const char *at = list; at && *(at += strspn(at, ", "));) {
        size_t n = strcspn(at, ", ");
        if (fits(origin, at, n)) return true;
        at += n;
    }
    return false;
}
