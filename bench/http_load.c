/*
 * bench/http_load HOST PORT PATH CONNECTIONS COUNT < BODY
 *
 * Posts the body COUNT times over so many connections that stay open, one request under way on each, and prints one
 * line of JSON: how long the answers took and how many a second there were. Only 200 is no error. One thread.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 10000, ANSWER_MAX = 1 << 16, BODY_MAX = 1 << 16, EVENTS = 256 };

struct connection {
    int fd;
    int64_t asked_us;
    size_t n; /* bytes of its answer that have come */
    char answer[ANSWER_MAX];
};

struct load {
    struct connection *connections;
    size_t n, asked, ended, count, errors;
    uint32_t *took_us;
    char *request;
    size_t request_n;
    int epoll;
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what) {
    fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
    exit(69);
}

static int dial(const char *host, const char *port) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found)) fail("no such address");
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    freeaddrinfo(found);
    return fd;
}

/* A request is small, so the kernel takes it whole. */
static void ask(struct load *l, struct connection *c) {
    if (l->asked == l->count) return;
    l->asked++;
    c->n = 0;
    c->asked_us = now_us();
    if (write(c->fd, l->request, l->request_n) != (ssize_t)l->request_n) fail("write");
}

/* Whether all of an answer has come; there is never more, since nothing is asked before. */
static bool is_whole(const struct connection *c) {
    const char *end = memmem(c->answer, c->n, "\r\n\r\n", 4);
    if (!end) return false;
    const char *length = strcasestr(c->answer, "\r\ncontent-length:");
    if (!length || length > end) return false;
    return c->n >= (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

static void hear(struct load *l, struct connection *c) {
    ssize_t n = read(c->fd, c->answer + c->n, ANSWER_MAX - 1 - c->n);
    if (n <= 0) fail("a connection has ended");
    c->n += (size_t)n;
    c->answer[c->n] = '\0';
    if (!is_whole(c)) return;
    l->took_us[l->ended++] = (uint32_t)(now_us() - c->asked_us);
    l->errors += strncmp(c->answer, "HTTP/1.1 200", 12) != 0;
    ask(l, c);
}

static void run(struct load *l) {
    struct epoll_event events[EVENTS];
    for (size_t i = 0; i < l->n; i++) ask(l, &l->connections[i]);
    while (l->ended < l->count) {
        int n = epoll_wait(l->epoll, events, EVENTS, 60000);
        if (n == 0) {
            fprintf(stderr, "http_load: nothing has come for a minute\n");
            exit(75);
        }
        for (int i = 0; i < n; i++) hear(l, events[i].data.ptr);
    }
}

static void open_all(struct load *l, const char *host, const char *port) {
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < l->n; i++) {
        struct connection *c = &l->connections[i];
        struct epoll_event readable = {.events = EPOLLIN, .data.ptr = c};
        c->fd = dial(host, port);
        if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &readable)) fail("epoll");
    }
}

static void make_request(struct load *l, const char *host, const char *port, const char *path) {
    char body[BODY_MAX];
    size_t n = fread(body, 1, sizeof body, stdin);
    int made =
        asprintf(&l->request,
                 "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s",
                 path, host, port, n, (int)n, body);
    if (made < 0) fail("out of memory");
    l->request_n = (size_t)made;
}

static int by_time(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: http_load HOST PORT PATH CONNECTIONS COUNT < BODY\n");
        return 64;
    }
    struct load l = {.n = strtoul(argv[4], NULL, 10), .count = strtoul(argv[5], NULL, 10)};
    if (!l.n || l.n > CONNECTIONS_MAX || l.count < l.n) return 64;
    l.connections = calloc(l.n, sizeof *l.connections);
    l.took_us = calloc(l.count, sizeof *l.took_us);
    if (!l.connections || !l.took_us) fail("out of memory");
    make_request(&l, argv[1], argv[2], argv[3]);
    open_all(&l, argv[1], argv[2]);
    int64_t begin = now_us();
    run(&l);
    double seconds = (double)(now_us() - begin) / 1e6;
    qsort(l.took_us, l.count, sizeof *l.took_us, by_time);
    printf(
        "{\"count\":%zu,\"connections\":%zu,\"errors\":%zu,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"rate\":%.0f}\n",
        l.count, l.n, l.errors, l.took_us[l.count / 2], l.took_us[l.count * 99 / 100], l.took_us[l.count - 1],
        (double)l.count / seconds);
    return l.errors ? 1 : 0;
}
