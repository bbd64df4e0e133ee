/* pouch dlq redrive. */
#include <base/clock.h>
#include <base/why.h>
#include <letter/redrive.h>
#include <ops/anytext.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/dlq_plan.h>
#include <ops/registry.h>
#include <ops/scan.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { CHUNK = 1000, CHUNK_US = 5000000, WAIT_US = 100000, TELL_US = 500000, RATE_MAX = 1000000 };

/* A letter that was given to the producer. */
struct sent {
    struct pl_position place;
    bool stored;
};

struct redrive {
    const struct ops_call *call;
    const struct pl_settings *settings;
    struct ops_redrive_plan plan;
    int64_t rate; /* 0: as fast as it goes */
    struct pl_store *store;
    struct pl_kafka_health *health;
    struct pl_wake wake;
    struct pl_producer *producer;
    atomic_bool stopping;
    struct sent chunk[CHUNK]; /* not written down yet */
    size_t in_chunk;
    int64_t next_us, chunk_us, told_us; /* next_us: when the next may go, by the rate */
    size_t sent, stored;
    size_t refused;    /* of those not stored: those that another run would not store either */
    char trouble[512]; /* why the last one was not stored */
    pouch_err error;
};

static int64_t now_us(void) {
    return pl_mono_us(&pl_clock_system);
}

static void delivered(const struct pl_delivery *d, void *owner) {
    struct redrive *r = owner;
    struct sent *s = d->arg;
    s->stored = d->class == PL_KAFKA_OK;
    r->stored += s->stored;
    r->refused += d->class != PL_KAFKA_OK && d->class != PL_KAFKA_TRANSIENT;
    if (!s->stored) snprintf(r->trouble, sizeof r->trouble, "%s: %s", d->topic, rd_kafka_err2str(d->error));
}

static void poll_for(struct redrive *r, int64_t us) {
    pl_wake_wait(&r->wake, us < WAIT_US ? us : WAIT_US);
    pl_producer_poll(r->producer);
}

static void tell(struct redrive *r, bool end) {
    if (!isatty(STDERR_FILENO) || (!end && now_us() - r->told_us < TELL_US)) return;
    r->told_us = now_us();
    fprintf(stderr, "\r%zu of %zu%s", r->stored, r->plan.nots[OPS_REDRIVE_SENT], end ? "\n" : "");
    fflush(stderr);
}

/* ---- what is written down ---- */

static json_t *change_json(const struct redrive *r, size_t n, const char *records) {
    json_t *o = json_pack("{s:s,s:I,s:s}", "action", "redrive", "letters", (json_int_t)n, "records", records);
    if (o) o = ops_json_with(o, "filter", ops_letter_filter_json(r->call));
    return o && r->plan.to ? ops_json_with(o, "to", json_string(r->plan.to)) : o;
}

static pouch_err put_change(struct redrive *r, size_t n, const char *records) {
    json_t *change = change_json(r, n, records);
    char *text = change ? pl_json_text(change, NULL) : NULL;
    json_decref(change);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what was sent");
    pouch_err e = pl_store_audit_put(r->store, OPS_AUDIT_DLQ, r->settings->dlq_topic, NULL, text);
    free(text);
    return e;
}

static int in_order(const void *a, const void *b) {
    const struct pl_position *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static pouch_err write_down(struct redrive *r, struct pl_position *places, size_t *n) {
    struct pl_buf text;
    qsort(places, *n, sizeof *places, in_order);
    pl_buf_init(&text, 1 << 20);
    pouch_err e = ops_letter_places_write(&text, places, *n);
    if (!e) e = put_change(r, *n, text.at);
    pl_buf_free(&text);
    *n = 0;
    return e;
}

/* Waits until the broker has all of them, and writes down which, with those that count as sent with them. */
static pouch_err finish_chunk(struct redrive *r) {
    struct pl_position places[CHUNK];
    pouch_err e = POUCH_OK;
    size_t n = 0;
    while (pl_producer_waiting(r->producer)) poll_for(r, WAIT_US);
    for (size_t i = 0; i < r->in_chunk; i++) {
        size_t with;
        const struct ops_redrive_letter *l = ops_redrive_letters(&r->plan, r->chunk[i].place, &with);
        for (; r->chunk[i].stored && with-- && !e; l++) {
            places[n++] = l->at;
            if (n == CHUNK) e = write_down(r, places, &n);
        }
    }
    r->in_chunk = 0;
    return !e && n ? write_down(r, places, &n) : e;
}

/* ---- sending ---- */

/* What was late is made up for by at most a tenth of a second's worth: time in which nothing was sent is no credit. */
static void keep_to_rate(struct redrive *r) {
    int64_t left, earliest;
    if (!r->rate) return;
    while ((left = r->next_us - now_us()) > 0 && !atomic_load(&r->stopping)) poll_for(r, left);
    earliest = now_us() - WAIT_US;
    r->next_us = (r->next_us > earliest ? r->next_us : earliest) + (1000000 + r->rate - 1) / r->rate;
}

static pouch_err put(struct redrive *r, const rd_kafka_message_t *m, const struct ops_letter *l, const char *topic) {
    struct sent *s = &r->chunk[r->in_chunk];
    pouch_err e;
    *s = (struct sent){.place = {m->partition, m->offset}};
    while ((e = pl_redrive_send(r->producer, m, &l->facts, topic, s)) == POUCH_E_OVERLOADED) poll_for(r, WAIT_US);
    if (!r->in_chunk) r->chunk_us = now_us();
    r->sent++;
    if (!e) {
        r->in_chunk++;
    } else {
        snprintf(r->trouble, sizeof r->trouble, "%s", pouch_why());
        r->refused++;
    }
    return e == POUCH_E_NO_MEMORY ? e : POUCH_OK;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct redrive *r = arg;
    char topic[PL_NAME_MAX + 1];
    struct ops_letter l;
    if (!ops_redrive_planned(&r->plan, m)) return true;
    ops_letter_read(&l, m);
    if (!ops_redrive_target(&r->plan, &l, topic)) return true;
    keep_to_rate(r);
    if (atomic_load(&r->stopping)) return false;
    r->error = put(r, m, &l, topic);
    if (!r->error && (r->in_chunk == CHUNK || now_us() - r->chunk_us > CHUNK_US)) r->error = finish_chunk(r);
    tell(r, false);
    return !r->error && r->sent < r->plan.nots[OPS_REDRIVE_SENT];
}

static void stop(void *arg) {
    struct redrive *r = arg;
    atomic_store(&r->stopping, true);
    pl_wake_signal(&r->wake);
}

static pouch_err send_all(struct redrive *r) {
    pouch_err e = ops_scan(r->settings, r->settings->dlq_topic, r->plan.one ? &r->plan.only : NULL, on_record, r);
    pouch_err f = finish_chunk(r);
    tell(r, true);
    return r->error ? r->error : e ? e : f;
}

static pouch_err connect_and_send(struct redrive *r) {
    const char *id = r->settings->client_id ? r->settings->client_id : "pouch-cli";
    pouch_err e = ops_registry_open(r->call, &r->store);
    if (!e) e = pl_wake_init(&r->wake);
    if (e) goto close_store;
    r->health = pl_kafka_health_new();
    if (!r->health) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    if (!e) e = pl_producer_new(&r->producer, r->settings, id, r->health, &r->wake, delivered, r);
    if (!e) e = ops_on_stop(stop, r);
    if (!e) e = send_all(r);
    ops_no_stop();
    pl_producer_free(r->producer, 0);
    pl_kafka_health_free(r->health);
    pl_wake_free(&r->wake);
close_store:
    pl_store_close(r->store);
    return e;
}

/* ---- the command ---- */

static int report(const struct redrive *r, pouch_err e) {
    size_t failed = r->sent - r->stored, planned = r->plan.nots[OPS_REDRIVE_SENT];
    bool dry = ops_has(r->call, "--dry-run");
    int exit_code = OPS_EXIT_OK;
    if (r->call->output != OPS_TABLE) {
        json_t *o = ops_redrive_plan_json(&r->plan);
        if (o) o = ops_json_with(o, "dry_run", json_boolean(dry));
        if (o) o = ops_json_with(o, "sent", json_integer((json_int_t)r->stored));
        if (o) o = ops_json_with(o, "failed", json_integer((json_int_t)failed));
        exit_code = ops_print_json(o);
    } else if (!dry && planned) {
        ops_say("%zu sent again, %zu not; `pouch changes --kind dlq` shows it", r->stored, planned - r->stored);
    }
    if (failed) ops_say("the last one that failed: %s", r->trouble);
    if (e) return ops_error(e);
    if (exit_code || dry || r->stored == planned) return exit_code;
    return r->refused ? OPS_EXIT_NEGATIVE : EX_TEMPFAIL; /* another run sends what this one did not */
}

static int run_plan(struct redrive *r) {
    ops_redrive_plan_print(&r->plan);
    if (!r->plan.n) ops_say("there is nothing to send");
    if (!r->plan.n || ops_has(r->call, "--dry-run")) return report(r, POUCH_OK);
    int exit_code = ops_agreed(r->call, "Send them?", "nothing was sent");
    return exit_code ? exit_code : report(r, connect_and_send(r));
}

static int redrive_with(struct redrive *r) {
    bool dry = ops_has(r->call, "--dry-run");
    pouch_err e = ops_letter_history_read(r->call, r->settings->dlq_topic, !dry, &r->plan.history);
    if (e && !r->plan.again && !dry) {
        ops_say("nothing was sent, since some may have been sent before; mend the store, or send all with --again");
        return pouch_err_exit_code(e);
    }
    e = ops_redrive_plan_make(&r->plan, r->settings);
    if (e == POUCH_E_TARGET_REFUSED) {
        ops_say("nothing was dead-lettered yet: there is no topic %s", r->settings->dlq_topic);
        return report(r, POUCH_OK);
    }
    return e ? ops_error(e) : run_plan(r);
}

static int redrive(struct ops_call *call) {
    struct pl_settings s;
    struct redrive *r = calloc(1, sizeof *r);
    if (!r) return ops_error(pl_fail(POUCH_E_NO_MEMORY, "out of memory"));
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) {
        free(r);
        return ops_error(e);
    }
    r->call = call;
    r->settings = &s;
    e = ops_number(call, "--rate", 0, 1, RATE_MAX, &r->rate);
    if (!e) e = ops_redrive_plan_read(call, &s, &r->plan);
    int exit_code = e ? ops_usage(call, "%s", pouch_why()) : redrive_with(r);
    ops_redrive_plan_free(&r->plan);
    pl_settings_free(&s);
    free(r);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_dlq_redrive = {
    .name = "dlq redrive",
    .args = "[REQUEST_ID | PARTITION/OFFSET]",
    .summary = "Send dead letters again to where they came from",
    .about = "Sends the records as they came, still sealed, to the topics that they came from, or all to one. The\n"
             "deadline of then and the wish for an answer do not go with them, since nobody waits any more. Dead\n"
             "letters stay where they are; which were sent again is kept in the store, and they are not sent a\n"
             "second time unless --again asks for it. One that has come back 3 times is left out. Of several\n"
             "letters of one record, one is sent. What came from a center's inbox goes back there, and so to\n"
             "all targets of its route, also those that had it.\n\n"
             "First it tells what would be sent, and a person is asked; a script says --yes.\n\n"
             "  pouch dlq redrive --reason handler_error --since 2h --dry-run\n"
             "  pouch dlq redrive --topic orders --rate 50 --yes\n"
             "  pouch dlq redrive 2/1041\n",
    .flags =
        (const struct ops_flag[]){
            OPS_LETTER_FLAGS,
            {"--to", 0, "TOPIC", false, "send them there, wherever they came from"},
            {"--rate", 0, "N", false, "at most so many a second"},
            {"--again", 0, NULL, false, "also those that were sent again before"},
            {"--force", 0, NULL, false, "also those that have come back 3 times"},
            {"--dry-run", 0, NULL, false, "tell what would be sent, and send nothing"},
            {"--yes", 0, NULL, false, "do not ask"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .most = 1,
    .run = redrive,
};
