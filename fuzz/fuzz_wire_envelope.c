/* The envelope scanner: whatever it takes lies inside the text and is what the header says. */
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void require_inside(struct pl_span span, const char *text, size_t n) {
    if (!span.at) {
        require(span.n == 0);
        return;
    }
    require(span.at > text && span.at + span.n < text + n);
    require(span.at[-1] == '"' && span.at[span.n] == '"');
}

static void require_name(struct pl_span span) {
    require(!span.at || pl_name_valid(span.at, span.n));
}

static void require_hex(struct pl_span span, size_t least, size_t most) {
    if (!span.at) return;
    require(span.n % 2 == 0 && span.n >= 2 * least && span.n <= 2 * most);
    for (size_t i = 0; i < span.n; i++) require(span.at[i] && strchr("0123456789abcdefABCDEF", span.at[i]));
}

static void require_sound(const struct pl_envelope *e) {
    require(e->request_id.at && e->request_id.n == 36);
    require(!e->data.at == !e->iv.at && !e->data.at == !e->tag.at && !e->data.at == !!e->error_code.at);
}

static void require_message(const struct pl_envelope *e) {
    if (!e->error_message.at) return;
    char *plain = malloc(e->error_message.n + 1), *raw = malloc(6 * e->error_message.n + 1);
    if (plain && raw) {
        size_t n = pl_json_unescape(plain, e->error_message.at, e->error_message.n);
        require(n <= e->error_message.n);
        require(pl_json_escape(raw, plain, n) <= 6 * n);
    }
    free(plain);
    free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct pl_envelope e;
    const char *text = (const char *)data;
    pouch_err err = pl_envelope_scan(&e, text, n);
    require(err == POUCH_OK || err == POUCH_E_BAD_ENVELOPE);
    const struct pl_span spans[] = {e.request_id,  e.worker_name,  e.data, e.iv,         e.tag,
                                    e.reply_topic, e.source_topic, e.kid,  e.error_code, e.error_message};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) require_inside(spans[i], text, n);
    require_name(e.worker_name);
    require_name(e.reply_topic);
    require_name(e.source_topic);
    require_name(e.kid);
    require_name(e.error_code);
    require_hex(e.data, 0, n);
    require_hex(e.iv, 12, 16);
    require_hex(e.tag, 16, 16);
    require_message(&e);
    if (!err) {
        require_sound(&e);
        require(pl_json_valid(text, n));
    }
    return 0;
}
