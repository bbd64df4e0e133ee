/* pouch topic catalog, check: a catalogue without a cluster. */
#include <admin/anytext.h>
#include <base/why.h>
#include <catalog/catalog.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/screen.h>

static int topic_catalog(struct ops_call *call) {
    (void)call;
    fputs(pl_catalog_builtin, stdout);
    return ops_done();
}

/* ---- check ---- */

struct found {
    struct pl_texts issues, advice;
};

/* A file that is no YAML at all has that one issue. */
static pouch_err look(const struct ops_call *call, struct found *f) {
    struct pl_settings s;
    struct pl_catalog *catalog = NULL;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return e;
    const struct pl_catalog_defaults d = {s.topic_partitions, s.topic_replication, (int64_t)s.topic_retention_ms, 0};
    e = pl_catalog_check(&catalog, call->n_args ? call->args[0] : s.topic_catalog, &d, &f->issues);
    if (e == POUCH_E_CONFIG) e = pl_texts_add(&f->issues, pouch_why());
    if (!e && catalog) e = pl_catalog_advice(catalog, &f->advice);
    pl_catalog_free(catalog);
    pl_settings_free(&s);
    return e;
}

static json_t *texts_json(const struct pl_texts *t) {
    json_t *all = json_array();
    for (size_t i = 0; i < t->n; i++) all = admin_array_with(all, admin_anytext_of(t->at[i]));
    return all;
}

static int print(const struct ops_call *call, const struct found *f) {
    bool valid = !f->issues.n;
    if (call->output != OPS_TABLE)
        return ops_print_json(json_pack("{s:b,s:o,s:o}", "valid", (int)valid, "issues", texts_json(&f->issues),
                                        "recommendations", texts_json(&f->advice)));
    const struct ops_screen screen = ops_screen_of(stdout);
    const struct {
        const char *kind;
        const struct pl_texts *texts;
    } parts[] = {{"issue:  ", &f->issues}, {"advice: ", &f->advice}};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < parts[i].texts->n; j++) {
            fputs(parts[i].kind, stdout);
            ops_screen_column(stdout, &screen, parts[i].texts->at[j], 0);
            putchar('\n');
        }
    ops_say(valid ? "the catalogue is valid" : "the catalogue is not valid");
    return OPS_EXIT_OK;
}

static int topic_check(struct ops_call *call) {
    struct found f = {0};
    pouch_err e = look(call, &f);
    int exit_code = e ? ops_error(e) : print(call, &f);
    if (!exit_code) exit_code = ops_done();
    if (!exit_code && f.issues.n) exit_code = OPS_EXIT_NEGATIVE;
    pl_texts_free(&f.issues);
    pl_texts_free(&f.advice);
    return exit_code;
}

const struct ops_command ops_topic_catalog = {
    .name = "topic catalog",
    .args = "",
    .summary = "Print the built-in catalogue of topics, to begin one's own from",
    .about = "It is YAML, with what each part means.\n\n"
             "  pouch topic catalog > topics.yaml\n",
    .no_settings = true,
    .run = topic_catalog,
};

const struct ops_command ops_topic_check = {
    .name = "topic check",
    .args = "[FILE]",
    .summary = "Check a catalogue without a cluster, and say what works better",
    .about =
        "Without FILE the catalogue of the settings, else the built-in one. Tells all that is wrong at once, each\n"
        "with its line; then the exit code is 1.\n",
    .settings = (const char *const[]){"topic.catalog", NULL},
    .most = 1,
    .run = topic_check,
};
