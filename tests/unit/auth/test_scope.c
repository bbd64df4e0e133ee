/* What scopes let in, and which texts are none. */
#include <support.h>

#include <auth/scope.h>

static const struct {
    const char *scope;
    enum auth_action action;
    const char *object;
    bool allowed;
} rows[] = {
    {"ask:citizen", AUTH_ASK, "citizen", true},
    {"ask:citizen", AUTH_ASK, "citizens", false},
    {"ask:citizen", AUTH_ASK, "citize", false},
    {"ask:citizen", AUTH_ASK, NULL, false},
    {"ask:citizen", AUTH_REQUEST, "citizen", false},
    {"ask:acme.*", AUTH_ASK, "acme.tax", true},
    {"ask:acme.*", AUTH_ASK, "acme", false},
    {"ask:acme.*", AUTH_ASK, "acmf.tax", false},
    {"ask:acme.*", AUTH_ASK, NULL, false},
    {"ask:*", AUTH_ASK, "anything", true},
    {"ask:*", AUTH_ASK, NULL, true},
    {"ask", AUTH_ASK, NULL, true},
    {"ask", AUTH_ASK, "anything", true},
    {"ask", AUTH_SEND, "anything", false},
    {"read.*:acme.*", AUTH_READ_ROUTES, "acme.tax", true},
    {"read.*:acme.*", AUTH_READ_TRACES, "other.tax", false},
    {"read.*", AUTH_READ_HEALTH, NULL, true},
    {"read.*", AUTH_WRITE_ROUTES, NULL, false},
    {"write.routes", AUTH_WRITE_LETTERS, NULL, false},
    {"*", AUTH_WRITE_LETTERS, NULL, true},
    {"*:acme.*", AUTH_WRITE_LETTERS, "acme.tax", true},
    {"*:acme.*", AUTH_WRITE_LETTERS, NULL, false},
};

static void a_scope_allows_what_it_names_and_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_scopes s = {0};
        assert_int_equal(auth_scopes_add(&s, rows[i].scope, strlen(rows[i].scope)), POUCH_OK);
        assert_int_equal(auth_scopes_allow(&s, rows[i].action, rows[i].object), rows[i].allowed);
        if (rows[i].allowed) assert_true(auth_scopes_allow_some(&s, rows[i].action));
        auth_scopes_free(&s);
    }
}

static void every_action_is_allowed_by_its_own_name_alone(void **state) {
    (void)state;
    for (int own = AUTH_KNOWN + 1; own < AUTH_ACTIONS_END; own++) {
        struct auth_scopes s = {0};
        const char *name = auth_action_name((enum auth_action)own);
        assert_int_equal(auth_scopes_add(&s, name, strlen(name)), POUCH_OK);
        for (int other = AUTH_KNOWN + 1; other < AUTH_ACTIONS_END; other++)
            assert_int_equal(auth_scopes_allow(&s, (enum auth_action)other, NULL), own == other);
        auth_scopes_free(&s);
    }
}

static void a_text_that_is_no_scope_is_refused(void **state) {
    static const char *const texts[] = {"",       ":x",           "nothing:x", "asks:x",  "ask:",   "ask:a*b",
                                        "ask:**", "open",         "known:x",   "ask:a b", "ask:\n", "ask:a,b",
                                        "Ask:x",  "ask:\xc3\xa4", "sen:x",     "read:x",  "ask:\"", "as*k:x"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct auth_scopes s = {0};
        assert_int_equal(auth_scopes_add(&s, texts[i], strlen(texts[i])), POUCH_E_INVALID_PAYLOAD);
        assert_int_equal(s.n, 0);
        auth_scopes_free(&s);
    }
}

static void scopes_are_bounded(void **state) {
    struct auth_scopes s = {0};
    char text[AUTH_SCOPE_MAX + 2] = "ask:";
    (void)state;
    memset(text + 4, 'a', sizeof text - 5);
    assert_int_equal(auth_scopes_add(&s, text, sizeof text - 1), POUCH_E_TOO_LARGE);
    assert_int_equal(auth_scopes_add(&s, text, AUTH_SCOPE_MAX), POUCH_OK);
    while (s.n < AUTH_SCOPES_MAX) assert_int_equal(auth_scopes_add(&s, "ask", 3), POUCH_OK);
    assert_int_equal(auth_scopes_add(&s, "ask", 3), POUCH_E_TOO_LARGE);
    auth_scopes_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_allows_what_it_names_and_nothing_else),
        cmocka_unit_test(every_action_is_allowed_by_its_own_name_alone),
        cmocka_unit_test(a_text_that_is_no_scope_is_refused),
        cmocka_unit_test(scopes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
