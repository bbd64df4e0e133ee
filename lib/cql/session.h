/*
 * What a session is made of; inside the room. Everything belongs to the thread that runs the session.
 *
 *   slot    a request under way. Its number is its stream on whichever connection it is, so that a session, which has
 *           at most 32,767 of them, needs no streams to be handed out.
 *   conn    one socket to one host, in a place that is used again when it comes back
 *   host    a node of the cluster; never freed before the session, so that pointers to it hold
 */
#ifndef POUCH_CQL_SESSION_H
#define POUCH_CQL_SESSION_H

#include <base/buf.h>
#include <base/heap.h>
#include <base/wake.h>
#include <cql/answer.h>
#include <cql/cql.h>
#include <cql/frame.h>
#include <cql/ring.h>
#include <cql/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
    PL_CQL_HOSTS_MAX = 256,
    PL_CQL_CONNECTIONS_MAX = 8, /* to one host */
    PL_CQL_ATTEMPTS_MAX = 3,    /* of a request */
    PL_CQL_OUT_BYTES = 128 << 10,
    PL_CQL_IN_BYTES = 128 << 10,
    PL_CQL_CONTROL_STREAM = 32767 /* the connection's own requests, one at a time */
};

struct pl_cql_host;
struct pl_cql_conn;

struct pl_cql_slot {
    struct pl_heap_node due;         /* first: a node is its slot. In the heap while somebody waits for the request */
    struct pl_cql_slot *prev, *next; /* in its connection's unsent list; next also in the free list */
    struct pl_cql_conn *conn;        /* NULL: free */
    bool unsent;                     /* in that list; its frame is not, or not wholly, in the connection's buffer */
    bool abandoned;                  /* it timed out: its answer, when it comes, is for nobody */
    bool idempotent;
    bool routed; /* token is that of its partition */
    uint8_t attempts;
    uint8_t repairs;                                /* statements prepared anew on its way */
    struct pl_cql_host *tried[PL_CQL_ATTEMPTS_MAX]; /* one for each attempt but the running one */
    int64_t token;
    int64_t sent_us;
    struct pl_buf frame;
    struct pl_buf repair; /* a PREPARE that goes before the frame, because the server has forgotten a statement */
    pl_cql_done *done;
    void *arg;
};

enum pl_cql_state {
    PL_CQL_CLOSED,
    PL_CQL_CONNECTING, /* TCP */
    PL_CQL_GREETING,   /* TLS */
    PL_CQL_ENTERING,   /* the protocol's own start, log-in and the host's description */
    PL_CQL_READY
};

/* What a connection has asked for itself; the answer comes on the control stream. */
enum pl_cql_step {
    PL_CQL_STEP_NONE,
    PL_CQL_STEP_STARTUP,
    PL_CQL_STEP_LOGIN,
    PL_CQL_STEP_LOCAL,
    PL_CQL_STEP_PEERS_V2,
    PL_CQL_STEP_PEERS,
    PL_CQL_STEP_HEARTBEAT
};

struct pl_cql_conn {
    struct pl_cql *session;
    struct pl_cql_host *host;
    enum pl_cql_state state;
    int fd; /* -1 when closed */
    SSL *ssl;

    enum pl_cql_step step;
    int64_t step_due; /* when the step, or connecting, has taken too long */
    pouch_err broken; /* what it is to be closed for at the next tick; host->why has the words */

    /*
     * Bytes out: out[out_at, out_n) is on its way. Behind it come the rest of the first unsent frame if `partly` of it
     * is in out already, then control, then the unsent frames in order.
     */
    char *out;
    size_t out_at, out_n;
    struct pl_buf control;
    struct pl_cql_slot *unsent, *unsent_last;
    size_t partly;
    bool write_waits; /* the socket took no more; poll tells when it does */

    char *in; /* in[in_at, in_n) is not yet read as frames */
    size_t in_at, in_n, in_cap;
    int64_t heard_us;

    size_t load;      /* slots that are here */
    size_t abandoned; /* of these, how many nobody waits for */
};

struct pl_cql_host {
    struct sockaddr_storage address;
    socklen_t address_n;
    struct sockaddr_storage other;   /* where its peers say that it is, when that is elsewhere */
    socklen_t other_n;               /* 0: nowhere else */
    char name[INET6_ADDRSTRLEN + 9]; /* 127.0.0.1:9042 */
    char *given;                     /* as a contact point named it, for TLS; NULL: by its address */
    bool contact;
    bool listed;    /* the cluster says that it belongs to it */
    bool described; /* id, dc and tokens are known */
    struct pl_uuid id;
    char dc[64];
    int64_t *tokens;
    size_t n_tokens;

    struct pl_cql_conn *conns[PL_CQL_CONNECTIONS_MAX]; /* config.connections of them; NULL until first used */
    int64_t retry_us;                                  /* not before */
    unsigned failures;                                 /* in a row */
    pouch_err error;                                   /* of the last one */
    char why[300];
};

struct pl_cql {
    struct pl_cql_config config; /* texts are its own */
    struct pl_cql_tls *tls;      /* NULL: none */
    struct pl_wake *wake;        /* the caller's; NULL: none */
    bool closing;

    struct pl_cql_host *hosts[PL_CQL_HOSTS_MAX];
    size_t n_hosts;
    struct pl_cql_ring ring; /* of hosts in the data center */
    char dc[64];             /* "": not known yet */
    int64_t refresh_us;      /* when the peers are to be asked for again */
    int64_t resolve_us;      /* when the contact points' names are to be looked up again, if no host is up then */
    size_t turn;             /* for taking hosts in turn */

    struct pl_cql_slot *slots; /* config.in_flight of them */
    struct pl_cql_slot *free;
    struct pl_heap deadlines;
    size_t used;    /* slots not free */
    size_t pending; /* those that somebody waits for */
    size_t bytes;   /* of the frames in slots */
    size_t ended;   /* since run began */
    int64_t ran_us; /* when it last ended */

    struct pl_cql_statement *statements;
    struct pl_buf key; /* scratch: a partition key */

    /* The answer that is being handled; its bytes are in the connection's buffer. */
    struct pl_cql_head head;
    const char *body;
    struct pl_cql_answer answer;
    struct pl_cql_rows rows;
};

/* ---- hosts.c: which hosts there are, and which is asked ---- */

/* Contact points become hosts. CONFIG: none has an address, nor is one to be expected; NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_cql_hosts_resolve(struct pl_cql *s);
void pl_cql_hosts_free(struct pl_cql *s);
bool pl_cql_host_wanted(const struct pl_cql *s, const struct pl_cql_host *h); /* connections to it are kept */
bool pl_cql_host_local(const struct pl_cql *s, const struct pl_cql_host *h);  /* it may be given requests */
void pl_cql_host_turn(struct pl_cql_host *h); /* to its other address, unless there is a connection to this one */

/* From answers to the questions below. NO_MEMORY. */
extern const char pl_cql_ask_local[], pl_cql_ask_peers_v2[], pl_cql_ask_peers[];
POUCH_MUST_CHECK pouch_err pl_cql_host_describe(struct pl_cql *s, struct pl_cql_host *h, struct pl_cql_rows *local);
POUCH_MUST_CHECK pouch_err pl_cql_hosts_peers(struct pl_cql *s, struct pl_cql_host *teller, struct pl_cql_rows *peers);

/* The ready connection for a slot: an owner of its partition that it has not tried, else any host, else NULL. */
struct pl_cql_conn *pl_cql_choose(struct pl_cql *s, const struct pl_cql_slot *slot);

/* pl_fail(): why no host takes requests. */
POUCH_MUST_CHECK pouch_err pl_cql_no_host(const struct pl_cql *s);

/* ---- conn.c: bytes in and out ---- */

/* conn is a closed one or NULL; a failure is noted at the host. */
void pl_cql_conn_start(struct pl_cql *s, struct pl_cql_host *h, size_t place, int64_t now);
void pl_cql_conn_close(struct pl_cql_conn *c); /* its slots are ended or go elsewhere */
void pl_cql_conn_free(struct pl_cql_conn *c);  /* closed; NULL allowed */
void pl_cql_conn_flush(struct pl_cql_conn *c);
void pl_cql_conn_ready_to(struct pl_cql_conn *c, short events); /* what poll() told */
short pl_cql_conn_events(const struct pl_cql_conn *c);

/* Marks it to be closed; the words are kept at its host. */
void pl_cql_conn_break(struct pl_cql_conn *c, pouch_err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- control.c: what a connection asks for itself ---- */

void pl_cql_control_begin(struct pl_cql_conn *c);                      /* the socket is up: enter */
void pl_cql_control_ask(struct pl_cql_conn *c, enum pl_cql_step step); /* no step is under way */
void pl_cql_control_answer(struct pl_cql_conn *c, const struct pl_cql_head *h);

/* ---- slots.c: requests from acceptance to their end ---- */

POUCH_MUST_CHECK pouch_err pl_cql_slots_new(struct pl_cql *s);
void pl_cql_slots_free(struct pl_cql *s); /* ends all with CLOSED first */
POUCH_MUST_CHECK pouch_err pl_cql_slot_take(struct pl_cql *s, struct pl_cql_slot **slot); /* OVERLOADED */
void pl_cql_slot_give_back(struct pl_cql *s, struct pl_cql_slot *slot);                   /* one that was not started */
POUCH_MUST_CHECK pouch_err pl_cql_slot_start(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_how *how,
                                             pl_cql_done *done, void *arg);
/* NULL: no request of that stream went out there */
struct pl_cql_slot *pl_cql_slot_on(struct pl_cql_conn *c, int16_t stream);
void pl_cql_slot_answer(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_head *h);
void pl_cql_slot_fail(struct pl_cql *s, struct pl_cql_slot *slot, pouch_err e); /* pouch_why() has the words */
void pl_cql_slots_lost(struct pl_cql_conn *c, pouch_err e);                     /* its connection is closed */
void pl_cql_slots_expire(struct pl_cql *s, int64_t now);
void pl_cql_slot_sent(struct pl_cql_slot *slot); /* its frame is in its connection's buffer */

/* What is to be sent for it now. */
static inline struct pl_buf *pl_cql_slot_frame(struct pl_cql_slot *slot) {
    return slot->repair.len ? &slot->repair : &slot->frame;
}

#endif
