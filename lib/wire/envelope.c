#include <base/buf.h>
#include <base/hex.h>
#include <base/why.h>
#include <crypto/seal.h>
#include <string.h>
#include <wire/envelope.h>
#include <wire/scan.h>

enum { MESSAGE_MAX = 1024 };

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool pl_name_valid(const char *name, size_t n) {
    if (n < 1 || n > PL_NAME_MAX) return false;
    for (size_t i = 0; i < n; i++)
        if (!is_name_char(name[i])) return false;
    return !(name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.')));
}

/* What is wrong with a member's text, or NULL. */
typedef const char *check_fn(struct pl_envelope *e, struct pl_span text);

static const char *check_uuid(struct pl_envelope *e, struct pl_span text) {
    return pl_uuid_parse(&e->id, text.at, text.n) ? NULL : "is no uuid";
}

static const char *check_name(struct pl_envelope *e, struct pl_span text) {
    (void)e;
    return pl_name_valid(text.at, text.n) ? NULL : "is not 1 to 249 characters of A-Z a-z 0-9 . _ -";
}

static const char *check_kid(struct pl_envelope *e, struct pl_span text) {
    (void)e;
    return text.n <= PL_KID_MAX && pl_name_valid(text.at, text.n) ? NULL
                                                                  : "is not 1 to 64 characters of A-Z a-z 0-9 . _ -";
}

/* The lengths of members that are known to be hex digits. */
static const char *check_data(struct pl_envelope *e, struct pl_span text) {
    (void)e;
    return text.n % 2 == 0 ? NULL : "is not pairs of hex digits";
}

static const char *check_iv(struct pl_envelope *e, struct pl_span text) {
    (void)e;
    return text.n >= 2 * PL_IV_MIN && text.n <= 2 * PL_IV_MAX && text.n % 2 == 0 ? NULL
                                                                                 : "is not 12 to 16 bytes in hex";
}

static const char *check_tag(struct pl_envelope *e, struct pl_span text) {
    (void)e;
    return text.n == 2 * PL_TAG_BYTES ? NULL : "is not 16 bytes in hex";
}

/* In the order in which we write them. */
static const struct known {
    const char *name;
    size_t n, offset;
    bool hex;
    check_fn *check;
} known[] = {
#define KNOWN(name, field, hex, check) \
    { name, sizeof name - 1, offsetof(struct pl_envelope, field), hex, check }
    KNOWN("request_id", request_id, false, check_uuid),
    KNOWN("worker_name", worker_name, false, check_name),
    KNOWN("data", data, true, check_data),
    KNOWN("iv", iv, true, check_iv),
    KNOWN("tag", tag, true, check_tag),
    KNOWN("replyTopic", reply_topic, false, check_name),
    KNOWN("source_topic", source_topic, false, check_name),
    KNOWN("kid", kid, false, check_kid),
#undef KNOWN
};

enum { KNOWN_N = sizeof known / sizeof known[0] };

/* The scan of one envelope. */
struct scan {
    struct pl_envelope *e;
    struct pl_object object;
    const char *text;
    size_t next; /* the known member that comes, where they come in our own order */
};

static const struct known *find_known(struct scan *s, const struct pl_member *m) {
    for (size_t i = 0; i < KNOWN_N; i++) {
        const struct known *k = &known[(s->next + i) % KNOWN_N];
        if (!pl_member_is(m, k->name, k->n)) continue;
        s->next = (size_t)(k - known) + 1;
        return k;
    }
    return NULL;
}

static pouch_err not_sound(const struct pl_object *o, const char *text) {
    return pl_fail(POUCH_E_BAD_ENVELOPE, "not an envelope: %s at byte %zu", o->why, (size_t)(o->cursor.at - text));
}

static pouch_err bad_member(const struct scan *s, const char *name, struct pl_span value, const char *why) {
    return pl_fail(POUCH_E_BAD_ENVELOPE, "not an envelope: member %s at byte %zu %s", name,
                   (size_t)(value.at - s->text), why);
}

/* Reads a value that is a string of hex digits: most of an envelope, so in a loop that looks for nothing else. */
static bool scan_hex(struct pl_object *o, struct pl_member *m) {
    struct pl_cursor *c = &o->cursor;
    pl_scan_space(c);
    if (c->at == c->end || *c->at != '"') return false;
    const char *end = pl_hex_skip(c->at + 1, c->end);
    if (end == c->end || *end != '"') return false;
    m->value = (struct pl_span){c->at, (size_t)(end + 1 - c->at)};
    m->value_escaped = false;
    c->at = end + 1;
    return true;
}

/* Takes a known member. null stands for absent, as some peers write it. */
static pouch_err take_known(struct scan *s, const struct known *k, const struct pl_member *m, bool hex) {
    if (k->offset == offsetof(struct pl_envelope, source_topic)) s->e->source_value = m->value;
    if (pl_value_is_null(m->value)) return POUCH_OK;
    struct pl_span text = pl_value_text(m->value);
    const char *wrong;
    if (!text.at)
        wrong = "is no string";
    else if (m->value_escaped)
        wrong = "holds an escape";
    else if (k->hex && !hex)
        wrong = "is not pairs of hex digits";
    else
        wrong = k->check(s->e, text);
    if (wrong) return bad_member(s, k->name, m->value, wrong);
    memcpy((char *)s->e + k->offset, &text, sizeof text);
    return POUCH_OK;
}

/* Takes a member of the error object. */
static pouch_err take_error_member(struct scan *s, const struct pl_member *m) {
    struct pl_span text = pl_value_text(m->value);
    if (pl_member_is(m, "code", 4)) {
        if (!text.at || m->value_escaped || !pl_name_valid(text.at, text.n))
            return bad_member(s, "error.code", m->value, "is no code");
        s->e->error_code = text;
    } else if (pl_member_is(m, "message", 7) && !pl_value_is_null(m->value)) {
        if (!text.at) return bad_member(s, "error.message", m->value, "is no string");
        s->e->error_message = text;
    }
    return POUCH_OK;
}

static pouch_err take_error(struct scan *s, const struct pl_member *error) {
    if (pl_value_is_null(error->value)) return POUCH_OK;
    if (*error->value.at != '{') return bad_member(s, "error", error->value, "is no object");
    struct pl_object o;
    struct pl_member m;
    enum pl_step step;
    pl_object_begin(&o, error->value.at, error->value.at + error->value.n, PL_DEPTH_MAX - 2);
    while ((step = pl_object_next(&o, &m)) == PL_STEP_MEMBER) {
        pouch_err e = take_error_member(s, &m);
        if (e) return e;
    }
    if (step == PL_STEP_BAD) return not_sound(&o, s->text);
    return s->e->error_code.at ? POUCH_OK : bad_member(s, "error", error->value, "has no code");
}

static pouch_err take_member(struct scan *s, struct pl_member *m) {
    const struct known *k = find_known(s, m);
    bool hex = k && k->hex && scan_hex(&s->object, m);
    if (!hex && pl_object_value(&s->object, m) == PL_STEP_BAD) return not_sound(&s->object, s->text);
    if (k) return take_known(s, k, m, hex);
    return pl_member_is(m, "error", 5) ? take_error(s, m) : POUCH_OK;
}

static pouch_err take_members(struct scan *s) {
    struct pl_member m;
    enum pl_step step;
    while ((step = pl_object_name(&s->object, &m)) == PL_STEP_MEMBER) {
        pouch_err e = take_member(s, &m);
        if (e) return e;
    }
    if (step == PL_STEP_BAD) return not_sound(&s->object, s->text);
    pl_scan_space(&s->object.cursor);
    if (s->object.cursor.at == s->object.cursor.end) return POUCH_OK;
    s->object.why = "something after the object";
    return not_sound(&s->object, s->text);
}

static pouch_err check_whole(const struct pl_envelope *e) {
    int sealed = !!e->data.at + !!e->iv.at + !!e->tag.at;
    const char *why = NULL;
    if (!e->request_id.at)
        why = "no request_id";
    else if (sealed == 0 && !e->error_code.at)
        why = "neither data, iv and tag nor error";
    else if (sealed && e->error_code.at)
        why = "both sealed and an error in clear";
    else if (sealed % 3)
        why = "data, iv and tag belong together";
    return why ? pl_fail(POUCH_E_BAD_ENVELOPE, "not an envelope: %s", why) : POUCH_OK;
}

pouch_err pl_envelope_scan(struct pl_envelope *e, const void *text, size_t n) {
    memset(e, 0, sizeof *e);
    if (n > INT32_MAX) return pl_fail(POUCH_E_BAD_ENVELOPE, "not an envelope: over 2 GiB");
    /* Its table of names is written before it is read; clearing it would take a tenth of the time. */
    __attribute__((uninitialized)) struct scan s;
    s.e = e;
    s.text = text;
    s.next = 0;
    pl_object_begin(&s.object, text, s.text + n, PL_DEPTH_MAX - 1);
    pouch_err err = take_members(&s);
    e->members = s.object.n;
    return err ? err : check_whole(e);
}

pouch_err pl_envelope_write_error(struct pl_buf *out, const struct pl_uuid *id, pouch_err code, const char *message) {
    char request_id[37], escaped[6 * MESSAGE_MAX + 1];
    pl_uuid_format(request_id, id);
    size_t n = pl_json_escape(escaped, message, strnlen(message, MESSAGE_MAX));
    pl_buf_reset(out);
    return pl_buf_printf(out, "{\"request_id\":\"%s\",\"error\":{\"code\":\"%s\",\"message\":\"%.*s\"}}", request_id,
                         pouch_err_code(code), (int)n, escaped);
}
