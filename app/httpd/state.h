/* What the files of this room share. A loop and its connections belong to its thread, but for what is shared. */
#ifndef POUCH_HTTPD_STATE_H
#define POUCH_HTTPD_STATE_H

#include <base/wake.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <httpd/chunk.h>
#include <httpd/head.h>
#include <httpd/httpd.h>
#include <httpd/peers.h>
#include <httpd/stream.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

/*
 * A connection is in one phase, which has one deadline. What the client sends does not move a deadline, only the
 * next phase does, so trickling bytes gains nobody time; a body must keep up a rate.
 *
 *   HEAD    waits for the rest of a head; IDLE: for its first byte
 *   BODY    waits for the rest of a body
 *   CALL    its owner has the call; nothing is read meanwhile
 *   ANSWER  the answer is on its way; nothing is read meanwhile
 *   STREAM  an answer without an end; what comes is thrown away. At its deadline it is seen whether bytes queue
 *   LINGER  we have closed our side; what still comes is thrown away, so that the kernel does not
 *           take back what the client has not read yet
 */
enum httpd_phase { HTTPD_HEAD, HTTPD_IDLE, HTTPD_BODY, HTTPD_CALL, HTTPD_ANSWER, HTTPD_STREAM, HTTPD_LINGER };

struct httpd_conn {
    TAILQ_ENTRY(httpd_conn) link; /* in its loop's list: waiting (HEAD, IDLE), live (STREAM) or busy */
    struct httpd_loop *loop;
    struct bufferevent *wire;
    struct event *deadline;
    struct httpd_search search;
    struct httpd_call *call;   /* BODY, CALL */
    struct httpd_stream *live; /* STREAM */
    struct sockaddr_in6 peer;  /* or an address of IPv4 in its place */
    enum httpd_phase phase;
    int requests;
    bool last; /* closes after the answer that is on its way */
    bool told; /* the stream knows that the server stops; it is in busy */
};

TAILQ_HEAD(httpd_conns, httpd_conn);

struct httpd_text {
    const char *name, *value;
};

struct httpd_call {
    struct httpd_job job;       /* carries the answer to the loop */
    struct httpd_answer answer; /* which the owner has given */
    struct httpd_loop *loop;
    struct httpd_conn *conn; /* NULL: the client is gone, or has been told something else */
    const struct httpd_route *route;
    struct httpd_head head; /* of `bytes` */
    const char *params[HTTPD_PARAMS_MAX];
    struct httpd_text *queries; /* one allocation with the texts of these and of params */
    size_t n_queries;
    struct pl_buf body;
    size_t charged; /* of the server's budget */
    struct httpd_chunks chunks;
    int64_t begun_us, body_since_us;
    struct sockaddr_in6 peer;
    void *own;
    void (*end)(void *own);
    bool counted; /* in the server's n_calls */
    bool taken;   /* by httpd_later() or a stream */
    bool asking;  /* its handler is running */
    bool over;    /* to be freed when that has returned */
    char bytes[];
};

struct httpd_loop {
    struct httpd *server;
    int number;
    pthread_t thread;
    bool running; /* the thread has been started and not joined */
    struct event_base *base;
    struct event *woken, *late;
    struct httpd_conns waiting, busy, live; /* in the order in which they began to */
    size_t n_conns;
    bool stopping;
    int64_t date_s; /* the second that `date` is of */
    char date[48];
    struct pl_buf head; /* of the answer that is being sent */
    /* Shared. */
    struct pl_wake wake;
    atomic_bool stop;
    atomic_int arriving; /* connections handed over and not taken yet */
    pthread_mutex_t lock;
    struct httpd_job *first, **tail; /* under the lock */
    bool ended;                      /* under the lock: no job is taken any more */
};

struct httpd_secret; /* certificate and key, in tls.c */

struct httpd {
    struct httpd_options options;
    struct httpd_secret *secret; /* NULL: plain */
    int port;
    /* Of the first loop's thread. */
    struct evconnlistener *listener;
    struct event *again, *watch;
    int next; /* loop that takes the next connection */
    /* Shared. */
    struct httpd_peers peers;
    atomic_size_t body_bytes;
    atomic_size_t n_calls; /* that handlers have been asked and that are not answered */
    atomic_size_t refs;    /* the owner's and those of calls */
    int n_loops;
    struct httpd_loop loops[];
};

/*
 * conn.c. _open takes the descriptor, which is counted at its peer; _refuse tells it that there is no room, if it can.
 */
void httpd_conn_open(struct httpd_loop *l, evutil_socket_t fd, const struct sockaddr_in6 *peer);
void httpd_conn_refuse(evutil_socket_t fd);
void httpd_conn_close(struct httpd_conn *c, enum httpd_ended why);
void httpd_conn_slow(struct httpd_conn *c); /* closes it: what is queued for it was not taken in time */
/* Into another phase. False: the connection is gone. */
bool httpd_conn_enter(struct httpd_conn *c, enum httpd_phase phase);
bool httpd_conn_set_deadline(struct httpd_conn *c, int64_t ms);
/* Sends what is queued, our FIN, and waits for the client's. */
void httpd_conn_linger(struct httpd_conn *c);
/* Takes the answer and the call (NULL: the head was malformed); the connection may be gone afterwards. */
void httpd_conn_answer(struct httpd_conn *c, struct httpd_call *call, struct httpd_answer *a);
/* The same with a problem; last: the connection ends after it. */
void httpd_conn_problem(struct httpd_conn *c, struct httpd_call *call, int status, const char *detail, bool last);

/* request.c: from a whole head to its handler. What is left of it goes on when bytes come: _body. */
void httpd_request_begin(struct httpd_conn *c, const char *at, size_t n);
void httpd_request_body(struct httpd_conn *c);
/* The body's deadline has come, which may have moved. */
void httpd_request_late(struct httpd_conn *c);

/* call.c. _new: *status is 200, or what to refuse the head with, or 0 when there is no memory; NULL unless 200. */
struct httpd_call *httpd_call_new(struct httpd_conn *c, const char *at, size_t n, int *status);
void httpd_call_free(struct httpd_call *c);
/* Before its handler is asked. False: there are as many as may be. */
bool httpd_call_count(struct httpd_call *c);
/* Finds the route and decodes the target: 200, or the status that it leads to. */
int httpd_call_find(struct httpd_call *c);
/* The methods of all routes that its path fits, or of all when that is "*", for Allow. */
POUCH_MUST_CHECK pouch_err httpd_call_allow(const struct httpd_call *c, struct httpd_answer *a);
/* More bytes of the body: 200, 413, 503 beyond the budget, or 0 when there is no memory. */
int httpd_call_append(struct httpd_call *c, const char *at, size_t n);
void httpd_call_discharge(struct httpd_call *c);

/* answer.c: into the connection. False: no memory. _begin_stream sends the head alone. */
bool httpd_answer_send(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a);
bool httpd_answer_begin_stream(struct httpd_conn *c, const struct httpd_call *call, struct httpd_answer *a);

/* problem.c: what to say when the server itself refuses with that status. */
const char *httpd_problem_detail(int status);

/* stream.c: what happens to the connection of a stream. The stream is gone after _ended. */
void httpd_stream_written(struct httpd_stream *s);
void httpd_stream_late(struct httpd_stream *s); /* its deadline has come, which it does all the time */
void httpd_stream_stopping(struct httpd_stream *s);
void httpd_stream_ended(struct httpd_stream *s, enum httpd_ended why);

/* loop.c */
POUCH_MUST_CHECK pouch_err httpd_loop_init(struct httpd_loop *l, struct httpd *server, int number);
POUCH_MUST_CHECK pouch_err httpd_loop_start(struct httpd_loop *l);
/* asks it to; _join waits, ends its connections and runs the jobs that are left */
void httpd_loop_stop(struct httpd_loop *l);
void httpd_loop_join(struct httpd_loop *l);
void httpd_loop_free(struct httpd_loop *l);
void httpd_loop_has_closed(struct httpd_loop *l); /* a connection has gone */
void httpd_release(struct httpd *h);              /* one of refs */

/* accept.c: the listener and its timers, all on the first loop. */
POUCH_MUST_CHECK pouch_err httpd_accept_begin(struct httpd *h, int fd);
void httpd_accept_stop(struct httpd *h); /* on the first loop's thread; _end frees */
void httpd_accept_end(struct httpd *h);

/* address.c: makes the listener's socket, whose port is then in h->port. */
POUCH_MUST_CHECK pouch_err httpd_bind(struct httpd *h, const char *listen, int *fd);

/* tls.c. _wrap: NULL when there is no memory; the descriptor stays the caller's. _goodbye: says that no more comes. */
POUCH_MUST_CHECK pouch_err httpd_tls_load(struct httpd_secret **s, const struct httpd_tls *files);
void httpd_tls_free(struct httpd_secret *s); /* NULL allowed */
struct bufferevent *httpd_tls_wrap(struct httpd_secret *s, struct event_base *base, evutil_socket_t fd);
void httpd_tls_goodbye(struct bufferevent *wire);
bool httpd_tls_is_new(struct bufferevent *wire); /* TLS, and its handshake is not through */
/* Reads the files again when they are others than before. */
void httpd_tls_watch(struct httpd_secret *s);

#endif
