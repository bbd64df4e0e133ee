#include <async/note.h>
#include <base/hex.h>
#include <base/why.h>
#include <json/json.h>
#include <stdlib.h>
#include <string.h>

/* 9999-12-31: later than any deadline, and still in range when something is added. */
#define TIME_MOST INT64_C(253402300799999)

enum { HASH_DIGITS = 2 * sizeof(struct pl_uuid) };

/* What has none is about to be sent. */
static const char *const fates[] = {[ASYNC_ASKED] = NULL, [ASYNC_SENT] = "sent", [ASYNC_VOID] = "void"};

static const char *hash_text(char out[HASH_DIGITS + 1], const struct pl_uuid *hash) {
    pl_hex_encode(out, hash->b, sizeof hash->b);
    out[HASH_DIGITS] = '\0';
    return out;
}

pouch_err async_note_write(struct pl_buf *out, const struct async_note *note) {
    char id[37], key[HASH_DIGITS + 1], body[HASH_DIGITS + 1];
    pl_uuid_format(id, &note->id);
    json_t *value =
        json_pack("{s:s, s:s?, s:s, s:I, s:I, s:s?, s:s}", "note", id, "fate", fates[note->fate], "owner", note->owner,
                  "asked", (json_int_t)note->asked_ms, "deadline", (json_int_t)note->deadline_ms, "key",
                  note->has_key ? hash_text(key, &note->key) : NULL, "body", hash_text(body, &note->body));
    size_t n;
    char *text = value ? pl_json_text(value, &n) : NULL;
    json_decref(value);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the note of a request");
    pouch_err e = pl_buf_append(out, text, n);
    free(text);
    return e;
}

static bool read_hash(struct pl_uuid *out, const json_t *value) {
    return json_string_length(value) == HASH_DIGITS && pl_hex_decode(out->b, json_string_value(value), sizeof out->b);
}

static bool read_time(int64_t *out, const json_t *value) {
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0 && *out <= TIME_MOST;
}

static bool read_fate(enum async_fate *out, const json_t *value) {
    if (!value || json_is_null(value)) return true;
    for (*out = ASYNC_SENT; *out <= ASYNC_VOID; (*out)++)
        if (json_is_string(value) && !strcmp(json_string_value(value), fates[*out])) return true;
    return false;
}

static bool fill(struct async_note *note, const json_t *value) {
    const json_t *id = json_object_get(value, "note"), *owner = json_object_get(value, "owner");
    const json_t *key = json_object_get(value, "key");
    if (!json_is_string(id) || !pl_uuid_parse(&note->id, json_string_value(id), json_string_length(id))) return false;
    if (!json_is_string(owner) || json_string_length(owner) > ASYNC_OWNER_MAX) return false;
    strcpy(note->owner, json_string_value(owner));
    note->has_key = json_is_string(key);
    if (note->has_key && !read_hash(&note->key, key)) return false;
    return read_fate(&note->fate, json_object_get(value, "fate")) &&
           read_hash(&note->body, json_object_get(value, "body")) &&
           read_time(&note->asked_ms, json_object_get(value, "asked")) &&
           read_time(&note->deadline_ms, json_object_get(value, "deadline"));
}

pouch_err async_note_read(struct async_note *note, const char *text, size_t n) {
    json_t *value;
    *note = (struct async_note){.has_key = false};
    pouch_err e = pl_json_read(&value, "the note of a request", text, n);
    if (e) return e;
    bool sound = json_is_object(value) && fill(note, value);
    json_decref(value);
    return sound ? POUCH_OK : pl_fail(POUCH_E_INVALID_PAYLOAD, "not the note of a request");
}
