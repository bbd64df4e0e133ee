/*
 * What the application's validator says of requests, before their handlers, and of replies, before they are sealed.
 *
 * While it cannot tell, what it was asked about waits in flight: a request that was opened, or a reply as its handler
 * gave it. No try is counted and nothing becomes a dead letter; only a deadline that passes ends the wait. Where it can
 * tell of nothing, their partition gives no more. Where it cannot tell of this one alone, that is put aside, in bounds,
 * and the others go on. For each topic one thread asks again about once a second, so that a registry which does not
 * answer does not take all handlers' threads.
 */
#include <base/log.h>
#include <base/why.h>
#include <wire/payload.h>
#include <worker/worker.h>

enum { ASK_US = 1000000, LOOK_MS = 250 };

/* Of threads that find its time come, one; another when that has not come back in its handler's time. */
static bool may_ask(_Atomic(int64_t) *ask_us, const struct pouch_worker *w) {
    int64_t due = atomic_load_explicit(ask_us, memory_order_relaxed), now = pl_mono_us(w->clock);
    if (!due) return true;
    int64_t later = now + (int64_t)w->settings.handler_timeout_ms * 1000;
    return due <= now && atomic_compare_exchange_strong(ask_us, &due, later);
}

/* Sets when to ask again; true: that has changed whether one has to wait. */
static bool set_ask(const struct pouch_job *j, _Atomic(int64_t) *ask_us, bool wait) {
    if (!wait && !atomic_load_explicit(ask_us, memory_order_relaxed)) return false;
    bool waited = atomic_exchange(ask_us, wait ? pl_mono_us(j->worker->clock) + ASK_US : 0);
    return waited != wait;
}

static void note_all(const struct pouch_job *j, bool reply, bool known) {
    if (!set_ask(j, &j->route->ask_us[reply], !known)) return;
    if (known)
        PL_LOG(PL_LOG_INFO, "payloads can be checked again", "topic", j->route->topic);
    else
        PL_LOG(PL_LOG_WARN, "payloads cannot be checked at present, and wait", "topic", j->route->topic, "reason",
               pouch_why());
}

/* What is said of one payload that is well, by what is at hand, says nothing of those that are put aside. */
static void note_doubt(const struct pouch_job *j, bool reply, bool was, pouch_err e) {
    if (!was && !j->doubted && e != POUCH_E_INVALID_PAYLOAD) return;
    if (!set_ask(j, &j->route->doubt_us[reply], e == POUCH_E_UNCHECKED)) return;
    if (e == POUCH_E_UNCHECKED)
        PL_LOG(PL_LOG_WARN, "payloads that cannot be checked at present are put aside, others go on", "topic",
               j->route->topic, "reason", pouch_why());
    else
        PL_LOG(PL_LOG_INFO, "what was put aside can be checked again", "topic", j->route->topic);
}

static pouch_err ask(struct pouch_job *j, bool reply, struct pl_span text) {
    const struct pouch_worker *w = j->worker;
    const struct pouch_payload p = {
        .text = text, .topic = j->route->topic, .publisher = j->publisher, .is_reply = reply};
    bool was = j->doubted;
    if (!may_ask(was ? &j->route->doubt_us[reply] : &j->route->ask_us[reply], w))
        return pl_fail(POUCH_E_UNCHECKED, "payloads of %s could not be checked a moment ago", p.topic);
    pouch_err e = pl_payload_validate(&p, w->settings.validate, w->settings.validate_arg, &j->doubted);
    note_all(j, reply, e != POUCH_E_UNCHECKED || j->doubted);
    note_doubt(j, reply, was, e);
    if (e)
        pl_metric_add(e == POUCH_E_UNCHECKED ? PL_M_UNCHECKED : reply ? PL_M_INVALID_REPLY : PL_M_INVALID_REQUEST, 1);
    return e;
}

bool pl_job_valid(struct pouch_job *j) {
    struct pouch_worker *w = j->worker;
    if (!w->settings.validate || j->validated) return true;
    /* A validator that does not return is taken for its handler, whose time it takes. */
    atomic_store_explicit(&j->started_us, pl_mono_us(w->clock), memory_order_release);
    pouch_err e = ask(j, false, j->payload);
    atomic_store_explicit(&j->started_us, 0, memory_order_relaxed);
    j->validated = !e;
    if (!e) return true;
    struct pl_desk *desk = pl_desk_take(&w->desks);
    if (desk) {
        pl_job_refuse(j, desk, e, pouch_why());
        pl_desk_give(&w->desks, desk);
    } else {
        pl_job_let_go(j);
    }
    return false;
}

pouch_err pl_job_valid_reply(struct pouch_job *j, const void *json, size_t n) {
    return j->worker->settings.validate ? ask(j, true, (struct pl_span){json, n}) : POUCH_OK;
}

/* Half of what may be in flight is left to those that can be checked. */
static bool fits_aside(const struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    return j->doubted && w->aside < w->settings.max_in_flight / 2 &&
           w->aside_bytes + j->bytes <= w->settings.max_in_flight_bytes / 2;
}

static void put_aside(struct pouch_job *j) {
    j->aside = true;
    j->worker->aside++;
    j->worker->aside_bytes += j->bytes;
}

void pl_job_wait_over(struct pouch_job *j) {
    if (!j->unchecked) return;
    if (j->aside) {
        j->worker->aside--;
        j->worker->aside_bytes -= j->bytes;
    } else {
        (void)pl_post_let_partition_go(&j->answer);
    }
    j->unchecked = j->aside = false;
    j->worker->unchecked--;
    pl_metric_add(PL_M_CHECK_WAITING, -1);
}

size_t pl_jobs_unchecked(const struct pouch_worker *w) {
    size_t n = w->unchecked;
    if (!n || !w->dedupe) return n;
    for (const struct pouch_job *j = w->jobs; j; j = j->next)
        if (j->unchecked && j->entry) n += pl_dedupe_waiting(w->dedupe, j->entry);
    return n;
}

static bool may_be_asked(const struct pouch_job *j) {
    bool reply = j->kept.len > 0;
    int64_t ask_us = atomic_load(j->doubted ? &j->route->doubt_us[reply] : &j->route->ask_us[reply]);
    return ask_us <= pl_mono_us(j->worker->clock);
}

static void look(struct pl_post *p) {
    struct pouch_job *j = p->job;
    bool revoked = j->taken.partition->revoked, expired = pl_job_expired(j);
    if (!revoked && !expired && !may_be_asked(j)) {
        if (!j->aside && fits_aside(j)) {
            (void)pl_post_let_partition_go(p);
            put_aside(j);
        }
        pl_post_wait(p, LOOK_MS, look);
        return;
    }
    pl_job_wait_over(j);
    j->waiting = 0;
    if (revoked)
        pl_job_drop(j); /* the partition's next owner does it */
    else if (expired)
        pl_job_end_uncalled(j, POUCH_E_EXPIRED, "the deadline passed before its payload could be checked");
    else
        pl_job_run(j);
}

void pl_job_wait_for_check(struct pouch_job *j) {
    if (fits_aside(j))
        put_aside(j);
    else
        (void)pl_post_hold_partition(&j->answer);
    j->unchecked = true;
    j->worker->unchecked++;
    pl_metric_add(PL_M_CHECK_WAITING, 1);
    j->waiting = 1;
    pl_post_wait(&j->answer, 0, look);
}
