#include <metrics/metrics.h>
#include <metrics/timing.h>
#include <worker/status.h>
#include <worker/worker.h>

enum { LOOK_MS = 100 };

struct pl_status *pl_worker_status(pouch_worker *w) {
    return &w->status;
}

static void note_oldest(const struct pouch_worker *w, struct pl_status_work *work) {
    const struct pouch_job *oldest = NULL;
    for (const struct pouch_job *j = w->jobs; j; j = j->next)
        if (j->taken.message && (!oldest || j->taken_us < oldest->taken_us)) oldest = j;
    if (!oldest) return;
    const struct pl_taken *t = &oldest->taken;
    work->oldest_us = oldest->taken_us;
    pl_source_write(work->oldest, t->partition->topic, t->partition->id, t->message->offset);
}

void pl_worker_publish(struct pouch_worker *w) {
    enum pl_phase phase = w->drain_until_us ? PL_PHASE_STOPPING : PL_PHASE_WORKING;
    int64_t now = pl_mono_us(w->clock);
    if (!pl_status_due(&w->status, phase, now)) return;
    struct pl_status_work work = {.phase = phase,
                                  .in_flight = w->live,
                                  .in_flight_most = w->settings.max_in_flight,
                                  .bytes = w->bytes,
                                  .bytes_most = w->settings.max_in_flight_bytes,
                                  .resending = w->waiting.count};
    note_oldest(w, &work);
    pl_metric_set(PL_M_IN_FLIGHT_LIMIT, (int64_t)work.in_flight_most);
    pl_timings_tick(now);
    pl_kafka_look(w->health, pl_producer_handle(w->producer), LOOK_MS);
    pl_status_no_breakers(&w->status);
    pl_gates_publish(w);
    pl_targets_each(&w->targets, pl_status_target, &w->status);
    pl_status_publish(&w->status, &work, now, w->group, w->health, w->settings.brokers);
}
