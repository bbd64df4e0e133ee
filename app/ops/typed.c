#include <base/why.h>
#include <ops/typed.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wire/dialect.h>

struct ops_typed {
    struct schema_set *set;
    const char *flags[2]; /* what they say of requests and, second, of replies; NULL: nothing */
};

static bool is_auto(const char *value) {
    return value && !strcmp(value, "auto");
}

const char *ops_subject(const char *value, const char *topic, bool reply, char own[static SCHEMA_SUBJECT_MAX]) {
    char name[SCHEMA_SUBJECT_MAX];
    if (!is_auto(value)) return value;
    snprintf(name, sizeof name, "%s%s", topic, reply ? pl_dialect_splp.reply_suffix : "");
    return schema_subject(name, own);
}

static pouch_err validate(const pouch_payload *p, char why[POUCH_VALIDATE_WHY_MAX], void *arg) {
    const struct ops_typed *t = arg;
    char own[SCHEMA_SUBJECT_MAX];
    size_t n;
    const void *text = pouch_payload_text(p, &n);
    bool reply = pouch_payload_is_reply(p);
    const char *subject = ops_subject(t->flags[reply], pouch_payload_topic(p), reply, own);
    pouch_err e = subject ? schema_check(t->set, subject, text, n) : POUCH_OK;
    if (e) snprintf(why, POUCH_VALIDATE_WHY_MAX, "%s", pouch_why());
    return e;
}

pouch_err ops_typed_flags(const struct ops_call *call) {
    bool by_topic = is_auto(ops_flag(call, "--schema", 0)) || is_auto(ops_flag(call, "--reply-schema", 0));
    if (!by_topic || !ops_has(call, "--publisher")) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "auto is the subject of a TOPIC, and --publisher names none: name the subject");
}

static pouch_err open_set(struct ops_typed *t, const struct ops_call *call) {
    struct pl_settings s;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return e;
    e = schema_open(&t->set, &s);
    pl_settings_free(&s);
    return e;
}

pouch_err ops_typed_open(struct ops_typed **out, const struct ops_call *call) {
    const char *requests = ops_flag(call, "--schema", 0), *replies = ops_flag(call, "--reply-schema", 0);
    *out = NULL;
    if (!requests && !replies) return POUCH_OK;
    struct ops_typed *t = calloc(1, sizeof *t);
    if (!t) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for schemas");
    t->flags[false] = requests;
    t->flags[true] = replies;
    pouch_err e = open_set(t, call);
    if (e) {
        free(t);
        return e;
    }
    pouch_options_set_validator(call->options, validate, t);
    *out = t;
    return POUCH_OK;
}

static pouch_err fetch(const struct ops_typed *t, const char *topic, bool reply) {
    char own[SCHEMA_SUBJECT_MAX];
    const char *subject = ops_subject(t->flags[reply], topic, reply, own);
    return subject ? schema_fetch(t->set, subject) : POUCH_OK;
}

pouch_err ops_typed_fetch(struct ops_typed *t, const char *const topics[], size_t n) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; t && !e && i < n; i++) {
        e = fetch(t, topics[i], false);
        if (!e) e = fetch(t, topics[i], true);
    }
    return e;
}

void ops_typed_stop(struct ops_typed *t) {
    if (t) schema_stop(t->set);
}

void ops_typed_close(struct ops_typed *t) {
    if (!t) return;
    schema_close(t->set);
    free(t);
}
