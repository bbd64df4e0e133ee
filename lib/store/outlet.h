/*
 * Where the rows of a tracer go: to the store; while it does not take them, or not fast enough, into the spool, from
 * where a thread of the outlet brings them to the store. What neither takes is missing, and is counted and
 * written down. Inside the room.
 *
 * THREADS  One thread writes and tidies.
 */
#ifndef POUCH_STORE_OUTLET_H
#define POUCH_STORE_OUTLET_H

#include <store/backend.h>
#include <store/spool.h>

struct pl_outlet_pace {            /* all in ms */
    int write;                     /* how long the writer waits for the store */
    int replay_least, replay_most; /* how long the replay does: twice as long after each time that was not enough */
    int pause_least, pause_most;   /* between attempts to replay that fail, doubling */
    /* how long rows go through the spool at least, doubling while the store goes to and fro */
    int calm_least, calm_most;
    int adopt_first, adopt_every; /* when spools of processes that are gone are looked for */
};
extern const struct pl_outlet_pace pl_outlet_pace;

struct pl_outlet_settings {
    const struct pl_store_kind *kind;
    const char *where;
    int64_t ttl_ms;
    size_t keep_bytes;           /* 0: no bound */
    struct pl_spool_place spool; /* folder NULL: there is no spool */
    struct pl_spool_bounds bounds;
    const struct pl_outlet_pace *pace;
};

struct pl_outlet;

/* Opens the sink; the spool when it has a reserve, else when it is needed. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_outlet_new(struct pl_outlet **o, const struct pl_outlet_settings *s);

/*
 * Writes a batch, which may be empty, to the store or the spool. rows: what is missing when neither takes it.
 * lost: rows that have gone missing before they came here.
 */
void pl_outlet_write(struct pl_outlet *o, const struct pl_trace_batch *batch, const struct pl_gap *rows,
                     struct pl_gap *lost);

/* Has the sink drop what is old, when it is time; when to call it again. */
int64_t pl_outlet_tidy(struct pl_outlet *o);

/* Rows that neither took. Any thread. */
uint64_t pl_outlet_missing(const struct pl_outlet *o);

/*
 * Goes on replaying for at most ms, while that works. What is left in the spool is for the next process. NULL allowed.
 */
void pl_outlet_free(struct pl_outlet *o, int ms);

#endif
