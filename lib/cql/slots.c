#include <base/clock.h>
#include <base/why.h>
#include <cql/errors.h>
#include <cql/session.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>

pouch_err pl_cql_slots_new(struct pl_cql *s) {
    size_t n = s->config.in_flight;
    s->slots = calloc(n, sizeof *s->slots);
    if (!s->slots) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu requests to Cassandra", n);
    for (size_t i = n; i-- > 0;) {
        struct pl_cql_slot *slot = &s->slots[i];
        pl_buf_init(&slot->frame, s->config.bytes);
        pl_buf_init(&slot->repair, s->config.bytes);
        slot->next = s->free;
        s->free = slot;
    }
    pl_heap_init(&s->deadlines);
    return pl_heap_reserve(&s->deadlines, n);
}

pouch_err pl_cql_slot_take(struct pl_cql *s, struct pl_cql_slot **out) {
    struct pl_cql_slot *slot = s->free;
    if (!slot || s->bytes >= s->config.bytes)
        return pl_fail(POUCH_E_OVERLOADED, "%zu requests to Cassandra with %zu bytes are under way, as many as may be",
                       s->used, s->bytes);
    s->free = slot->next;
    s->used++;
    slot->prev = slot->next = NULL;
    slot->attempts = slot->repairs = 0;
    slot->abandoned = slot->routed = false;
    *out = slot;
    return POUCH_OK;
}

/* What a free slot keeps is bounded, so that all of them together keep no more than config.bytes. */
static void keep_little(const struct pl_cql *s, struct pl_buf *b) {
    if (b->cap > s->config.bytes / s->config.in_flight)
        pl_buf_free(b);
    else
        pl_buf_reset(b);
}

void pl_cql_slot_give_back(struct pl_cql *s, struct pl_cql_slot *slot) {
    keep_little(s, &slot->frame);
    pl_buf_free(&slot->repair);
    slot->conn = NULL;
    slot->next = s->free;
    s->free = slot;
    s->used--;
}

/* ---- a slot and its connection ---- */

static void enlist(struct pl_cql_slot *slot, struct pl_cql_conn *c) {
    slot->unsent = true;
    slot->prev = c->unsent_last;
    slot->next = NULL;
    *(c->unsent_last ? &c->unsent_last->next : &c->unsent) = slot;
    c->unsent_last = slot;
}

static void delist(struct pl_cql_slot *slot) {
    struct pl_cql_conn *c = slot->conn;
    *(slot->prev ? &slot->prev->next : &c->unsent) = slot->next;
    *(slot->next ? &slot->next->prev : &c->unsent_last) = slot->prev;
    slot->prev = slot->next = NULL;
    slot->unsent = false;
}

static void put_on(struct pl_cql *s, struct pl_cql_slot *slot, struct pl_cql_conn *c) {
    slot->conn = c;
    c->load++;
    pl_cql_frame_set_stream(slot->frame.at, (uint16_t)(slot - s->slots));
    enlist(slot, c);
}

static void take_off(struct pl_cql_slot *slot) {
    if (slot == slot->conn->unsent) slot->conn->partly = 0; /* whoever comes first now has nothing in the buffer */
    if (slot->unsent) delist(slot);
    slot->conn->load--;
    slot->conn->abandoned -= slot->abandoned;
    slot->conn = NULL;
}

void pl_cql_slot_sent(struct pl_cql_slot *slot) {
    delist(slot);
    slot->sent_us = pl_mono_us(&pl_clock_system);
}

struct pl_cql_slot *pl_cql_slot_on(struct pl_cql_conn *c, int16_t stream) {
    struct pl_cql *s = c->session;
    if (stream < 0 || (size_t)stream >= s->config.in_flight) return NULL;
    struct pl_cql_slot *slot = &s->slots[stream];
    return slot->conn == c && !slot->unsent ? slot : NULL;
}

/* ---- the end ---- */

static void release(struct pl_cql *s, struct pl_cql_slot *slot) {
    take_off(slot);
    s->bytes -= slot->frame.len;
    pl_cql_slot_give_back(s, slot);
}

/* Nobody waits for it any more from here on; the slot may live on for an answer that is still to come. */
static void tell(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_result *result, bool answered) {
    pl_cql_done *done = slot->done;
    void *arg = slot->arg;
    pl_heap_remove(&s->deadlines, &slot->due);
    s->pending--;
    s->ended++;
    if (answered) {
        release(s, slot);
    } else {
        slot->abandoned = true;
        slot->conn->abandoned++;
    }
    done(result, arg);
}

static void fail_with(struct pl_cql *s, struct pl_cql_slot *slot, pouch_err e, int32_t code) {
    const struct pl_cql_result result = {.error = e, .server_code = code};
    tell(s, slot, &result, true);
}

void pl_cql_slot_fail(struct pl_cql *s, struct pl_cql_slot *slot, pouch_err e) {
    if (slot->abandoned)
        release(s, slot);
    else
        fail_with(s, slot, e, -1);
}

void pl_cql_slots_free(struct pl_cql *s) {
    for (size_t i = 0; s->slots && i < s->config.in_flight; i++) {
        pl_buf_free(&s->slots[i].frame);
        pl_buf_free(&s->slots[i].repair);
    }
    free(s->slots);
    pl_heap_free(&s->deadlines);
}

/* ---- the beginning, and further attempts ---- */

pouch_err pl_cql_slot_start(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_how *how, pl_cql_done *done,
                            void *arg) {
    struct pl_cql_conn *c = pl_cql_choose(s, slot);
    if (!c) return pl_cql_no_host(s);
    int64_t wait = how->timeout_us > 0 ? how->timeout_us : s->config.request_us;
    pouch_err e = pl_heap_add(&s->deadlines, &slot->due, pl_mono_us(&pl_clock_system) + wait);
    if (e) return e;
    slot->idempotent = how->idempotent;
    slot->done = done;
    slot->arg = arg;
    s->pending++;
    s->bytes += slot->frame.len;
    put_on(s, slot, c);
    return POUCH_OK;
}

/* On another host when there is one that was not tried. False: none, or tried often enough; it is where it was. */
static bool try_elsewhere(struct pl_cql *s, struct pl_cql_slot *slot, struct pl_cql_host *from) {
    if (slot->attempts + 1 >= PL_CQL_ATTEMPTS_MAX || s->closing) return false;
    slot->tried[slot->attempts++] = from;
    struct pl_cql_conn *c = pl_cql_choose(s, slot);
    if (!c) return false;
    pl_metric_add(PL_M_CQL_RETRIES, 1);
    if (slot->conn) take_off(slot);
    pl_buf_free(&slot->repair);
    put_on(s, slot, c);
    return true;
}

/* ---- answers ---- */

static struct pl_cql_statement *statement_of(const struct pl_cql *s, const char *id, size_t n) {
    struct pl_cql_statement *st = s->statements;
    while (st && (st->id_n != n || memcmp(st->id, id, n))) st = st->next;
    return st;
}

/* The server has forgotten a statement: prepare it there, on this slot's own stream. False: it cannot be done. */
static bool repair(struct pl_cql *s, struct pl_cql_slot *slot) {
    enum { REPAIRS_MAX = 64 };
    const struct pl_cql_statement *st = statement_of(s, s->answer.unprepared, s->answer.unprepared_n);
    if (!st || slot->repairs == REPAIRS_MAX || pl_cql_frame_prepare(&slot->repair, st->text)) return false;
    slot->repairs++;
    pl_cql_frame_set_stream(slot->repair.at, (uint16_t)(slot - s->slots));
    enlist(slot, slot->conn);
    return true;
}

static void answer_error(struct pl_cql *s, struct pl_cql_slot *slot) {
    int32_t code = s->answer.code;
    struct pl_cql_host *host = slot->conn->host;
    if (code == PL_CQL_ERROR_UNPREPARED && !slot->repair.len && repair(s, slot)) return;
    enum pl_cql_again again = pl_cql_error_again(code);
    bool may = again == PL_CQL_AGAIN_ANYTIME || (again == PL_CQL_AGAIN_DOUBT && slot->idempotent);
    if (may && try_elsewhere(s, slot, host)) return;
    fail_with(s, slot, pl_cql_error_fail(&s->answer, host->name), code);
}

static void unexpected(struct pl_cql *s, struct pl_cql_slot *slot) {
    pl_cql_slot_fail(s, slot,
                     pl_fail(POUCH_E_STORE, "Cassandra at %s: an answer of another kind than was asked for",
                             slot->conn->host->name));
}

/* The PREPARE of a repair was answered: now the request itself. */
static void repaired(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_head *h) {
    pl_buf_free(&slot->repair);
    if (h->op == PL_CQL_OP_RESULT && s->answer.kind == PL_CQL_RESULT_PREPARED)
        enlist(slot, slot->conn);
    else
        unexpected(s, slot);
}

void pl_cql_slot_answer(struct pl_cql *s, struct pl_cql_slot *slot, const struct pl_cql_head *h) {
    if (slot->abandoned) {
        release(s, slot);
    } else if (h->op == PL_CQL_OP_ERROR) {
        answer_error(s, slot);
    } else if (slot->repair.len) {
        repaired(s, slot, h);
    } else if (h->op != PL_CQL_OP_RESULT) {
        unexpected(s, slot);
    } else {
        const struct pl_cql_result result = {.server_code = -1,
                                             .rows = s->answer.kind == PL_CQL_RESULT_ROWS ? &s->rows : NULL};
        tell(s, slot, &result, true);
    }
}

/* ---- lost connections and passed deadlines ---- */

/* Whether the server has not seen it, or only to say that it must be prepared: it is certain not to be done. */
static bool is_undone(const struct pl_cql_slot *slot) {
    const struct pl_cql_conn *c = slot->conn;
    return slot->repair.len || (slot->unsent && !(slot == c->unsent && c->partly));
}

/* One slot of a connection that is gone. What was not done may be done elsewhere. */
static void lost(struct pl_cql_conn *c, struct pl_cql_slot *slot, pouch_err e) {
    struct pl_cql *s = c->session;
    bool undone = is_undone(slot);
    if (slot->abandoned) {
        release(s, slot);
        return;
    }
    if ((undone || slot->idempotent) && try_elsewhere(s, slot, c->host)) return;
    if (s->closing)
        e = pl_fail(POUCH_E_CLOSED, "the session with Cassandra was closed before an answer came");
    else if (undone)
        e = pl_fail(POUCH_E_STORE, "Cassandra at %s: %s; the request was not done", c->host->name, c->host->why);
    else
        e = pl_fail(e == POUCH_E_TIMEOUT ? e : POUCH_E_CLOSED,
                    "Cassandra at %s: %s; whether the request was done is not known", c->host->name, c->host->why);
    fail_with(s, slot, e, -1);
}

void pl_cql_slots_lost(struct pl_cql_conn *c, pouch_err e) {
    struct pl_cql *s = c->session;
    for (size_t i = 0; c->load && i < s->config.in_flight; i++)
        if (s->slots[i].conn == c) lost(c, &s->slots[i], e);
}

/*
 * A request timed out. Where nothing at all has come for as long as a request may take, or answers are missing in
 * numbers, there is no use in waiting on; where little time was given, a heartbeat tells.
 */
static void doubt(struct pl_cql_conn *c, int64_t silent_us) {
    const struct pl_cql_config *config = &c->session->config;
    if (silent_us >= config->request_us)
        pl_cql_conn_break(c, POUCH_E_TIMEOUT, "no answer for %lld ms", (long long)(silent_us / 1000));
    else if (c->abandoned > config->in_flight / 4)
        pl_cql_conn_break(c, POUCH_E_TIMEOUT, "%zu requests were not answered in time", c->abandoned);
    else if (silent_us && c->state == PL_CQL_READY && c->step == PL_CQL_STEP_NONE && !c->broken)
        pl_cql_control_ask(c, PL_CQL_STEP_HEARTBEAT);
}

static void expire(struct pl_cql *s, struct pl_cql_slot *slot, int64_t now) {
    struct pl_cql_conn *c = slot->conn;
    pl_metric_add(PL_M_CQL_TIMEOUTS, 1);
    bool untouched = slot->unsent && !(slot == c->unsent && c->partly), undone = is_undone(slot);
    const struct pl_cql_result result = {
        .error =
            pl_fail(POUCH_E_TIMEOUT,
                    "Cassandra at %s did not answer in time, and %s; see that host, or allow more with "
                    "request_timeout",
                    c->host->name, undone ? "the request was not done" : "whether the request was done is not known"),
        .server_code = -1};
    int64_t silent_us = slot->unsent || c->heard_us >= slot->sent_us ? 0 : now - slot->sent_us;
    tell(s, slot, &result, untouched);
    doubt(c, silent_us);
}

void pl_cql_slots_expire(struct pl_cql *s, int64_t now) {
    struct pl_heap_node *first;
    while ((first = pl_heap_first(&s->deadlines)) && first->due <= now) expire(s, (struct pl_cql_slot *)first, now);
}
