/* What is known of a request: from its note and its reply, opened for who asked it. */
#include <async/state.h>
#include <base/why.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wire/sealed.h>

/* BACK_MS: when Redis is back here, it is back for all gateways that much later. */
enum { LOOK_FIRST_US = 20000, LOOK_MOST_US = 250000, BACK_MS = 5000 };

struct search {
    struct async *a;
    struct pl_uuid id;
    char owner[ASYNC_OWNER_MAX + 1];
    int64_t read_ms; /* how far the topic was read before */
    async_found_fn *done;
    void *arg;
};

static pouch_err open_span(struct async *a, struct pl_buf *plain, struct pl_span bytes, const struct pl_uuid *id,
                           struct pl_envelope *env) {
    struct pl_sealer *sealer;
    pouch_err e = pl_envelope_scan(env, bytes.at, bytes.n);
    if (!e && memcmp(&env->id, id, sizeof *id)) e = pl_fail(POUCH_E_BAD_ENVELOPE, "an envelope of another request");
    if (e || env->error_code.at) return e;
    e = pl_sealer_take(&sealer, a->ring, PL_OVER_LIMIT_WARN);
    if (e) return e;
    e = pl_sealed_open(plain, sealer, env);
    pl_sealer_give(sealer);
    return e;
}

pouch_err async_open_note(struct async *a, struct pl_span bytes, const struct pl_uuid *id, struct async_note *note) {
    struct pl_buf plain;
    struct pl_envelope env;
    pl_buf_init(&plain, SIZE_MAX / 2);
    pouch_err e = open_span(a, &plain, bytes, id, &env);
    if (!e && env.error_code.at) e = pl_fail(POUCH_E_BAD_ENVELOPE, "no note of a request");
    if (!e) e = async_note_read(note, plain.at, plain.len);
    if (!e && memcmp(&note->id, id, sizeof *id)) e = pl_fail(POUCH_E_BAD_ENVELOPE, "a note of another request");
    pl_buf_wipe(&plain);
    return e;
}

/* The piece as text of its own: what follows it in the plaintext is structure, already read. */
static const char *terminate(struct pl_buf *plain, struct pl_span span) {
    char *at = plain->at + (span.at - plain->at);
    at[span.n] = '\0';
    return at;
}

static bool is_null(struct pl_span json) {
    return json.n == 4 && !memcmp(json.at, "null", 4);
}

static pouch_err read_sealed(struct async *a, struct pl_buf *plain, const struct pl_uuid *id,
                             struct async_answer *answer) {
    struct pl_reply_text text;
    pouch_err e = a->dialect->read_reply(&text, plain->at, plain->len);
    if (!e && memcmp(&text.id, id, sizeof *id)) e = pl_fail(POUCH_E_BAD_ENVELOPE, "a reply to another request");
    if (e) return e;
    answer->state = text.success ? ASYNC_DONE : ASYNC_FAILED;
    answer->sealed = true;
    if (!text.success) {
        answer->code = pl_error_from_code(text.code.at, text.code.n);
        if (!answer->code) answer->code = POUCH_E_HANDLER_ERROR;
    }
    if (text.error.at) {
        char *error = plain->at + (text.error.at - plain->at);
        pl_json_unescape(error, text.error.at, text.error.n);
        answer->error = error;
    }
    if (text.success && !text.payload.at) {
        answer->payload = "null";
        answer->payload_n = 4;
    } else if (text.payload.at && (text.success || !is_null(text.payload))) {
        answer->payload = terminate(plain, text.payload);
        answer->payload_n = text.payload.n;
    }
    return POUCH_OK;
}

static pouch_err read_plain(struct pl_buf *plain, const struct pl_envelope *env, struct async_answer *answer) {
    pl_buf_reset(plain);
    pouch_err e = pl_buf_reserve(plain, env->error_message.n + 1);
    if (e) return e;
    plain->len = env->error_message.at ? pl_json_unescape(plain->at, env->error_message.at, env->error_message.n) : 0;
    plain->at[plain->len] = '\0';
    answer->state = ASYNC_FAILED;
    answer->code = pl_error_from_code(env->error_code.at, env->error_code.n);
    if (!answer->code) answer->code = POUCH_E_HANDLER_ERROR;
    answer->error = plain->at;
    return POUCH_OK;
}

static pouch_err read_answer(struct async *a, struct pl_span bytes, const struct pl_uuid *id, struct pl_buf *plain,
                             struct async_answer *answer) {
    struct pl_envelope env;
    pouch_err e = open_span(a, plain, bytes, id, &env);
    if (e) return e;
    return env.error_code.at ? read_plain(plain, &env, answer) : read_sealed(a, plain, id, answer);
}

static pouch_err no_such_id(void) {
    return pl_fail(POUCH_E_NOT_FOUND, "there is no request of that id, or it is not yours");
}

/* What was noted while Redis was away, by us or by others, comes to it from the topic. */
static bool may_be_on_its_way(struct search *s) {
    struct share_state share;
    if (!s->a->index.share) return false;
    share_look(s->a->index.share, &share);
    if (!share.back_ms || s->read_ms > share.back_ms + BACK_MS) return false;
    async_level_want(s->a);
    return true;
}

/* What is not there may yet be read, or never was. */
static pouch_err not_there(struct search *s, const struct async_look *look) {
    if (look->complete && !may_be_on_its_way(s)) return no_such_id();
    return pl_fail(POUCH_E_STORE, "what was asked before is being read from Kafka; ask again in a moment");
}

static pouch_err judge(struct search *s, const struct async_look *look, struct pl_buf *plain,
                       struct async_answer *answer) {
    struct async_note note;
    int64_t now_ms = pl_wall_ms(s->a->clock);
    if (!look->note.at) return not_there(s, look);
    pouch_err e = async_open_note(s->a, look->note, &s->id, &note);
    if (e) return e;
    if (strcmp(note.owner, s->owner)) return no_such_id();
    *answer = (struct async_answer){
        .payload = "", .error = "", .state = ASYNC_PENDING, .asked_ms = note.asked_ms, .deadline_ms = note.deadline_ms};
    if (look->reply.at) return read_answer(s->a, look->reply, &s->id, plain, answer);
    if (!look->complete) return now_ms > note.deadline_ms ? not_there(s, look) : POUCH_OK;
    if (s->read_ms > note.deadline_ms)
        answer->state = ASYNC_EXPIRED;
    else if (now_ms > note.deadline_ms)
        async_level_want(s->a); /* a reply may be there that nobody has read */
    return POUCH_OK;
}

static void looked(pouch_err e, const struct async_look *look, void *arg) {
    struct search *s = arg;
    struct async *a = s->a;
    struct async_answer answer;
    struct pl_buf plain;
    pl_buf_init(&plain, SIZE_MAX / 2);
    if (!e) e = judge(s, look, &plain, &answer);
    s->done(e, e ? NULL : &answer, s->arg);
    pl_buf_wipe(&plain);
    free(s);
    async_errand_end(a);
}

pouch_err async_find(struct async *a, const char *request_id, const char *owner, async_found_fn *done, void *arg) {
    struct search *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a question");
    *s = (struct search){.a = a, .read_ms = async_level_ms(a), .done = done, .arg = arg};
    snprintf(s->owner, sizeof s->owner, "%s", owner);
    pouch_err e = pl_uuid_parse(&s->id, request_id, strlen(request_id)) ? POUCH_OK : no_such_id();
    if (!e) e = async_errand_enter(a);
    if (!e) {
        e = async_index_find(&a->index, &s->id, looked, s);
        if (e) async_errand_end(a);
    }
    if (e) free(s);
    return e;
}

/* ---- waiting ---- */

struct async_wait {
    struct async_wait *next;
    struct async *a;
    char id[37], owner[ASYNC_OWNER_MAX + 1];
    int64_t due_us, next_us, pause_us;
    bool busy, over; /* under the lock */
    async_found_fn *done;
    void *arg;
};

pouch_err async_await(struct async *a, const char *request_id, const char *owner, int ms, async_found_fn *done,
                      void *arg) {
    struct async_wait *w = calloc(1, sizeof *w);
    if (!w) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a question");
    int64_t now = pl_mono_us(a->clock);
    *w = (struct async_wait){.a = a, .done = done, .arg = arg, .pause_us = LOOK_FIRST_US};
    w->due_us = now + (int64_t)ms * 1000;
    w->next_us = now;
    snprintf(w->id, sizeof w->id, "%s", request_id);
    snprintf(w->owner, sizeof w->owner, "%s", owner);
    pthread_mutex_lock(&a->lock);
    pouch_err e = a->closed ? pl_fail(POUCH_E_CLOSED, "the gateway is closing")
                  : a->n_waits >= ASYNC_AWAITED_MOST
                      ? pl_fail(POUCH_E_OVERLOADED, "%d calls wait for answers already", ASYNC_AWAITED_MOST)
                      : POUCH_OK;
    if (!e) {
        a->n_waits++;
        w->next = a->waits_new;
        a->waits_new = w;
    }
    pthread_mutex_unlock(&a->lock);
    if (e)
        free(w);
    else
        pl_wake_signal(&a->wake);
    return e;
}

/* Pending is told only when the time is up; what cannot be known at present may be known soon. */
static void waited(pouch_err e, const struct async_answer *answer, void *arg) {
    struct async_wait *w = arg;
    int64_t now = pl_mono_us(w->a->clock);
    bool may_change = e == POUCH_E_STORE || e == POUCH_E_OVERLOADED || (!e && answer->state == ASYNC_PENDING);
    bool over = !may_change || now >= w->due_us;
    if (over) w->done(e, answer, w->arg);
    pthread_mutex_lock(&w->a->lock);
    w->pause_us = w->pause_us * 2 < LOOK_MOST_US ? w->pause_us * 2 : LOOK_MOST_US;
    w->next_us = now + w->pause_us;
    w->over = over;
    w->busy = false;
    pthread_mutex_unlock(&w->a->lock);
}

static void adopt(struct async *a) {
    while (a->waits_new) {
        struct async_wait *w = a->waits_new;
        a->waits_new = w->next;
        w->next = a->waits;
        a->waits = w;
    }
}

/* Takes those out that are over, and marks those that are due as busy. */
static size_t choose(struct async *a, int64_t now_us, struct async_wait *due[], size_t most) {
    size_t n = 0;
    pthread_mutex_lock(&a->lock);
    adopt(a);
    for (struct async_wait **at = &a->waits; *at;) {
        struct async_wait *w = *at;
        if (w->over) {
            *at = w->next;
            a->n_waits--;
            free(w);
            continue;
        }
        if (!w->busy && n < most && (w->next_us <= now_us || w->due_us <= now_us)) {
            w->busy = true;
            due[n++] = w;
        }
        at = &w->next;
    }
    pthread_mutex_unlock(&a->lock);
    return n;
}

void async_wait_turn(struct async *a, int64_t now_us) {
    struct async_wait *due[ASYNC_BATCH];
    size_t n = choose(a, now_us, due, ASYNC_BATCH);
    for (size_t i = 0; i < n; i++) {
        pouch_err e = async_find(a, due[i]->id, due[i]->owner, waited, due[i]);
        if (e) waited(e, NULL, due[i]);
    }
}

/* Nothing of the index is under way by now, or it ends the wait itself before async_close() returns. */
void async_wait_end(struct async *a) {
    for (;;) {
        pthread_mutex_lock(&a->lock);
        adopt(a);
        struct async_wait *w = a->waits;
        bool busy = w && w->busy;
        if (w && !busy) {
            a->waits = w->next;
            a->n_waits--;
        }
        pthread_mutex_unlock(&a->lock);
        if (!w) return;
        if (busy) {
            pl_wake_wait(&a->wake, LOOK_FIRST_US);
            continue;
        }
        pl_why_set("the gateway is closing");
        if (!w->over) w->done(POUCH_E_CLOSED, NULL, w->arg);
        free(w);
    }
}
