/* pouch topic set. */
#include <admin/anytext.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/topic_book.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 30000, CHANGES_MAX = 64 };

/* NAME=VALUE, or NAME= for the broker's default; names and values are within copies. */
static pouch_err read_changes(const struct ops_call *call, struct pl_config_change *changes, char **copies) {
    for (size_t i = 0; i + 1 < call->n_args; i++) {
        const char *text = call->args[i + 1], *equals = strchr(text, '=');
        if (!equals || equals == text)
            return pl_fail(POUCH_E_CONFIG,
                           "'%.100s' is no NAME=VALUE; retention.ms=86400000 sets one, retention.ms= takes it away",
                           text);
        if (!(copies[i] = strdup(text))) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for configs");
        copies[i][equals - text] = 0;
        changes[i].name = copies[i];
        changes[i].value = equals[1] ? copies[i] + (equals - text) + 1 : NULL;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(changes[j].name, changes[i].name))
                return pl_fail(POUCH_E_CONFIG, "%.100s is given twice", changes[i].name);
    }
    return POUCH_OK;
}

/*
 * For the book: what it was, with what was changed. Another broker than the one that has shown it may not know it yet.
 */
static json_t *changed_state(const json_t *before, const struct pl_config_change *changes, size_t n) {
    json_t *o = json_copy((json_t *)before);
    for (size_t i = 0; o && i < n; i++) {
        if (changes[i].value)
            o = admin_json_with(o, changes[i].name, admin_anytext_of(changes[i].value));
        else
            json_object_del(o, changes[i].name);
    }
    return o;
}

static void write_down(const struct ops_call *call, const struct pl_actual *before,
                       const struct pl_config_change *changes) {
    struct ops_topic_book book = {.call = call};
    json_t *was = ops_topic_state(before, call->args[0]);
    ops_topic_book_put(&book, call->args[0], was, changed_state(was, changes, call->n_args - 1));
    ops_topic_book_close(&book);
}

static pouch_err change(const struct ops_call *call, const struct pl_config_change *changes, bool *changed) {
    struct pl_cluster *c = NULL;
    struct pl_actual before;
    pouch_err e = ops_cluster_open(call, &c);
    if (e) return e;
    ops_topic_states(&before, pl_cluster_handle(c), call, 1);
    e = pl_topic_configs_change(pl_cluster_handle(c), call->args[0], changes, call->n_args - 1, changed, CALL_MS);
    if (!e && *changed) write_down(call, &before, changes);
    pl_actual_free(&before);
    pl_cluster_close(c);
    return e;
}

static int tell(const struct ops_call *call, bool changed) {
    if (call->output != OPS_TABLE)
        return ops_print_json(
            json_pack("{s:o,s:b}", "topic", admin_anytext_of(call->args[0]), "changed", (int)changed));
    ops_say(changed ? "topic %s changed; its other configs are as they were" : "topic %s was so already",
            call->args[0]);
    return OPS_EXIT_OK;
}

static int topic_set(struct ops_call *call) {
    struct pl_config_change changes[CHANGES_MAX] = {{0}};
    char *copies[CHANGES_MAX] = {0};
    bool changed = false;
    int exit_code;
    if (ops_topic_names_check(call, 1)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = read_changes(call, changes, copies);
    if (e)
        exit_code = ops_usage(call, "%s", pouch_why());
    else if ((e = change(call, changes, &changed)))
        exit_code = ops_error(e);
    else
        exit_code = tell(call, changed);
    for (size_t i = 0; i < CHANGES_MAX; i++) free(copies[i]);
    return exit_code;
}

const struct ops_command ops_topic_set = {
    .name = "topic set",
    .args = "TOPIC NAME=VALUE…",
    .summary = "Change configs of a topic and keep all others",
    .about = "NAME= takes a config away, so that the broker's default holds. What others change at the same time is\n"
             "told, with an error; only what falls into the moment of the write itself is lost.\n\n"
             "  pouch topic set orders retention.ms=604800000 max.message.bytes=\n\n"
             "Who did it is kept: see pouch changes --kind topic.\n",
    .settings = (const char *const[]){"store", NULL},
    .least = 2,
    .most = CHANGES_MAX,
    .run = topic_set,
};
