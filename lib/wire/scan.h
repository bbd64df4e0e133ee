/*
 * Reading JSON (RFC 8259) where it lies: no allocation, no recursion, UTF-8 checked. A cursor
 * moves over the text; when a call fails, it stands at the byte that cannot be.
 */
#ifndef POUCH_WIRE_SCAN_H
#define POUCH_WIRE_SCAN_H

#include <string.h>
#include <wire/envelope.h>

enum { PL_SCAN_DEPTH_MAX = 512 };

struct pl_cursor {
    const char *at, *end;
};

static inline void pl_scan_space(struct pl_cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')) c->at++;
}

/* From the opening quote to behind the closing one; escaped: it holds a backslash. */
bool pl_scan_string(struct pl_cursor *c, bool *escaped);

/*
 * Any value with no space around it, of at most depth (0 to PL_SCAN_DEPTH_MAX) arrays and objects within one another.
 */
bool pl_scan_value(struct pl_cursor *c, unsigned depth);

/* One member of an object. */
struct pl_member {
    struct pl_span name;              /* contents, raw */
    struct pl_span value;             /* raw, with a string's quotes */
    bool name_escaped, value_escaped; /* they hold a backslash */
};

/* Where a member's name lies in the text. */
struct pl_member_name {
    uint32_t at;
    uint32_t n : 31, escaped : 1;
};

/* Reads an object member by member, refusing a name that came before. */
struct pl_object {
    struct pl_cursor cursor;
    const char *start;
    const char *why; /* after a failure: what cannot be, at the cursor */
    unsigned depth;  /* allowed within a value */
    size_t n;
    uint64_t marks; /* of the names so far: a name whose mark is not there is a new one */
    struct pl_member_name names[PL_MEMBERS_MAX];
};

/* Starts before the object's brace, space skipped; n < 2^31. */
void pl_object_begin(struct pl_object *o, const char *at, const char *end, unsigned depth);

enum pl_step { PL_STEP_MEMBER, PL_STEP_END, PL_STEP_BAD };

/* The next member, or its two halves. After END the cursor is behind the closing brace. */
enum pl_step pl_object_next(struct pl_object *o, struct pl_member *m);
enum pl_step pl_object_name(struct pl_object *o, struct pl_member *m);
enum pl_step pl_object_value(struct pl_object *o, struct pl_member *m); /* MEMBER or BAD */

/* True when two strings' raw contents are the same once escapes are read. */
bool pl_text_equal(struct pl_span a, struct pl_span b);

/* True when the member has this name, however it is written. */
static inline bool pl_member_is(const struct pl_member *m, const char *name, size_t n) {
    if (m->name_escaped) return pl_text_equal(m->name, (struct pl_span){name, n});
    return m->name.n == n && !memcmp(m->name.at, name, n);
}

/* What a value is, by its first byte: it was scanned. */
static inline bool pl_value_is_null(struct pl_span value) {
    return *value.at == 'n';
}

/* The contents of a string; at NULL for any other value. */
static inline struct pl_span pl_value_text(struct pl_span value) {
    if (*value.at != '"') return (struct pl_span){NULL, 0};
    return (struct pl_span){value.at + 1, value.n - 2};
}

/*
 * The next character of string contents that were scanned, escapes read; a lone surrogate is
 * U+FFFD. The cursor must not be at its end.
 */
uint32_t pl_scan_char(struct pl_cursor *c);

/* Bytes of the well-formed UTF-8 sequence at `at`, 1 to 4; 0 when it is not well-formed. */
size_t pl_utf8_length(const char *at, const char *end);

#endif
