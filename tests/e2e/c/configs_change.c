/*
 * configs_change BROKERS TOPIC
 *
 * Changes configs of a topic by lines on stdin, each "name=value name=value …"; "name=" takes an override away. A line
 * on stdout for each: "changed", "same", or the code of the error and why.
 */
#include <base/log.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <stdio.h>
#include <string.h>
#include <tsan.h>

enum { ASK_MS = 30000, CHANGES_MAX = 16, LINE = 4096 };

static size_t read_changes(char *line, struct pl_config_change *changes) {
    size_t n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \n", &rest); word && n < CHANGES_MAX; word = strtok_r(NULL, " \n", &rest)) {
        char *equals = strchr(word, '=');
        if (!equals) continue;
        *equals = 0;
        changes[n++] = (struct pl_config_change){word, equals[1] ? equals + 1 : NULL};
    }
    return n;
}

static void serve(rd_kafka_t *rk, const char *topic) {
    char line[LINE];
    struct pl_config_change changes[CHANGES_MAX];
    while (fgets(line, sizeof line, stdin)) {
        bool changed = false;
        size_t n = read_changes(line, changes);
        pouch_err e = pl_topic_configs_change(rk, topic, changes, n, &changed, ASK_MS);
        if (e)
            printf("%s %s\n", pouch_err_code(e), pouch_why());
        else
            puts(changed ? "changed" : "same");
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    struct pl_settings s;
    struct pl_cluster *c;
    pouch_options *o = pouch_options_new();
    if (argc != 3 || !o) return 64;
    pl_log_set_level(PL_LOG_ERROR);
    pouch_err e = pouch_options_set(o, "brokers", argv[1]);
    if (!e) e = pl_settings_read(&s, o);
    if (!e) e = pl_cluster_open(&c, &s, "configs-change");
    pouch_options_free(o);
    if (e) return pouch_err_exit_code(e);
    serve(pl_cluster_handle(c), argv[2]);
    pl_cluster_close(c);
    pl_settings_free(&s);
    return 0;
}
