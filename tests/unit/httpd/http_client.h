/* A client that sends bytes as they are, and reads what comes until it is what was waited for. */
#ifndef POUCH_TESTS_HTTP_CLIENT_H
#define POUCH_TESTS_HTTP_CLIENT_H

#include <support.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_PATIENCE_MS = 60000 };

/* From an address of this host, such as 0x7f000002. */
static inline int client_connect_from(uint32_t from, int port) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline int client_connect(int port) {
    return client_connect_from(INADDR_LOOPBACK, port);
}

/* What the server does not take because it has closed is lost, as it would be for any client. */
static inline void client_send(int fd, const void *bytes, size_t n) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    assert_true(sent == (ssize_t)n || (sent < 0 && (errno == EPIPE || errno == ECONNRESET)));
}

static inline void client_say(int fd, const char *text) {
    client_send(fd, text, strlen(text));
}

/* Bytes that have come, at least one; 0: the server has closed. */
static inline size_t client_read(int fd, char *out, size_t max) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, CLIENT_PATIENCE_MS) != 1) fail_msg("the server said nothing for %d ms", CLIENT_PATIENCE_MS);
    ssize_t n = recv(fd, out, max, 0);
    assert_true(n >= 0 || errno == ECONNRESET);
    return n < 0 ? 0 : (size_t)n;
}

/* All that comes until the server closes, and closes too. To be freed. */
static inline char *client_read_all(int fd) {
    size_t n = 0, cap = 64 * 1024, got;
    char *all = malloc(cap);
    assert_non_null(all);
    while ((got = client_read(fd, all + n, cap - n - 1))) {
        n += got;
        if (cap - n < 1024) assert_non_null(all = realloc(all, cap *= 2));
    }
    all[n] = 0;
    close(fd);
    return all;
}

/* One whole answer with its Content-Length, and no byte after it. head_only: no body will come. */
static inline void client_read_answer(int fd, char *out, size_t max, bool head_only) {
    size_t n = 0, whole = 0;
    while (!whole || n < whole) {
        size_t got = client_read(fd, out + n, max - n - 1);
        if (!got) fail_msg("the server closed after %zu bytes: %s", n, out);
        n += got;
        out[n] = 0;
        const char *end = strstr(out, "\r\n\r\n"), *length = strstr(out, "Content-Length: ");
        if (end) whole = (size_t)(end - out) + 4 + (head_only ? 0 : (size_t)strtol(length + 16, NULL, 10));
    }
    assert_int_equal(n, whole);
}

/* A thread that sends a byte now and then until the server has had enough of it. arg: the socket's number. */
static inline void *client_trickle(void *arg) {
    int fd = *(int *)arg;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 5) == 0) client_send(fd, "a", 1);
    return NULL;
}

/* The status of what an exchange of its own brings. */
static inline int client_status(int port, const char *request) {
    int fd = client_connect(port), status = 0;
    client_say(fd, request);
    char *all = client_read_all(fd);
    (void)sscanf(all, "HTTP/1.1 %d", &status);
    free(all);
    return status;
}

#endif
