#include <base/wake.h>
#include <base/why.h>
#include <dev/dev.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <stdlib.h>
#include <store/store.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* For the errno of the call that failed. */
static pouch_err cannot_make(const char *path) {
    return pl_fail(POUCH_E_CONFIG,
                   "%s cannot be made: %s; name a key file with --key-file (pouch key new makes one), "
                   "or a folder that can be written in XDG_STATE_HOME",
                   path, strerror(errno));
}

/* With those above it; each may exist. */
static pouch_err make_dirs(char *path) {
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(path, 0700) && errno != EEXIST) return cannot_make(path);
        *slash = '/';
    }
    return mkdir(path, 0700) && errno != EEXIST ? cannot_make(path) : POUCH_OK;
}

/* $XDG_STATE_HOME/pouch or ~/.local/state/pouch, made when missing. */
static pouch_err state_dir(char out[PATH_MAX]) {
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = base && *base == '/' ? snprintf(out, PATH_MAX, "%s/pouch", base)
            : home               ? snprintf(out, PATH_MAX, "%s/.local/state/pouch", home)
                                 : -1;
    if (n < 0 || n >= PATH_MAX)
        return pl_fail(POUCH_E_CONFIG, "no place for the key: set HOME or XDG_STATE_HOME, or name one with --key-file");
    return make_dirs(out);
}

/* A full disk may say so only when the file is closed. */
static pouch_err make_key(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno == EEXIST ? POUCH_OK : cannot_make(path);
    char hex[65];
    pouch_err e = pouch_key_generate(hex);
    hex[64] = '\n';
    if (!e && write(fd, hex, sizeof hex) != (ssize_t)sizeof hex) e = cannot_make(path);
    explicit_bzero(hex, sizeof hex);
    if (close(fd) && !e) e = cannot_make(path);
    if (e) unlink(path);
    return e;
}

/*
 * The key file that the others shall use: the one given, or one of our own, made once. "" when ENCRYPTION_KEY is set.
 */
static pouch_err key_file(const struct ops_call *call, char out[PATH_MAX]) {
    const char *given = pouch_options_get(call->options, "key.file"), *one = getenv("ENCRYPTION_KEY");
    *out = 0;
    if (given) {
        if (realpath(given, out)) return POUCH_OK;
        return pl_fail(POUCH_E_CONFIG, "key file %s: %s; `pouch key new` makes a key", given, strerror(errno));
    }
    if (one && *one) return POUCH_OK;
    pouch_err e = state_dir(out);
    if (e) return e;
    size_t n = strlen(out);
    if (n + sizeof "/dev.key" > PATH_MAX) return pl_fail(POUCH_E_CONFIG, "%s is too long a path", out);
    strcpy(out + n, "/dev.key");
    return make_key(out);
}

/*
 * Where the others shall log: the store given, or one of its own beside the default; whoever writes first makes it.
 * Free *url.
 */
static pouch_err store_url(const struct ops_call *call, char **url) {
    const char *given = pouch_options_get(call->options, "store");
    char *usual = NULL;
    pouch_err e = given ? POUCH_OK : pl_store_default_url(&usual);
    if (e) return e;
    int n = given ? asprintf(url, "%s", given) : asprintf(url, "%s/dev", usual);
    free(usual);
    return n < 0 ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store's URL") : POUCH_OK;
}

/* NAME or NAME:PARTITIONS. */
static pouch_err make_topic(struct dev_cluster *cluster, const char *text) {
    char name[256];
    size_t n = strcspn(text, ":");
    long partitions = 1;
    char *end = "";
    if (text[n]) partitions = strtol(text + n + 1, &end, 10);
    if (*end || n >= sizeof name || partitions > INT_MAX || (text[n] && !text[n + 1]))
        return pl_fail(POUCH_E_CONFIG, "--topic wants NAME or NAME:PARTITIONS");
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    return dev_cluster_topic(cluster, name, (int)partitions);
}

static pouch_err make_topics(const struct ops_call *call, struct dev_cluster *cluster) {
    const char *text;
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && (text = ops_flag(call, "--topic", i)); i++) e = make_topic(cluster, text);
    int64_t rtt;
    if (!e) e = ops_number(call, "--rtt", 0, 0, 10000, &rtt);
    if (!e && rtt) e = dev_cluster_rtt(cluster, (int)rtt);
    return e;
}

/* Loads the ring once, so that a bad key is told here and not by all who use it. */
static pouch_err check_key(const char *path) {
    pouch_keyring *ring;
    pouch_err e = pouch_keyring_load(&ring, *path ? path : NULL);
    if (!e) pouch_keyring_free(ring);
    return e;
}

/* As one word of a shell. */
static void print_quoted(const char *text) {
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

static int print_exports(const struct ops_call *call, const struct dev_cluster *cluster, const char *store,
                         const char *key) {
    const char *brokers = dev_cluster_brokers(cluster);
    if (call->output != OPS_TABLE)
        return ops_print_json(
            json_pack("{s:s,s:s,s:s?}", "brokers", brokers, "store", store, "key_file", *key ? key : NULL));
    printf("export POUCH_BROKERS=%s\nexport POUCH_STORE=", brokers);
    print_quoted(store);
    putchar('\n');
    if (*key) {
        printf("export POUCH_KEY_FILE=");
        print_quoted(key);
        putchar('\n');
    }
    return OPS_EXIT_OK;
}

static void stop(void *wake) {
    pl_wake_signal(wake);
}

/* Makes what is asked for and tells the other terminals. */
static int open_up(struct ops_call *call, struct dev_cluster *cluster) {
    char key[PATH_MAX], *store = NULL;
    pouch_err e = key_file(call, key);
    if (!e) e = check_key(key);
    if (!e) e = store_url(call, &store);
    if (e) return ops_error(e);
    int exit_code =
        make_topics(call, cluster) ? ops_usage(call, "%s", pouch_why()) : print_exports(call, cluster, store, key);
    free(store);
    return exit_code ? exit_code : ops_done();
}

static int serve(struct ops_call *call, struct dev_cluster *cluster, struct pl_wake *stopped) {
    pouch_err e = ops_on_stop(stop, stopped);
    int exit_code = e ? ops_error(e) : open_up(call, cluster);
    if (exit_code) return exit_code;
    ops_say("embedded broker at %s: nothing is kept on disk, and only the newest 5 MiB of a partition; for trying out "
            "and tests",
            dev_cluster_brokers(cluster));
    ops_say("stop it with Ctrl-C");
    pl_wake_wait(stopped, -1);
    return OPS_EXIT_OK;
}

static int dev(struct ops_call *call) {
    struct dev_cluster *cluster = NULL;
    struct pl_wake stopped;
    pouch_err e = pl_wake_init(&stopped);
    if (e) return ops_error(e);
    e = dev_cluster_start(&cluster);
    int exit_code = e ? ops_error(e) : serve(call, cluster, &stopped);
    ops_no_stop();
    dev_cluster_stop(cluster);
    pl_wake_free(&stopped);
    return exit_code;
}

const struct ops_command ops_dev = {
    .name = "dev",
    .args = "",
    .summary = "Run an embedded broker to try things out, without Kafka or Java",
    .about = "Prints what other terminals need, then runs until it is stopped:\n\n"
             "  pouch dev --topic hello | tee pouch.env\n"
             "  . ./pouch.env; pouch worker hello --exec cat        (in a second terminal)\n"
             "  . ./pouch.env; echo '{}' | pouch request hello      (in a third)\n\n"
             "The broker is librdkafka's mock: on loopback only, on a port that the system picks. It\n"
             "keeps nothing on disk, and the newest 5 MiB or 100,000 records of a partition. Without a\n"
             "key (--key-file, ENCRYPTION_KEY) one is made and kept for the next time. Routes and traces\n"
             "go to a store of its own unless --store names another; they too are there the next time.\n",
    .flags =
        (const struct ops_flag[]){
            {"--topic", 't', "NAME[:PARTITIONS]", true,
             "make a topic (1 partition); others are made by their first use, with 4"},
            {"--rtt", 0, "MS", false, "pretend that the broker is so many milliseconds away"},
            {0},
        },
    .settings = (const char *const[]){"store", NULL},
    .run = dev,
};
