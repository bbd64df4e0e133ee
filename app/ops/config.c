#include <ops/commands.h>
#include <ops/common.h>
#include <string.h>

struct row {
    const char *name, *value, *origin; /* value NULL: unset */
};

/* The i-th setting, librdkafka's properties after our own; false past the end. */
static bool row_at(const struct ops_call *call, size_t i, struct row *row) {
    size_t own = 0;
    while (pl_options[own].name) own++;
    if (i < own)
        *row = (struct row){.name = pl_options[i].name, .value = pouch_options_get(call->options, pl_options[i].name)};
    else if (!pl_option_kafka(call->options, i - own, &row->name, &row->value))
        return false;
    row->origin = pl_option_origin(call->options, row->name);
    /* In this program only the command line sets options by call. */
    if (!strcmp(row->origin, "set")) row->origin = "command line";
    return true;
}

static int show_json(const struct ops_call *call) {
    json_t *all = json_object();
    bool failed = !all;
    struct row row;
    for (size_t i = 0; !failed && row_at(call, i, &row); i++)
        failed = json_object_set_new(all, row.name, json_pack("{s:s?,s:s}", "value", row.value, "origin", row.origin));
    if (!failed) return ops_print_json(all);
    json_decref(all);
    return ops_print_json(NULL);
}

static int show_lines(const struct ops_call *call) {
    int exit_code = OPS_EXIT_OK;
    struct row row;
    for (size_t i = 0; !exit_code && row_at(call, i, &row); i++)
        if (call->output == OPS_JSONL)
            exit_code =
                ops_print_json(json_pack("{s:s,s:s?,s:s}", "name", row.name, "value", row.value, "origin", row.origin));
        else
            printf("%-28s %-28s %s\n", row.name, row.value ? row.value : "-", row.origin);
    return exit_code;
}

static int config_show(struct ops_call *call) {
    struct pl_settings checked;
    pouch_err e = pl_settings_read(&checked, call->options);
    if (e) return ops_error(e);
    pl_settings_free(&checked);
    int exit_code = call->output == OPS_JSON ? show_json(call) : show_lines(call);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_config_show = {
    .name = "config show",
    .args = "",
    .summary = "Show every setting in force and where it came from",
    .about = "Order: command line, POUCH_* environment, the other documented environment names,\n"
             "the file, the default. Secrets are shown as ***. docs/configuration.md lists them all.\n",
    .run = config_show,
};
