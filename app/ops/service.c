/* pouch service add, list, show, remove, history. */
#include <admin/anytext.h>
#include <admin/registry.h>
#include <admin/when.h>
#include <base/why.h>
#include <inttypes.h>
#include <ops/changes.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <stdlib.h>
#include <store/rows.h>
#include <store/state.h>
#include <string.h>

/* ---- add ---- */

/* What the command line says, over what row has. */
static pouch_err fill(const struct ops_call *call, struct pl_service_row *row) {
    const char *tags[PL_TAGS_MAX + 1];
    size_t n = 0;
    while (n <= PL_TAGS_MAX && (tags[n] = ops_flag(call, "--tag", n))) n++;
    pouch_err e = admin_text_set(&row->name, call->args[0]);
    if (!e) e = admin_text_set(&row->version, row->version ? NULL : ADMIN_SERVICE_VERSION);
    if (!e) e = admin_text_set(&row->version, ops_flag(call, "--version", 0));
    if (!e) e = admin_text_set(&row->description, ops_flag(call, "--description", 0));
    if (!e) e = admin_text_set(&row->endpoint, ops_flag(call, "--endpoint", 0));
    if (!e && n) e = admin_texts_set(&row->tags, &row->n_tags, tags, n);
    return e;
}

/* What the store would refuse is misuse, and told before there is one. */
static pouch_err check(const struct ops_call *call) {
    struct pl_service_row *row = calloc(1, sizeof *row);
    if (!row) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a service");
    pouch_err e = fill(call, row);
    if (!e) e = pl_service_check(row);
    pl_service_free(row, 1);
    return e;
}

/* An addition under way. */
struct adding {
    const struct ops_call *call;
    struct pl_store *store;
    int64_t expected; /* -1: any */
    struct pl_service_row *row;
    bool was_there, as_it_was;
};

/* One try. A service that is there keeps what the command line does not name. */
static pouch_err put(struct adding *a) {
    a->row = NULL;
    pouch_err e = ops_has(a->call, "--replace") ? admin_service_find(a->store, a->call->args[0], &a->row) : POUCH_OK;
    if (e) return e;
    a->was_there = a->row != NULL;
    if (!a->row) a->row = calloc(1, sizeof *a->row);
    if (!a->row) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a service");
    char *before = a->was_there ? pl_service_state(a->row) : NULL;
    e = fill(a->call, a->row);
    char *after = e ? NULL : pl_service_state(a->row);
    int64_t revision = a->was_there ? a->row->revision : 0, expected = a->expected >= 0 ? a->expected : revision;
    a->as_it_was = before && after && !strcmp(before, after) && expected == revision;
    free(before);
    free(after);
    return e || a->as_it_was ? e : pl_store_service_put(a->store, a->row, expected);
}

static pouch_err add(struct adding *a) {
    for (int i = 1;; i++) {
        pouch_err e = put(a);
        bool again = (e == POUCH_E_EXISTS || e == POUCH_E_NOT_FOUND) && ops_has(a->call, "--replace");
        if (!again || a->expected >= 0 || i == ADMIN_TRIES) return e;
        pl_service_free(a->row, a->row != NULL);
    }
}

/* Tells whoever follows the registry, and then whoever made the change. Gives the exit code. */
static int told(const struct adding *a) {
    const struct pl_service_row *r = a->row;
    if (!a->as_it_was) ops_announce(a->call, &(struct pl_announcement){.service = r->name, .version = r->revision}, 1);
    if (a->call->output != OPS_TABLE) return ops_print_json(admin_service_json(r));
    ops_say("service %s %s", r->name, a->as_it_was ? "is so already" : a->was_there ? "replaced" : "added");
    return OPS_EXIT_OK;
}

static int failed(const struct adding *a, pouch_err e) {
    const char *name = a->call->args[0];
    int exit_code = ops_error(e);
    if (e == POUCH_E_EXISTS && !ops_has(a->call, "--replace"))
        ops_say("to change the service that is there, add --replace; see pouch service show %s", name);
    if (e == POUCH_E_EXISTS && a->expected >= 0) ops_advise_conflict("service", name, "--if-revision");
    return exit_code;
}

static int service_add(struct ops_call *call) {
    struct adding a = {.call = call};
    pouch_err e = check(call);
    if (!e) e = ops_expected(call, "--if-revision", &a.expected);
    if (!e && a.expected >= 0 && !ops_has(call, "--replace"))
        e = pl_fail(POUCH_E_CONFIG,
                    "--if-revision is of the service that is to be replaced, so it goes with --replace");
    if (e) return ops_usage(call, "%s", pouch_why());
    e = ops_registry_open(call, &a.store);
    if (!e) e = add(&a);
    int exit_code = e ? failed(&a, e) : told(&a);
    pl_service_free(a.row, a.row != NULL);
    pl_store_close(a.store);
    return exit_code ? exit_code : ops_done();
}

/* ---- list and show ---- */

static bool has_tag(const struct pl_service_row *s, const char *tag) {
    for (size_t i = 0; i < s->n_tags; i++)
        if (!strcmp(s->tags[i], tag)) return true;
    return false;
}

/* Whether it has every tag and the endpoint that were asked for. */
static bool wanted(const struct ops_call *call, const struct pl_service_row *s) {
    const char *tag, *endpoint = ops_flag(call, "--endpoint", 0);
    for (size_t i = 0; (tag = ops_flag(call, "--tag", i)); i++)
        if (!has_tag(s, tag)) return false;
    return !endpoint || (s->endpoint && !strcmp(s->endpoint, endpoint));
}

static json_t *list_json(const struct ops_call *call, const struct pl_service_row *services, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++)
        if (wanted(call, &services[i])) all = admin_array_with(all, admin_service_json(&services[i]));
    return all;
}

static void print_list(const struct ops_call *call, const struct pl_service_row *services, size_t n) {
    const struct ops_screen screen = ops_screen_of(stdout);
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pl_service_row *s = &services[i];
        if (!wanted(call, s)) continue;
        if (!shown++) printf("%-32s %-12s %-32s %s\n", "SERVICE", "VERSION", "ENDPOINT", "TAGS");
        ops_screen_column(stdout, &screen, s->name, 32);
        putchar(' ');
        ops_screen_column(stdout, &screen, s->version ? s->version : "-", 12);
        putchar(' ');
        ops_screen_column(stdout, &screen, s->endpoint ? s->endpoint : "-", 32);
        putchar(' ');
        ops_texts_put(&screen, s->tags, s->n_tags);
        putchar('\n');
    }
    if (!n) ops_say("there are no services yet; to register one: pouch service add NAME");
    if (n && !shown) ops_say("no service is like that; pouch service list shows all");
}

static int service_list(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_service_row *services = NULL;
    size_t n = 0;
    int exit_code = OPS_EXIT_OK;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_services(store, &services, &n);
    if (e)
        exit_code = ops_error(e);
    else if (call->output == OPS_TABLE)
        print_list(call, services, n);
    else
        exit_code = ops_print_array(call, list_json(call, services, n));
    pl_service_free(services, n);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

static void print_service(const struct pl_service_row *s, char *const *publishers, size_t n) {
    char created[ADMIN_WHEN_TEXT], updated[ADMIN_WHEN_TEXT];
    const struct ops_screen screen = ops_screen_of(stdout);
    const struct {
        const char *label, *text;
    } lines[] = {{"service      ", s->name},
                 {"\nversion      ", s->version},
                 {"\ndescription  ", s->description},
                 {"\nendpoint     ", s->endpoint}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fputs(lines[i].label, stdout);
        ops_text_put(&screen, lines[i].text);
    }
    fputs("\ntags         ", stdout);
    ops_texts_put(&screen, s->tags, s->n_tags);
    printf("\nroutes       ");
    ops_texts_put(&screen, publishers, n);
    printf("\nrevision     %" PRId64 "\ncreated      %s\nupdated      %s\n", s->revision,
           admin_when_text(created, s->created_ms), admin_when_text(updated, s->updated_ms));
}

static int print_one(const struct ops_call *call, struct pl_store *store, const struct pl_service_row *s) {
    char **publishers = NULL;
    size_t n;
    int exit_code = OPS_EXIT_OK;
    pouch_err e = admin_publishers_of(store, s->name, &publishers, &n);
    if (e)
        exit_code = ops_error(e);
    else if (call->output == OPS_TABLE)
        print_service(s, publishers, n);
    else
        exit_code = ops_print_json(admin_json_with(admin_service_json(s), "routes", admin_texts_json(publishers, n)));
    admin_texts_free(publishers, n);
    return exit_code;
}

static int service_show(struct ops_call *call) {
    struct pl_store *store = NULL;
    struct pl_service_row *row = NULL;
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = admin_service_find(store, call->args[0], &row);
    if (!e && !row) e = admin_no_service(call->args[0]);
    int exit_code = e ? ops_error(e) : print_one(call, store, row);
    pl_service_free(row, row != NULL);
    pl_store_close(store);
    return exit_code ? exit_code : ops_done();
}

static int service_remove(struct ops_call *call) {
    const char *name = call->args[0];
    struct pl_store *store = NULL;
    int64_t revision, expected;
    if (ops_expected(call, "--if-revision", &expected)) return ops_usage(call, "%s", pouch_why());
    pouch_err e = ops_registry_open(call, &store);
    if (!e) e = pl_store_service_remove(store, name, expected, &revision);
    if (e == POUCH_E_NOT_FOUND && expected < 0) e = admin_no_service(name);
    pl_store_close(store);
    if (e) {
        int exit_code = ops_error(e);
        if (e == POUCH_E_EXISTS) ops_advise_conflict("service", name, "--if-revision");
        return exit_code;
    }
    ops_announce(call, &(struct pl_announcement){.service = name, .version = revision, .removed = true}, 1);
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        ops_say("service %s removed", name);
    else
        exit_code =
            ops_print_json(json_pack("{s:s,s:b,s:I}", "name", name, "removed", 1, "revision", (json_int_t)revision));
    return exit_code ? exit_code : ops_done();
}

static int service_history(struct ops_call *call) {
    return ops_history(call, PL_AUDIT_SERVICE, admin_no_service);
}

static const char *const settings[] = {"store", NULL};

const struct ops_command ops_service_add = {
    .name = "service add",
    .args = "NAME",
    .summary = "Register a service: its version, what it is for, where it is, its tags",
    .about = "Others find it with pouch service list. Routes may name it, but need it not. Registering it\n"
             "again fails; with --replace what is given is changed and the rest stays.\n\n"
             "  pouch service add verification --version 2.1.0 --description 'Checks citizens' \\\n"
             "    --endpoint https://verify.example --tag citizens --tag checks\n",
    .flags =
        (const struct ops_flag[]){
            {"--version", 0, "V", false, "its version (default 1.0.0)"},
            {"--description", 0, "D", false, "what it is for"},
            {"--endpoint", 0, "E", false, "where people or programs reach it"},
            {"--tag", 0, "T", true, "a word to find it by"},
            {"--replace", 0, NULL, false, "change the service that is there, if there is one"},
            {"--if-revision", 0, "N", false, "with --replace: only if it is still of that revision, or exit 1"},
            {0},
        },
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = service_add,
};

const struct ops_command ops_service_list = {
    .name = "service list",
    .args = "",
    .summary = "List services, all or by tag and endpoint",
    .about = "In order of their names.\n\n"
             "  pouch service list --tag citizens -o jsonl | jq -r .endpoint\n",
    .flags =
        (const struct ops_flag[]){
            {"--tag", 0, "T", true, "only those with this tag, or with all of these"},
            {"--endpoint", 0, "E", false, "only those with exactly this endpoint"},
            {0},
        },
    .settings = settings,
    .run = service_list,
};

const struct ops_command ops_service_show = {
    .name = "service show",
    .args = "NAME",
    .summary = "Show a service and the routes that name it",
    .about = "The routes are given by their publishers.\n",
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = service_show,
};

const struct ops_command ops_service_remove = {
    .name = "service remove",
    .args = "NAME",
    .summary = "Remove a service from the list",
    .about = "Routes that name it go on working.\n",
    .flags =
        (const struct ops_flag[]){
            {"--if-revision", 0, "N", false, "only if the service is still of that revision, or exit 1"},
            {0},
        },
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = service_remove,
};

const struct ops_command ops_service_history = {
    .name = "service history",
    .args = "NAME",
    .summary = "List what was changed of a service, by whom and when, the newest last",
    .about = "Also of one that was removed. pouch changes lists the changes of all routes, services and keys.\n",
    .flags = (const struct ops_flag[]){OPS_CHANGES_FLAGS, {0}},
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = service_history,
};
