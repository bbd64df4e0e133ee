/* An envelope's source_topic, set by a party that has no key, in the bytes as they came. */
#include <base/buf.h>
#include <base/why.h>
#include <string.h>
#include <wire/scan.h>

#define MEMBER ",\"source_topic\":"

/* What of the text comes before the value and after it, and whether the member's name must come with it. */
struct gap {
    struct pl_span before, after;
    bool name;
};

static struct gap find_gap(const struct pl_envelope *e, const char *text, size_t n) {
    struct pl_span value = e->source_value;
    const char *end = text + n;
    if (!value.at) {
        const char *brace = end - 1; /* only space comes after it */
        while (*brace != '}') brace--;
        value = (struct pl_span){brace, 0};
    }
    const char *rest = value.at + value.n;
    return (struct gap){{text, (size_t)(value.at - text)}, {rest, (size_t)(end - rest)}, !e->source_value.at};
}

static char *put(char *at, const char *text, size_t n) {
    memcpy(at, text, n);
    return at + n;
}

pouch_err pl_envelope_set_source(struct pl_buf *out, const struct pl_envelope *e, const void *text, size_t n,
                                 const char *topic) {
    size_t topic_n = strlen(topic);
    if (!e->source_value.at && e->members == PL_MEMBERS_MAX)
        return pl_fail(POUCH_E_BAD_ENVELOPE, "%d members leave no room for source_topic", PL_MEMBERS_MAX);
    pouch_err err = pl_buf_reserve(out, n + sizeof MEMBER - 1 + topic_n + 2);
    if (err) return err;
    struct gap gap = find_gap(e, text, n);
    char *at = put(out->at + out->len, gap.before.at, gap.before.n);
    if (gap.name) at = put(at, MEMBER, sizeof MEMBER - 1);
    *at++ = '"';
    at = put(at, topic, topic_n);
    *at++ = '"';
    at = put(at, gap.after.at, gap.after.n);
    *at = 0;
    out->len = (size_t)(at - out->at);
    return POUCH_OK;
}
