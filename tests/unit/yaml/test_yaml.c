/* The tree, its lines, and what is refused. */
#include <support.h>

#include <oom.h>

#include <base/why.h>
#include <stdio.h>
#include <unistd.h>
#include <yaml/yaml.h>

static pouch_err parse(struct pl_yaml **tree, const char *text) {
    return pl_yaml_parse(tree, "a.yaml", text, strlen(text));
}

static void a_tree_has_kinds_texts_and_lines(void **state) {
    (void)state;
    struct pl_yaml *tree;
    assert_int_equal(parse(&tree, "# comment\na: 1\nb:\n  - x\n  - 'y: z'\n  - \"\\u20ac\"\nc:\n  d: {e: [f]}\n"),
                     POUCH_OK);
    assert_int_equal(tree->kind, PL_YAML_MAP);
    assert_int_equal(tree->n, 3);
    const struct pl_yaml *a = pl_yaml_get(tree, "a"), *b = pl_yaml_get(tree, "b"), *c = pl_yaml_get(tree, "c");
    assert_string_equal(a->text, "1");
    assert_int_equal(a->line, 2);
    assert_int_equal(b->kind, PL_YAML_LIST);
    assert_int_equal(b->line, 3);
    assert_int_equal(b->n, 3);
    assert_string_equal(b->items[1].text, "y: z");
    assert_int_equal(b->items[1].line, 5);
    assert_string_equal(b->items[2].text, "\xe2\x82\xac");
    assert_null(b->items[0].key);
    const struct pl_yaml *e = pl_yaml_get(pl_yaml_get(c, "d"), "e");
    assert_string_equal(e->items[0].text, "f");
    assert_int_equal(e->line, 8);
    assert_null(pl_yaml_get(tree, "z"));
    assert_null(pl_yaml_get(a, "a"));
    pl_yaml_free(tree);
}

static void what_is_no_plain_tree_is_refused_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"a: 1\nb: 2\na: 3", "a.yaml:3: a is given twice, first in line 1"},
        {"x:\n  - {k: 1, j: 2,\n     k: 3}", "a.yaml:3: k is given twice, first in line 2"},
        {"a:\n\tb: 1", "a.yaml:2: found character that cannot start any token"},
        {"a: &x 1", "a.yaml:1: anchors are not taken"},
        {"a: &x [1]", "a.yaml:1: anchors are not taken"},
        {"a: &x {b: 1}", "a.yaml:1: anchors are not taken"},
        {"&x a: 1", "a.yaml:1: anchors are not taken"},
        {"b: 1\na: *x", "a.yaml:2: aliases are not taken"},
        {"*x : 1", "a.yaml:1: aliases are not taken"},
        {"a: !!int 1", "a.yaml:1: tags are not taken"},
        {"a: !local [1]", "a.yaml:1: tags are not taken"},
        {"!!map {a: 1}", "a.yaml:1: tags are not taken"},
        {"? [a]\n: b", "a.yaml:1: a key must be a word"},
        {"? {a: 1}\n: b", "a.yaml:1: a key must be a word"},
        {"a: \"x\\0y\"", "a.yaml:1: a text with a NUL in it"},
        {"\"x\\0y\": 1", "a.yaml:1: a text with a NUL in it"},
        {"a: 1\n---\nb: 2", "a.yaml:2: a second document"},
        {"a: b: c", "a.yaml:1: mapping values are not allowed in this context"},
        {"a: [1\nb: 2", "a.yaml:2: did not find expected ',' or ']'"},
        {"\n\na: \x01", "a.yaml:3: control characters are not allowed"},
        {"a: \"\xff\"", "a.yaml:1: invalid leading UTF-8 octet"},
        {"a: 'open", "a.yaml:1: found unexpected end of stream"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_yaml *tree = (struct pl_yaml *)&tree;
        if (parse(&tree, rows[i].text) != POUCH_E_CONFIG) fail_msg("taken: %s", rows[i].text);
        assert_null(tree);
        assert_string_equal(pouch_why(), rows[i].why);
    }
}

static void nothing_is_an_empty_map(void **state) {
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only a comment"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pl_yaml *tree;
        assert_int_equal(parse(&tree, texts[i]), POUCH_OK);
        assert_int_equal(tree->kind, PL_YAML_MAP);
        assert_int_equal(tree->n, 0);
        pl_yaml_free(tree);
    }
}

static void an_empty_document_is_an_empty_text(void **state) {
    (void)state;
    struct pl_yaml *tree;
    assert_int_equal(parse(&tree, "---\n"), POUCH_OK);
    assert_int_equal(tree->kind, PL_YAML_SCALAR);
    assert_string_equal(tree->text, "");
    pl_yaml_free(tree);
}

static void a_plain_null_is_an_empty_text_and_a_quoted_one_is_a_word(void **state) {
    (void)state;
    struct pl_yaml *tree;
    assert_int_equal(parse(&tree, "a: ~\nb: null\nc:\nd: 'null'\ne: \"~\"\nnull: x"), POUCH_OK);
    static const char *const texts[][2] = {{"a", ""}, {"b", ""}, {"c", ""}, {"d", "null"}, {"e", "~"}, {"null", "x"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_string_equal(pl_yaml_get(tree, texts[i][0])->text, texts[i][1]);
    pl_yaml_free(tree);
}

static void a_byte_order_mark_is_skipped_and_utf_16_refused(void **state) {
    (void)state;
    struct pl_yaml *tree;
    assert_int_equal(parse(&tree, "\xef\xbb\xbf"
                                  "a: 1\r\nb: 2\r\n"), /* the second key stands in the same column */
                     POUCH_OK);
    assert_non_null(pl_yaml_get(tree, "a"));
    assert_int_equal(pl_yaml_get(tree, "b")->line, 2);
    pl_yaml_free(tree);
    assert_int_equal(pl_yaml_parse(&tree, "a.yaml",
                                   "\xff\xfe"
                                   "a\0:\0 \0",
                                   8),
                     POUCH_E_CONFIG);
}

static void sixteen_levels_are_taken_and_seventeen_not(void **state) {
    (void)state;
    for (size_t depth = 16; depth < 18; depth++) {
        char text[64] = "";
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct pl_yaml *tree;
        assert_int_equal(parse(&tree, text), depth == 16 ? POUCH_OK : POUCH_E_CONFIG);
        pl_yaml_free(tree);
    }
    assert_string_equal(pouch_why(), "a.yaml:1: nested too deep (16 levels are taken)");
}

enum { LIMIT = 1 << 20 };

static void a_huge_text_is_refused_and_one_of_the_limit_read(void **state) {
    (void)state;
    char *text = malloc(LIMIT + 1);
    assert_non_null(text);
    struct pl_yaml *tree;
    memset(text, '[', LIMIT + 1);
    assert_int_equal(pl_yaml_parse(&tree, "a.yaml", text, LIMIT + 1), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "a.yaml: larger than 1048576 bytes");
    assert_int_equal(pl_yaml_parse(&tree, "a.yaml", text, LIMIT), POUCH_E_CONFIG);
    memset(text, 'x', LIMIT);
    assert_int_equal(pl_yaml_parse(&tree, "a.yaml", text, LIMIT), POUCH_OK);
    assert_int_equal(strlen(tree->text), LIMIT);
    pl_yaml_free(tree);
    free(text);
}

/* 100,000 keys: comparing each with each would take minutes. */
static void many_keys_are_checked_for_duplicates(void **state) {
    (void)state;
    char *text = malloc(LIMIT), *end = text;
    assert_non_null(text);
    for (int i = 0; i < 100000; i++) end += sprintf(end, "k%05d: \n", i);
    struct pl_yaml *tree;
    assert_int_equal(pl_yaml_parse(&tree, "a.yaml", text, (size_t)(end - text)), POUCH_OK);
    assert_int_equal(tree->n, 100000);
    pl_yaml_free(tree);
    end += sprintf(end, "k00007: \n");
    assert_int_equal(pl_yaml_parse(&tree, "a.yaml", text, (size_t)(end - text)), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "a.yaml:100001: k00007 is given twice, first in line 8");
    free(text);
}

static void a_pipe_is_read_to_its_end(void **state) {
    (void)state;
    int ends[2];
    char path[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a: 1", 4), 4);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct pl_yaml *tree;
    assert_int_equal(pl_yaml_read(&tree, path), POUCH_OK);
    assert_string_equal(pl_yaml_get(tree, "a")->text, "1");
    pl_yaml_free(tree);
    close(ends[0]);
}

static bool parse_a_tree(void) {
    struct pl_yaml *tree;
    pouch_err e = parse(&tree, "a: [1, 2, 3]\nb: {c: d, e: ~}\n");
    if (e) {
        assert_int_equal(e, POUCH_E_NO_MEMORY);
        assert_null(tree);
    }
    pl_yaml_free(tree);
    return !e;
}

static void no_allocation_that_fails_leaks_or_crashes(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(parse_a_tree) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_has_kinds_texts_and_lines),
        cmocka_unit_test(what_is_no_plain_tree_is_refused_with_its_line),
        cmocka_unit_test(nothing_is_an_empty_map),
        cmocka_unit_test(an_empty_document_is_an_empty_text),
        cmocka_unit_test(a_plain_null_is_an_empty_text_and_a_quoted_one_is_a_word),
        cmocka_unit_test(a_byte_order_mark_is_skipped_and_utf_16_refused),
        cmocka_unit_test(sixteen_levels_are_taken_and_seventeen_not),
        cmocka_unit_test(a_huge_text_is_refused_and_one_of_the_limit_read),
        cmocka_unit_test(many_keys_are_checked_for_duplicates),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(no_allocation_that_fails_leaks_or_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
