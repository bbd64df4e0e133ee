/* The table of options: what must hold for every row. */
#include <support.h>

#include "environment.h"

#include <base/why.h>
#include <inttypes.h>

/* A value that the row takes and that is not its default. */
static const char *other_value(const struct pl_option *row, char out[64]) {
    const char *bar = row->choices ? strchr(row->choices, '|') : NULL;
    switch (row->kind) {
    case PL_KIND_TEXT:
    case PL_KIND_NAME: return "some.thing-else_1";
    case PL_KIND_PATH: return "/some/where";
    case PL_KIND_BOOL: return row->fallback && !strcmp(row->fallback, "on") ? "off" : "on";
    case PL_KIND_COUNT:
    case PL_KIND_BYTES:
    case PL_KIND_DURATION: snprintf(out, 64, "%" PRId64, row->most); return out;
    case PL_KIND_CHOICE:
        snprintf(out, 64, "%.*s", (int)(bar - row->choices), row->choices);
        return !row->fallback || strcmp(out, row->fallback)
                   ? out
                   : strcpy(out, bar + 1 + (strchr(bar + 1, '|') ? strcspn(bar + 1, "|") + 1 : 0));
    }
    fail_msg("%s: kind %d", row->name, (int)row->kind);
    return NULL;
}

static const void *field(const struct pl_settings *s, const struct pl_option *row) {
    return (const char *)s + row->at;
}

static bool field_equal(const struct pl_settings *a, const struct pl_settings *b, const struct pl_option *row) {
    static const size_t sizes[] = {[PL_FIELD_BOOL] = sizeof(bool),
                                   [PL_FIELD_INT] = sizeof(int),
                                   [PL_FIELD_ENUM] = sizeof(enum pl_start),
                                   [PL_FIELD_SIZE] = sizeof(size_t)};
    if (row->field != PL_FIELD_TEXT) return !memcmp(field(a, row), field(b, row), sizes[row->field]);
    const char *x = *(char *const *)field(a, row), *y = *(char *const *)field(b, row);
    return x && y ? !strcmp(x, y) : x == y;
}

static void assert_refused(const struct pl_option *row, const char *value) {
    pouch_options *o = new_options();
    if (pouch_options_set(o, row->name, value) != POUCH_E_CONFIG) fail_msg("%s took '%s'", row->name, value);
    assert_ptr_equal(strstr(pouch_why(), row->name), pouch_why());
    assert_string_equal(pl_option_origin(o, row->name), "default");
    pouch_options_free(o);
}

static void rows_are_in_order_and_found(void **state) {
    (void)state;
    for (const struct pl_option *row = pl_options; row->name; row++) {
        if (row[1].name) assert_true(strcmp(row->name, row[1].name) < 0);
        assert_ptr_equal(pl_option_find(row->name), row);
    }
    assert_null(pl_option_find("client"));
}

static void names_flags_letters_variables_and_fields_are_unique(void **state) {
    (void)state;
    char a[PL_OPTION_ENV_MAX], b[PL_OPTION_ENV_MAX];
    for (const struct pl_option *x = pl_options; x->name; x++)
        for (const struct pl_option *y = x + 1; y->name; y++) {
            assert_string_not_equal(pl_option_env(x, a), pl_option_env(y, b));
            if (x->flag && y->flag) assert_string_not_equal(x->flag, y->flag);
            if (x->letter) assert_int_not_equal(x->letter, y->letter);
            if (x->seed_env && y->seed_env) assert_string_not_equal(x->seed_env, y->seed_env);
            assert_int_not_equal(x->at, y->at);
        }
}

static void every_row_has_a_help_text_and_a_word_for_its_flag(void **state) {
    (void)state;
    for (const struct pl_option *row = pl_options; row->name; row++) {
        assert_true(strlen(row->text) > 10);
        assert_int_equal(row->flag != NULL, row->arg != NULL);
        if (row->flag) assert_memory_equal(row->flag, "--", 2);
        assert_true(strlen(row->name) + sizeof "POUCH_" <= PL_OPTION_ENV_MAX);
    }
}

static void every_default_is_a_value_that_may_be_set(void **state) {
    (void)state;
    for (const struct pl_option *row = pl_options; row->name; row++) {
        pouch_options *o = new_options();
        assert_ptr_equal(pouch_options_get(o, row->name), row->fallback);
        assert_string_equal(pl_option_origin(o, row->name), "default");
        if (row->fallback) assert_int_equal(pouch_options_set(o, row->name, row->fallback), POUCH_OK);
        pouch_options_free(o);
    }
}

static void every_row_reaches_its_field_and_no_other(void **state) {
    (void)state;
    struct pl_settings defaults;
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&defaults, o), POUCH_OK);
    pouch_options_free(o);
    for (const struct pl_option *row = pl_options; row->name; row++) {
        char text[64];
        struct pl_settings s;
        o = new_options();
        const char *value = other_value(row, text);
        assert_int_equal(pouch_options_set(o, row->name, value), POUCH_OK);
        assert_string_equal(pouch_options_get(o, row->name), value);
        assert_string_equal(pl_option_origin(o, row->name), "set");
        assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
        for (const struct pl_option *each = pl_options; each->name; each++)
            if (field_equal(&s, &defaults, each) != (each != row)) fail_msg("%s set, %s read", row->name, each->name);
        pl_settings_free(&s);
        pouch_options_free(o);
    }
    pl_settings_free(&defaults);
}

static void every_row_can_be_set_by_its_variable(void **state) {
    (void)state;
    for (const struct pl_option *row = pl_options; row->name; row++) {
        char text[64], variable[PL_OPTION_ENV_MAX], origin[128];
        setenv(pl_option_env(row, variable), other_value(row, text), 1);
        pouch_options *o = new_options();
        assert_string_equal(pouch_options_get(o, row->name), other_value(row, text));
        snprintf(origin, sizeof origin, "environment %s", variable);
        assert_string_equal(pl_option_origin(o, row->name), origin);
        pouch_options_free(o);
        unsetenv(variable);
    }
}

static void what_is_out_of_bounds_is_refused(void **state) {
    (void)state;
    for (const struct pl_option *row = pl_options; row->name; row++) {
        char text[64], *longer;
        pouch_options *o = new_options();
        switch (row->kind) {
        case PL_KIND_TEXT:
        case PL_KIND_NAME:
        case PL_KIND_PATH:
            longer = calloc((size_t)row->most + 2, 1);
            assert_non_null(longer);
            memset(longer, 'a', (size_t)row->most + 1);
            assert_refused(row, longer);
            assert_int_equal(pouch_options_set(o, row->name, longer + 1), POUCH_OK);
            free(longer);
            assert_refused(row, "a\nb");
            break;
        case PL_KIND_COUNT:
        case PL_KIND_BYTES:
        case PL_KIND_DURATION:
            for (int64_t bound = row->least;; bound = row->most) {
                snprintf(text, sizeof text, "%" PRId64, bound);
                assert_int_equal(pouch_options_set(o, row->name, text), POUCH_OK);
                snprintf(text, sizeof text, "%" PRId64, bound == row->least ? bound - 1 : bound + 1);
                assert_refused(row, text);
                if (bound == row->most) break;
            }
            assert_refused(row, "99999999999999999999999999");
            assert_refused(row, "1 ");
            assert_refused(row, "+1");
            assert_refused(row, "0x10");
            break;
        case PL_KIND_BOOL: assert_refused(row, "perhaps"); break;
        case PL_KIND_CHOICE:
            assert_refused(row, row->choices);
            assert_refused(row, "|");
            break;
        }
        assert_refused(row, "");
        pouch_options_free(o);
    }
}

static void defaults_have_the_documented_values(void **state) {
    (void)state;
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    pouch_options_free(o);
    assert_string_equal(s.brokers, "localhost:9092");
    assert_null(s.client_id);
    assert_null(s.group);
    assert_null(s.key_file);
    assert_int_equal(s.iv_bytes, 16);
    assert_false(s.over_limit_stop);
    assert_string_equal(s.inbox, "command-center-inbox");
    assert_true(s.thread);
    assert_true(s.plain_errors);
    assert_int_equal(s.max_pending, 65536);
    assert_int_equal(s.request_timeout_ms, 30000);
    assert_int_equal(s.deadline_skew_ms, 2000);
    assert_int_equal(s.max_in_flight_bytes, 32 << 20);
    assert_int_equal(s.start, PL_START_AUTO);
    assert_int_equal(s.n_kafka, 0);
    pl_settings_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_in_order_and_found),
        cmocka_unit_test(names_flags_letters_variables_and_fields_are_unique),
        cmocka_unit_test(every_row_has_a_help_text_and_a_word_for_its_flag),
        cmocka_unit_test(every_default_is_a_value_that_may_be_set),
        cmocka_unit_test(every_row_reaches_its_field_and_no_other),
        cmocka_unit_test(every_row_can_be_set_by_its_variable),
        cmocka_unit_test(what_is_out_of_bounds_is_refused),
        cmocka_unit_test(defaults_have_the_documented_values),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
