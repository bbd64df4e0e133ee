/* GET /kafka/health/metrics and /kafka/health/summary: how all gateways have been. */
#include <events/events.h>
#include <gateway/history.h>
#include <share/peers.h>
#include <share/points.h>
#include <stdio.h>

enum { HOUR_MS = 3600 * 1000, HOURS_MOST = 24, UNAVAILABLE = 503 };

static int64_t now_ms(void) {
    return pl_wall_ms(&pl_clock_system);
}

/* {totalClients, clientsByChannel, averageConnectionDuration} of this gateway. */
static json_t *streams_here(struct gateway *g) {
    int64_t mean_ms = 0;
    json_t *channels = g->hub ? events_channels_here(g->hub, &mean_ms) : json_object();
    return json_pack("{s:I, s:o, s:I}", "totalClients", (json_int_t)(g->hub ? events_clients_here(g->hub) : 0),
                     "clientsByChannel", channels, "averageConnectionDuration", (json_int_t)mean_ms);
}

json_t *gateway_facts(void *gateway) {
    struct gateway *g = gateway;
    json_t *reasons = gateway_reasons(g), *details = gateway_details(g);
    json_t *facts =
        json_pack("{s:s, s:I, s:s, s:b, s:O, s:O, s:o}", "instance", g->instance, "at", (json_int_t)now_ms(), "listen",
                  g->conf.listen ? g->conf.listen : "", "healthy", reasons && !json_array_size(reasons), "reasons",
                  reasons, "kafka", details, "sse", streams_here(g));
    json_decref(reasons);
    json_decref(details);
    return facts;
}

static pouch_err metrics(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway *g = gateway;
    int64_t hours;
    char range[32];
    pouch_err e = gateway_query_number(c, "hours", 1, 1, HOURS_MOST, &hours);
    if (e) return gateway_problem(a, e, NULL);
    json_t *points = share_points(g->history, now_ms() - hours * HOUR_MS);
    snprintf(range, sizeof range, "%lld hour%s", (long long)hours, hours == 1 ? "" : "s");
    return gateway_json(a, json_pack("{s:s, s:I, s:o}", "timeRange", range, "dataPoints",
                                     (json_int_t)json_array_size(points), "metrics", points));
}

static pouch_err summary(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct gateway *g = gateway;
    char now[GATEWAY_TIME_MAX];
    (void)c;
    json_t *points = share_points(g->history, now_ms() - HOUR_MS), *reasons = gateway_reasons(g);
    bool well = reasons && !json_array_size(reasons);
    json_t *health = json_pack("{s:b, s:s, s:o, s:o}", "healthy", well, "timestamp", gateway_now(now), "reasons",
                               reasons, "details", gateway_details(g));
    json_t *all = json_pack("{s:o, s:{s:I, s:s, s:o}, s:s}", "health", health, "recentActivity", "dataPoints",
                            (json_int_t)json_array_size(points), "timeRange", "1 hour", "trends",
                            points ? share_trends(points) : NULL, "timestamp", gateway_now(now));
    json_decref(points);
    return gateway_json(a, all);
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/kafka/health/metrics",
        .id = "getKafkaHealthMetrics",
        .tag = "Health",
        .about = "How all gateways have been, minute by minute, for an hour at most; without Redis, this one alone.",
        .need = {AUTH_READ_HEALTH, NULL},
        .params = (const struct gateway_param[]){{"hours", "query",
                                                  "{\"type\":\"integer\",\"minimum\":1,\"maximum\":24,\"default\":1}",
                                                  "How far back; 60 points are kept.", false},
                                                 {0}},
        .says = (const struct gateway_says[]){{200, "The points, oldest first.", "KafkaMetrics", NULL}, {0}},
        .handle = metrics,
    },
    {
        .method = "GET",
        .path = "/kafka/health/summary",
        .id = "getKafkaHealthSummary",
        .tag = "Health",
        .about = "How this gateway is, and where the last hour of all of them has gone to.",
        .need = {AUTH_READ_HEALTH, NULL},
        .says = (const struct gateway_says[]){{200, "Health and trends.", "KafkaSummary", NULL}, {0}},
        .handle = summary,
    },
};

#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define TREND                                                                       \
    "{\"type\":\"object\",\"required\":[\"change\",\"direction\"],\"properties\":{" \
    "\"change\":{\"type\":\"integer\"},\"direction\":{\"enum\":[\"up\",\"down\",\"stable\"]}}}"

static const struct gateway_schema schemas[] = {
    {"KafkaPoint", "{\"type\":\"object\",\"required\":[\"timestamp\",\"healthy\",\"kafka\",\"sse\"],\"properties\":{"
                   "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"},\"at\":" COUNT ","
                   "\"healthy\":{\"type\":\"boolean\"},\"gateways\":" COUNT ",\"kafka\":{\"type\":\"object\"},"
                   "\"sse\":{\"type\":\"object\",\"properties\":{\"totalClients\":" COUNT ","
                   "\"clientsByChannel\":{\"type\":\"object\",\"additionalProperties\":" COUNT "},"
                   "\"averageConnectionDuration\":{\"type\":\"integer\",\"description\":\"In milliseconds.\"}}}}}"},
    {"KafkaMetrics", "{\"type\":\"object\",\"required\":[\"timeRange\",\"dataPoints\",\"metrics\"],\"properties\":{"
                     "\"timeRange\":{\"type\":\"string\"},\"dataPoints\":" COUNT ","
                     "\"metrics\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/KafkaPoint\"}}}}"},
    {"KafkaSummary",
     "{\"type\":\"object\",\"required\":[\"health\",\"recentActivity\",\"timestamp\"],\"properties\":{"
     "\"health\":{\"$ref\":\"#/components/schemas/KafkaHealth\"},"
     "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"recentActivity\":{\"type\":\"object\",\"required\":[\"dataPoints\",\"timeRange\",\"trends\"],\"properties\":{"
     "\"dataPoints\":" COUNT ",\"timeRange\":{\"type\":\"string\"},"
     "\"trends\":{\"type\":\"object\",\"required\":[\"sseClients\",\"pendingRequests\",\"systemStability\"],"
     "\"properties\":{\"sseClients\":" TREND ",\"pendingRequests\":" TREND ","
     "\"systemStability\":{\"type\":\"object\",\"required\":[\"percentage\",\"status\"],\"properties\":{"
     "\"percentage\":{\"type\":\"number\"},\"status\":{\"enum\":[\"excellent\",\"good\",\"fair\",\"poor\","
     "\"unknown\"]}}}}}}}}}"},
};

/* Facts are of all parts, so this one starts last and ends first. */
static pouch_err start(struct gateway *g) {
    share_set_facts(g->history, gateway_facts, g);
    return POUCH_OK;
}

static void end(struct gateway *g) {
    share_set_facts(g->history, NULL, NULL);
}

const struct gateway_part gateway_history = {
    .start = start,
    .end = end,
    GATEWAY_TABLES(endpoints, schemas),
};
