/*
 * Many clients of a gateway's live events in one thread, and what becomes of broadcasts: sse_load NAME=NUMBER…
 *
 *   port=P        of the gateway; port2=P: of another one, to which every other client comes back
 *   clients=N     streams, besides slow=N that never read
 *   count=N       broadcasts, one every interval=MS; size=BYTES of padding in each
 *   cut=N         clients that are cut; back=N broadcasts later they come again with the id they have seen last
 *   pid=P         of the gateway, whose memory is looked at
 *
 * Prints one JSON document. Each client expects every number once and in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512, READ_BYTES = 64 * 1024, PATIENCE_S = 120, EVENTS = 256 };

struct client {
    int fd;
    bool begun; /* it was told what it listens to */
    char line[LINE_MAX_BYTES];
    size_t n; /* of the line; what does not fit is padding */
    char id[24];
    long next; /* the number it expects */
};

static struct options {
    long port, port2, clients, slow, count, interval, size, cut, back, pid;
} opt = {.clients = 1000, .count = 20, .interval = 50, .size = 100};

static struct client *clients;
static int poller, poster;
static long begun, arrived, missed, repeated, ended;
static double *latencies;
static bool answered;
static char pad[64 * 1024];

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
    fprintf(stderr, "sse_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_options(int argc, char **argv) {
    static const struct {
        const char *name;
        long *at;
    } all[] = {{"port", &opt.port},   {"port2", &opt.port2}, {"clients", &opt.clients},   {"slow", &opt.slow},
               {"count", &opt.count}, {"cut", &opt.cut},     {"interval", &opt.interval}, {"size", &opt.size},
               {"back", &opt.back},   {"pid", &opt.pid}};
    for (int i = 1; i < argc; i++) {
        size_t n = strcspn(argv[i], "="), k = 0;
        while (k < sizeof all / sizeof all[0] && (strlen(all[k].name) != n || strncmp(all[k].name, argv[i], n))) k++;
        if (k == sizeof all / sizeof all[0] || argv[i][n] != '=') {
            fprintf(stderr, "sse_load: %s is none of its options\n", argv[i]);
            exit(64);
        }
        *all[k].at = strtol(argv[i] + n + 1, NULL, 10);
    }
    if (opt.size > (long)sizeof pad - 1) opt.size = sizeof pad - 1;
    if (!opt.port2) opt.port2 = opt.port;
    memset(pad, 'x', (size_t)opt.size);
}

static long resident_kib(void) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", opt.pid);
    FILE *f = opt.pid ? fopen(path, "r") : NULL;
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmRSS: %ld", &kib);
    if (f) fclose(f);
    return kib;
}

/* ---- connections ---- */

static int dial(long port, int receive_bytes) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (receive_bytes && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes)) die("SO_RCVBUF");
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) die("connect");
    return fd;
}

/* HTTP/1.0: the events come without chunks around them. */
static void ask_for_stream(int fd, const char *since) {
    char text[256];
    int n = snprintf(text, sizeof text, "GET /kafka/events?channels=load HTTP/1.0\r\nHost: 127.0.0.1\r\n%s%s%s\r\n",
                     *since ? "Last-Event-ID: " : "", since, *since ? "\r\n" : "");
    if (write(fd, text, (size_t)n) != n) die("write");
}

static void listen_to(int fd, struct client *c) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (fcntl(fd, F_SETFL, O_NONBLOCK) || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e)) die("epoll");
}

static void open_client(struct client *c, long port) {
    c->fd = dial(port, 0);
    c->begun = false;
    c->n = 0;
    ask_for_stream(c->fd, c->id);
    listen_to(c->fd, c);
}

static void cut(struct client *c) {
    close(c->fd);
    c->fd = -1;
}

/* ---- what comes ---- */

static void take_number(struct client *c, long number, double sent) {
    if (number < c->next) {
        repeated++;
        return;
    }
    missed += number - c->next;
    c->next = number + 1;
    latencies[arrived++ % (opt.clients * opt.count)] = now_s() - sent;
}

static void take_line(struct client *c) {
    long number;
    double sent;
    c->line[c->n] = 0;
    if (!strncmp(c->line, "id: ", 4)) snprintf(c->id, sizeof c->id, "%.23s", c->line + 4);
    if (!c->begun && !strcmp(c->line, "event: subscription_updated")) {
        c->begun = true;
        begun++;
    }
    if (sscanf(c->line, "data: {\"n\":%ld,\"t\":%lf", &number, &sent) == 2) take_number(c, number, sent);
    c->n = 0;
}

static void take_bytes(struct client *c, const char *at, size_t n) {
    for (const char *end = at + n; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at), room = LINE_MAX_BYTES - 1 - c->n;
        memcpy(c->line + c->n, at, length < room ? length : room);
        c->n += length < room ? length : room;
        if (stop) take_line(c);
        at += length + (stop != NULL);
    }
}

static void read_from(struct client *c) {
    static char bytes[READ_BYTES];
    ssize_t n;
    int fd = c ? c->fd : poster;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        if (c)
            take_bytes(c, bytes, (size_t)n);
        else
            answered = answered || memmem(bytes, (size_t)n, " 201 ", 5);
    }
    if (n < 0 && errno == EAGAIN) return;
    if (!c) die("the connection that posts");
    ended++;
    cut(c);
}

/* Serves all until the time has come, or the number is reached. */
static void serve(double until, const long *count, long wanted) {
    struct epoll_event e[EVENTS];
    double left;
    while ((left = until - now_s()) > 0 && (!count || *count < wanted)) {
        int n = epoll_wait(poller, e, EVENTS, left > 0.05 ? 50 : 1);
        for (int i = 0; i < n; i++) read_from(e[i].data.ptr);
    }
}

/* ---- broadcasts ---- */

static void post(long number) {
    static char text[80 * 1024];
    char body[sizeof pad + 200];
    int n = snprintf(body, sizeof body, "{\"event\":\"n\",\"data\":{\"n\":%ld,\"t\":%.9f,\"pad\":\"%.*s\"}}", number,
                     now_s(), (int)opt.size, pad);
    n = snprintf(text, sizeof text,
                 "POST /kafka/sse/broadcast/load HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n%s",
                 n, body);
    answered = false;
    for (int sent = 0; sent < n;) {
        ssize_t some = write(poster, text + sent, (size_t)(n - sent));
        if (some < 0 && errno != EAGAIN) die("posting");
        if (some > 0) sent += (int)some;
    }
    double end = now_s() + PATIENCE_S;
    while (!answered && now_s() < end) serve(now_s() + 0.001, NULL, 0);
    if (!answered) die("a broadcast was not answered with 201");
}

static void broadcast(long from, long to) {
    for (long i = from; i < to; i++) {
        double next = now_s() + (double)opt.interval / 1000;
        post(i);
        serve(next, NULL, 0);
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(double share) {
    long n = arrived < opt.clients * opt.count ? arrived : opt.clients * opt.count;
    return n ? latencies[(long)((double)(n - 1) * share)] * 1000 : 0;
}

/* ---- the run ---- */

static double open_all(void) {
    double start = now_s();
    for (long i = 0; i < opt.clients; i++) {
        open_client(&clients[i], opt.port);
        if (i % 100 == 99) serve(now_s() + PATIENCE_S, &begun, i + 1 - 50);
    }
    serve(now_s() + PATIENCE_S, &begun, opt.clients);
    for (long i = 0; i < opt.slow; i++) ask_for_stream(dial(opt.port, 1024), "");
    return now_s() - start;
}

/* Cuts some, goes on without them, and has them come back; how long until they have all that was sent meanwhile. */
static double cut_and_return(long *number) {
    for (long i = 0; i < opt.cut; i++) cut(&clients[i]);
    broadcast(*number, *number + opt.back);
    *number += opt.back;
    double start = now_s();
    long wanted = *number * opt.clients;
    begun = 0;
    for (long i = 0; i < opt.cut; i++) open_client(&clients[i], i % 2 ? opt.port2 : opt.port);
    serve(start + PATIENCE_S, &arrived, wanted);
    return now_s() - start;
}

int main(int argc, char **argv) {
    struct rlimit files;
    read_options(argc, argv);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc((size_t)opt.clients, sizeof *clients);
    latencies = calloc((size_t)(opt.clients * opt.count), sizeof *latencies);
    if (poller < 0 || !clients || !latencies) die("memory");
    long before = resident_kib();
    double connect_s = open_all();
    long after = resident_kib(), number = opt.count;
    if (begun < opt.clients) die("not all streams have begun");
    poster = dial(opt.port, 0); /* a connection that says nothing for long would be ended */
    listen_to(poster, NULL);
    broadcast(0, opt.count);
    serve(now_s() + PATIENCE_S, &arrived, opt.clients * opt.count);
    long reached = arrived;
    qsort(latencies, (size_t)(arrived < opt.clients * opt.count ? arrived : opt.clients * opt.count), sizeof *latencies,
          by_size);
    printf("{\"clients\":%ld,\"slow\":%ld,\"connect_s\":%.2f,\"kib_a_client\":%.1f,\"broadcasts\":%ld,\"reached\":%ld,"
           "\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f",
           opt.clients, opt.slow, connect_s, (double)(after - before) / (double)opt.clients, opt.count, reached,
           percentile(0.5), percentile(0.99), percentile(1));
    double back_s = opt.cut ? cut_and_return(&number) : 0;
    long wanted = number * opt.clients;
    printf(",\"cut\":%ld,\"back_s\":%.2f,\"missing\":%ld,\"skipped\":%ld,\"repeats\":%ld,\"ended\":%ld}\n", opt.cut,
           back_s, wanted - arrived, missed, repeated, ended);
    return 0;
}
