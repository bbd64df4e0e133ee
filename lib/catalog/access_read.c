/* Reading the access list of a catalogue. */
#include <base/why.h>
#include <catalog/access_state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 249, PRINCIPAL_MAX_LENGTH = 200, HOST_MAX_LENGTH = 64 };

struct reading {
    const char *file;
    struct pl_access *access;
};

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the access list");
}

static void names_free(struct pl_names *names) {
    for (size_t i = 0; i < names->n; i++) free(names->at[i]);
    free(names->at);
}

static void entry_free(struct pl_access_entry *e) {
    names_free(&e->topics);
    names_free(&e->produce);
    names_free(&e->consume);
    free(e->principal);
    free(e->host);
    free(e->client_id);
    free(e->group);
}

void pl_access_free(struct pl_access *a) {
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) entry_free(&a->entries[i]);
    free(a->entries);
    free(a);
}

/* ---- values ---- */

static pouch_err bad(const struct reading *r, unsigned line, const char *key, const char *value, const char *rule) {
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: '%.80s' %s", r->file, line, key, value, rule);
}

static pouch_err text_take(const struct reading *r, const struct pl_yaml *node, size_t most, char **text) {
    if (node->kind != PL_YAML_SCALAR || !*node->text || strlen(node->text) > most)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: wants a text of 1 to %zu bytes", r->file, node->line, node->key,
                       most);
    return (*text = strdup(node->text)) ? POUCH_OK : out_of_memory();
}

static bool is_name(const char *text, size_t n) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return n && n <= NAME_MAX_LENGTH && strspn(text, letters) >= n;
}

/* A name, "*", or a beginning with * or {tenant} after it. */
static bool is_pattern(const char *text) {
    const char *star = strchr(text, '*'), *tenant = strstr(text, PL_TENANT_MARK);
    const char *tail = star ? star : tenant;
    if (!tail) return is_name(text, strlen(text));
    if (strcmp(tail, "*") && strcmp(tail, PL_TENANT_MARK)) return false;
    return tail == text ? star != NULL : is_name(text, (size_t)(tail - text));
}

static pouch_err name_take(const struct reading *r, const struct pl_yaml *node, const char *key, char **name) {
    if (node->kind != PL_YAML_SCALAR)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: wants names of topics", r->file, node->line, key);
    if (!is_pattern(node->text))
        return bad(r, node->line, key, node->text,
                   "is no topic's name; where several are meant, * or {tenant} stands at its end");
    return (*name = strdup(node->text)) ? POUCH_OK : out_of_memory();
}

/* One name, or a list of them. */
static pouch_err names_take(const struct reading *r, const struct pl_yaml *node, struct pl_names *names) {
    const bool list = node->kind == PL_YAML_LIST;
    const size_t n = list ? node->n : 1;
    if (n > PL_ACCESS_TOPICS_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: more than %d names", r->file, node->line, node->key,
                       PL_ACCESS_TOPICS_MAX);
    names->at = calloc(n + 1, sizeof *names->at);
    if (!names->at) return out_of_memory();
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < n; i++)
        e = name_take(r, list ? &node->items[i] : node, node->key, &names->at[names->n++]);
    return e;
}

static pouch_err principal_take(const struct reading *r, const struct pl_yaml *node, char **principal) {
    char *text = NULL;
    pouch_err e = text_take(r, node, PRINCIPAL_MAX_LENGTH, &text);
    if (e) return e;
    if (!strncmp(text, "User:", 5)) {
        *principal = text;
        return POUCH_OK;
    }
    e = asprintf(principal, "User:%s", text) < 0 ? out_of_memory() : POUCH_OK;
    if (e) *principal = NULL;
    free(text);
    return e;
}

static pouch_err role_take(const struct reading *r, const struct pl_yaml *node, enum pl_role *role) {
    static const char *const roles[] = {
        [PL_ROLE_CLIENT] = "client",   [PL_ROLE_WORKER] = "worker",       [PL_ROLE_CENTER] = "center",
        [PL_ROLE_GATEWAY] = "gateway", [PL_ROLE_REDELIVER] = "redeliver", [PL_ROLE_OPERATOR] = "operator"};
    const char *text = node->kind == PL_YAML_SCALAR ? node->text : "";
    for (size_t i = PL_ROLE_CLIENT; i <= PL_ROLE_OPERATOR; i++)
        if (!strcmp(text, roles[i])) {
            *role = (enum pl_role)i;
            return POUCH_OK;
        }
    return bad(r, node->line, "role", text, "is none of client, worker, center, gateway, redeliver, operator");
}

/* ---- entries ---- */

static pouch_err member_take(const struct reading *r, const struct pl_yaml *node, struct pl_access_entry *e) {
    const char *key = node->key;
    if (!strcmp(key, "principal")) return principal_take(r, node, &e->principal);
    if (!strcmp(key, "role")) return role_take(r, node, &e->role);
    if (!strcmp(key, "topics")) return names_take(r, node, &e->topics);
    if (!strcmp(key, "produce")) return names_take(r, node, &e->produce);
    if (!strcmp(key, "consume")) return names_take(r, node, &e->consume);
    if (!strcmp(key, "client_id")) return text_take(r, node, NAME_MAX_LENGTH - sizeof ".replies" + 1, &e->client_id);
    if (!strcmp(key, "group")) return text_take(r, node, NAME_MAX_LENGTH, &e->group);
    if (!strcmp(key, "host")) return text_take(r, node, HOST_MAX_LENGTH, &e->host);
    return bad(r, node->line, "access", key,
               "is no member; there are principal, role, topics, produce, consume, client_id, group, host");
}

/* What the role takes to mean something. */
static pouch_err entry_check(const struct reading *r, const struct pl_access_entry *e) {
    const char *first = e->topics.n ? e->topics.at[0] : NULL;
    if (!e->principal)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: access: names no principal; write principal: NAME", r->file, e->line);
    if (e->role == PL_ROLE_WORKER && !first)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: access: a worker has topics; write topics: [NAME]", r->file, e->line);
    if (e->role == PL_ROLE_WORKER && !e->group && !is_name(first, strlen(first)))
        return pl_fail(POUCH_E_CONFIG, "%s:%u: access: the group of a worker of %s is not known; write group: NAME",
                       r->file, e->line, first);
    if (e->role == PL_ROLE_NONE && first)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: access: topics go with a role; without one write produce or consume",
                       r->file, e->line);
    const char *name = e->client_id ? e->client_id : e->principal + sizeof "User:" - 1;
    if ((e->role == PL_ROLE_CLIENT || (e->role == PL_ROLE_GATEWAY && e->client_id)) && !is_pattern(name))
        return bad(r, e->line, "access", name, "cannot be in a topic's name; write client_id: NAME");
    return POUCH_OK;
}

static pouch_err entry_take(const struct reading *r, const struct pl_yaml *node) {
    struct pl_access_entry *e = &r->access->entries[r->access->n++];
    *e = (struct pl_access_entry){.line = node->line};
    if (node->kind != PL_YAML_MAP)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: access: wants maps with a principal", r->file, node->line);
    pouch_err failed = POUCH_OK;
    for (size_t i = 0; !failed && i < node->n; i++) failed = member_take(r, &node->items[i], e);
    if (!failed && !e->host && !(e->host = strdup("*"))) failed = out_of_memory();
    return failed ? failed : entry_check(r, e);
}

pouch_err pl_access_read(struct pl_access **a, const struct pl_yaml *list, const char *file) {
    struct reading r = {.file = file};
    *a = NULL;
    if (list->kind != PL_YAML_LIST || list->n > PL_ACCESS_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: access: wants a list of at most %d principals", file, list->line,
                       PL_ACCESS_MAX);
    if (!(r.access = calloc(1, sizeof *r.access))) return out_of_memory();
    r.access->entries = calloc(list->n + 1, sizeof *r.access->entries);
    pouch_err e = r.access->entries ? POUCH_OK : out_of_memory();
    for (size_t i = 0; !e && i < list->n; i++) e = entry_take(&r, &list->items[i]);
    if (e)
        pl_access_free(r.access);
    else
        *a = r.access;
    return e;
}
