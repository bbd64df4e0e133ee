#include <auth/scope.h>
#include <base/why.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[AUTH_OPEN] = "open",
                                    [AUTH_KNOWN] = "known",
#define AUTH_ACTION_NAME(id, name, object) [AUTH_##id] = name,
                                    AUTH_ACTIONS(AUTH_ACTION_NAME)
#undef AUTH_ACTION_NAME
};
_Static_assert(AUTH_ACTIONS_END <= 32, "a scope has a bit for each action");

const char *auth_action_name(enum auth_action action) {
    return names[action];
}

/* Whether name is the text, or begins with it where the text is open-ended. */
static bool fits(const char *text, size_t n, bool open_ended, const char *name) {
    return !strncmp(name, text, n) && (open_ended || !name[n]);
}

/* Takes the star off the end of text[0 .. *n). */
static bool take_star(const char *text, size_t *n) {
    bool star = *n && text[*n - 1] == '*';
    *n -= star;
    return star;
}

static uint32_t actions_of(const char *text, size_t n) {
    uint32_t actions = 0;
    bool star = take_star(text, &n);
    for (int i = AUTH_KNOWN + 1; i < AUTH_ACTIONS_END; i++)
        if (fits(text, n, star, names[i])) actions |= UINT32_C(1) << i;
    return actions;
}

/* Printable ASCII without blanks, quotes and further stars: it stands in settings, tokens and logs. */
static bool is_object(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f || strchr("\"'\\*,", text[i])) return false;
    return true;
}

static pouch_err read_scope(struct auth_scope *s, const char *text, size_t n) {
    const char *colon = memchr(text, ':', n);
    size_t action_n = colon ? (size_t)(colon - text) : n;
    s->actions = actions_of(text, action_n);
    if (!s->actions)
        return pl_fail(POUCH_E_INVALID_PAYLOAD,
                       "'%.80s' is no scope: it does not begin with an action such as ask, "
                       "send, read.routes, read.* or *",
                       text);
    s->object = colon ? colon + 1 : text + n;
    s->n = colon ? n - action_n - 1 : 0;
    s->open_ended = take_star(s->object, &s->n) || !colon;
    if (is_object(s->object, s->n) && (s->n || s->open_ended)) return POUCH_OK;
    return pl_fail(POUCH_E_INVALID_PAYLOAD,
                   "'%.80s' is no scope: behind the colon stands a name, the beginning of one and *, or *", text);
}

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for scopes");
}

pouch_err auth_scopes_add(struct auth_scopes *s, const char *text, size_t n) {
    if (n > AUTH_SCOPE_MAX || s->n == AUTH_SCOPES_MAX)
        return pl_fail(POUCH_E_TOO_LARGE, "there may be %d scopes of %d bytes", AUTH_SCOPES_MAX, AUTH_SCOPE_MAX);
    if (!s->at && !(s->at = calloc(AUTH_SCOPES_MAX, sizeof *s->at))) return out_of_memory();
    struct auth_scope scope = {.text = strndup(text, n)};
    if (!scope.text) return out_of_memory();
    pouch_err e = read_scope(&scope, scope.text, strlen(scope.text));
    if (e)
        free(scope.text);
    else
        s->at[s->n++] = scope;
    return e;
}

void auth_scopes_free(struct auth_scopes *s) {
    for (size_t i = 0; i < s->n; i++) free(s->at[i].text);
    free(s->at);
    *s = (struct auth_scopes){0};
}

static bool allows(const struct auth_scope *s, enum auth_action action, const char *object) {
    if (!(s->actions >> action & 1)) return false;
    return object ? fits(s->object, s->n, s->open_ended, object) : s->open_ended && !s->n;
}

bool auth_scopes_allow(const struct auth_scopes *s, enum auth_action action, const char *object) {
    bool allowed = false;
    for (size_t i = 0; !allowed && i < s->n; i++) allowed = allows(&s->at[i], action, object);
    return allowed;
}

bool auth_scopes_allow_some(const struct auth_scopes *s, enum auth_action action) {
    bool allowed = false;
    for (size_t i = 0; !allowed && i < s->n; i++) allowed = s->at[i].actions >> action & 1;
    return allowed;
}
