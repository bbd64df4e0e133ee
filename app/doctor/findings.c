#include <base/why.h>
#include <doctor/look.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1024 };

const char *doctor_word(enum doctor_level level) {
    static const char *const words[] = {[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};
    return words[level];
}

pouch_err doctor_init(struct doctor *d, const struct pl_settings *s) {
    *d = (struct doctor){.settings = s, .findings = json_array()};
    return d->findings ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for findings");
}

void doctor_free(struct doctor *d) {
    json_decref(d->findings);
    d->findings = NULL;
}

/* What comes from others may be no UTF-8, and then is left out. */
static json_t *text(const char *t) {
    json_t *value = json_string(t);
    return value ? value : json_string("?");
}

/* In out, cut where it is too long, but not within a character. */
__attribute__((format(printf, 2, 0))) static void write_text(char out[TEXT_MAX], const char *format, va_list args) {
    int n = vsnprintf(out, TEXT_MAX, format, args);
    if (n < TEXT_MAX) return;
    char *end = out + TEXT_MAX - 1;
    while (end > out && (end[-1] & 0xC0) == 0x80) end--;
    if (end > out && (end[-1] & 0x80)) *--end = '\0';
}

__attribute__((format(printf, 6, 0))) static void add(struct doctor *d, enum doctor_level level, const char *check,
                                                      const char *where, const char *advice, const char *format,
                                                      va_list args) {
    char what[TEXT_MAX];
    write_text(what, format, args);
    json_t *finding = json_pack("{s:s, s:s, s:o, s:o, s:o}", "level", doctor_word(level), "check", check, "where",
                                text(where), "what", text(what), "advice", advice ? text(advice) : json_null());
    if (level > d->worst) d->worst = level;
    if (json_array_append_new(d->findings, finding)) d->no_memory = true;
}

void doctor_good(struct doctor *d, const char *check, const char *where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(d, DOCTOR_OK, check, where, NULL, format, args);
    va_end(args);
}

void doctor_bad(struct doctor *d, enum doctor_level level, const char *check, const char *where, const char *advice,
                const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(d, level, check, where, advice, format, args);
    va_end(args);
}
