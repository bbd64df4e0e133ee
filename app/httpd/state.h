/* What the files of this room share. All of it belongs to the server's thread. */
#ifndef POUCH_HTTPD_STATE_H
#define POUCH_HTTPD_STATE_H

#include <base/wake.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <httpd/head.h>
#include <httpd/httpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

/*
 * A connection is in one phase, which has one deadline. What the client sends does not move a deadline, only the
 * next phase does, so trickling bytes gains nobody time.
 *
 *   HEAD    waits for the rest of a head; IDLE: for its first byte
 *   ANSWER  the answer is on its way; nothing is read meanwhile
 *   LINGER  we have closed our side; what still comes is thrown away, so that the kernel does not
 *           take back what the client has not read yet
 */
enum httpd_phase { HTTPD_HEAD, HTTPD_IDLE, HTTPD_ANSWER, HTTPD_LINGER };

struct httpd_conn {
    TAILQ_ENTRY(httpd_conn) link; /* in its server's list: waiting (HEAD, IDLE) or busy (ANSWER, LINGER) */
    struct httpd *server;
    struct bufferevent *stream;
    struct event *deadline;
    struct httpd_search search;
    enum httpd_phase phase;
    int requests;
    bool last; /* closes after the answer that is on its way */
};

TAILQ_HEAD(httpd_conns, httpd_conn);

struct httpd {
    const struct httpd_page *pages;
    size_t n_pages;
    const struct httpd_limits *limits;
    pthread_t thread;
    struct pl_wake wake; /* shared: raised to stop */
    int port;
    struct event_base *base;
    struct event *stop, *late, *again;
    struct evconnlistener *listener;
    struct httpd_conns waiting, busy; /* in the order in which they began to */
    size_t n_conns;
    bool stopping;
};

/* conn.c. _open takes the descriptor; _refuse tells it that there is no room, if it can. */
void httpd_conn_open(struct httpd *h, evutil_socket_t fd);
void httpd_conn_refuse(evutil_socket_t fd);
void httpd_conn_close(struct httpd_conn *c);

/* answer.c: the answer to a head, or with head NULL to one that is refused with that status, into the stream. False: no memory. */
bool httpd_answer_head(struct httpd_conn *c, const struct httpd_head *head, int status);

/* address.c: makes the listener's socket, whose port is then in h->port. */
POUCH_MUST_CHECK pouch_err httpd_bind(struct httpd *h, const char *listen, int *fd);

#endif
