/* GET /kafka/health: healthy only if it is. */
#include <gateway/state.h>
#include <metrics/metrics.h>

enum { UNAVAILABLE = 503 };

json_t *gateway_details(struct gateway *g) {
    char why[512];
    bool well = !gateway_draining(g) && gateway_watch_is_well(g->watch, why, sizeof why);
    json_t *all = json_pack("{s:b, s:b, s:I}", "consumer", well && pouch_client_ready(g->client), "producer", well,
                            "pendingRequests", (json_int_t)pl_metric_get(PL_M_GATEWAY_OPEN));
    if (!all || gateway_draining(g)) return all;
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        if ((*p)->health) (*p)->health(all, g);
    return all;
}

static pouch_err health(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    char now[GATEWAY_TIME_MAX];
    (void)c;
    json_t *reasons = gateway_reasons(gateway);
    bool well = reasons && !json_array_size(reasons);
    pouch_err e = gateway_json(a, json_pack("{s:b, s:s, s:o, s:o}", "healthy", well, "timestamp", gateway_now(now),
                                            "reasons", reasons, "details", gateway_details(gateway)));
    if (!e && !well) a->status = UNAVAILABLE;
    return e;
}

static const struct gateway_says says[] = {
    {200, "It is healthy.", "KafkaHealth", NULL},
    {503, "It is not, and why.", "KafkaHealth", "application/json"},
    {0},
};

static const struct gateway_endpoint endpoints[] = {{
    .method = "GET",
    .path = "/kafka/health",
    .id = "getKafkaHealth",
    .tag = "Health",
    .about = "Whether requests can be asked and answered now.",
    .need = {AUTH_READ_HEALTH, NULL},
    .says = says,
    .handle = health,
    .when_draining = true,
}};

static const struct gateway_schema schemas[] = {
    {"KafkaHealth",
     "{\"type\":\"object\",\"required\":[\"healthy\",\"timestamp\",\"reasons\",\"details\"],\"properties\":{"
     "\"healthy\":{\"type\":\"boolean\"},\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"reasons\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
     "\"details\":{\"type\":\"object\",\"required\":[\"consumer\",\"producer\",\"pendingRequests\"],\"properties\":{"
     "\"consumer\":{\"type\":\"boolean\"},\"producer\":{\"type\":\"boolean\"},"
     "\"pendingRequests\":{\"type\":\"integer\"},\"sseClients\":{\"type\":\"integer\"}}}}}"},
};

const struct gateway_part gateway_health = {
    GATEWAY_TABLES(endpoints, schemas),
};
