/* Notes of requests as other gateways leave them on the topic. Include after stage.h. */
#ifndef POUCH_TESTS_MOCK_ASYNC_NOTED_H
#define POUCH_TESTS_MOCK_ASYNC_NOTED_H

#include <async/note.h>
#include <openssl/evp.h>
#include <wire/sealed.h>

/* The first bytes of the SHA-256 of all parts, each behind its length. */
static inline struct pl_uuid hash_of(const char *const parts[], size_t n) {
    unsigned char bytes[1024], digest[EVP_MAX_MD_SIZE];
    size_t used = 0;
    struct pl_uuid hash;
    for (size_t i = 0; i < n; i++) {
        uint64_t length = strlen(parts[i]);
        memcpy(bytes + used, &length, sizeof length);
        memcpy(bytes + used + sizeof length, parts[i], length);
        used += sizeof length + length;
    }
    assert_int_equal(EVP_Digest(bytes, used, digest, NULL, EVP_sha256(), NULL), 1);
    memcpy(hash.b, digest, sizeof hash.b);
    return hash;
}

/* That of what ask_later_with() asks; key NULL: it has none. */
static inline struct async_note note_of(const char *json, const char *key, int64_t timeout_ms) {
    struct async_note note = {.owner = "key:ada", .asked_ms = pl_wall_ms(&pl_clock_system), .has_key = key != NULL};
    note.deadline_ms = note.asked_ms + timeout_ms;
    note.body = hash_of((const char *const[]){"bank", "", "", json}, 4);
    if (key) note.key = hash_of((const char *const[]){note.owner, key}, 2);
    assert_int_equal(pl_random_uuid(&note.id), POUCH_OK);
    return note;
}

static inline void produce_note(struct stage *s, const struct pl_uuid *id, const char *kind, struct pl_span value) {
    char key[37];
    rd_kafka_t *rk = peer_handle(&s->mock, RD_KAFKA_PRODUCER);
    pl_uuid_format(key, id);
    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("gate.async-replies"), RD_KAFKA_V_KEY(key, 36),
                                       RD_KAFKA_V_VALUE((char *)value.at, value.n),
                                       RD_KAFKA_V_HEADER("pouch-async", kind, -1),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

/* The note sealed in an envelope of that id, perhaps another one than its own; out is the caller's to free. */
static inline void seal_note(struct stage *s, struct pl_buf *out, const struct async_note *note,
                             const struct pl_uuid *id) {
    const struct pl_seal_to to = {.id = *id, .iv_bytes = 12};
    struct pl_sealer *sealer;
    struct pl_buf plain;
    pl_buf_init(&plain, 4096);
    pl_buf_init(out, 4096);
    assert_int_equal(pl_sealer_new(&sealer, s->ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    assert_int_equal(async_note_write(&plain, note), POUCH_OK);
    assert_int_equal(pl_sealed_write(out, sealer, &to, plain.at, plain.len), POUCH_OK);
    pl_sealer_free(sealer);
    pl_buf_free(&plain);
}

static inline void leave_note(struct stage *s, const struct async_note *note) {
    struct pl_buf sealed;
    seal_note(s, &sealed, note, &note->id);
    produce_note(s, &note->id, "note", (struct pl_span){sealed.at, sealed.len});
    pl_buf_free(&sealed);
}

struct sought {
    struct async *a;
    char id[37];
    int64_t deadline_ms;
};

static inline bool is_there(void *sought) {
    struct sought *s = sought;
    struct told found = find_as(s->a, s->id, "key:ada");
    return !found.e && found.deadline_ms == s->deadline_ms;
}

/* Leaves it, and waits until it is found, and so all of its id that was left before. */
static inline struct sought leave_noted(struct stage *s, struct async *a, const struct async_note *note) {
    struct sought sought = {.a = a, .deadline_ms = note->deadline_ms};
    pl_uuid_format(sought.id, &note->id);
    leave_note(s, note);
    test_until(is_there, &sought);
    return sought;
}

/* How many requests the bank has heard by now: one that is asked and answered has come behind them. */
static inline long heard(struct stage *s, struct async *a) {
    struct told asked = ask_later(s, a, "\"and this\"");
    assert_int_equal(await_answer(a, asked.id, 60000).state, ASYNC_DONE);
    return atomic_load(&s->bank.seen);
}

#endif
