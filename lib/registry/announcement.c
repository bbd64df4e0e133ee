#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <json/json.h>
#include <registry/announcement.h>
#include <stdio.h>

void pl_announcement_key(char key[PL_ANNOUNCEMENT_KEY], const struct pl_announcement *a) {
    snprintf(key, PL_ANNOUNCEMENT_KEY, "%s%s",
             a->publisher ? "" : "service:", a->publisher ? a->publisher : a->service);
}

char *pl_announcement_text(const struct pl_announcement *a, size_t *n) {
    json_t *value = a->publisher
                        ? json_pack("{s:s,s:I,s:b,s:b}", "publisher", a->publisher, "version", (json_int_t)a->version,
                                    "enabled", (int)a->enabled, "removed", (int)a->removed)
                        : json_pack("{s:s,s:I,s:b}", "service", a->service, "version", (json_int_t)a->version,
                                    "removed", (int)a->removed);
    char *text = value ? pl_json_text(value, n) : NULL;
    json_decref(value);
    return text;
}

/* Members that a later release may add are passed over. */
pouch_err pl_announcement_read(const void *value, size_t n, struct pl_announced *a) {
    json_t *o;
    json_int_t version;
    pouch_err e = pl_json_read(&o, "an announcement of routes", value ? value : "", n);
    if (e) return e;
    bool good = json_unpack(o, "{s:I}", "version", &version) == 0 && version > 0;
    const json_t *publisher = json_object_get(o, "publisher");
    const char *name = json_string_value(publisher);
    bool named = name && pl_name_valid(name, json_string_length(publisher));
    if (good) a->version = version;
    snprintf(a->publisher, sizeof a->publisher, "%s", named ? name : "");
    json_decref(o);
    return good ? POUCH_OK : pl_fail(POUCH_E_INVALID_PAYLOAD, "an announcement of routes: it tells no version");
}

int pl_announcement_left(int64_t until_us) {
    int64_t us = until_us - pl_mono_us(&pl_clock_system);
    return us > 1000 ? (int)(us / 1000) : 1;
}

pouch_err pl_announcement_topic(rd_kafka_t *rk, const char *topic, int *partitions, int64_t until_us) {
    static const char *const configs[] = {"cleanup.policy", "compact", NULL};
    const struct pl_topic_spec spec = {.name = topic, .partitions = 1, .replication = -1, .configs = configs};
    pouch_err e = pl_topic_partitions(rk, topic, partitions, pl_announcement_left(until_us));
    if (e != POUCH_E_TARGET_REFUSED) return e;
    e = pl_topic_create(rk, &spec, NULL, pl_announcement_left(until_us));
    return e ? e : pl_topic_partitions(rk, topic, partitions, pl_announcement_left(until_us));
}
