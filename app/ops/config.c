#include <json/json.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <stdlib.h>

static void show_line(const char *name, const char *value, const char *origin) {
    printf("%-28s %-28s %s\n", name, value ? value : "-", origin);
}

static int show_json(const struct ops_call *call) {
    json_t *all = json_object();
    int failed = !all;
    const char *name, *value;
    for (const struct pl_option *o = pl_options; !failed && o->name; o++) {
        value = pouch_options_get(call->options, o->name);
        failed |= json_object_set_new(
            all, o->name, json_pack("{s:s?,s:s}", "value", value, "origin", pl_option_origin(call->options, o->name)));
    }
    for (size_t i = 0; !failed && pl_option_kafka(call->options, i, &name, &value); i++) {
        failed |= json_object_set_new(
            all, name, json_pack("{s:s,s:s}", "value", value, "origin", pl_option_origin(call->options, name)));
    }
    char *text = failed ? NULL : pl_json_text(all, NULL);
    json_decref(all);
    if (!text) {
        ops_say("out of memory");
        return pouch_err_exit_code(POUCH_E_NO_MEMORY);
    }
    puts(text);
    free(text);
    return ops_done();
}

static int config_show(struct ops_call *call) {
    struct pl_settings checked;
    pouch_err e = pl_settings_read(&checked, call->options);
    if (e) return ops_error(e);
    pl_settings_free(&checked);
    if (call->output != OPS_TABLE) return show_json(call);
    for (const struct pl_option *o = pl_options; o->name; o++)
        show_line(o->name, pouch_options_get(call->options, o->name), pl_option_origin(call->options, o->name));
    const char *name, *value;
    for (size_t i = 0; pl_option_kafka(call->options, i, &name, &value); i++)
        show_line(name, value, pl_option_origin(call->options, name));
    return ops_done();
}

const struct ops_command ops_config_show = {
    .name = "config show",
    .args = "",
    .summary = "Show every setting in force and where it came from",
    .about = "Order: command line, POUCH_* environment, the other documented environment names,\n"
             "the file, the default. Secrets are shown as ***. docs/configuration.md lists them all.\n",
    .run = config_show,
};
