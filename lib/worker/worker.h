/*
 * What the files of this room share. The thread in pouch_worker_run(), the poll thread, owns all
 * but what is marked as shared.
 */
#ifndef POUCH_WORKER_WORKER_H
#define POUCH_WORKER_WORKER_H

#include <base/clockcheck.h>
#include <base/queue.h>
#include <base/wake.h>
#include <bus/producer.h>
#include <bus/status.h>
#include <bus/target.h>
#include <conf/settings.h>
#include <letter/redeliver.h>
#include <store/tracer.h>
#include <worker/backoff.h>
#include <worker/dedupe_file.h>
#include <worker/desk.h>
#include <worker/job.h>
#include <worker/pool.h>

/* How fast handlers are called while some request always waits for one (admit.c). */
struct pl_pace {
    int64_t call_ns; /* from one call to the next; 0: not known */
    int64_t from_us; /* when the sample that is being taken began */
    size_t from_called;
    int64_t waited_us; /* when something last waited */
};

struct pouch_worker {
    /* Constant while it runs, so shared. */
    struct pl_settings settings;
    const char *client_id, *group_id;
    char *own_id; /* the client id when none was set */
    pouch_keyring *ring;
    const struct pl_clock *clock;
    struct pl_route *routes;
    size_t n_routes;
    size_t record_max; /* bytes that the producer takes as one record */
    struct pl_backoff backoff;
    struct pl_tiers tiers;

    /* Shared, each with its own lock or atomic. */
    struct pl_wake wake;
    atomic_bool stopping;
    atomic_bool pausing;    /* some topic has been paused, perhaps not any more */
    atomic_size_t called;   /* handlers, so far */
    atomic_size_t holds;    /* the owner's one, and one for each LATE job; the last frees the worker */
    struct pl_queue *work;  /* jobs for the pool */
    struct pl_queue *ended; /* jobs back from whoever ended them; never full: a job is in it once */
    struct pl_desks desks;
    struct pl_pool pool;
    struct pl_producer *producer;
    struct pl_status status;
    struct pl_tracer *tracer; /* NULL: messages are not logged */
    struct pl_clockcheck clockcheck;
    atomic_bool detour;       /* some topic refuses: only the poll thread sends */
    struct pl_dedupe *dedupe; /* NULL: each request is handled */

    /* The poll thread's. */
    bool has_run, closing;
    struct pl_dedupe_file *dedupe_file; /* NULL: the window is in memory alone */
    struct pl_kafka_health *health;
    struct pl_group *group;
    struct pl_redeliverer *redeliverer; /* NULL: others do it */
    struct pl_desk *desk;
    struct pouch_job *jobs, *free_jobs; /* all, and those in no use */
    size_t n_jobs;
    size_t in_use;          /* jobs not in free_jobs: hold a record, or a late handler, or are kept */
    size_t kept;            /* jobs that hold no record, but whose reports are to come */
    size_t given_up;        /* posts, until their reports */
    size_t held;            /* jobs at gates */
    size_t unchecked;       /* jobs that wait for the validator */
    size_t aside;           /* those of them that do not hold their partitions */
    size_t aside_bytes;     /* of their records */
    size_t live;            /* jobs that hold a record */
    size_t bytes;           /* of those records */
    size_t usual_bytes;     /* of a record, as they have been lately */
    struct pl_heap waiting; /* posts, until their due() */
    bool producer_full;
    struct pl_targets targets; /* topics that answers and forwarded requests have been on their way to for a while */
    int64_t stall_look_us, held_look_us, queue_look_us;
    size_t queued, unqueued; /* jobs put into work; those that threads had taken out of it when last looked */
    int64_t moved_us;        /* when that changed */
    struct pl_pace pace;
    bool stuck_told;
    int64_t look_us;                 /* when the next handler can time out, at the earliest */
    int64_t drain_until_us;          /* once it is stopping */
    int64_t counts[PL_METRIC_COUNT]; /* not yet added to the metrics */
};

enum { PL_BATCH = 500 };

/* worker.c: _drop gives back a hold, from any thread. _room: how many more records may be taken now. */
void pl_worker_drop(struct pouch_worker *w);
size_t pl_worker_room(const struct pouch_worker *w);

/* status.c, the poll thread: about once a second, whatever there is to tell; and when the end begins. */
void pl_worker_publish(struct pouch_worker *w);

/* start.c: everything that a run needs; what there is after an error is the caller's to end. */
POUCH_MUST_CHECK pouch_err pl_worker_start(struct pouch_worker *w, const struct pl_group_hooks *hooks);

/* jobs.c, the poll thread. _ready makes up to n jobs that _new can give out; how many there are. */
size_t pl_jobs_ready(struct pouch_worker *w, size_t n);
struct pouch_job *pl_job_new(struct pouch_worker *w, const struct pl_taken *t);
void pl_job_over(struct pouch_job *j);      /* all records of its end are stored, or it is dropped */
void pl_job_drop(struct pouch_job *j);      /* ends without an outcome: the record will come again */
void pl_job_collected(struct pouch_job *j); /* a late handler has let go of it */
void pl_job_reported(struct pouch_job *j);  /* of what was given up */
void pl_jobs_free(struct pouch_worker *w);

/* open.c, pool threads: reads the record into the job. The error and pouch_why() say what is wrong with the request. */
POUCH_MUST_CHECK pouch_err pl_job_open(struct pouch_job *j, struct pl_desk *desk);
bool pl_job_expired(const struct pouch_job *j); /* any thread */

/*
 * The same for whoever is alone with the job and only wants to know whom it is from and how long it has: needs no key.
 */
POUCH_MUST_CHECK pouch_err pl_job_read(struct pouch_job *j);

/* answer.c, any thread: a record for the job into desk->parcel. TOO_LARGE, NO_MEMORY, CONFIG (a key over its limit). */
POUCH_MUST_CHECK pouch_err pl_answer_reply(const struct pouch_job *j, struct pl_desk *desk, const void *json, size_t n);
POUCH_MUST_CHECK pouch_err pl_answer_error(const struct pouch_job *j, struct pl_desk *desk, pouch_err code,
                                           const char *text);
/* its text, as an error for a dead letter */
POUCH_MUST_CHECK pouch_err pl_answer_words(const struct pouch_job *j, struct pl_desk *desk);
POUCH_MUST_CHECK pouch_err pl_answer_plain_error(const struct pouch_job *j, struct pl_desk *desk, pouch_err code,
                                                 const char *text);
/* one that was sealed before */
POUCH_MUST_CHECK pouch_err pl_answer_again(const struct pouch_job *j, struct pl_desk *desk, const void *reply,
                                           size_t n);
POUCH_MUST_CHECK pouch_err pl_answer_pass_on(const struct pouch_job *j, struct pl_desk *desk, const pouch_dest *next,
                                             const void *json, size_t n);

/*
 * duplicate.c, where there is a dedupe window. _first, pool threads: whether the opened job is the first of its
 * request; if not, it has been answered, refused, or waits. _known, of one that was read and is not to be handled:
 * true: it has been answered as before, or waits for the one in hand, and may be another thread's. _remember, the poll
 * thread: a first one is over.
 */
bool pl_job_first(struct pouch_job *j, struct pl_desk *desk);
bool pl_job_known(struct pouch_job *j, struct pl_desk *desk);
void pl_job_remember(struct pouch_job *j);
void pl_jobs_wait_no_more(struct pouch_worker *w); /* while closing, when no desk is out */

/*
 * job.c. _give_back: its handler is not called yet. _pack makes the desk's parcel the job's; _refuse ends a job that is
 * not for a handler, or not yet; _repeat one whose request has ended before, with n bytes of sealed answer (0: with
 * none). _reply_again, pool threads: the reply that it keeps goes, is refused, or waits on.
 */
void pl_job_repeat(struct pouch_job *j, struct pl_desk *desk, const void *reply, size_t n);
void pl_job_give_back(struct pouch_job *j);
void pl_job_pack(struct pouch_job *j, struct pl_desk *desk);
void pl_job_refuse(struct pouch_job *j, struct pl_desk *desk, pouch_err code, const char *why);
void pl_job_reply_again(struct pouch_job *j);

/*
 * validate.c. _valid, pool threads: whether the opened job may go to its handler; if not, it has been ended or waits.
 * _valid_reply, any thread: INVALID_PAYLOAD, UNCHECKED. The rest is the poll thread's: _wait_for_check may hold its
 * partition, too; _wait_over ends that, if it is so.
 */
bool pl_job_valid(struct pouch_job *j);
POUCH_MUST_CHECK pouch_err pl_job_valid_reply(struct pouch_job *j, const void *json, size_t n);
void pl_job_wait_for_check(struct pouch_job *j);
void pl_job_wait_over(struct pouch_job *j);
size_t pl_jobs_unchecked(const struct pouch_worker *w); /* that wait for it, and copies that wait for the end of one */

/*
 * outcome.c, the poll thread. _fail ends a job with an error: the requester is told as how says, as far as it can be,
 * and where it is not told, or LETTER says so too, the record becomes a dead letter.
 */
enum { PL_TELL_SEALED = 1, PL_TELL_PLAIN = 2, PL_LETTER = 4 };
void pl_job_fail(struct pouch_job *j, pouch_err code, const char *text, unsigned how);
void pl_job_run(struct pouch_job *j); /* gives it to a handler's thread, once more */
/* EXPIRED, OVERLOADED: no handler was called, and nobody else has it. One that the window knows is answered by that. */
void pl_job_end_uncalled(struct pouch_job *j, pouch_err code, const char *text);
void pl_jobs_collect(struct pouch_worker *w);  /* what has come back since */
void pl_jobs_time_out(struct pouch_worker *w); /* handlers past their time */
bool pl_job_take_over(struct pouch_job *j);    /* true: the job was OPEN and is LATE now */

/*
 * later.c, the poll thread. _fits: whether somebody may still want the outcome that much later. _put_off: whether it
 * goes to a retry topic now, in place of failing. _send_later: its record, as pl_producer_send().
 */
bool pl_job_fits(const struct pouch_job *j, int64_t ms);
bool pl_job_put_off(struct pouch_job *j);
POUCH_MUST_CHECK pouch_err pl_job_send_later(struct pouch_job *j);
void pl_job_not_put_off(struct pouch_job *j); /* its retry topic refuses it: it has failed */

/* queued.c, the poll thread: what waits for a thread while none comes free. */
void pl_jobs_queued_look(struct pouch_worker *w);

/*
 * admit.c, the poll thread. _look: so many jobs wait for a handler now. _wait_us: how long one waits with so many ahead
 * of it; 0 also when that is not known. _admit: whether a job that was just taken, and would wait so long, is to be
 * queued; else it has been ended.
 */
void pl_pace_look(struct pouch_worker *w, size_t waiting, int64_t now_us);
int64_t pl_pace_wait_us(const struct pouch_worker *w, size_t ahead);
bool pl_job_admit(struct pouch_job *j, int64_t wait_us);
bool pl_job_stale(const struct pouch_job *j); /* any thread: its time has passed while it waited, and others wait */

/*
 * stall.c, the poll thread. _init: before the pool has threads. _refuses: whether the topic of the job's parcel takes
 * nothing at present. _sent: the producer has taken the parcel from the poll thread. _reported: of any post, before
 * anything else is done about it.
 */
void pl_stalls_init(struct pouch_worker *w);
void pl_stalls_look(struct pouch_worker *w);
bool pl_stall_refuses(struct pl_post *p);
void pl_stall_sent(struct pl_post *p);
void pl_stall_reported(struct pl_post *p, const struct pl_delivery *d);

/*
 * deliver.c. _parcel_send from any thread, the rest is the poll thread's. _hold_partition: nothing more is taken from
 * the post's partition until each that holds it has let go; true: it was not held before. _let_partition_go: true: it
 * is held no more.
 */
POUCH_MUST_CHECK pouch_err pl_parcel_send(const struct pl_parcel *p, struct pl_producer *producer, void *arg);
void pl_post_send(struct pl_post *p);
void pl_post_give_up(struct pl_post *p); /* its topic takes nothing; the producer still has it */
void pl_post_wait(struct pl_post *p, int64_t wait_ms, void (*due)(struct pl_post *p));
bool pl_post_hold_partition(struct pl_post *p);
bool pl_post_let_partition_go(struct pl_post *p);
void pl_post_delivered(const struct pl_delivery *d, void *worker);
void pl_posts_due(struct pouch_worker *w);
void pl_posts_drop(struct pouch_worker *w);

#endif
