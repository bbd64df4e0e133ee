/* pouch route apply. */
#include <admin/anytext.h>
#include <admin/changes.h>
#include <base/why.h>
#include <ops/apply.h>
#include <ops/changes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <string.h>

enum { OPS_EXIT_DIFFERS = 2, FILE_MAX = 1 << 20 };

static const struct {
    const char *sign, *name, *done;
} words[OPS_APPLY_KINDS] = {[OPS_APPLY_ADD] = {"+", "add", "added"},
                            [OPS_APPLY_CHANGE] = {"~", "change", "changed"},
                            [OPS_APPLY_REMOVE] = {"-", "remove", "removed"}};

/* ---- reading ---- */

static pouch_err read_stdin(struct pl_yaml **tree) {
    struct pl_buf text;
    pl_buf_init(&text, FILE_MAX);
    pouch_err e = ops_read_all(stdin, &text);
    if (e == POUCH_E_TOO_LARGE) e = pl_fail(POUCH_E_CONFIG, "stdin: larger than %d bytes", FILE_MAX);
    if (!e) e = pl_yaml_parse(tree, "stdin", text.at ? text.at : "", text.len);
    pl_buf_free(&text);
    return e;
}

static pouch_err read_plan(struct ops_plan *p, struct pl_store *store, const char *file, bool prune) {
    struct pl_yaml *tree = NULL;
    bool from_stdin = !strcmp(file, "-");
    pouch_err e = from_stdin ? read_stdin(&tree) : pl_yaml_read(&tree, file);
    if (!e) e = ops_plan_make(p, store, from_stdin ? "stdin" : file, tree, prune);
    pl_yaml_free(tree);
    return e;
}

/* ---- telling ---- */

static const char *kind_of(const struct ops_step *s) {
    return s->route ? PL_AUDIT_ROUTE : PL_AUDIT_SERVICE;
}

static json_t *step_json(const struct ops_step *s) {
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o}", "change", words[s->what].name, "kind", kind_of(s), "name",
                     admin_anytext_of(s->name), "before", admin_state_json(s->before), "after",
                     admin_state_json(s->after), "version", s->made ? json_integer(s->made) : json_null());
}

static int print_json(const struct ops_call *call, const struct ops_plan *p) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < p->n; i++) all = admin_array_with(all, step_json(&p->steps[i]));
    if (!all || call->output == OPS_JSONL) return ops_print_array(call, all);
    return ops_print_json(json_pack("{s:o,s:I,s:b}", "changes", all, "as_they_were", (json_int_t)p->as_they_were,
                                    "dry_run", (int)ops_has(call, "--dry-run")));
}

static void print_lines(const struct ops_plan *p) {
    const struct ops_screen screen = ops_screen_of(stdout);
    for (size_t i = 0; i < p->n; i++) {
        const struct ops_step *s = &p->steps[i];
        json_t *before = admin_state_json(s->before), *after = admin_state_json(s->after);
        printf("%s %s ", words[s->what].sign, kind_of(s));
        ops_text_put(&screen, s->name);
        fputs(": ", stdout);
        ops_difference_put(stdout, before, after);
        putchar('\n');
        json_decref(before);
        json_decref(after);
    }
}

static void say_sum(const struct ops_plan *p, bool dry_run) {
    size_t n[OPS_APPLY_KINDS] = {0};
    for (size_t i = 0; i < p->n; i++) n[p->steps[i].what]++;
    if (!p->n)
        ops_say("nothing differs (%zu are as the file says)", p->as_they_were);
    else if (dry_run)
        ops_say("nothing was changed; without --dry-run this would add %zu, change %zu and remove %zu, and leave %zu "
                "as they are",
                n[OPS_APPLY_ADD], n[OPS_APPLY_CHANGE], n[OPS_APPLY_REMOVE], p->as_they_were);
    else
        ops_say("%zu added, %zu changed, %zu removed; %zu were so already", n[OPS_APPLY_ADD], n[OPS_APPLY_CHANGE],
                n[OPS_APPLY_REMOVE], p->as_they_were);
}

/* ---- making ---- */

static pouch_err make(struct ops_plan *p, struct pl_store *store, size_t *made) {
    pouch_err e = POUCH_OK;
    for (*made = 0; *made < p->n; ++*made)
        if ((e = ops_step_make(&p->steps[*made], store))) break;
    return e;
}

static void announce(const struct ops_call *call, const struct ops_plan *p, size_t made) {
    struct pl_announcement *told = calloc(made + 1, sizeof *told);
    if (!told) {
        ops_say("the changes are stored, and centers see them within 10 s; no memory to announce them");
        return;
    }
    for (size_t i = 0; i < made; i++) {
        const struct ops_step *s = &p->steps[i];
        bool removed = s->what == OPS_APPLY_REMOVE;
        told[i] = (struct pl_announcement){.publisher = s->route ? s->name : NULL,
                                           .service = s->route ? NULL : s->name,
                                           .version = s->made,
                                           .enabled = s->route && !removed && s->route->enabled,
                                           .removed = removed};
    }
    ops_announce(call, told, made);
    free(told);
}

static int apply_plan(const struct ops_call *call, struct pl_store *store, struct ops_plan *p) {
    size_t made;
    pouch_err e = make(p, store, &made);
    char why[1024];
    snprintf(why, sizeof why, "%s", pouch_why());
    announce(call, p, made);
    int exit_code = call->output == OPS_TABLE ? OPS_EXIT_OK : print_json(call, p);
    if (!e && call->output == OPS_TABLE) say_sum(p, false);
    if (!e) return exit_code;
    exit_code = ops_error(pl_fail(e, "%s %s: %s", kind_of(&p->steps[made]), p->steps[made].name, why));
    ops_say("%zu of %zu changes were made, in the order shown; give the same command again to make the rest", made,
            p->n);
    return exit_code;
}

static int run_plan(const struct ops_call *call, struct pl_store *store, struct ops_plan *p) {
    bool dry_run = ops_has(call, "--dry-run");
    if (call->output == OPS_TABLE) print_lines(p);
    if (!dry_run) return apply_plan(call, store, p);
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        say_sum(p, true);
    else
        exit_code = print_json(call, p);
    return exit_code ? exit_code : p->n && ops_has(call, "--exit-code") ? OPS_EXIT_DIFFERS : OPS_EXIT_OK;
}

static int route_apply(struct ops_call *call) {
    const char *file = ops_flag(call, "--file", 0);
    struct pl_store *store = NULL;
    struct ops_plan plan = {0};
    if (!file) return ops_usage(call, "give the file with --file FILE");
    if (ops_has(call, "--exit-code") && !ops_has(call, "--dry-run"))
        return ops_usage(call, "--exit-code says whether something differs, so it goes with --dry-run");
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = read_plan(&plan, store, file, ops_has(call, "--prune"));
    int exit_code = e ? ops_error(e) : run_plan(call, store, &plan);
    ops_plan_free(&plan);
    pl_store_close(store);
    int written = ops_done();
    return exit_code ? exit_code : written;
}

const struct ops_command ops_route_apply = {
    .name = "route apply",
    .args = "",
    .summary = "Make routes and services as a file says, and show what differs",
    .about = "The file is YAML: routes by publisher, services by name. What a route or service there does not\n"
             "say stays as it is, and so does what the file does not name, unless --prune removes it. Each\n"
             "difference is a line: + added, ~ changed, - removed. Nobody's change is overwritten unseen: what\n"
             "was changed by others in the meantime stops it.\n\n"
             "  services:\n"
             "    verification: {version: 2.1.0, endpoint: https://verify.example, tags: [citizens]}\n"
             "  routes:\n"
             "    order-service:\n"
             "      targets: orders\n"
             "    citizen-check:\n"
             "      targets: [tax-office, land-registry]\n"
             "      service: verification\n"
             "      enabled: false\n\n"
             "  pouch route apply -f routes.yaml --dry-run\n"
             "  pouch route apply -f routes.yaml\n",
    .flags =
        (const struct ops_flag[]){
            {"--file", 'f', "FILE", false, "the file, - for stdin"},
            {"--dry-run", 0, NULL, false, "only show what differs"},
            {"--exit-code", 0, NULL, false, "with --dry-run: exit 2 when something differs"},
            {"--prune", 0, NULL, false, "remove routes and services that the file does not name"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = route_apply,
};
