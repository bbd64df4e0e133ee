#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <cluster/configs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS_A_REQUEST = 200 };

static const char what[] = "cannot read the configs of";

static enum pl_config_source source_of(const rd_kafka_ConfigEntry_t *entry) {
    switch (rd_kafka_ConfigEntry_source(entry)) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: return PL_CONFIG_TOPIC;
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG:
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG:
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG: return PL_CONFIG_BROKER;
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG: return PL_CONFIG_DEFAULT;
    default: return PL_CONFIG_UNKNOWN;
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_config *)a)->name, ((const struct pl_config *)b)->name);
}

/* ---- copying an answer ---- */

static size_t text_bytes(const rd_kafka_ConfigEntry_t *const *entries, size_t n) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        bytes += strlen(rd_kafka_ConfigEntry_name(entries[i])) + 1 + (value ? strlen(value) + 1 : 0);
    }
    return bytes;
}

/* Appends a copy at *at, and moves that behind it. */
static const char *keep(char **at, const char *text) {
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);
    *at += n;
    return copy;
}

static pouch_err copy(struct pl_configs *c, const rd_kafka_ConfigEntry_t *const *entries, size_t n) {
    c->at = calloc(n + 1, sizeof *c->at);
    c->texts = malloc(text_bytes(entries, n) + 1);
    if (!c->at || !c->texts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the configs of a topic");
    char *at = c->texts;
    for (size_t i = 0; i < n; i++)
        c->at[c->n++] = (struct pl_config){.name = keep(&at, rd_kafka_ConfigEntry_name(entries[i])),
                                           .value = rd_kafka_ConfigEntry_is_sensitive(entries[i])
                                                        ? NULL
                                                        : keep(&at, rd_kafka_ConfigEntry_value(entries[i])),
                                           .source = source_of(entries[i]),
                                           .read_only = rd_kafka_ConfigEntry_is_read_only(entries[i]) != 0};
    qsort(c->at, c->n, sizeof *c->at, by_name);
    return POUCH_OK;
}

static pouch_err take(struct pl_configs *c, const char *name, const rd_kafka_ConfigResource_t *r) {
    rd_kafka_resp_err_t e = rd_kafka_ConfigResource_error(r);
    size_t n;
    if (e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return pl_fail(POUCH_E_TARGET_REFUSED,
                       "%s %s: there is no such topic; `pouch topic list` shows those there are", what, name);
    if (e) return pl_kafka_fail(e, what, name);
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(r, &n);
    return copy(c, entries, n);
}

/* ---- asking ---- */

static pouch_err hear(const char *const *names, size_t n, struct pl_configs *configs, const rd_kafka_event_t *event) {
    size_t n_heard;
    const rd_kafka_ConfigResource_t **heard = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result((rd_kafka_event_t *)event), &n_heard);
    if (n_heard != n) return pl_kafka_fail(RD_KAFKA_RESP_ERR__BAD_MSG, what, "topics");
    for (size_t i = 0; i < n; i++) pl_outcome_set(&configs[i].outcome, take(&configs[i], names[i], heard[i]));
    return POUCH_OK;
}

/* librdkafka gives the answers in the order of the questions. */
static pouch_err ask(rd_kafka_t *rk, rd_kafka_ResourceType_t type, const char *const *names, size_t n,
                     struct pl_configs *configs, int timeout) {
    rd_kafka_ConfigResource_t *questions[TOPICS_A_REQUEST];
    struct pl_admin a;
    size_t built = 0;
    pouch_err e = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
    if (e) return e;
    while (built < n && (questions[built] = rd_kafka_ConfigResource_new(type, names[built]))) built++;
    if (built == n) {
        rd_kafka_DescribeConfigs(rk, questions, n, a.options, a.queue);
        e = pl_admin_wait(&a, what, n == 1 ? names[0] : "topics");
        if (!e) e = hear(names, n, configs, a.event);
    } else {
        e = pl_fail(POUCH_E_CONFIG, "%s topics: '%.249s' cannot be a topic's name", what, names[built]);
    }
    rd_kafka_ConfigResource_destroy_array(questions, built);
    pl_admin_end(&a);
    return e;
}

static pouch_err ask_all(rd_kafka_t *rk, const char *const *topics, size_t n, struct pl_configs *configs,
                         const struct pl_progress *progress, int timeout) {
    pouch_err e = POUCH_OK;
    size_t done = 0;
    while (done < n && !e) {
        size_t more = n - done < TOPICS_A_REQUEST ? n - done : TOPICS_A_REQUEST;
        e = ask(rk, RD_KAFKA_RESOURCE_TOPIC, topics + done, more, configs + done, timeout);
        if (e) break;
        done += more;
        if (progress) progress->tell(done, n, progress->arg);
    }
    for (; done < n; done++) pl_outcome_set(&configs[done].outcome, e);
    return e;
}

pouch_err pl_topics_configs(rd_kafka_t *rk, const char *const *topics, size_t n, struct pl_configs *configs,
                            const struct pl_progress *progress, int timeout) {
    bool mock;
    for (size_t i = 0; i < n; i++) configs[i] = (struct pl_configs){0};
    pouch_err e = pl_cluster_mock(rk, &mock, timeout);
    if (!e && mock) return POUCH_OK;
    if (!e) return ask_all(rk, topics, n, configs, progress, timeout);
    for (size_t i = 0; i < n; i++) pl_outcome_set(&configs[i].outcome, e);
    return e;
}

static pouch_err outcome_of(struct pl_configs *c, pouch_err e) {
    if (!e && c->outcome.error) e = pl_fail(c->outcome.error, "%s", c->outcome.why);
    return e;
}

pouch_err pl_topic_configs(rd_kafka_t *rk, const char *topic, struct pl_configs *c, int timeout) {
    return outcome_of(c, pl_topics_configs(rk, &topic, 1, c, NULL, timeout));
}

pouch_err pl_broker_configs(rd_kafka_t *rk, int32_t broker, struct pl_configs *c, int timeout) {
    char id[16];
    const char *name = id;
    snprintf(id, sizeof id, "%" PRId32, broker);
    *c = (struct pl_configs){0};
    return outcome_of(c, ask(rk, RD_KAFKA_RESOURCE_BROKER, &name, 1, c, timeout));
}

void pl_configs_free(struct pl_configs *configs, size_t n) {
    for (size_t i = 0; configs && i < n; i++) {
        free(configs[i].at);
        free(configs[i].texts);
        configs[i] = (struct pl_configs){0};
    }
}

const struct pl_config *pl_configs_find(const struct pl_configs *c, const char *name) {
    const struct pl_config key = {.name = name};
    return c->n ? bsearch(&key, c->at, c->n, sizeof key, by_name) : NULL;
}

const char *pl_configs_value(const struct pl_configs *c, const char *name) {
    const struct pl_config *config = pl_configs_find(c, name);
    return config && config->value ? config->value : "";
}
