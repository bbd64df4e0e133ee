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
#include <conf/settings.h>
#include <store/tracer.h>
#include <worker/desk.h>
#include <worker/job.h>
#include <worker/pool.h>

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

    /* Shared, each with its own lock or atomic. */
    struct pl_wake wake;
    atomic_bool stopping;
    atomic_size_t holds;    /* the owner's one, and one for each LATE job; the last frees the worker */
    struct pl_queue *work;  /* jobs for the pool */
    struct pl_queue *ended; /* jobs back from whoever ended them; never full: a job is in it once */
    struct pl_desks desks;
    struct pl_pool pool;
    struct pl_producer *producer;
    struct pl_status status;
    struct pl_tracer *tracer; /* NULL: messages are not logged */
    struct pl_clockcheck clockcheck;

    /* The poll thread's. */
    bool has_run, closing;
    struct pl_kafka_health *health;
    struct pl_group *group;
    struct pl_desk *desk;
    struct pouch_job *jobs, *free_jobs; /* all, and those in no use */
    size_t n_jobs;
    size_t in_use;          /* jobs not in free_jobs: hold a record, or a late handler */
    size_t live;            /* jobs that hold a record */
    size_t bytes;           /* of those records */
    size_t usual_bytes;     /* of a record, as they have been lately */
    struct pl_heap waiting; /* posts, until their due() */
    bool producer_full;
    int64_t look_us;                 /* when the next handler can time out, at the earliest */
    int64_t drain_until_us;          /* once it is stopping */
    int64_t counts[PL_METRIC_COUNT]; /* not yet added to the metrics */
};

enum { PL_BATCH = 500 };

/* worker.c: gives back a hold, from any thread. */
void pl_worker_drop(struct pouch_worker *w);

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
void pl_jobs_free(struct pouch_worker *w);

/* open.c, pool threads: reads the record into the job. The error and pouch_why() say what is wrong with the request. */
POUCH_MUST_CHECK pouch_err pl_job_open(struct pouch_job *j, struct pl_desk *desk);
bool pl_job_expired(const struct pouch_job *j); /* any thread */

/* answer.c, any thread: a record for the job into desk->parcel. TOO_LARGE, NO_MEMORY, CONFIG (a key over its limit). */
POUCH_MUST_CHECK pouch_err pl_answer_reply(const struct pouch_job *j, struct pl_desk *desk, const void *json, size_t n);
POUCH_MUST_CHECK pouch_err pl_answer_error(const struct pouch_job *j, struct pl_desk *desk, pouch_err code,
                                           const char *text);
POUCH_MUST_CHECK pouch_err pl_answer_plain_error(const struct pouch_job *j, struct pl_desk *desk, pouch_err code,
                                                 const char *text);
POUCH_MUST_CHECK pouch_err pl_answer_pass_on(const struct pouch_job *j, struct pl_desk *desk, const pouch_dest *next,
                                             const void *json, size_t n);

/* job.c. _pack makes the desk's parcel the job's; _refuse ends a job that could not be opened. */
void pl_job_pack(struct pouch_job *j, struct pl_desk *desk);
void pl_job_refuse(struct pouch_job *j, struct pl_desk *desk, pouch_err code, const char *why);

/*
 * outcome.c, the poll thread. _fail ends a job with an error: the requester is told as how says, as far as it can be,
 * and where it is not told, or LETTER says so too, the record becomes a dead letter.
 */
enum { PL_TELL_SEALED = 1, PL_TELL_PLAIN = 2, PL_LETTER = 4 };
void pl_job_fail(struct pouch_job *j, pouch_err code, const char *text, unsigned how);
void pl_jobs_collect(struct pouch_worker *w);  /* what has come back since */
void pl_jobs_time_out(struct pouch_worker *w); /* handlers past their time */
bool pl_job_take_over(struct pouch_job *j);    /* true: the job was OPEN and is LATE now */

/* deliver.c. _parcel_send from any thread, the rest is the poll thread's. */
POUCH_MUST_CHECK pouch_err pl_parcel_send(const struct pl_parcel *p, struct pl_producer *producer, void *arg);
void pl_post_send(struct pl_post *p);
void pl_post_wait(struct pl_post *p, int64_t wait_ms, void (*due)(struct pl_post *p));
void pl_post_delivered(const struct pl_delivery *d, void *worker);
void pl_posts_due(struct pouch_worker *w);
void pl_posts_drop(struct pouch_worker *w);

#endif
