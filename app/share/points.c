#include <share/points.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum { TEXT_MOST = 256 * 1024 };

/* 9999-12-31: what formats with four digits of a year. */
#define AT_MOST INT64_C(253402300799999)

const char *share_time(char out[SHARE_TIME_MAX], int64_t ms) {
    struct tm t;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &t);
    size_t n = strftime(out, SHARE_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, SHARE_TIME_MAX - n, ".%03uZ", (unsigned)(ms % 1000));
    return out;
}

/* A number that is not negative and no larger than counts get. */
static bool is_count(const json_t *value) {
    return json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) < 1e15;
}

static double count_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return is_count(value) ? json_number_value(value) : 0;
}

static bool is_true(const json_t *object, const char *name) {
    return json_is_true(json_object_get(object, name));
}

static bool has_time(const json_t *object) {
    const json_t *at = json_object_get(object, "at");
    return json_is_integer(at) && json_integer_value(at) >= 0 && json_integer_value(at) <= AT_MOST;
}

static bool has_both(const json_t *object) {
    return json_is_boolean(json_object_get(object, "healthy")) && json_is_object(json_object_get(object, "kafka")) &&
           json_is_object(json_object_get(object, "sse"));
}

static json_t *read_object(const char *text, size_t n) {
    json_t *value = NULL;
    if (n > TEXT_MOST || pl_json_read(&value, "what gateways share", text, n)) return NULL;
    if (json_is_object(value) && has_time(value) && has_both(value)) return value;
    json_decref(value);
    return NULL;
}

json_t *share_facts_read(const char *text, size_t n) {
    json_t *facts = read_object(text, n);
    if (!facts || json_is_string(json_object_get(facts, "instance"))) return facts;
    json_decref(facts);
    return NULL;
}

json_t *share_point_read(const char *text, size_t n) {
    json_t *point = read_object(text, n);
    if (!point || json_is_string(json_object_get(point, "timestamp"))) return point;
    json_decref(point);
    return NULL;
}

/* Adds the counts of `from` to those of `into`; a failure is for want of memory. */
static int add_channels(json_t *into, const json_t *from) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)from, name, value) {
        if (!is_count(value)) continue;
        if (!json_object_get(into, name) && json_object_size(into) >= SHARE_CHANNELS_MOST) continue;
        json_int_t sum = (json_int_t)(count_of(into, name) + json_number_value(value));
        if (json_object_set_new(into, name, json_integer(sum))) return -1;
    }
    return 0;
}

struct sums {
    double pending, clients, connected_ms;
    bool healthy, consumer, producer;
    json_t *channels; /* the caller's */
};

static int add_facts(struct sums *all, const json_t *facts) {
    const json_t *kafka = json_object_get(facts, "kafka"), *sse = json_object_get(facts, "sse");
    double clients = count_of(sse, "totalClients");
    all->healthy = all->healthy && is_true(facts, "healthy");
    all->consumer = all->consumer && is_true(kafka, "consumer");
    all->producer = all->producer && is_true(kafka, "producer");
    all->pending += count_of(kafka, "pendingRequests");
    all->clients += clients;
    all->connected_ms += clients * count_of(sse, "averageConnectionDuration");
    return add_channels(all->channels, json_object_get(sse, "clientsByChannel"));
}

json_t *share_point_make(const json_t *facts, int64_t at_ms) {
    char timestamp[SHARE_TIME_MAX];
    struct sums all = {.healthy = true, .consumer = true, .producer = true, .channels = json_object()};
    int failed = !all.channels;
    for (size_t i = 0; !failed && i < json_array_size(facts); i++) failed = add_facts(&all, json_array_get(facts, i));
    if (failed) {
        json_decref(all.channels);
        return NULL;
    }
    double average = all.clients > 0 ? all.connected_ms / all.clients : 0;
    return json_pack("{s:s, s:I, s:b, s:I, s:{s:b, s:b, s:I, s:I}, s:{s:I, s:o, s:I}}", "timestamp",
                     share_time(timestamp, at_ms), "at", (json_int_t)at_ms, "healthy", all.healthy, "gateways",
                     (json_int_t)json_array_size(facts), "kafka", "consumer", all.consumer, "producer", all.producer,
                     "pendingRequests", (json_int_t)all.pending, "sseClients", (json_int_t)all.clients, "sse",
                     "totalClients", (json_int_t)all.clients, "clientsByChannel", all.channels,
                     "averageConnectionDuration", (json_int_t)average);
}

const char *share_stability(double percentage) {
    return percentage >= 95 ? "excellent" : percentage >= 85 ? "good" : percentage >= 70 ? "fair" : "poor";
}

/* From the first point to the last. */
static json_t *trend(const json_t *points, const char *part, const char *name) {
    size_t n = json_array_size(points);
    double first = count_of(json_object_get(json_array_get(points, 0), part), name);
    double last = n ? count_of(json_object_get(json_array_get(points, n - 1), part), name) : 0;
    double change = last - first;
    return json_pack("{s:I, s:s}", "change", (json_int_t)change, "direction",
                     change > 0   ? "up"
                     : change < 0 ? "down"
                                  : "stable");
}

json_t *share_trends(const json_t *points) {
    size_t n = json_array_size(points), healthy = 0;
    for (size_t i = 0; i < n; i++) healthy += is_true(json_array_get(points, i), "healthy");
    double percentage = n ? (double)(healthy * 10000 / n) / 100 : 0;
    return json_pack("{s:o, s:o, s:{s:f, s:s}}", "sseClients", trend(points, "sse", "totalClients"), "pendingRequests",
                     trend(points, "kafka", "pendingRequests"), "systemStability", "percentage", percentage, "status",
                     n ? share_stability(percentage) : "unknown");
}
