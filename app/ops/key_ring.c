/* pouch key list, add, activate, retire: the key file. */
#include <admin/anytext.h>
#include <base/why.h>
#include <crypto/keyedit.h>
#include <crypto/keyring.h>
#include <limits.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_LINE_MAX = 4096 };

static const char *key_name(const char *kid, const char *fingerprint) {
    return *kid ? kid : fingerprint;
}

/* ---- list ---- */

static json_t *use_json(const struct pl_key_use *use, bool seals) {
    return json_pack("{s:s,s:s,s:b,s:I}", "kid", use->kid, "fingerprint", use->fingerprint, "seals", seals, "sealed",
                     (json_int_t)use->sealed_ever);
}

static void print_table(const struct pl_key_use *uses, size_t n) {
    size_t width = strlen("(none)");
    for (size_t i = 0; i < n; i++)
        if (strlen(uses[i].kid) > width) width = strlen(uses[i].kid);
    printf("%-*s  %-11s  %-5s  %12s\n", (int)width, "KEY", "FINGERPRINT", "USE", "SEALED HERE");
    for (size_t i = 0; i < n; i++)
        printf("%-*s  %-11s  %-5s  %12llu\n", (int)width, *uses[i].kid ? uses[i].kid : "(none)", uses[i].fingerprint,
               i ? "opens" : "seals", (unsigned long long)uses[i].sealed_ever);
}

static int print_ring(const struct ops_call *call, pouch_keyring *ring) {
    struct pl_key_use uses[PL_KEYS_MAX];
    size_t n = pl_keyring_uses(ring, uses, PL_KEYS_MAX);
    if (call->output == OPS_TABLE) {
        print_table(uses, n);
        return ops_done();
    }
    const char *file = pouch_options_get(call->options, "key.file");
    json_t *keys = json_array();
    for (size_t i = 0; keys && i < n; i++) keys = admin_array_with(keys, use_json(&uses[i], i == 0));
    int exit_code = call->output == OPS_JSON
                        ? ops_print_json(json_pack("{s:o,s:o}", "file", admin_anytext_of(file), "keys", keys))
                        : ops_print_array(call, keys);
    return exit_code ? exit_code : ops_done();
}

static int key_list(struct ops_call *call) {
    pouch_keyring *ring;
    pouch_err e = ops_keyring(call, &ring);
    if (e) return ops_error(e);
    int exit_code = print_ring(call, ring);
    pouch_keyring_free(ring);
    return exit_code;
}

/* ---- changes ---- */

/* {"file","keys":["the one that seals",…]}; NULL: out of memory. Freed with free(). */
static char *state_of(const struct pl_keyedit *edit, const char *file) {
    const struct pl_keyset *set = pl_keyedit_keys(edit);
    json_t *keys = json_array();
    for (size_t i = 0; keys && i < set->n; i++)
        keys = admin_array_with(keys, json_string(key_name(set->keys[i].kid, set->keys[i].count->fingerprint)));
    json_t *state = json_pack("{s:o,s:o}", "file", admin_anytext_of(file), "keys", keys);
    size_t n;
    char *text = state ? pl_json_text(state, &n) : NULL;
    json_decref(state);
    return text;
}

/* The file is what counts: a change that cannot be written down has still been made. */
static void write_down(const struct ops_call *call, const char *key, const char *before, const char *after) {
    struct pl_store *store = NULL;
    pouch_err e = before && after ? ops_registry_open(call, &store)
                                  : pl_fail(POUCH_E_NO_MEMORY, "out of memory for what changed");
    if (!e) e = pl_store_audit_put(store, PL_AUDIT_KEY, key, before, after);
    if (e) ops_say("the key file is changed, but who changed it is not written down: %s", pouch_why());
    pl_store_close(store);
}

/* STORE: the file is replaced all the same, so that is written down. */
static pouch_err commit(const struct ops_call *call, struct pl_keyedit *edit, const char *key, const char *before,
                        const char *after) {
    char why[1024];
    pouch_err e = pl_keyedit_commit(edit);
    if (e && e != POUCH_E_STORE) return e;
    snprintf(why, sizeof why, "%s", pouch_why());
    write_down(call, key, before, after);
    return e ? pl_fail(e, "%s", why) : POUCH_OK;
}

/* A change: makes it in the edit, and then says what it did. */
struct change {
    pouch_err (*make)(const struct ops_call *call, struct pl_keyedit *edit);
    void (*say)(const char *file, const char *key, const struct pl_keyset *now);
};

static pouch_err make_change(const struct ops_call *call, const struct change *change, struct pl_keyedit *edit,
                             const char *file) {
    const char *name = call->args[0];
    char *before = state_of(edit, file);
    const struct pl_key *named = pl_keyedit_find(edit, name);
    char key[PL_KID_MAX + 1];
    snprintf(key, sizeof key, "%s", named ? key_name(named->kid, named->count->fingerprint) : name);
    pouch_err e = change->make(call, edit);
    char *after = e ? NULL : state_of(edit, file);
    bool changed = !before || !after || strcmp(before, after);
    if (!e && changed) e = commit(call, edit, key, before, after);
    if (!e) change->say(file, key, pl_keyedit_keys(edit));
    free(before);
    free(after);
    return e;
}

static int run_change(struct ops_call *call, const struct change *change) {
    const char *file = pouch_options_get(call->options, "key.file");
    if (!file)
        return ops_usage(call, "say which file: --key-file FILE or POUCH_KEY_FILE; ENCRYPTION_KEY holds one key and "
                               "cannot be changed here");
    struct pl_keyedit *edit;
    char whole[PATH_MAX];
    if (realpath(file, whole)) file = whole; /* a name that says the same wherever it is read */
    pouch_err e = pl_keyedit_open(&edit, file);
    if (!e) e = make_change(call, change, edit, file);
    pl_keyedit_close(edit);
    if (e == POUCH_E_NOT_ALLOWED) {
        ops_say("%s", pouch_why());
        return OPS_EXIT_NEGATIVE;
    }
    if (e) return ops_error(e);
    return call->output == OPS_TABLE ? ops_done() : key_list(call);
}

static pouch_err read_key(struct pl_buf *line) {
    int got = ops_read_line(stdin, line);
    pouch_err e = ops_read_end(stdin);
    if (e) return e;
    if (got < 1) return pl_fail(POUCH_E_CONFIG, "the input has no key: one line of 64 hex characters");
    while (line->len && strchr(" \t", line->at[line->len - 1])) line->at[--line->len] = '\0';
    return POUCH_OK;
}

static pouch_err make_or_read(const struct ops_call *call, struct pl_buf *line) {
    if (call->n_args > 1) return read_key(line);
    char hex[65];
    pouch_err e = pouch_key_generate(hex);
    if (!e) e = pl_buf_append(line, hex, 64);
    explicit_bzero(hex, sizeof hex);
    return e;
}

static pouch_err add(const struct ops_call *call, struct pl_keyedit *edit) {
    struct pl_buf line;
    pl_buf_init(&line, HEX_LINE_MAX);
    pouch_err e = pl_buf_reserve(&line, HEX_LINE_MAX - 1); /* it does not grow, and leave a key behind */
    if (!e) e = make_or_read(call, &line);
    if (!e) e = pl_keyedit_add(edit, call->args[0], line.at, line.len);
    pl_buf_wipe(&line);
    return e;
}

static void say_added(const char *file, const char *key, const struct pl_keyset *now) {
    ops_say("key %s (%s) added to %s", key, now->keys[now->n - 1].count->fingerprint, file);
    if (now->n == 1)
        ops_say("it is the only one, and seals");
    else
        ops_say("it opens and does not seal; when every process has it: pouch key activate %s", key);
    if (now->n > PL_KEYS_TRIED)
        ops_say("what comes without a key id is tried with the first %d keys only: retire those no longer used",
                PL_KEYS_TRIED);
}

static pouch_err activate(const struct ops_call *call, struct pl_keyedit *edit) {
    return pl_keyedit_activate(edit, call->args[0]);
}

static void say_active(const char *file, const char *key, const struct pl_keyset *now) {
    ops_say("key %s (%s) seals in %s", key, now->keys[0].count->fingerprint, file);
    if (now->n > 1)
        ops_say("when nothing is left that %s sealed: pouch key retire %s",
                key_name(now->keys[1].kid, now->keys[1].count->fingerprint),
                key_name(now->keys[1].kid, now->keys[1].count->fingerprint));
}

static pouch_err retire(const struct ops_call *call, struct pl_keyedit *edit) {
    return pl_keyedit_retire(edit, call->args[0]);
}

static void say_retired(const char *file, const char *key, const struct pl_keyset *now) {
    (void)now;
    ops_say("key %s is out of %s: what it sealed can no longer be opened", key, file);
}

static int key_add(struct ops_call *call) {
    if (call->n_args > 1 && strcmp(call->args[1], "-"))
        return ops_usage(call, "a key is never an argument, where ps shows it: give it on the input, with -");
    return run_change(call, &(struct change){add, say_added});
}

static int key_activate(struct ops_call *call) {
    return run_change(call, &(struct change){activate, say_active});
}

static int key_retire(struct ops_call *call) {
    return run_change(call, &(struct change){retire, say_retired});
}

/* ---- the commands ---- */

const struct ops_command ops_key_list = {
    .name = "key list",
    .args = "",
    .summary = "List the keys of the key file, never the keys themselves",
    .about =
        "The first key seals, all open. A fingerprint is the beginning of the key's SHA-256: it tells whether two\n"
        "files hold the same key. SEALED HERE counts all processes of this host that keep their counts\n"
        "together, over restarts; a key may seal 2^32 messages over all hosts.\n\n"
        "  pouch key list --key-file /etc/pouch/ring\n",
    .run = key_list,
};

const struct ops_command ops_key_add = {
    .name = "key add",
    .args = "KID [-]",
    .summary = "Add a key to the key file: it opens, and does not seal yet",
    .about = "The first of the three steps of a rotation; docs/key-rotation.md has them all. Makes a key, or with -\n"
             "reads one from the input, for the other hosts. The file is replaced in one step; running processes\n"
             "take it within a second. Who changed it is written down in the store: pouch changes --kind key.\n\n"
             "  pouch key add 2026-11 --key-file /etc/pouch/ring\n",
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = 2,
    .run = key_add,
};

const struct ops_command ops_key_activate = {
    .name = "key activate",
    .args = "KEY",
    .summary = "Let a key of the key file seal from now on",
    .about = "The second step of a rotation, when every process has the key: it moves to the first place, and the\n"
             "others go on opening. KEY is a key's id, or the fingerprint of one without an id.\n\n"
             "  pouch key activate 2026-11 --key-file /etc/pouch/ring\n",
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = 1,
    .run = key_activate,
};

const struct ops_command ops_key_retire = {
    .name = "key retire",
    .args = "KEY",
    .summary = "Take a key out of the key file",
    .about = "The third step of a rotation, when nothing is left that the key sealed: requests, replies and dead\n"
             "letters. The key that seals is refused. KEY is a key's id, or the fingerprint of one without an id.\n\n"
             "  pouch key retire 2026-05 --key-file /etc/pouch/ring\n",
    .settings = (const char *const[]){"store", NULL},
    .least = 1,
    .most = 1,
    .run = key_retire,
};
