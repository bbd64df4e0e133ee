/* What gateways read from Redis, where anybody may have written it: notes of requests, facts, and points of history. */
#include <async/note.h>
#include <share/points.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

/* A note that was read is written and read again as the same. */
static void check_note(const char *text, size_t n) {
    struct async_note note, again;
    struct pl_buf out;
    if (async_note_read(&note, text, n)) return;
    require(strlen(note.owner) <= ASYNC_OWNER_MAX && note.deadline_ms >= 0);
    pl_buf_init(&out, 1 << 20);
    require(!async_note_write(&out, &note) && !async_note_read(&again, out.at, out.len));
    require(!strcmp(again.owner, note.owner) && again.deadline_ms == note.deadline_ms && again.has_key == note.has_key);
    pl_buf_free(&out);
}

static void check_history(const char *text, size_t n) {
    json_t *facts = share_facts_read(text, n), *point = share_point_read(text, n), *all = json_array();
    require(all != NULL);
    if (facts) json_array_append(all, facts);
    if (facts) json_array_append(all, facts);
    json_t *made = share_point_make(all, 1700000000000);
    require(made != NULL);
    json_array_clear(all);
    if (point) json_array_append(all, point);
    json_array_append(all, made);
    json_t *trends = share_trends(all);
    require(trends != NULL);
    json_decref(trends);
    json_decref(made);
    json_decref(all);
    json_decref(point);
    json_decref(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    check_note((const char *)data, n);
    check_history((const char *)data, n);
    return 0;
}
