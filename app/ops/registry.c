#include <base/why.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/rows.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_MAX = 64 * 1024 };

pouch_err ops_registry_open(const struct ops_call *call, struct pl_store **store) {
    return admin_store_open(store, pouch_options_get(call->options, "store"));
}

void ops_announce(const struct ops_call *call, const struct pl_announcement *told, size_t n) {
    struct pl_settings s;
    pouch_err e = n ? pl_settings_read(&s, call->options) : POUCH_OK;
    if (!e && n) {
        e = admin_announce(&s, told, n);
        pl_settings_free(&s);
    }
    if (e)
        ops_say("the change is stored, and centers see it within 10 s; it was not announced to them: %s", pouch_why());
}

int ops_route_told(const struct ops_call *call, const struct pl_route_row *r, const char *done, bool as_it_was) {
    const struct pl_announcement a = {.publisher = r->publisher, .version = r->version, .enabled = r->enabled};
    if (!as_it_was) ops_announce(call, &a, 1);
    if (call->output != OPS_TABLE) return ops_print_json(admin_route_json(r));
    if (as_it_was) done = "is so already";
    struct pl_buf targets;
    pl_buf_init(&targets, TOLD_MAX);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < r->n_targets; i++) {
        e = pl_buf_printf(&targets, "%s%s", i ? ", " : "", r->targets[i]);
        if (!e && r->weights) e = pl_buf_printf(&targets, "=%u", (unsigned)r->weights[i]);
    }
    ops_say("route %s %s%s%s: %s", r->publisher, done ? done : "", done ? ", " : "",
            r->enabled ? "enabled" : "disabled", e || !targets.len ? "-" : targets.at);
    pl_buf_free(&targets);
    return OPS_EXIT_OK;
}

pouch_err ops_expected(const struct ops_call *call, const char *flag, int64_t *expected) {
    return ops_number(call, flag, -1, 1, INT64_MAX, expected);
}

void ops_advise_conflict(const char *kind, const char *name, const char *flag) {
    ops_say("see what it is now with pouch %s show %s, and what was changed with pouch %s history %s; then give %s "
            "what it is of now",
            kind, name, kind, name, flag);
}

void ops_text_put(const struct ops_screen *screen, const char *text) {
    ops_screen_column(stdout, screen, text ? text : "-", 0);
}

void ops_texts_put(const struct ops_screen *screen, char *const *texts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (i) fputs(", ", stdout);
        ops_text_put(screen, texts[i]);
    }
    if (!n) putchar('-');
}

void ops_targets_put(const struct ops_screen *screen, const struct pl_route_row *r) {
    if (!r->weights) {
        ops_texts_put(screen, r->targets, r->n_targets);
        return;
    }
    for (size_t i = 0; i < r->n_targets; i++) {
        if (i) fputs(", ", stdout);
        ops_text_put(screen, r->targets[i]);
        printf("=%u", (unsigned)r->weights[i]);
    }
}
