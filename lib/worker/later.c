/* Requests that are put off: into a retry topic, from which they come back as records of their own. */
#include <letter/retry.h>
#include <worker/worker.h>

bool pl_job_fits(const struct pouch_job *j, int64_t ms) {
    const struct pouch_worker *w = j->worker;
    if (!j->deadline_ms || !pl_clockcheck_trusted(&w->clockcheck)) return true;
    return pl_wall_ms(w->clock) + ms < j->deadline_ms;
}

/*
 * Whoever waits for an answer without saying how long is taken to wait as long as our own clients do. Where nobody
 * waits, every delay fits. While deadlines cannot be told from the clock, those who have one are answered.
 */
static bool fits_tier(const struct pouch_job *j, int64_t ms) {
    const struct pouch_worker *w = j->worker;
    bool awaited = j->wants_reply && j->reply_topic && !j->fallback;
    if (j->deadline_ms) return pl_clockcheck_trusted(&w->clockcheck) && pl_job_fits(j, ms);
    return !awaited || ms < w->settings.request_timeout_ms;
}

bool pl_job_put_off(struct pouch_job *j) {
    const struct pl_tiers *tiers = &j->worker->tiers;
    size_t next = (size_t)j->tiers;
    if (next >= tiers->n || j->attempt > PL_ATTEMPTS_MAX || !fits_tier(j, tiers->at[next].delay_ms)) return false;
    j->later = &tiers->at[next];
    j->counted = PL_M_JOBS_LATER;
    j->waiting = 1;
    pl_post_send(&j->letter);
    return true;
}

pouch_err pl_job_send_later(struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    const struct pl_retry r = {.record = j->taken.message,
                               .tier = j->later,
                               .topic = j->route->topic,
                               .reason = j->confided ? NULL : j->text.at,
                               .group = w->group_id,
                               .attempt = j->attempt,
                               .tiers = j->tiers + 1,
                               .now_ms = pl_wall_ms(w->clock),
                               .arg = &j->letter};
    return pl_retry_send(w->producer, &r);
}

void pl_job_not_put_off(struct pouch_job *j) {
    j->later = NULL;
    j->exhausted = true;
    j->counted = PL_M_JOBS_FAILED;
    j->waiting--;
    pl_job_fail(j, POUCH_E_HANDLER_ERROR, j->text.at ? j->text.at : "", PL_TELL_SEALED | PL_LETTER);
}
