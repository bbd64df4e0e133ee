/*
 * topics_calls BROKERS PREFIX
 *
 * Many topics on a real Kafka are made, grown, read and deleted at once, among them some that cannot be. Exit 1 with a
 * line on stderr when an answer is wrong.
 */
#include <base/log.h>
#include <cluster/configs.h>
#include <cluster/topics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tsan.h>

/* NAMES are more than go into one request. */
enum { ASK_MS = 60000, TOPICS = 12, NAMES = 205, GROWN = 3, LONG = 4000 };

#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void expect(bool right, const char *what, int line) {
    if (right) return;
    fprintf(stderr, "topics_calls: line %d: not %s; the last why: %s\n", line, what, pouch_why());
    exit(1);
}

static char names[NAMES][64];
static const char *all[NAMES];
static struct pl_outcome outcomes[NAMES];
static size_t told, told_times;

static void tell(size_t done, size_t of, void *arg) {
    EXPECT(done > told && done <= of && arg == names);
    told = done;
    told_times++;
}

static const struct pl_progress progress = {tell, names};

/* The last one cannot be made. */
static void make(rd_kafka_t *rk) {
    static const char *const configs[] = {"retention.ms", "3600000", NULL}, *const wrong[] = {"retention.ms", "soon",
                                                                                              NULL};
    struct pl_topic_spec specs[TOPICS];
    for (size_t i = 0; i < TOPICS; i++)
        specs[i] = (struct pl_topic_spec){all[i], 1, 1, i == TOPICS - 1 ? wrong : configs};
    EXPECT(!pl_topics_create(rk, specs, TOPICS, outcomes, &progress, ASK_MS));
    EXPECT(told == TOPICS && told_times == 1);
    for (size_t i = 0; i < TOPICS - 1; i++) EXPECT(!outcomes[i].error && !outcomes[i].existed);
    EXPECT(outcomes[TOPICS - 1].error == POUCH_E_CONFIG && strstr(outcomes[TOPICS - 1].why, all[TOPICS - 1]));
    EXPECT(!pl_topics_create(rk, specs, 2, outcomes, NULL, ASK_MS) && outcomes[0].existed && outcomes[1].existed);
    specs[0].name = "no name";
    EXPECT(!pl_topics_create(rk, specs, 2, outcomes, NULL, ASK_MS));
    EXPECT(outcomes[0].error == POUCH_E_CONFIG && outcomes[1].existed);
}

static void grow(rd_kafka_t *rk) {
    const struct pl_topic_growth growths[] = {{all[0], GROWN}, {all[TOPICS - 1], GROWN}, {all[1], 1}, {all[2], 0}};
    int n;
    EXPECT(!pl_topics_grow(rk, growths, 4, outcomes, NULL, ASK_MS));
    EXPECT(!outcomes[0].error && outcomes[1].error == POUCH_E_TARGET_REFUSED);
    EXPECT(outcomes[2].error == POUCH_E_CONFIG && outcomes[3].error == POUCH_E_CONFIG);
    EXPECT(!pl_topic_partitions(rk, all[0], &n, ASK_MS) && n == GROWN);
}

static void read_configs(rd_kafka_t *rk) {
    static struct pl_configs configs[NAMES];
    static char replicas[LONG];
    const struct pl_config_change change = {"leader.replication.throttled.replicas", replicas};
    for (size_t n = 0; n < sizeof replicas - 16;) n += (size_t)snprintf(replicas + n, 16, "%s%zu:1", n ? "," : "", n);
    EXPECT(!pl_topic_configs_change(rk, all[1], &change, 1, NULL, ASK_MS));
    told = told_times = 0;
    EXPECT(!pl_topics_configs(rk, all, NAMES, configs, &progress, ASK_MS));
    EXPECT(told == NAMES && told_times == 2);
    for (size_t i = 0; i < TOPICS - 1; i++) {
        const struct pl_config *own = pl_configs_find(&configs[i], "retention.ms"),
                               *usual = pl_configs_find(&configs[i], "segment.bytes");
        EXPECT(!configs[i].outcome.error && own && own->source == PL_CONFIG_TOPIC && !strcmp(own->value, "3600000"));
        EXPECT(usual && usual->source == PL_CONFIG_DEFAULT && !pl_configs_find(&configs[i], "none"));
        for (size_t k = 1; k < configs[i].n; k++) EXPECT(strcmp(configs[i].at[k - 1].name, configs[i].at[k].name) < 0);
    }
    EXPECT(!strcmp(pl_configs_find(&configs[1], change.name)->value, replicas));
    for (size_t i = TOPICS - 1; i < NAMES; i++) EXPECT(configs[i].outcome.error == POUCH_E_TARGET_REFUSED);
    pl_configs_free(configs, NAMES);
}

static void delete_all(rd_kafka_t *rk) {
    int n;
    told = told_times = 0;
    EXPECT(!pl_topics_delete(rk, all, NAMES, outcomes, &progress, ASK_MS));
    EXPECT(told == NAMES && told_times == 2);
    for (size_t i = 0; i < TOPICS - 1; i++) EXPECT(!outcomes[i].error);
    for (size_t i = TOPICS - 1; i < NAMES; i++) EXPECT(outcomes[i].error == POUCH_E_TARGET_REFUSED);
    EXPECT(pl_topic_partitions(rk, all[0], &n, ASK_MS) == POUCH_E_TARGET_REFUSED);
}

int main(int argc, char **argv) {
    struct pl_settings s;
    struct pl_cluster *c;
    if (argc != 3) return 64;
    pl_log_set_level(PL_LOG_ERROR);
    pouch_options *o = pouch_options_new();
    EXPECT(o && !pouch_options_set(o, "brokers", argv[1]) && !pl_settings_read(&s, o));
    pouch_options_free(o);
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof names[i], "%.48s-%03zu", argv[2], i);
        all[i] = names[i];
    }
    EXPECT(!pl_cluster_open(&c, &s, "topics-calls"));
    make(pl_cluster_handle(c));
    grow(pl_cluster_handle(c));
    read_configs(pl_cluster_handle(c));
    delete_all(pl_cluster_handle(c));
    pl_cluster_close(c);
    pl_settings_free(&s);
    return 0;
}
