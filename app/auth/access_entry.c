/* The entries of an access file. */
#include <auth/access.h>
#include <base/hex.h>
#include <base/why.h>
#include <conf/settings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STREAMS = 100, STREAMS_MOST = 100000, BURST_MOST = 1000000, SECOND_US = 1000000, DAY_MS = 24 * 3600 * 1000 };
enum { TEXT_MAX = 1024, SKEW_MS = 60 * 1000, SKEW_MOST_MS = 10 * 60 * 1000 };

/* One that is being read: of a key or of an issuer. */
struct entry {
    const struct auth_reading *reading;
    struct auth_who *key;
    struct auth_issuer *issuer;
    struct auth_allowance *allowance;
    size_t rate, burst;
    const char *name, *digest, *algorithm, *file; /* borrowed from the tree */
};

/* A member that entries may have. */
struct member {
    const char *name;
    pouch_err (*take)(struct entry *e, const struct pl_yaml *node);
};

static pouch_err bad(const struct entry *e, const struct pl_yaml *node, const char *what) {
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: %s", e->reading->path, node->line, node->key ? node->key : "entry",
                   what);
}

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the access file");
}

/* ---- values ---- */

static pouch_err take_text(struct entry *e, const struct pl_yaml *node, const char **text) {
    if (node->kind != PL_YAML_SCALAR || !*node->text || strlen(node->text) > TEXT_MAX)
        return bad(e, node, "wants a text");
    *text = node->text;
    return POUCH_OK;
}

static pouch_err copy_text(struct entry *e, const struct pl_yaml *node, char **copy) {
    const char *text;
    pouch_err error = take_text(e, node, &text);
    if (error) return error;
    return (*copy = strdup(text)) ? POUCH_OK : no_memory();
}

static pouch_err take_number(struct entry *e, const struct pl_yaml *node, size_t most, size_t *n) {
    const char *text = node->kind == PL_YAML_SCALAR ? node->text : "";
    size_t digits = strspn(text, "0123456789");
    *n = digits && digits <= 9 && !text[digits] ? strtoul(text, NULL, 10) : most + 1;
    if (*n <= most) return POUCH_OK;
    char what[48];
    snprintf(what, sizeof what, "wants a number from 0 to %zu", most);
    return bad(e, node, what);
}

/* The words of a text, and of the texts of a list. */
static pouch_err each_word(struct entry *e, const struct pl_yaml *node,
                           pouch_err (*take)(const char *word, size_t n, void *arg), void *arg) {
    const struct pl_yaml *items = node->kind == PL_YAML_LIST ? node->items : node;
    size_t n = node->kind == PL_YAML_LIST ? node->n : 1;
    for (size_t i = 0; i < n; i++) {
        if (items[i].kind != PL_YAML_SCALAR) return bad(e, node, "wants words, or a list of them");
        for (const char *at = items[i].text; *(at += strspn(at, " ")); at += strcspn(at, " ")) {
            pouch_err error = take(at, strcspn(at, " "), arg);
            if (error == POUCH_E_NO_MEMORY) return error;
            if (error) return pl_fail(POUCH_E_CONFIG, "%s:%u: %s", e->reading->path, items[i].line, pouch_why());
        }
    }
    return POUCH_OK;
}

static pouch_err add_scope(const char *word, size_t n, void *scopes) {
    return auth_scopes_add(scopes, word, n);
}

static pouch_err add_origin(const char *word, size_t n, void *arg) {
    char **all = arg, *more;
    if (asprintf(&more, "%s%s%.*s", *all ? *all : "", *all ? "," : "", (int)n, word) < 0) return no_memory();
    free(*all);
    *all = more;
    return POUCH_OK;
}

/* "2027-01-31", to the end of that day, or "2027-01-31T12:00:00Z". */
static bool parse_time(const char *text, int64_t *ms) {
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%d", &t);
    bool day = end && !*end;
    if (!day && (!end || *end != 'T')) return false;
    if (!day) end = strptime(end, "T%H:%M:%SZ", &t);
    if (!end || *end) return false;
    *ms = (int64_t)timegm(&t) * 1000 + (day ? DAY_MS : 0);
    return *ms > 0;
}

/* ---- members of both ---- */

static pouch_err take_rate(struct entry *e, const struct pl_yaml *node) {
    return take_number(e, node, AUTH_RATE_MOST, &e->rate);
}

static pouch_err take_burst(struct entry *e, const struct pl_yaml *node) {
    return take_number(e, node, BURST_MOST, &e->burst);
}

static pouch_err take_streams(struct entry *e, const struct pl_yaml *node) {
    return take_number(e, node, STREAMS_MOST, &e->allowance->streams);
}

static pouch_err take_origins(struct entry *e, const struct pl_yaml *node) {
    return each_word(e, node, add_origin, &e->allowance->origins);
}

static const struct member *find(const struct member members[], const char *name) {
    while (members->name && strcmp(members->name, name) != 0) members++;
    return members->name ? members : NULL;
}

static pouch_err take_members(struct entry *e, const struct pl_yaml *entry, const struct member members[]) {
    e->allowance->streams = STREAMS;
    for (size_t i = 0; i < entry->n; i++) {
        const struct member *m = find(members, entry->items[i].key);
        pouch_err error = m ? m->take(e, &entry->items[i]) : bad(e, &entry->items[i], "there is no such member");
        if (error) return error;
    }
    if (!e->rate) return POUCH_OK;
    e->allowance->rate.interval_us = SECOND_US / (int64_t)e->rate;
    e->allowance->rate.burst = e->burst ? e->burst : e->rate;
    return POUCH_OK;
}

/* ---- keys ---- */

static pouch_err take_name(struct entry *e, const struct pl_yaml *node) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    pouch_err error = take_text(e, node, &e->name);
    if (error) return error;
    if (strlen(e->name) > 64 || e->name[strspn(e->name, letters)])
        return bad(e, node, "wants a name of 1 to 64 letters, digits, dots, - and _");
    return POUCH_OK;
}

static pouch_err take_digest(struct entry *e, const struct pl_yaml *node) {
    return take_text(e, node, &e->digest);
}

static pouch_err take_scopes(struct entry *e, const struct pl_yaml *node) {
    return each_word(e, node, add_scope, &e->key->scopes);
}

static pouch_err take_not_after(struct entry *e, const struct pl_yaml *node) {
    if (node->kind == PL_YAML_SCALAR && parse_time(node->text, &e->key->expires_ms)) return POUCH_OK;
    return bad(e, node, "wants a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z");
}

static const struct member of_keys[] = {
    {"name", take_name},           {"sha256", take_digest},   {"scopes", take_scopes},
    {"rate", take_rate},           {"burst", take_burst},     {"streams", take_streams},
    {"not_after", take_not_after}, {"origins", take_origins}, {NULL, NULL},
};

/* What the entry says must be whole, and no other entry may say it. */
static pouch_err check_key(struct entry *e, const struct pl_yaml *entry) {
    struct auth_access *a = e->reading->access;
    struct auth_who *k = e->key;
    if (!e->name || !e->digest || !k->scopes.n) return bad(e, entry, "wants name, sha256 and scopes");
    if (strlen(e->digest) != 2 * AUTH_DIGEST_BYTES || !pl_hex_decode(k->digest, e->digest, AUTH_DIGEST_BYTES))
        return bad(e, entry, "sha256 wants 64 hexadecimal digits, as pouch access new prints them");
    free(k->name);
    if (asprintf(&k->name, "key:%s", e->name) < 0) {
        k->name = NULL;
        return no_memory();
    }
    for (size_t i = 0; i < a->n_keys; i++)
        if (!strcmp(a->keys[i]->name, k->name) || auth_access_key(a, k->digest))
            return bad(e, entry, "an entry before it has the same name or the same key");
    return POUCH_OK;
}

pouch_err auth_key_read(const struct auth_reading *r, const struct pl_yaml *entry) {
    struct auth_access *a = r->access;
    struct entry e = {.reading = r};
    if (a->n_keys == AUTH_KEYS_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: there may be %d keys", r->path, entry->line, AUTH_KEYS_MAX);
    pouch_err error = auth_who_new(&e.key, AUTH_BY_KEY, "", r->topics);
    if (error) return error;
    e.allowance = &e.key->allowance;
    error = take_members(&e, entry, of_keys);
    if (!error) error = check_key(&e, entry);
    if (error)
        auth_who_free(e.key);
    else
        a->keys[a->n_keys++] = e.key;
    return error;
}

/* ---- issuers of tokens ---- */

static pouch_err take_issuer(struct entry *e, const struct pl_yaml *node) {
    return copy_text(e, node, &e->issuer->issuer);
}

static pouch_err take_audience(struct entry *e, const struct pl_yaml *node) {
    return copy_text(e, node, &e->issuer->audience);
}

static pouch_err take_algorithm(struct entry *e, const struct pl_yaml *node) {
    return take_text(e, node, &e->algorithm);
}

static pouch_err take_file(struct entry *e, const struct pl_yaml *node) {
    return take_text(e, node, &e->file);
}

static pouch_err take_kid(struct entry *e, const struct pl_yaml *node) {
    return copy_text(e, node, &e->issuer->kid);
}

static pouch_err take_claim(struct entry *e, const struct pl_yaml *node) {
    return copy_text(e, node, &e->issuer->claim);
}

static pouch_err take_skew(struct entry *e, const struct pl_yaml *node) {
    const char *text;
    pouch_err error = take_text(e, node, &text);
    if (error) return error;
    return pl_duration_parse(&e->issuer->skew_ms, text, 0, SKEW_MOST_MS) ? bad(e, node, pouch_why()) : POUCH_OK;
}

static pouch_err take_roles(struct entry *e, const struct pl_yaml *node) {
    struct auth_issuer *i = e->issuer;
    if (node->kind != PL_YAML_MAP || !node->n || node->n > AUTH_ROLES_MAX)
        return bad(e, node, "wants NAME: SCOPES, at most 64 of them");
    i->roles = calloc(node->n, sizeof *i->roles);
    if (!i->roles) return no_memory();
    for (size_t k = 0; k < node->n; k++) {
        struct auth_role *role = &i->roles[i->n_roles++];
        role->name = strdup(node->items[k].key);
        pouch_err error = role->name ? each_word(e, &node->items[k], add_scope, &role->scopes) : no_memory();
        if (error) return error;
    }
    return POUCH_OK;
}

static const struct member of_issuers[] = {
    {"issuer", take_issuer},
    {"audience", take_audience},
    {"algorithm", take_algorithm},
    {"key", take_file},
    {"kid", take_kid},
    {"claim", take_claim},
    {"roles", take_roles},
    {"skew", take_skew},
    {"rate", take_rate},
    {"burst", take_burst},
    {"streams", take_streams},
    {"origins", take_origins},
    {NULL, NULL},
};

/* A relative path is meant from where the access file is. */
static char *beside(const char *path, const char *file) {
    const char *slash = strrchr(path, '/');
    char *whole = NULL;
    if (*file == '/' || !slash) return strdup(file);
    return asprintf(&whole, "%.*s/%s", (int)(slash - path), path, file) < 0 ? NULL : whole;
}

static pouch_err take_verifier(struct entry *e, const struct pl_yaml *entry) {
    struct auth_issuer *i = e->issuer;
    enum auth_algorithm algorithm;
    if (!i->issuer || !i->audience || !e->algorithm || !e->file)
        return bad(e, entry, "wants issuer, audience, algorithm and key");
    if (!auth_algorithm_parse(&algorithm, e->algorithm))
        return bad(e, entry, "algorithm is one of HS256, RS256, ES256 and EdDSA");
    if (!i->claim && !(i->claim = strdup("scope"))) return no_memory();
    char *file = beside(e->reading->path, e->file);
    if (!file) return no_memory();
    pouch_err error = auth_verifier_new(&i->verifier, algorithm, file);
    free(file);
    if (error != POUCH_E_CONFIG) return error;
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %s", e->reading->path, entry->line, pouch_why());
}

pouch_err auth_issuer_read(const struct auth_reading *r, const struct pl_yaml *entry) {
    struct auth_access *a = r->access;
    if (a->n_issuers == AUTH_ISSUERS_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: there may be %d entries of tokens", r->path, entry->line,
                       AUTH_ISSUERS_MAX);
    struct entry e = {.reading = r, .issuer = &a->issuers[a->n_issuers++]};
    e.issuer->skew_ms = SKEW_MS;
    e.allowance = &e.issuer->allowance;
    pouch_err error = take_members(&e, entry, of_issuers);
    return error ? error : take_verifier(&e, entry);
}
