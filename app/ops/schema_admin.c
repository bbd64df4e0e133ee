/* pouch schema compat, delete. */
#include <ops/commands.h>
#include <ops/schemas.h>
#include <stdlib.h>

static const char *const settings[] = {"schema.registry", NULL};

/* ---- compat ---- */

static int schema_compat(struct ops_call *call) {
    const char *subject = call->n_args ? call->args[0] : NULL, *wanted = ops_flag(call, "--set", 0);
    struct registry *r;
    struct pl_settings s = {0};
    char *mode = NULL;
    pouch_err e = ops_schema_registry(call, &r, &s);
    if (!e && wanted) e = schema_registry_set_mode(r, subject, wanted);
    if (!e) e = schema_registry_mode(r, subject, &mode);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    if (!e && call->output == OPS_TABLE)
        puts(mode);
    else if (!e)
        exit_code = ops_print_json(json_pack("{s:s?,s:s}", "subject", subject, "compatibility", mode));
    free(mode);
    schema_registry_close(r);
    pl_settings_free(&s);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_schema_compat = {
    .name = "schema compat",
    .args = "[SUBJECT]",
    .summary = "Show or set what new versions of a schema must be compatible with",
    .about = "Of one subject, or the mode that holds for all without one of their own:\n\n"
             "  pouch schema compat orders-value --set FULL\n\n"
             "BACKWARD: who has the new schema reads what was written with the newest; FORWARD: the\n"
             "other way round; FULL: both; …_TRANSITIVE: with all versions and not the newest alone.\n",
    .flags =
        (const struct ops_flag[]){{"--set", 0,
                                   "BACKWARD|BACKWARD_TRANSITIVE|FORWARD|FORWARD_TRANSITIVE|FULL|FULL_TRANSITIVE|NONE",
                                   false, "the mode from now on"},
                                  {0}},
    .settings = settings,
    .least = 0,
    .most = 1,
    .run = schema_compat,
};

/* ---- delete ---- */

/* A registry deletes for good only what was deleted before. */
static pouch_err delete_versions(struct registry *r, const char *subject, int version, bool permanent, json_t **gone) {
    pouch_err e = schema_registry_delete(r, subject, version, false, gone);
    if (!permanent || (e && e != POUCH_E_NOT_FOUND)) return e;
    json_decref(*gone);
    return schema_registry_delete(r, subject, version, true, gone);
}

static int schema_delete(struct ops_call *call) {
    const char *subject = call->args[0];
    bool permanent = ops_has(call, "--permanent");
    int version;
    if (ops_schema_version(call, &version)) return ops_usage(call, "%s", pouch_why());
    char question[512];
    snprintf(question, sizeof question, "delete %s of %.300s%s?", version ? "a version" : "all versions", subject,
             permanent ? ", for good: what was written with them can then not be read" : "");
    int exit_code = ops_agreed(call, question, "nothing deleted");
    if (exit_code) return exit_code;
    struct registry *r;
    struct pl_settings s = {0};
    json_t *gone = NULL;
    pouch_err e = ops_schema_registry(call, &r, &s);
    if (!e) e = delete_versions(r, subject, version, permanent, &gone);
    if (e)
        exit_code = ops_error(e);
    else if (call->output != OPS_TABLE)
        exit_code =
            ops_print_json(json_pack("{s:s,s:O,s:b}", "subject", subject, "deleted", gone, "permanent", permanent));
    else
        ops_say("%zu versions of %s deleted", json_array_size(gone), subject);
    json_decref(gone);
    schema_registry_close(r);
    pl_settings_free(&s);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_schema_delete = {
    .name = "schema delete",
    .args = "SUBJECT",
    .summary = "Delete a subject from the registry, or one version of it",
    .about = "What was written with a deleted schema can still be read by its id, unless it was deleted\n"
             "with --permanent.\n\n"
             "  pouch schema delete orders-value --version 3\n",
    .flags = (const struct ops_flag[]){{"--version", 0, "N", false, "that version alone"},
                                       {"--permanent", 0, NULL, false, "so that its ids stand for nothing any more"},
                                       {"--yes", 0, NULL, false, "do not ask"},
                                       {0}},
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = schema_delete,
};
