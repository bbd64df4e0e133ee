/* pouch doctor. */
#include <base/why.h>
#include <doctor/doctor.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/screen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *finding, const char *name) {
    const char *text = json_string_value(json_object_get(finding, name));
    return text ? text : "";
}

static void print_text(const struct ops_screen *screen, const char *text) {
    ops_screen_put(stdout, screen, text, strlen(text), SIZE_MAX);
    putchar('\n');
}

enum { LEVEL = 5, CHECK = 11, WHERE = 28 };

static void print_finding(const struct ops_screen *screen, const json_t *finding) {
    ops_screen_cell(stdout, screen, text_of(finding, "level"), LEVEL);
    ops_screen_cell(stdout, screen, text_of(finding, "check"), CHECK);
    ops_screen_column(stdout, screen, text_of(finding, "where"), WHERE);
    putchar(' ');
    print_text(screen, text_of(finding, "what"));
    if (!*text_of(finding, "advice")) return;
    printf("%*s-> ", LEVEL + CHECK, "");
    print_text(screen, text_of(finding, "advice"));
}

static int print(const struct ops_call *call, const struct doctor *d) {
    const struct ops_screen screen = ops_screen_of(stdout);
    const json_t *one;
    size_t i;
    if (call->output != OPS_TABLE) return ops_print_array(call, json_incref(d->findings));
    json_array_foreach(d->findings, i, one) print_finding(&screen, one);
    return OPS_EXIT_OK;
}

/* A host without a key may be a center's; one with a bad key may not. */
static pouch_err read_keys(const struct ops_call *call, const struct pl_settings *s, pouch_keyring **ring) {
    const char *key = getenv("ENCRYPTION_KEY");
    *ring = NULL;
    return s->key_file || (key && *key) ? ops_keyring(call, ring) : POUCH_OK;
}

static int look(const struct ops_call *call, const struct pl_settings *s, pouch_keyring *ring) {
    struct doctor d;
    pouch_err e = doctor_init(&d, s);
    if (e) return ops_error(e);
    d.ring = ring;
    d.peers = call->args;
    d.n_peers = call->n_args;
    e = doctor_look(&d);
    int exit_code = e ? ops_error(e) : print(call, &d);
    int written = ops_done();
    if (!exit_code) exit_code = written ? written : (int)d.worst;
    doctor_free(&d);
    return exit_code;
}

static int doctor(struct ops_call *call) {
    struct pl_settings s;
    pouch_keyring *ring;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return ops_error(e);
    e = read_keys(call, &s, &ring);
    int exit_code = e ? ops_error(e) : look(call, &s, ring);
    pouch_keyring_free(ring);
    pl_settings_free(&s);
    return exit_code;
}

const struct ops_command ops_doctor = {
    .name = "doctor",
    .args = "[HOST:PORT]…",
    .summary = "Find what is wrong, or will be, and what to do",
    .about = "Looks at the settings in force, the keys, the store, the disk, the brokers and the topics: the\n"
             "inbox, dead letters, announcements, retries, replies to --client-id, and every target of a route.\n"
             "Given the addresses that centers and workers --listen at, it asks those as well: whether they\n"
             "are ready, of one version, of one time, and whether each opens what the others seal.\n\n"
             "  pouch doctor 127.0.0.1:9464 127.0.0.1:9465\n"
             "  pouch doctor -o json | jq '.[] | select(.level != \"ok\")'\n\n"
             "It makes and changes nothing. Give it the settings of the process that it is to judge: the same\n"
             "--config, -X and environment. Every finding that is not ok says what to do. Exit code 0: all is\n"
             "well, 1: there are warnings, 2: something does not work.\n",
    .settings = (const char *const[]){"center.inbox", "reply.topic", "store", "drain", "request.timeout",
                                      "handler.timeout", NULL},
    .most = SIZE_MAX,
    .run = doctor,
};
