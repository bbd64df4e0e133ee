/* source_topic set in whatever the scanner takes: what comes out is taken again and differs in nothing else. */
#include <base/buf.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void require_equal(struct pl_span a, struct pl_span b) {
    require(!a.at == !b.at && a.n == b.n && (!a.at || !memcmp(a.at, b.at, a.n)));
}

static void require_same_but_source(const struct pl_envelope *a, const struct pl_envelope *b) {
    require_equal(a->request_id, b->request_id);
    require_equal(a->worker_name, b->worker_name);
    require_equal(a->data, b->data);
    require_equal(a->iv, b->iv);
    require_equal(a->tag, b->tag);
    require_equal(a->reply_topic, b->reply_topic);
    require_equal(a->kid, b->kid);
    require_equal(a->error_code, b->error_code);
    require_equal(a->error_message, b->error_message);
}

/* The bytes around the value, or around the place where the member was put in. */
static void require_same_bytes(const struct pl_envelope *before, const char *text, size_t n, const struct pl_buf *out) {
    size_t head = 0, tail = 0;
    size_t most = n < out->len ? n : out->len;
    while (head < most && text[head] == out->at[head]) head++;
    while (tail < most - head && text[n - 1 - tail] == out->at[out->len - 1 - tail]) tail++;
    size_t changed = n - head - tail;
    require(changed <= before->source_value.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct pl_envelope before, after;
    struct pl_buf out;
    const char *text = (const char *)data;
    if (pl_envelope_scan(&before, text, n)) return 0;
    pl_buf_init(&out, n + 64);
    pouch_err e = pl_envelope_set_source(&out, &before, text, n, "in.box");
    require(e == (!before.source_value.at && before.members == PL_MEMBERS_MAX ? POUCH_E_BAD_ENVELOPE : POUCH_OK));
    if (!e) {
        require(!pl_envelope_scan(&after, out.at, out.len));
        require(after.source_topic.n == 6 && !memcmp(after.source_topic.at, "in.box", 6));
        require_same_but_source(&before, &after);
        require_same_bytes(&before, text, n, &out);
    }
    pl_buf_free(&out);
    return 0;
}
