#include <base/why.h>
#include <wire/payload.h>

const void *pouch_payload_text(const pouch_payload *p, size_t *n) {
    if (n) *n = p->text.n;
    return p->text.at;
}

int pouch_payload_is_reply(const pouch_payload *p) {
    return p->is_reply;
}

const char *pouch_payload_topic(const pouch_payload *p) {
    return p->topic;
}

const char *pouch_payload_publisher(const pouch_payload *p) {
    return p->publisher;
}

pouch_err pl_payload_validate(const struct pouch_payload *p, pouch_validate_fn *fn, void *arg, bool *alone) {
    char why[POUCH_VALIDATE_WHY_MAX] = "";
    const char *what = p->is_reply ? "reply" : "request";
    pouch_err e = fn(p, why, arg);
    why[sizeof why - 1] = '\0';
    if (alone) *alone = e == POUCH_E_UNCHECKED;
    if (!e) return POUCH_OK;
    if (e == POUCH_E_INVALID_PAYLOAD)
        return pl_fail(e, "the %s is not valid: %s", what, *why ? why : "its validator does not say why");
    return pl_fail(POUCH_E_UNCHECKED, "the %s cannot be checked at present: %s", what, *why ? why : pouch_err_code(e));
}
