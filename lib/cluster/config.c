#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/config.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char what[] = "cannot read the configs of";

static void take(struct pl_topic_config configs[], size_t n, const rd_kafka_ConfigEntry_t *entry) {
    const char *value = rd_kafka_ConfigEntry_value(entry);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(configs[i].name, rd_kafka_ConfigEntry_name(entry)))
            snprintf(configs[i].value, sizeof configs[i].value, "%s", value ? value : "");
}

static pouch_err read_answer(const char *topic, rd_kafka_event_t *event, struct pl_topic_config configs[], size_t n) {
    size_t n_resources, n_entries;
    const rd_kafka_ConfigResource_t **all =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n_resources);
    rd_kafka_resp_err_t e = n_resources ? rd_kafka_ConfigResource_error(all[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (e) return pl_kafka_fail(e, what, topic);
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(all[0], &n_entries);
    for (size_t i = 0; i < n_entries; i++) take(configs, n, entries[i]);
    return POUCH_OK;
}

static pouch_err ask(rd_kafka_t *rk, rd_kafka_ResourceType_t type, const char *name, struct pl_topic_config configs[],
                     size_t n, int timeout) {
    struct pl_admin a;
    for (size_t i = 0; i < n; i++) configs[i].value[0] = 0;
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(type, name);
    if (!resource) return pl_fail(POUCH_E_NO_MEMORY, "no memory to ask for the configs of %s", name);
    pouch_err e = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
    if (!e) {
        rd_kafka_DescribeConfigs(rk, &resource, 1, a.options, a.queue);
        e = pl_admin_wait(&a, what, name);
        if (!e) e = read_answer(name, a.event, configs, n);
        pl_admin_end(&a);
    }
    rd_kafka_ConfigResource_destroy(resource);
    return e;
}

pouch_err pl_topic_configs(rd_kafka_t *rk, const char *topic, struct pl_topic_config configs[], size_t n, int timeout) {
    return ask(rk, RD_KAFKA_RESOURCE_TOPIC, topic, configs, n, timeout);
}

pouch_err pl_broker_configs(rd_kafka_t *rk, int32_t broker, struct pl_topic_config configs[], size_t n, int timeout) {
    char name[16];
    snprintf(name, sizeof name, "%" PRId32, broker);
    return ask(rk, RD_KAFKA_RESOURCE_BROKER, name, configs, n, timeout);
}
