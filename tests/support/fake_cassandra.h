/*
 * A Cassandra of a few lines, on loopback, that does what a test tells it. One thread for all of them answers what
 * every connection begins with; EXECUTE and BATCH requests are kept until the test answers them. A test holds fake_lock
 * while it looks at a fake or changes it. Nothing is allocated, so that allocations may fail meanwhile. Include after
 * support.h, in one file of a program.
 */
#ifndef POUCH_TESTS_FAKE_CASSANDRA_H
#define POUCH_TESTS_FAKE_CASSANDRA_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FAKES = 2, FAKE_CONNS = 4, FAKE_HELD = 64, FAKE_BYTES = 1 << 16, FAKE_HEAD = 9 };
enum { FAKE_ERROR = 0x00, FAKE_RESULT = 0x08, FAKE_PREPARE = 0x09, FAKE_EXECUTE = 0x0a, FAKE_BATCH = 0x0d };

struct fake_held { /* a request that waits for the test's answer */
    int fd;
    uint8_t op, stream[2];
};

struct fake {
    int listener, port, address; /* address: of 127.0.0.x */
    int id;                      /* the last byte of its id */
    struct {
        int fd;
        size_t n;
        uint8_t in[FAKE_BYTES];
    } conns[FAKE_CONNS];
    struct fake_held held[FAKE_HELD];
    size_t n_held, prepares, accepted;
    bool mute;         /* reads nothing, answers nothing */
    bool refuse;       /* closes what connects */
    size_t hang_up_at; /* loses its connections when it keeps so many requests; 0: does not */
    bool busy;         /* says so to whoever asks for the peers */
    bool slow;         /* never answers a PREPARE */
    size_t asked_peers;
    const char *dc, *token;
    const char *authenticator; /* asks for a log-in; NULL: does not */
    bool good_password;
    struct fake *peer; /* the other host of the cluster; NULL: none */
};

/* ---- writing ---- */

struct fake_out {
    uint8_t at[FAKE_BYTES];
    size_t n;
};

static inline void fake_put(struct fake_out *o, const void *at, size_t n) {
    assert_true(o->n + n <= sizeof o->at);
    memcpy(o->at + o->n, at, n);
    o->n += n;
}

static inline void fake_number(struct fake_out *o, uint32_t v, size_t n) {
    for (size_t i = n; i-- > 0;) fake_put(o, &(uint8_t){(uint8_t)(v >> (8 * i))}, 1);
}

static inline void fake_string(struct fake_out *o, const char *text) {
    fake_number(o, (uint32_t)strlen(text), 2);
    fake_put(o, text, strlen(text));
}

static inline void fake_bytes(struct fake_out *o, const void *at, size_t n) {
    fake_number(o, (uint32_t)n, 4);
    fake_put(o, at, n);
}

static inline void fake_send(int fd, const uint8_t stream[2], uint8_t op, const struct fake_out *body) {
    struct fake_out frame = {.n = 0};
    fake_number(&frame, 0x8400, 2);
    fake_put(&frame, stream, 2);
    fake_number(&frame, op, 1);
    fake_bytes(&frame, body->at, body->n);
    ssize_t sent = send(fd, frame.at, frame.n, MSG_NOSIGNAL);
    (void)sent; /* the other end may be gone */
}

/* ---- answers that every connection begins with ---- */

static inline void fake_column(struct fake_out *o, const char *name, uint32_t type) {
    fake_string(o, name);
    fake_number(o, type, 2);
    if (type == 0x22) fake_number(o, 0x0d, 2);
}

static inline void fake_describe(struct fake_out *o, const struct fake *f) {
    uint8_t id[16] = {[15] = (uint8_t)f->id};
    fake_bytes(o, f->dc, strlen(f->dc));
    fake_bytes(o, id, sizeof id);
    fake_number(o, (uint32_t)(8 + strlen(f->token)), 4);
    fake_number(o, 1, 4);
    fake_bytes(o, f->token, strlen(f->token));
}

static inline void fake_local(const struct fake *f, struct fake_out *o) {
    fake_number(o, 2, 4);
    fake_number(o, 1, 4);
    fake_number(o, 3, 4);
    fake_string(o, "system");
    fake_string(o, "local");
    fake_column(o, "data_center", 0x0d);
    fake_column(o, "host_id", 0x0c);
    fake_column(o, "tokens", 0x22);
    fake_number(o, 1, 4);
    fake_describe(o, f);
}

static inline void fake_peers(const struct fake *f, struct fake_out *o) {
    fake_number(o, 2, 4);
    fake_number(o, 1, 4);
    fake_number(o, 5, 4);
    fake_string(o, "system");
    fake_string(o, "peers_v2");
    fake_column(o, "address", 0x10);
    fake_column(o, "port", 0x09);
    fake_column(o, "data_center", 0x0d);
    fake_column(o, "host_id", 0x0c);
    fake_column(o, "tokens", 0x22);
    fake_number(o, f->peer != NULL, 4);
    if (!f->peer) return;
    fake_bytes(o, (uint8_t[]){127, 0, 0, (uint8_t)f->peer->address}, 4);
    fake_number(o, 4, 4);
    fake_number(o, (uint32_t)f->peer->port, 4);
    fake_describe(o, f->peer);
}

/* Every statement has one value, a text that is the partition's key. */
static inline void fake_prepared(struct fake_out *o) {
    fake_number(o, 4, 4);
    fake_string(o, "ID");
    fake_number(o, 1, 4);
    fake_number(o, 1, 4);
    fake_number(o, 1, 4);
    fake_number(o, 0, 2);
    fake_string(o, "s");
    fake_string(o, "t");
    fake_column(o, "k", 0x0d);
    fake_number(o, 4, 4);
    fake_number(o, 0, 4);
}

static inline void fake_begin(struct fake *f, int fd, const uint8_t *frame, size_t n) {
    struct fake_out o = {.n = 0};
    uint8_t op = frame[4], answer = FAKE_RESULT;
    if (op == 0x01 && !f->authenticator) {
        answer = 0x02;
    } else if (op == 0x01) {
        answer = 0x03;
        fake_string(&o, f->authenticator);
    } else if (op == 0x0f) {
        f->good_password = memmem(frame, n, "\0user\0word", 10) != NULL;
        answer = f->good_password ? 0x10 : FAKE_ERROR;
        fake_number(&o, f->good_password ? 0xffffffff : 0x0100, 4);
        if (!f->good_password) fake_string(&o, "no");
    } else if (op == 0x05) {
        answer = 0x06;
        fake_number(&o, 0, 2);
    } else if (op == FAKE_PREPARE) {
        f->prepares++;
        if (f->slow) return;
        fake_prepared(&o);
    } else if (memmem(frame, n, "system.local", 12)) {
        fake_local(f, &o);
    } else {
        f->asked_peers++;
        if (f->busy) {
            answer = FAKE_ERROR;
            fake_number(&o, 0x1001, 4);
            fake_string(&o, "busy");
        } else {
            fake_peers(f, &o);
        }
    }
    fake_send(fd, frame + 2, answer, &o);
}

/* ---- the server ---- */

static inline void fake_start(struct fake *f, int address, const char *dc, const char *token) {
    char text[20];
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof in;
    snprintf(text, sizeof text, "127.0.0.%d", address);
    inet_pton(AF_INET, text, &in.sin_addr);
    memset(f, 0, sizeof *f);
    f->address = f->id = address;
    f->dc = dc;
    f->token = token;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&in, &n), 0);
    f->port = ntohs(in.sin_port);
    for (size_t i = 0; i < FAKE_CONNS; i++) f->conns[i].fd = -1;
}

/* The connections are lost; new ones may come. */
static inline void fake_hang_up(struct fake *f) {
    for (size_t i = 0; i < FAKE_CONNS; i++) {
        if (f->conns[i].fd >= 0) close(f->conns[i].fd);
        f->conns[i].fd = -1;
        f->conns[i].n = 0;
    }
    f->n_held = 0;
}

static inline void fake_stop(struct fake *f) {
    fake_hang_up(f);
    close(f->listener);
}

static inline void fake_accept(struct fake *f) {
    int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    f->accepted++;
    size_t i = 0;
    while (i < FAKE_CONNS && f->conns[i].fd >= 0) i++;
    assert_true(i < FAKE_CONNS || f->refuse);
    if (f->refuse)
        close(fd);
    else
        f->conns[i].fd = fd;
}

static inline void fake_take(struct fake *f, size_t i) {
    uint8_t *in = f->conns[i].in;
    while (f->conns[i].n >= FAKE_HEAD) {
        size_t n = FAKE_HEAD + ((size_t)in[5] << 24 | (size_t)in[6] << 16 | (size_t)in[7] << 8 | in[8]);
        if (f->conns[i].n < n) return;
        if (in[4] == FAKE_EXECUTE || in[4] == FAKE_BATCH) {
            assert_true(f->n_held < FAKE_HELD);
            f->held[f->n_held++] = (struct fake_held){f->conns[i].fd, in[4], {in[2], in[3]}};
        } else {
            fake_begin(f, f->conns[i].fd, in, n);
        }
        f->conns[i].n -= n;
        memmove(in, in + n, f->conns[i].n);
    }
}

static inline void fake_step(struct fake *f) {
    if (f->mute) return;
    fake_accept(f);
    for (size_t i = 0; i < FAKE_CONNS; i++) {
        if (f->conns[i].fd < 0) continue;
        ssize_t n = recv(f->conns[i].fd, f->conns[i].in + f->conns[i].n, FAKE_BYTES - f->conns[i].n, 0);
        if (n > 0) f->conns[i].n += (size_t)n;
        if (n == 0) {
            close(f->conns[i].fd);
            f->conns[i].fd = -1;
            f->conns[i].n = 0;
            continue;
        }
        fake_take(f, i);
    }
    if (!f->hang_up_at || f->n_held < f->hang_up_at) return;
    f->hang_up_at = 0;
    fake_hang_up(f);
}

/* Takes a kept request out and answers it: code 0 is a void result, else that error. */
static inline void fake_answer(struct fake *f, size_t which, uint32_t code) {
    assert_true(which < f->n_held);
    struct fake_held h = f->held[which];
    struct fake_out o = {.n = 0};
    fake_number(&o, code ? code : 1, 4);
    if (code) fake_string(&o, "because");
    if (code == 0x2500) fake_string(&o, "ID");
    fake_send(h.fd, h.stream, code ? FAKE_ERROR : FAKE_RESULT, &o);
    memmove(&f->held[which], &f->held[which + 1], (--f->n_held - which) * sizeof h);
}

/* ---- the thread ---- */

static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake fakes[FAKES];
static size_t fakes_running; /* the first so many; 0: the thread ends */
static pthread_t fake_thread;

static inline void *fake_run(void *unused) {
    for (bool on = true; on;) {
        poll(NULL, 0, 1);
        pthread_mutex_lock(&fake_lock);
        for (size_t i = 0; i < fakes_running; i++) fake_step(&fakes[i]);
        on = fakes_running;
        pthread_mutex_unlock(&fake_lock);
    }
    return unused;
}

/* After fake_start() of the first n. */
static inline void fakes_go(size_t n) {
    fakes_running = n;
    assert_int_equal(pthread_create(&fake_thread, NULL, fake_run, NULL), 0);
}

static inline void fakes_stop(void) {
    pthread_mutex_lock(&fake_lock);
    size_t n = fakes_running;
    fakes_running = 0;
    pthread_mutex_unlock(&fake_lock);
    pthread_join(fake_thread, NULL);
    for (size_t i = 0; i < n; i++) fake_stop(&fakes[i]);
}

#endif
