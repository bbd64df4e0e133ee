#include <base/why.h>
#include <cluster/overrides.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the configs of a topic");
}

static pouch_err unsafe(const char *topic, const struct pl_config *c) {
    if (c->source == PL_CONFIG_UNKNOWN)
        return pl_fail(POUCH_E_CONFIG,
                       "the broker does not tell which configs of %s are its own, so a change could lose some; change "
                       "it with the tools of that broker's version",
                       topic);
    return pl_fail(POUCH_E_CONFIG,
                   "the override %s of %s cannot be read back, so a change would lose it; change it with Kafka's own "
                   "kafka-configs.sh --alter",
                   c->name, topic);
}

pouch_err pl_overrides_of(struct pl_overrides *o, const struct pl_configs *c, const char *topic) {
    *o = (struct pl_overrides){.at = calloc(c->n + 1, sizeof *o->at)};
    if (!o->at) return no_memory();
    for (size_t i = 0; i < c->n; i++) {
        const struct pl_config *one = &c->at[i];
        bool own = one->source == PL_CONFIG_TOPIC;
        if (one->source == PL_CONFIG_UNKNOWN || (own && !one->value)) {
            pl_overrides_free(o);
            return unsafe(topic, one);
        }
        if (own) o->at[o->n++] = (struct pl_override){one->name, one->value};
    }
    return POUCH_OK;
}

void pl_overrides_free(struct pl_overrides *o) {
    free(o->at);
    *o = (struct pl_overrides){0};
}

/* Where the name is, or, with *found false, belongs. */
static size_t place(const struct pl_overrides *o, const char *name, bool *found) {
    size_t low = 0, high = o->n;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(o->at[middle].name, name);
        *found = !order;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

/* There is room for one more. */
static void change(struct pl_overrides *o, const struct pl_config_change *c) {
    bool found;
    size_t i = place(o, c->name, &found);
    if (c->value && !found) memmove(&o->at[i + 1], &o->at[i], (o->n++ - i) * sizeof *o->at);
    if (c->value) o->at[i] = (struct pl_override){c->name, c->value};
    if (!c->value && found) memmove(&o->at[i], &o->at[i + 1], (--o->n - i) * sizeof *o->at);
}

pouch_err pl_overrides_change(struct pl_overrides *o, const struct pl_overrides *now,
                              const struct pl_config_change *changes, size_t n) {
    *o = (struct pl_overrides){.at = calloc(now->n + n + 1, sizeof *o->at), .n = now->n};
    if (!o->at) return no_memory();
    if (now->n) memcpy(o->at, now->at, now->n * sizeof *now->at);
    for (size_t i = 0; i < n; i++) change(o, &changes[i]);
    return POUCH_OK;
}

/* ---- comparing ---- */

static bool is_integer(const char *text, long long *n) {
    char *end;
    errno = 0;
    *n = strtoll(text, &end, 10);
    return *text && !errno && !end[strspn(end, " \t")];
}

static bool is_number(const char *text, double *n) {
    char *end;
    *n = strtod(text, &end);
    return end != text && !end[strspn(end, " \t")];
}

static const char *skip_space(const char *text) {
    while (isspace((unsigned char)*text)) text++;
    return text;
}

/* Without regard to spaces and case. */
static bool is_same_text(const char *a, const char *b) {
    for (;; a++, b++) {
        a = skip_space(a);
        b = skip_space(b);
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return false;
        if (!*a) return true;
    }
}

static bool is_same_value(const char *a, const char *b) {
    long long m, n;
    double x, y;
    if (is_same_text(a, b)) return true;
    if (is_integer(a, &m) && is_integer(b, &n)) return m == n;
    return is_number(a, &x) && is_number(b, &y) && x >= y && x <= y;
}

bool pl_overrides_same(const struct pl_overrides *a, const struct pl_overrides *b) {
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = !strcmp(a->at[i].name, b->at[i].name) && is_same_value(a->at[i].value, b->at[i].value);
    return same;
}

enum { TOLD_MAX = 64 };

static pouch_err tell(struct pl_buf *out, const char *name, const char *is, const char *wanted) {
    return pl_buf_printf(out, "%s%s is %.*s, not %.*s", out->len ? "; " : "", name, TOLD_MAX, is ? is : "not set",
                         TOLD_MAX, wanted ? wanted : "unset");
}

pouch_err pl_overrides_tell(struct pl_buf *out, const struct pl_overrides *is, const struct pl_overrides *wanted) {
    pouch_err e = POUCH_OK;
    size_t i = 0, w = 0;
    while (!e && (i < is->n || w < wanted->n)) {
        const struct pl_override *a = i < is->n ? &is->at[i] : NULL, *b = w < wanted->n ? &wanted->at[w] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
        if (order < 0)
            e = tell(out, a->name, a->value, NULL);
        else if (order > 0)
            e = tell(out, b->name, NULL, b->value);
        else if (!is_same_value(a->value, b->value))
            e = tell(out, a->name, a->value, b->value);
        i += order <= 0;
        w += order >= 0;
    }
    return e;
}
