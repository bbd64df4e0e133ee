/* "HOST:PORT" becomes a socket. */
#include <arpa/inet.h>
#include <base/log.h>
#include <base/why.h>
#include <errno.h>
#include <httpd/state.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_MAX = 256, PORT_MAX = 65535 };

/* Digits only, since getaddrinfo() would take a sign and names of services as well. */
static bool is_port(const char *text) {
    size_t n = strspn(text, "0123456789");
    return n && n <= 5 && !text[n] && strtol(text, NULL, 10) <= PORT_MAX;
}

static pouch_err split(const char *listen, char host[HOST_MAX], const char **port) {
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    bool bracketed = n >= 2 && listen[0] == '[' && listen[n - 1] == ']';
    if (!colon || n >= HOST_MAX || !is_port(colon + 1) || (!bracketed && memchr(listen, ':', n)))
        return pl_fail(POUCH_E_CONFIG,
                       "listen \"%s\" is no address to listen on: write HOST:PORT, such as 127.0.0.1:9464, [::1]:9464, "
                       ":9464 for all addresses, or port 0 for any that is free",
                       listen);
    snprintf(host, HOST_MAX, "%.*s", (int)(bracketed ? n - 2 : n), listen + bracketed);
    *port = colon + 1;
    return POUCH_OK;
}

static pouch_err failed(const char *listen, int error) {
    if (error == EADDRINUSE)
        return pl_fail(
            POUCH_E_CONFIG,
            "listen %s: another program listens there; stop it, or choose another port (0: any that is free)", listen);
    if (error == EACCES)
        return pl_fail(POUCH_E_NOT_ALLOWED, "listen %s: this user may not have that port; choose one from 1024 on",
                       listen);
    if (error == EMFILE || error == ENFILE)
        return pl_fail(POUCH_E_OVERLOADED, "listen %s: no file descriptor is left; raise `ulimit -n`", listen);
    return pl_fail(POUCH_E_CONFIG, "listen %s: %s; does this host have that address?", listen, strerror(error));
}

/* A socket that listens, or -1 and errno. */
static int open_at(const struct addrinfo *a, int queue) {
    int on = 1, off = 0;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, queue)) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool is_loopback(const struct sockaddr_storage *s) {
    if (s->ss_family == AF_INET) return ntohl(((const struct sockaddr_in *)s)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)s)->sin6_addr);
}

static void tell(struct httpd *h, int fd) {
    struct sockaddr_storage s;
    socklen_t n = sizeof s;
    char host[INET6_ADDRSTRLEN], port[8], url[INET6_ADDRSTRLEN + 32];
    if (getsockname(fd, (struct sockaddr *)&s, &n) ||
        getnameinfo((struct sockaddr *)&s, n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    h->port = (int)strtol(port, NULL, 10);
    snprintf(url, sizeof url, s.ss_family == AF_INET6 ? "%s://[%s]:%s" : "%s://%s:%s",
             h->options.tls ? "https" : "http", host, port);
    PL_LOG(PL_LOG_INFO, h->options.serving, "url", url);
    if (h->options.open_to_all && !is_loopback(&s))
        PL_LOG(PL_LOG_WARN, "whoever reaches this address may read what is served: it is not of this host alone", "url",
               url);
}

/* Every address of IPv6 is every address of IPv4 too, unless IPv6 is switched off here. */
static int open_every(const char *port, int queue) {
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)strtol(port, NULL, 10))};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    struct addrinfo a = {
        .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)&v6, .ai_addrlen = sizeof v6};
    int fd = open_at(&a, queue);
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
    a.ai_family = AF_INET;
    a.ai_addr = (struct sockaddr *)&v4;
    a.ai_addrlen = sizeof v4;
    return open_at(&a, queue);
}

/* *fd is -1, with errno, when the host has addresses but none can be had. */
static pouch_err open_host(const char *listen, const char *host, const char *port, int queue, int *fd) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) return pl_fail(POUCH_E_CONFIG, "listen %s: %s", listen, gai_strerror(error));
    for (const struct addrinfo *a = found; *fd < 0 && a; a = a->ai_next) *fd = open_at(a, queue);
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return POUCH_OK;
}

pouch_err httpd_bind(struct httpd *h, const char *listen, int *fd) {
    char host[HOST_MAX];
    const char *port;
    int queue = h->options.limits.listen_queue;
    pouch_err e = split(listen, host, &port);
    if (e) return e;
    *fd = -1;
    if (*host)
        e = open_host(listen, host, port, queue, fd);
    else
        *fd = open_every(port, queue);
    if (e) return e;
    if (*fd < 0) return failed(listen, errno);
    tell(h, *fd);
    return POUCH_OK;
}
