/* pouch schema register, get, list, check. */
#include <admin/anytext.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/commands.h>
#include <ops/schemas.h>
#include <schema/doc.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define TYPE    {"--type", 0, "AVRO|JSON", false, "what the schema is; unset, JSON where it names its draft with $schema, else AVRO"}
#define VERSION {"--version", 0, "N", false, "that version; unset, the newest"}
/* clang-format on */

static const char *const settings[] = {"schema.registry", NULL};

/* ---- register ---- */

/* What is no schema is not sent; what only cannot be used here is sent, and told of. */
static pouch_err try_schema(const char *type, char *text) {
    struct schema_doc *doc;
    pouch_err e = schema_doc_read(&doc, &(struct registry_schema){.type = (char *)type, .text = text});
    schema_doc_drop(doc);
    if (e == POUCH_E_CONFIG) ops_say("pouch cannot check payloads by it: %s", pouch_why());
    return e == POUCH_E_CONFIG ? POUCH_OK : e;
}

/* The mode that schema.compatibility names, for a subject that is new. */
static pouch_err put(struct registry *r, const struct pl_settings *s, const char *subject, const char *type,
                     const char *text, uint32_t *id) {
    json_t *versions = NULL;
    pouch_err e = s->schema_compatibility ? schema_registry_versions(r, subject, &versions) : POUCH_OK;
    json_decref(versions);
    bool is_new = e == POUCH_E_NOT_FOUND;
    if (e && !is_new) return e;
    e = schema_registry_put(r, subject, type, text, id);
    return !e && is_new ? schema_registry_set_mode(r, subject, s->schema_compatibility) : e;
}

static int schema_register(struct ops_call *call) {
    const char *subject = call->args[0];
    struct registry *r;
    struct pl_settings s = {0};
    struct pl_buf text;
    uint32_t id = 0;
    pl_buf_init(&text, OPS_SCHEMA_MAX);
    pouch_err e = ops_schema_registry(call, &r, &s);
    if (!e) e = ops_schema_file(call->n_args > 1 ? call->args[1] : NULL, &text);
    const char *type = e ? NULL : ops_schema_type(call, &text);
    if (!e && !text.len) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the schema is empty");
    if (!e) e = try_schema(type, text.at);
    if (!e) e = put(r, &s, subject, type, text.at, &id);
    schema_registry_close(r);
    pl_settings_free(&s);
    pl_buf_free(&text);
    if (e) return ops_error(e);
    if (call->output != OPS_TABLE)
        return ops_print_json(json_pack("{s:s,s:I}", "subject", subject, "id", (json_int_t)id));
    printf("%" PRIu32 "\n", id);
    return ops_done();
}

const struct ops_command ops_schema_register = {
    .name = "schema register",
    .args = "SUBJECT [FILE|-]",
    .summary = "Register a schema with the registry and print its id",
    .about = "Reads the schema from FILE or stdin and registers it as a version more of SUBJECT, which\n"
             "for the values of a topic is TOPIC-value. One that is there already keeps its id.\n\n"
             "  pouch schema register orders-value order.avsc\n"
             "  pouch schema register orders-value order.json --type JSON\n\n"
             "The registry refuses one that is not compatible with those before it: exit 1; see pouch\n"
             "schema check and pouch schema compat. A subject that is new gets the mode that\n"
             "schema.compatibility (SCHEMA_COMPATIBILITY_MODE) names, where that is set.\n",
    .flags = (const struct ops_flag[]){TYPE, {0}},
    .settings = settings,
    .least = 1,
    .most = 2,
    .run = schema_register,
};

/* ---- get ---- */

static int print_schema(const struct ops_call *call, const struct registry_schema *schema) {
    if (call->output == OPS_TABLE) {
        puts(schema->text);
        return ops_done();
    }
    json_t *json =
        json_pack("{s:I,s:s,s:s}", "id", (json_int_t)schema->id, "type", schema->type, "schema", schema->text);
    if (json && schema->subject) json = admin_json_with(json, "subject", json_string(schema->subject));
    if (json && schema->subject) json = admin_json_with(json, "version", json_integer(schema->version));
    return ops_print_json(json);
}

static int schema_get(struct ops_call *call) {
    int64_t id;
    int version;
    bool by_id = ops_has(call, "--id");
    pouch_err e = ops_number(call, "--id", 0, 0, INT32_MAX, &id);
    if (!e) e = ops_schema_version(call, &version);
    if (e) return ops_usage(call, "%s", pouch_why());
    if (by_id == (call->n_args == 1)) return ops_usage(call, "schema get wants SUBJECT or --id N");
    if (by_id && version) return ops_usage(call, "--version goes with SUBJECT");
    struct registry *r;
    struct pl_settings s = {0};
    struct registry_schema schema = {0};
    e = ops_schema_registry(call, &r, &s);
    if (!e)
        e = by_id ? schema_registry_get_id(r, (uint32_t)id, &schema)
                  : schema_registry_get(r, call->args[0], version, 0, &schema);
    int exit_code = e ? ops_error(e) : print_schema(call, &schema);
    schema_registry_schema_free(&schema);
    schema_registry_close(r);
    pl_settings_free(&s);
    return exit_code;
}

const struct ops_command ops_schema_get = {
    .name = "schema get",
    .args = "[SUBJECT]",
    .summary = "Print a registered schema, by subject or by id",
    .about = "The newest version of a subject, one that --version names, or what an id stands for:\n\n"
             "  pouch schema get orders-value --version 2\n"
             "  pouch schema get --id 7 -o json\n",
    .flags = (const struct ops_flag[]){VERSION, {"--id", 0, "N", false, "the schema of that id"}, {0}},
    .settings = settings,
    .least = 0,
    .most = 1,
    .run = schema_get,
};

/* ---- list ---- */

static int print_list(const struct ops_call *call, json_t *all) {
    if (call->output != OPS_TABLE) return ops_print_array(call, all);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *item = json_array_get(all, i);
        if (json_is_string(item))
            puts(json_string_value(item));
        else
            printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(item));
    }
    json_decref(all);
    return ops_done();
}

static int schema_list(struct ops_call *call) {
    struct registry *r;
    struct pl_settings s = {0};
    json_t *all = NULL;
    pouch_err e = ops_schema_registry(call, &r, &s);
    if (!e) e = call->n_args ? schema_registry_versions(r, call->args[0], &all) : schema_registry_subjects(r, &all);
    schema_registry_close(r);
    pl_settings_free(&s);
    return e ? ops_error(e) : print_list(call, all);
}

const struct ops_command ops_schema_list = {
    .name = "schema list",
    .args = "[SUBJECT]",
    .summary = "List the subjects of the registry, or the versions of one",
    .about = "  pouch schema list\n  pouch schema list orders-value\n",
    .settings = settings,
    .least = 0,
    .most = 1,
    .run = schema_list,
};

/* ---- check ---- */

/* Takes reasons, which may be NULL. */
static int print_verdict(const struct ops_call *call, const char *subject, bool compatible, json_t *reasons) {
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE) {
        ops_say("%s with the newest version of %s", compatible ? "compatible" : "not compatible", subject);
        for (size_t i = 0; i < json_array_size(reasons); i++)
            if (json_is_string(json_array_get(reasons, i)))
                ops_say("  %s", json_string_value(json_array_get(reasons, i)));
        json_decref(reasons);
    } else {
        if (!reasons) reasons = json_array();
        json_t *json = json_pack("{s:s,s:b}", "subject", subject, "compatible", compatible);
        exit_code = ops_print_json(admin_json_with(json, "reasons", reasons));
    }
    return exit_code ? exit_code : compatible ? OPS_EXIT_OK : OPS_EXIT_NEGATIVE;
}

static int schema_check_command(struct ops_call *call) {
    struct registry *r;
    struct pl_settings s = {0};
    struct pl_buf text;
    bool compatible = false;
    json_t *reasons = NULL;
    pl_buf_init(&text, OPS_SCHEMA_MAX);
    pouch_err e = ops_schema_registry(call, &r, &s);
    if (!e) e = ops_schema_file(call->n_args > 1 ? call->args[1] : NULL, &text);
    if (!e && !text.len) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the schema is empty");
    const char *type = e ? NULL : ops_schema_type(call, &text);
    if (!e) e = try_schema(type, text.at);
    if (!e) e = schema_registry_test(r, call->args[0], type, text.at, &compatible, &reasons);
    int exit_code = e ? ops_error(e) : print_verdict(call, call->args[0], compatible, reasons);
    schema_registry_close(r);
    pl_settings_free(&s);
    pl_buf_free(&text);
    return exit_code;
}

const struct ops_command ops_schema_check = {
    .name = "schema check",
    .args = "SUBJECT [FILE|-]",
    .summary = "Ask the registry whether a schema could be the next version of a subject",
    .about = "Exit 0 when it is compatible, as pouch schema compat says it must be, 1 when it is not;\n"
             "nothing is registered.\n\n"
             "  pouch schema check orders-value order.avsc && pouch schema register orders-value order.avsc\n",
    .flags = (const struct ops_flag[]){TYPE, {0}},
    .settings = settings,
    .least = 1,
    .most = 2,
    .run = schema_check_command,
};
