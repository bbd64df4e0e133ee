/* Reply plaintexts and JSON texts: what is read lies inside, and what is written reads back the same. */
#include <stdlib.h>
#include <string.h>
#include <wire/dialect.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

/* Any bytes, escaped: contents of a valid JSON string that read back as they were, once bad UTF-8 is replaced. */
static void escape_round_trip(const char *in, size_t n) {
    char *raw = malloc(6 * n + 3), *back = malloc(6 * n + 1), *again = malloc(18 * n + 1);
    require(raw && back && again);
    raw[0] = '"';
    size_t raw_n = pl_json_escape(raw + 1, in, n);
    raw[1 + raw_n] = '"';
    require(raw_n <= 6 * n);
    require(pl_json_valid(raw, raw_n + 2));
    size_t back_n = pl_json_unescape(back, raw + 1, raw_n);
    require(back_n <= raw_n);
    require(pl_json_escape(again, back, back_n) == raw_n && !memcmp(again, raw + 1, raw_n));
    free(raw);
    free(back);
    free(again);
}

static bool same(struct pl_span a, struct pl_span b) {
    return a.n == b.n && !a.at == !b.at && (!a.at || !memcmp(a.at, b.at, a.n));
}

/* Writes what was read, with its error unescaped, and reads that. */
static void write_round_trip(const struct pl_reply_text *reply, size_t n) {
    struct pl_reply_text next = *reply, back;
    struct pl_buf out;
    char *error = malloc(reply->error.n + 1);
    require(error);
    if (reply->error.at) next.error = (struct pl_span){error, pl_json_unescape(error, reply->error.at, reply->error.n)};
    pl_buf_init(&out, 16 * n + 1024);
    require(pl_dialect_splp.write_reply(&out, &next) == POUCH_OK);
    require(pl_dialect_splp.read_reply(&back, out.at, out.len) == POUCH_OK);
    require(!memcmp(&back.id, &reply->id, sizeof back.id) && back.success == reply->success);
    require(back.timestamp == reply->timestamp && same(back.code, reply->code));
    require(same(back.payload, reply->payload) || (!reply->payload.at && back.payload.n == 4));
    require(!back.error.at == !reply->error.at);
    pl_buf_free(&out);
    free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const char *text = (const char *)data;
    struct pl_reply_text reply;
    struct pl_span payload;
    bool valid = pl_json_valid(text, n);
    require(valid == (pl_dialect_splp.read_request(&payload, text, n) == POUCH_OK));
    if (pl_dialect_splp.read_reply(&reply, text, n) == POUCH_OK) {
        require(!reply.payload.at || pl_json_valid(reply.payload.at, reply.payload.n));
        write_round_trip(&reply, n);
    }
    escape_round_trip(text, n);
    return 0;
}
