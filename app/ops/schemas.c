#include <base/why.h>
#include <errno.h>
#include <ops/schemas.h>
#include <string.h>

pouch_err ops_schema_registry(const struct ops_call *call, struct registry **r, struct pl_settings *s) {
    *r = NULL;
    pouch_err e = pl_settings_read(s, call->options);
    return e ? e : schema_registry_open(r, s, NULL);
}

pouch_err ops_schema_version(const struct ops_call *call, int *version) {
    int64_t number;
    pouch_err e = ops_number(call, "--version", REGISTRY_LATEST, 1, OPS_VERSION_MOST, &number);
    if (!e) *version = (int)number;
    return e;
}

pouch_err ops_schema_file(const char *name, struct pl_buf *text) {
    if (!name || !strcmp(name, "-")) return ops_read_all(stdin, text);
    FILE *in = fopen(name, "re");
    if (!in) return pl_fail(POUCH_E_CONFIG, "%s: %s", name, strerror(errno));
    pouch_err e = ops_read_all(in, text);
    fclose(in);
    return e == POUCH_E_CONFIG ? pl_fail(e, "%s cannot be read", name) : e;
}

const char *ops_schema_type(const struct ops_call *call, const struct pl_buf *text) {
    const char *given = ops_flag(call, "--type", 0);
    json_t *json;
    if (given) return given;
    if (!text->len || pl_json_read(&json, "schema", text->at, text->len)) return "AVRO";
    const char *type = json_object_get(json, "$schema") ? "JSON" : "AVRO";
    json_decref(json);
    return type;
}
