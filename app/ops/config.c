#include <admin/anytext.h>
#include <base/buf.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/veil.h>
#include <string.h>

enum { SHOWN_MAX = 2 << 20 }; /* more than any value has */

struct row {
    const char *name, *value, *origin; /* value NULL: unset; in the buffer of who asks */
};

/* The i-th setting, librdkafka's properties after our own. *past: there are no more. */
static pouch_err row_at(const struct ops_call *call, size_t i, struct row *row, struct pl_buf *shown, bool *past) {
    size_t own = 0;
    while (pl_options[own].name) own++;
    if (i < own)
        *row = (struct row){.name = pl_options[i].name, .value = pouch_options_get(call->options, pl_options[i].name)};
    else if ((*past = !pl_option_kafka(call->options, i - own, &row->name, &row->value)))
        return POUCH_OK;
    row->origin = pl_option_origin(call->options, row->name);
    /* In this program only the command line sets options by call. */
    if (!strcmp(row->origin, "set")) row->origin = "command line";
    pl_buf_reset(shown);
    if (!row->value) return POUCH_OK;
    pouch_err e = ops_veil(shown, row->value);
    row->value = shown->at ? shown->at : "";
    return e;
}

static int show_all(const struct ops_call *call, struct pl_buf *shown) {
    json_t *all = call->output == OPS_JSON ? json_object() : NULL;
    int exit_code = OPS_EXIT_OK;
    pouch_err e = POUCH_OK;
    struct row row;
    bool past = false;
    for (size_t i = 0; !exit_code && !(e = row_at(call, i, &row, shown, &past)) && !past; i++)
        if (call->output == OPS_JSON)
            all = admin_json_with(all, row.name,
                                  json_pack("{s:o,s:s}", "value", admin_anytext_of(row.value), "origin", row.origin));
        else if (call->output == OPS_JSONL)
            exit_code = ops_print_json(json_pack("{s:s,s:o,s:s}", "name", row.name, "value",
                                                 admin_anytext_of(row.value), "origin", row.origin));
        else
            printf("%-28s %-28s %s\n", row.name, row.value ? row.value : "-", row.origin);
    if (e) {
        json_decref(all);
        return ops_error(e);
    }
    return call->output == OPS_JSON ? ops_print_json(all) : exit_code;
}

static int config_show(struct ops_call *call) {
    struct pl_settings checked;
    pouch_err e = pl_settings_read(&checked, call->options);
    if (e) return ops_error(e);
    pl_settings_free(&checked);
    struct pl_buf shown;
    pl_buf_init(&shown, SHOWN_MAX);
    int exit_code = show_all(call, &shown);
    pl_buf_wipe(&shown);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_config_show = {
    .name = "config show",
    .args = "",
    .summary = "Show every setting in force and where it came from",
    .about = "Order: command line, POUCH_* environment, the other documented environment names,\n"
             "the file, the default. Secrets, and passwords in URLs, are shown as ***.\n"
             "docs/configuration.md lists them all.\n",
    .run = config_show,
};
