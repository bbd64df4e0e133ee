/*
 * Requests that come again: where jobs meet the dedupe window.
 *
 * What has ended with an answer, of whatever kind, or passed on, or as one that wanted none, is remembered. What is
 * tried again later, and what became a dead letter, is forgotten: it comes back as the same envelope and must then be
 * handled.
 *
 * One that is not to be handled, since its deadline has passed or too many wait, is looked for as well before it is
 * told so, perhaps unopened: its requester may have been told something else by another copy of it, or be about to be.
 */
#include <base/why.h>
#include <string.h>
#include <worker/worker.h>

static void refuse_relabelled(struct pouch_job *j, struct pl_desk *desk) {
    j->opened = false; /* it is no request for a handler */
    (void)!pl_fail(POUCH_E_NOT_ALLOWED,
                   "the envelope was here under another request id before: somebody has relabelled it");
    pl_job_refuse(j, desk, POUCH_E_NOT_ALLOWED, pouch_why());
}

static void repeat(struct pouch_job *j, struct pl_desk *desk, struct pl_dedupe_entry *entry) {
    struct pl_dedupe *window = j->worker->dedupe;
    size_t n;
    const void *reply = pl_dedupe_reply(entry, &n);
    pl_job_repeat(j, desk, reply, n);
    pl_dedupe_release(window, entry);
}

static struct pl_dedupe_key key_of(const struct pouch_job *j) {
    struct pl_dedupe_key key = {.topic = j->route->topic, .id = j->id};
    memcpy(key.tag, j->tag, sizeof key.tag);
    return key;
}

bool pl_job_first(struct pouch_job *j, struct pl_desk *desk) {
    const struct pl_dedupe_key key = key_of(j);
    struct pl_dedupe_entry *entry;
    switch (pl_dedupe_enter(j->worker->dedupe, &key, &j->waiter, &entry)) {
    case PL_DEDUPE_FIRST:
    case PL_DEDUPE_UNKNOWN: j->entry = entry; return true;
    case PL_DEDUPE_WAITS: break; /* it may be another thread's by now */
    case PL_DEDUPE_ENDED: repeat(j, desk, entry); break;
    case PL_DEDUPE_RELABELLED: refuse_relabelled(j, desk); break;
    }
    return false;
}

bool pl_job_known(struct pouch_job *j, struct pl_desk *desk) {
    if (!j->worker->dedupe || j->entry) return false;
    const struct pl_dedupe_key key = key_of(j);
    struct pl_dedupe_entry *entry;
    enum pl_dedupe_verdict v = pl_dedupe_join(j->worker->dedupe, &key, &j->waiter, &entry);
    if (v == PL_DEDUPE_ENDED) repeat(j, desk, entry);
    return v == PL_DEDUPE_ENDED || v == PL_DEDUPE_WAITS;
}

static bool has_ended(const struct pouch_job *j) {
    if (j->dropped || j->lettered) return false;
    switch (j->counted) {
    case PL_M_JOBS:
    case PL_M_JOBS_DONE:
    case PL_M_JOBS_FORWARDED:
    case PL_M_JOBS_FAILED:
    case PL_M_JOBS_TIMED_OUT: return true;
    default: return false;
    }
}

static struct pouch_job *next_of(struct pl_dedupe_waiter **waiting) {
    struct pouch_job *j = (struct pouch_job *)*waiting;
    *waiting = (*waiting)->next;
    return j;
}

void pl_job_remember(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    bool ended = has_ended(j);
    size_t n = ended && !j->passed_on ? j->parcel.value.len : 0;
    struct pl_dedupe_waiter *waiting = pl_dedupe_end(w->dedupe, j->entry, ended, j->parcel.value.at, n);
    j->entry = NULL;
    while (waiting) {
        struct pouch_job *other = next_of(&waiting);
        if (w->closing)
            pl_job_drop(other);
        else
            pl_job_run(other);
    }
}

/* All open jobs have been taken over, and nobody else can let go of those that waited. */
void pl_jobs_wait_no_more(struct pouch_worker *w) {
    struct pl_dedupe_waiter *waiting = pl_dedupe_close(w->dedupe);
    while (waiting) pl_job_let_go(next_of(&waiting));
}
