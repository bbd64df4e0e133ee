/*
 * /livez fails slowly, as whoever asks for it restarts us: only when the poll thread stands still. /readyz fails at
 * once, with all that keeps requests from being worked on.
 */
#include <base/clock.h>
#include <crypto/keyring.h>
#include <metrics/metrics.h>
#include <ops/member.h>

enum { DEAD_AFTER_MS = 60000, STALE_AFTER_MS = 15000 };

static const char *const phases[] = {
    [PL_PHASE_STARTING] = "starting", [PL_PHASE_WORKING] = "working", [PL_PHASE_STOPPING] = "stopping"};
static const char held[] = "a dead letter cannot be stored, or a payload cannot be checked";

static int64_t age_ms(int64_t since_us) {
    return (pl_mono_us(&pl_clock_system) - since_us) / 1000;
}

static void say_if_silent(json_t *reasons, const struct pl_status_facts *f, int most_ms) {
    int64_t ms = f->at_us ? age_ms(f->at_us) : 0;
    if (ms > most_ms) pl_json_say(reasons, "its loop has not turned for %lld s", (long long)ms / 1000);
}

static void dead(json_t *reasons, void *arg) {
    const struct ops_member *m = arg;
    struct pl_status_facts f;
    pl_status_read(m->status, &f);
    say_if_silent(reasons, &f, DEAD_AFTER_MS);
}

static void unready_facts(json_t *reasons, const struct pl_status_facts *f) {
    if (f->work.phase == PL_PHASE_STOPPING) pl_json_say(reasons, "it is stopping");
    if (f->work.phase != PL_PHASE_STOPPING && !f->settled)
        pl_json_say(reasons, "its group has not given it partitions yet");
    if (f->trouble[0]) pl_json_say(reasons, "%s", f->trouble);
    if (f->n_held) pl_json_say(reasons, "%zu of %zu partitions wait: %s", f->n_held, f->n_partitions, held);
    say_if_silent(reasons, f, STALE_AFTER_MS);
}

static void unready(json_t *reasons, void *arg) {
    const struct ops_member *m = arg;
    struct pl_status_facts f;
    pl_status_read(m->status, &f);
    unready_facts(reasons, &f);
}

static void notes(json_t *notes, void *arg) {
    const struct ops_member *m = arg;
    if (m->notes) m->notes(notes, m->arg);
}

static const char *paused(const struct pl_status_work *w) {
    if (w->in_flight_most && w->in_flight >= w->in_flight_most) return "as many requests are in flight as may be";
    if (w->bytes_most && w->bytes >= w->bytes_most) return "as many bytes are in flight as may be";
    return NULL;
}

static json_t *in_flight(const struct pl_status_work *w) {
    json_t *oldest = w->oldest_us
                         ? json_pack("{s:s, s:I}", "source", w->oldest, "age_ms", (json_int_t)age_ms(w->oldest_us))
                         : json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:s?}", "requests", (json_int_t)w->in_flight, "most",
                     (json_int_t)w->in_flight_most, "bytes", (json_int_t)w->bytes, "bytes_most",
                     (json_int_t)w->bytes_most, "resending", (json_int_t)w->resending, "oldest", oldest, "paused",
                     paused(w));
}

static json_t *partitions(const struct pl_status_facts *f) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < f->n_partitions && i < PL_STATUS_PARTITIONS; i++) {
        const struct pl_status_partition *p = &f->partitions[i];
        json_array_append_new(
            all, json_pack("{s:s, s:i, s:I, s:I, s:o, s:s?}", "topic", p->topic, "partition", p->id, "in_flight",
                           (json_int_t)p->in_flight, "next_offset", (json_int_t)p->position, "lag",
                           p->lag < 0 ? json_null() : json_integer(p->lag), "paused", p->held ? held : NULL));
    }
    return all;
}

static json_t *breakers(const struct pl_status_facts *f) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < f->n_breakers; i++) {
        const struct pl_status_breaker *b = &f->breakers[i];
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", b->name, "kind",
                                             b->of_target ? "target" : "handler", "state",
                                             pl_breaker_state_name(b->state), "failures", (json_int_t)b->failures,
                                             "since_ms", (json_int_t)age_ms(b->since_us), "held", (json_int_t)b->held));
    }
    return all;
}

static json_int_t metric(enum pl_metric m) {
    return (json_int_t)pl_metric_get(m);
}

/* What waits to be written to the store, and what never was. */
static json_t *store(void) {
    return json_pack("{s:I, s:b, s:I, s:I, s:I, s:I, s:I}", "queue_bytes", metric(PL_M_TRACE_QUEUE_BYTES), "spooling",
                     pl_metric_get(PL_M_TRACE_SPOOLING) > 0, "spool_bytes", metric(PL_M_TRACE_SPOOL_BYTES), "rows",
                     metric(PL_M_TRACE_ROWS), "spooled", metric(PL_M_TRACE_SPOOLED), "replayed",
                     metric(PL_M_TRACE_REPLAYED), "missing", metric(PL_M_TRACE_MISSING));
}

/* What the retry topics have for this process, and whether it brings it back. */
static json_t *retries(void) {
    return json_pack("{s:b, s:I, s:I, s:I, s:I}", "working", pl_metric_get(PL_M_RETRY_WORKING) > 0, "redelivered",
                     metric(PL_M_REDELIVERED), "postponed", metric(PL_M_POSTPONED), "waiting_partitions",
                     metric(PL_M_RETRY_WAITING), "blocked", metric(PL_M_RETRY_BLOCKED));
}

static json_t *keys(pouch_keyring *ring) {
    struct pl_key_use uses[PL_KEYS_MAX];
    json_t *all = json_array();
    size_t n = pl_keyring_uses(ring, uses, PL_KEYS_MAX);
    for (size_t i = 0; all && i < n && i < PL_KEYS_MAX; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "kid", uses[i].kid, "fingerprint",
                                             uses[i].fingerprint, "seals", i == 0, "sealed", (json_int_t)uses[i].sealed,
                                             "opened", (json_int_t)uses[i].opened, "last_used_ms",
                                             (json_int_t)uses[i].last_used_ms));
    return all;
}

static void status(json_t *into, void *arg) {
    const struct ops_member *m = arg;
    struct pl_status_facts f;
    pl_status_read(m->status, &f);
    json_object_set_new(into, "phase", json_string(phases[f.work.phase]));
    json_object_set_new(into, "group", f.group[0] ? json_string(f.group) : json_null());
    json_object_set_new(into, "brokers", f.trouble[0] ? json_string(f.trouble) : json_string("up"));
    json_object_set_new(into, "in_flight", in_flight(&f.work));
    json_object_set_new(into, "assigned", json_integer((json_int_t)f.n_partitions));
    json_object_set_new(into, "partitions", partitions(&f));
    json_object_set_new(into, "breakers", breakers(&f));
    json_object_set_new(into, "store", store());
    json_object_set_new(into, "retries", retries());
    if (m->ring) json_object_set_new(into, "keys", keys(m->ring));
    if (m->more) m->more(into, m->arg);
}

/* What the members of a group have still to do, and whether they can: by the group's name. */
static void health(json_t *into, void *arg) {
    const struct ops_member *m = arg;
    struct pl_status_facts f;
    int64_t lag = 0;
    pl_status_read(m->status, &f);
    for (size_t i = 0; i < f.n_partitions && i < PL_STATUS_PARTITIONS; i++)
        if (f.partitions[i].lag > 0) lag += f.partitions[i].lag;
    json_object_set_new(into, "consumers",
                        json_pack("{s:{s:I, s:I, s:I}}", f.group[0] ? f.group : m->role, "partitions",
                                  (json_int_t)f.n_partitions, "in_flight", (json_int_t)f.work.in_flight, "lag",
                                  (json_int_t)lag));
    json_object_set_new(into, "kafka_connected", json_boolean(!f.trouble[0]));
    json_object_set_new(into, "dlq_connected", json_boolean(!f.n_held));
}

pouch_err ops_member_serve(struct ops_member *m, const char *listen) {
    m->owner = (struct httpd_owner){.role = m->role,
                                    .dead = dead,
                                    .unready = unready,
                                    .notes = notes,
                                    .health = health,
                                    .status = status,
                                    .arg = m};
    pouch_err e = httpd_health_start(&m->health, listen, &m->owner);
    return e ? e : ops_notify_start(&m->notify, &m->owner);
}

void ops_member_end(struct ops_member *m) {
    ops_notify_stop(m->notify);
    httpd_health_stop(m->health);
}
