/* tests/vectors/envelopes.jsonl, one call of use a line; made by a peer's own code. */
#ifndef POUCH_TESTS_VECTORS_H
#define POUCH_TESTS_VECTORS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <wire/scan.h>

struct test_vector {
    char *kind, *key, *plaintext, *envelope; /* NUL-terminated */
    size_t plaintext_n, envelope_n;
};

static inline char *test_unescaped(struct pl_span value, size_t *n) {
    struct pl_span text = pl_value_text(value);
    assert_non_null(text.at);
    char *out = malloc(text.n + 1);
    assert_non_null(out);
    *n = pl_json_unescape(out, text.at, text.n);
    return out;
}

static inline void test_vector_read(struct test_vector *v, const char *line, size_t n) {
    struct pl_object o;
    struct pl_member m;
    size_t unused;
    memset(v, 0, sizeof *v);
    pl_object_begin(&o, line, line + n, PL_DEPTH_MAX);
    enum pl_step step;
    while ((step = pl_object_next(&o, &m)) == PL_STEP_MEMBER) {
        if (pl_member_is(&m, "kind", 4)) v->kind = test_unescaped(m.value, &unused);
        if (pl_member_is(&m, "key", 3)) v->key = test_unescaped(m.value, &unused);
        if (pl_member_is(&m, "plaintext", 9)) v->plaintext = test_unescaped(m.value, &v->plaintext_n);
        if (pl_member_is(&m, "envelope", 8)) v->envelope = test_unescaped(m.value, &v->envelope_n);
    }
    assert_int_equal(step, PL_STEP_END);
    assert_true(v->kind && v->key && v->plaintext && v->envelope);
}

/* How many there are. */
static inline size_t test_vectors(void (*use)(const struct test_vector *v)) {
    FILE *f = fopen(POUCH_SOURCE_DIR "/tests/vectors/envelopes.jsonl", "r");
    assert_non_null(f);
    char *line = NULL;
    size_t cap = 0, count = 0;
    for (ssize_t n; (n = getline(&line, &cap, f)) > 0; count++) {
        struct test_vector v;
        test_vector_read(&v, line, (size_t)n);
        use(&v);
        free(v.kind);
        free(v.key);
        free(v.plaintext);
        free(v.envelope);
    }
    free(line);
    fclose(f);
    return count;
}

#endif
