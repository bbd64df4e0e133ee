/* pouch access new, list: who may use a gateway. */
#include <admin/anytext.h>
#include <auth/access.h>
#include <auth/key.h>
#include <base/hex.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_MAX = 24 };

/* What the topics of an entry are is the gateway's to say. */
static const struct auth_topics any_topic = {(char *)"*", (char *)""};

/* ---- new ---- */

/* The entry, as it stands in the file. */
static pouch_err write_entry(const struct ops_call *call, const char *hash, struct pl_buf *out) {
    static const char *const members[] = {"rate", "streams", "not_after", "origins"};
    static const char *const flags[] = {"--rate", "--streams", "--not-after", "--origin"};
    const char *value;
    pouch_err e = pl_buf_printf(out, "  - name: %s\n    sha256: %s\n    scopes:\n", call->args[0], hash);
    for (size_t i = 0; !e && (value = ops_flag(call, "--scope", i)); i++)
        e = pl_buf_printf(out, "      - \"%s\"\n", value);
    for (size_t i = 0; !e && i < sizeof flags / sizeof flags[0]; i++)
        if ((value = ops_flag(call, flags[i], 0))) e = pl_buf_printf(out, "    %s: \"%s\"\n", members[i], value);
    return e;
}

/* By reading it as a gateway would. */
static pouch_err check_entry(const struct pl_buf *entry) {
    struct auth_access *a = NULL;
    struct pl_buf file;
    pl_buf_init(&file, entry->max);
    pouch_err e = pl_buf_puts(&file, "keys:\n");
    if (!e) e = pl_buf_append(&file, entry->at, entry->len);
    if (!e) e = auth_access_parse(&a, "the entry", file.at, file.len, &any_topic);
    auth_access_free(a);
    pl_buf_free(&file);
    return e;
}

static pouch_err make(const struct ops_call *call, char key[AUTH_KEY_CHARS + 1], struct pl_buf *entry) {
    uint8_t digest[AUTH_DIGEST_BYTES];
    char hash[2 * AUTH_DIGEST_BYTES + 1] = "";
    pouch_err e = auth_key_generate(key);
    if (!e) e = auth_digest(digest, key, AUTH_KEY_CHARS);
    if (e) return e;
    pl_hex_encode(hash, digest, sizeof digest);
    e = write_entry(call, hash, entry);
    return e ? e : check_entry(entry);
}

static int access_new(struct ops_call *call) {
    char key[AUTH_KEY_CHARS + 1];
    struct pl_buf entry;
    int exit_code = OPS_EXIT_OK;
    if (!ops_flag(call, "--scope", 0))
        return ops_usage(call, "--scope says what the key may do, such as ask:citizen, read.* or *");
    pl_buf_init(&entry, 64 * 1024);
    pouch_err e = make(call, key, &entry);
    if (e)
        exit_code = e == POUCH_E_CONFIG ? ops_usage(call, "%s", pouch_why()) : ops_error(e);
    else if (call->output == OPS_TABLE)
        printf("%s\n\n%s", key, entry.at);
    else
        exit_code = ops_print_json(json_pack("{s:s,s:s}", "key", key, "entry", entry.at));
    explicit_bzero(key, sizeof key);
    pl_buf_free(&entry);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_access_new = {
    .name = "access new",
    .args = "NAME",
    .summary = "Make an API key for a gateway",
    .about = "Prints the key, which is shown nowhere else, and the lines for the file of gateway.access, which has\n"
             "only its hash. Put them under `keys:`; a gateway takes a changed file by itself.\n\n"
             "  pouch access new shop --scope 'ask:shop.*' --scope subscribe:orders --rate 50\n\n"
             "A scope is ACTION:OBJECT, each a name, or the beginning of one and *; ACTION alone is ACTION:*. Actions\n"
             "on topics are send and request, on publishers ask, on channels subscribe and broadcast; the others are\n"
             "read.routes, read.traces, read.letters, read.topics, read.tenants, read.schemas, read.health,\n"
             "read.streams, write.routes, write.letters and write.streams. * is all of them.\n",
    .flags =
        (const struct ops_flag[]){
            {"--scope", 0, "SCOPE", true, "what it may do; needed"},
            {"--rate", 0, "N", false, "calls a second; without it, any number"},
            {"--streams", 0, "N", false, "streams of events at a time at each gateway; without it, 100"},
            {"--not-after", 0, "DAY", false, "the last day, such as 2027-01-31, or a time, 2027-01-31T12:00:00Z"},
            {"--origin", 0, "ORIGINS", false, "the only pages that may show it: https://app.example"},
            {0},
        },
    .least = 1,
    .most = 1,
    .no_settings = true,
    .run = access_new,
};

/* ---- list ---- */

static const char *day_of(int64_t ms, char out[DAY_MAX]) {
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    if (!ms) return "";
    gmtime_r(&s, &t);
    strftime(out, DAY_MAX, "%Y-%m-%dT%H:%M:%SZ", &t);
    return out;
}

static json_t *scopes_of(const struct auth_who *who) {
    json_t *all = json_array();
    const char *text;
    for (size_t i = 0; all && (text = auth_who_scope(who, i)); i++) all = admin_array_with(all, json_string(text));
    return all;
}

static json_t *row_of(const struct auth_who *who) {
    const struct auth_allowance *may = &who->allowance;
    char day[DAY_MAX];
    json_int_t rate = may->rate.interval_us ? 1000000 / may->rate.interval_us : 0;
    return json_pack("{s:s,s:o,s:I,s:I,s:s}", "name", strchr(who->name, ':') + 1, "scopes", scopes_of(who), "rate",
                     rate, "streams", (json_int_t)may->streams, "not_after", day_of(who->expires_ms, day));
}

static void print_table(const struct auth_access *a) {
    size_t width = strlen("NAME");
    for (size_t i = 0; i < a->n_keys; i++)
        if (strlen(a->keys[i]->name) - 4 > width) width = strlen(a->keys[i]->name) - 4;
    printf("%-*s  %-20s  SCOPES\n", (int)width, "NAME", "NOT AFTER");
    for (size_t i = 0; i < a->n_keys; i++) {
        char day[DAY_MAX];
        const char *scope;
        printf("%-*s  %-20s ", (int)width, strchr(a->keys[i]->name, ':') + 1, day_of(a->keys[i]->expires_ms, day));
        for (size_t k = 0; (scope = auth_who_scope(a->keys[i], k)); k++) printf(" %s", scope);
        putchar('\n');
    }
    for (size_t i = 0; i < a->n_issuers; i++)
        printf("tokens of %s for %s, %s\n", a->issuers[i].issuer, a->issuers[i].audience,
               auth_algorithm_name(auth_verifier_algorithm(a->issuers[i].verifier)));
}

static int print_access(const struct ops_call *call, const struct auth_access *a, const char *file) {
    if (call->output == OPS_TABLE) {
        print_table(a);
        return OPS_EXIT_OK;
    }
    json_t *keys = json_array(), *tokens = json_array();
    for (size_t i = 0; keys && i < a->n_keys; i++) keys = admin_array_with(keys, row_of(a->keys[i]));
    if (call->output != OPS_JSON) {
        json_decref(tokens);
        return ops_print_array(call, keys);
    }
    for (size_t i = 0; tokens && i < a->n_issuers; i++)
        tokens =
            admin_array_with(tokens, json_pack("{s:o,s:o,s:s}", "issuer", admin_anytext_of(a->issuers[i].issuer),
                                               "audience", admin_anytext_of(a->issuers[i].audience), "algorithm",
                                               auth_algorithm_name(auth_verifier_algorithm(a->issuers[i].verifier))));
    return ops_print_json(json_pack("{s:o,s:o,s:o}", "file", admin_anytext_of(file), "keys", keys, "tokens", tokens));
}

static int access_list(struct ops_call *call) {
    const char *file = pouch_options_get(call->options, "gateway.access");
    struct auth_access *a;
    if (!file) return ops_usage(call, "no access file: name one with --access or gateway.access");
    pouch_err e = auth_access_read(&a, file, &any_topic);
    if (e) return ops_error(e);
    int exit_code = print_access(call, a, file);
    auth_access_free(a);
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_access_list = {
    .name = "access list",
    .args = "",
    .summary = "Check an access file, and list who may use a gateway",
    .about = "Reads the file as a gateway would, and says what is wrong and in which line.\n\n"
             "  pouch access list --access access.yaml\n",
    .settings = (const char *const[]){"gateway.access", NULL},
    .run = access_list,
};
