#include <librdkafka/rdkafka.h>
#include <ops/commands.h>
#include <ops/common.h>

static int version(struct ops_call *call) {
    if (call->output == OPS_TABLE)
        printf("pouch %s (librdkafka %s)\n", pouch_version(), rd_kafka_version_str());
    else
        printf("{\"version\":\"%s\",\"librdkafka\":\"%s\"}\n", pouch_version(), rd_kafka_version_str());
    return ops_done();
}

const struct ops_command ops_version = {
    .name = "version",
    .args = "",
    .summary = "Tell the versions of pouch and of its Kafka client",
    .about = "With -o json: {\"version\",\"librdkafka\"}. Put both into a report of a fault.\n",
    .no_settings = true,
    .run = version,
};
