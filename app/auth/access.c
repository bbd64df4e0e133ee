#include <auth/access.h>
#include <base/why.h>
#include <crypto/keyfile.h>
#include <crypto/memory.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void issuer_clear(struct auth_issuer *i) {
    for (size_t k = 0; k < i->n_roles; k++) {
        free(i->roles[k].name);
        auth_scopes_free(&i->roles[k].scopes);
    }
    free(i->roles);
    auth_verifier_free(i->verifier);
    free(i->allowance.origins);
    free(i->claim);
    free(i->kid);
    free(i->audience);
    free(i->issuer);
}

struct auth_access *auth_access_ref(struct auth_access *a) {
    atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
    return a;
}

void auth_access_free(struct auth_access *a) {
    if (!a || atomic_fetch_sub(&a->refs, 1) > 1) return;
    for (size_t i = 0; i < a->n_keys; i++) auth_who_free(a->keys[i]);
    for (size_t i = 0; i < a->n_issuers; i++) issuer_clear(&a->issuers[i]);
    free(a);
}

struct auth_who *auth_access_key(const struct auth_access *a, const uint8_t digest[AUTH_DIGEST_BYTES]) {
    struct auth_who *found = NULL;
    for (size_t i = 0; i < a->n_keys; i++)
        if (!CRYPTO_memcmp(a->keys[i]->digest, digest, AUTH_DIGEST_BYTES)) found = a->keys[i];
    return found;
}

const struct auth_issuer *auth_access_issuer(const struct auth_access *a, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < a->n_issuers; i++) {
        size_t tail = strlen(a->issuers[i].issuer);
        if (n > tail && name[n - tail - 1] == '@' && !strcmp(name + n - tail, a->issuers[i].issuer))
            return &a->issuers[i];
    }
    return NULL;
}

static pouch_err read_list(const struct auth_reading *r, const struct pl_yaml *list,
                           pouch_err (*read)(const struct auth_reading *, const struct pl_yaml *)) {
    if (list->kind == PL_YAML_SCALAR && !*list->text) return POUCH_OK; /* "keys:" alone: the last was taken away */
    if (list->kind != PL_YAML_LIST)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: %s: wants a list, each entry behind a dash", r->path, list->line,
                       list->key);
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind != PL_YAML_MAP)
            return pl_fail(POUCH_E_CONFIG, "%s:%u: an entry of %s is NAME: VALUE, a line each", r->path,
                           list->items[i].line, list->key);
        pouch_err e = read(r, &list->items[i]);
        if (e) return e;
    }
    return POUCH_OK;
}

static pouch_err read_tree(const struct auth_reading *r, const struct pl_yaml *tree) {
    if (tree->kind != PL_YAML_MAP) return pl_fail(POUCH_E_CONFIG, "%s: wants keys: and tokens:", r->path);
    for (size_t i = 0; i < tree->n; i++) {
        const struct pl_yaml *item = &tree->items[i];
        bool keys = !strcmp(item->key, "keys");
        if (!keys && strcmp(item->key, "tokens") != 0)
            return pl_fail(POUCH_E_CONFIG, "%s:%u: %.80s: there are keys: and tokens:", r->path, item->line, item->key);
        pouch_err e = read_list(r, item, keys ? auth_key_read : auth_issuer_read);
        if (e) return e;
    }
    return POUCH_OK;
}

pouch_err auth_access_parse(struct auth_access **a, const char *path, const char *text, size_t n,
                            const struct auth_topics *topics) {
    struct pl_yaml *tree;
    *a = NULL;
    pouch_err e = pl_yaml_parse(&tree, path, text, n);
    if (e) return e;
    struct auth_access *access = calloc(1, sizeof *access);
    if (access) {
        atomic_init(&access->refs, 1);
        e = read_tree(&(struct auth_reading){access, path, topics}, tree);
    } else {
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %s", path);
    }
    pl_yaml_free(tree);
    if (e)
        auth_access_free(access);
    else
        *a = access;
    return e;
}

pouch_err auth_access_read(struct auth_access **a, const char *path, const struct auth_topics *topics) {
    struct pl_key_mark mark;
    size_t n;
    *a = NULL;
    int fd = pl_keyfile_open(path);
    if (fd < 0) return pl_fail(POUCH_E_CONFIG, "cannot read access file %s: %s", path, strerror(errno));
    char *text = pl_secret_map(PL_KEYFILE_MAX);
    pouch_err e =
        text ? pl_keyfile_text(fd, path, text, &n, &mark) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for %s", path);
    if (!e) e = auth_access_parse(a, path, text, n, topics);
    if (!e) (*a)->mark = mark;
    pl_secret_unmap(text, PL_KEYFILE_MAX);
    close(fd);
    return e;
}
