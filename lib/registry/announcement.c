#include <base/why.h>
#include <cluster/cluster.h>
#include <json/json.h>
#include <registry/announcement.h>

char *pl_announcement_text(const struct pl_announcement *a, size_t *n) {
    json_t *value = json_pack("{s:s,s:I,s:b,s:b}", "publisher", a->publisher, "version", (json_int_t)a->version,
                              "enabled", (int)a->enabled, "removed", (int)a->removed);
    char *text = value ? pl_json_text(value, n) : NULL;
    json_decref(value);
    return text;
}

/* Members that a later release may add are passed over. */
pouch_err pl_announcement_version(const void *value, size_t n, int64_t *version) {
    json_t *o;
    json_int_t told;
    pouch_err e = pl_json_read(&o, "an announcement of routes", value ? value : "", n);
    if (e) return e;
    bool good = json_unpack(o, "{s:I}", "version", &told) == 0 && told > 0;
    json_decref(o);
    if (!good) return pl_fail(POUCH_E_INVALID_PAYLOAD, "an announcement of routes: it tells no version");
    *version = told;
    return POUCH_OK;
}

pouch_err pl_announcement_topic(rd_kafka_t *rk, const char *topic, int *partitions, int timeout) {
    static const char *const configs[] = {"cleanup.policy", "compact", NULL};
    const struct pl_topic_spec spec = {.name = topic, .partitions = 1, .replication = -1, .configs = configs};
    pouch_err e = pl_topic_partitions(rk, topic, partitions, timeout);
    if (e != POUCH_E_TARGET_REFUSED) return e;
    e = pl_topic_create(rk, &spec, NULL, timeout);
    return e ? e : pl_topic_partitions(rk, topic, partitions, timeout);
}
