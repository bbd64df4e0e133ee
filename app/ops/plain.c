/*
 * pouch send --plain: one record in clear, in Confluent's wire format, to a topic of the catalogue, for those who read
 * such topics with a registry's deserializers. It is no request: no key ring is read, nothing is sealed, and no center
 * is passed.
 */
#include <base/clock.h>
#include <base/why.h>
#include <bus/producer.h>
#include <json/json.h>
#include <ops/common.h>
#include <ops/request.h>
#include <ops/topics.h>
#include <ops/typed.h>
#include <string.h>
#include <wire/dest.h>

enum { SEND_MS = 30000, ID_AT = 1 };

struct plain {
    struct ops_topics topics; /* settings and catalogue */
    const struct pl_catalog_entry *entry;
    char tenant[PL_TENANT_MAX + 1];
    pouch_dest *to;
    const char *subject;
    char own_subject[SCHEMA_SUBJECT_MAX];
    struct pl_buf payload, framed;
    json_t *value; /* of the payload, where the key is one of its fields */
    const char *key;
};

/* ---- what is asked for ---- */

/* Records in clear would be taken there for something else. */
static bool is_ours(const struct pl_settings *s, const char *topic) {
    size_t n = strlen(topic);
    return pl_pattern_match("internal.*,__*", topic, n) || pl_pattern_match(s->reply_topics, topic, n) ||
           !strcmp(topic, s->inbox) || !strcmp(topic, s->dlq_topic) || !strcmp(topic, s->routes_topic);
}

static pouch_err find_topic(struct plain *p, const char *topic) {
    if (is_ours(&p->topics.settings, topic))
        return pl_fail(POUCH_E_NOT_ALLOWED,
                       "topic %s is for Pouch's own records; --plain writes to topics of the catalogue", topic);
    p->entry = pl_catalog_find(p->topics.all.catalog, topic, p->tenant);
    if (p->entry) return POUCH_OK;
    return pl_fail(POUCH_E_NOT_ALLOWED,
                   "topic %s is not in the catalogue, and --plain writes to no other: `pouch topic plan` shows what is",
                   topic);
}

static pouch_err find_subject(const struct ops_call *call, struct plain *p) {
    const char *given = ops_flag(call, "--schema", 0);
    p->subject = ops_subject(given ? given : p->entry->schema, p->to->topic, false, p->own_subject);
    if (p->subject) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "say which schema, by --schema SUBJECT|auto: the catalogue names none for %s",
                   p->to->topic);
}

/*
 * --key, or the field of the payload that the topic's strategy keeps in order; a tenant's topic tells its tenant by its
 * name.
 */
static pouch_err find_key(struct plain *p) {
    pouch_strategy strategy = POUCH_STRATEGY_RANDOM;
    if ((p->key = p->to->key) || !p->entry->strategy) return POUCH_OK;
    pouch_err e = pouch_strategy_read(&strategy, p->entry->strategy);
    if (e || strategy == POUCH_STRATEGY_RANDOM) return e;
    e = pl_json_read(&p->value, "the payload", p->payload.at, p->payload.len);
    if (e) return e;
    const char *name = pouch_strategy_name(strategy), *text = json_string_value(json_object_get(p->value, name));
    if (!text && strategy == POUCH_STRATEGY_TENANT_ID && *p->tenant) text = p->tenant;
    const char *const fields[] = {text ? name : NULL, text, NULL};
    return pouch_partition_key(strategy, fields, &p->key);
}

static pouch_err encode(struct plain *p) {
    struct schema_set *set;
    pouch_err e = schema_open(&set, &p->topics.settings);
    if (e) return e;
    e = schema_encode(set, p->subject, p->payload.at, p->payload.len, &p->framed);
    schema_close(set);
    return e;
}

static pouch_err make(const struct ops_call *call, struct plain *p) {
    pouch_err e = ops_topics_catalog(&p->topics, call);
    if (!e && !(p->to = pouch_dest_topic(call->args[0]))) e = POUCH_E_CONFIG;
    if (!e) e = ops_dress(call, p->to);
    if (!e) e = find_topic(p, p->to->topic);
    if (!e) e = find_subject(call, p);
    if (!e) e = ops_payload(call->n_args > 1 ? call->args[1] : "-", &p->payload);
    if (!e) e = find_key(p);
    return e ? e : encode(p);
}

/* ---- sending it ---- */

struct fate {
    bool ended;
    enum pl_kafka_class class;
    rd_kafka_resp_err_t error;
};

static void delivered(const struct pl_delivery *d, void *fate) {
    *(struct fate *)fate = (struct fate){true, d->class, d->error};
}

static pouch_err wait_for(struct pl_producer *producer, struct pl_wake *wake, struct pl_kafka_health *health,
                          const struct plain *p, const struct fate *fate) {
    char text[512];
    int64_t until_us = pl_mono_us(&pl_clock_system) + (int64_t)SEND_MS * 1000, left;
    while (!fate->ended && (left = until_us - pl_mono_us(&pl_clock_system)) > 0) {
        pl_wake_wait(wake, left);
        pl_producer_poll(producer);
    }
    if (fate->ended && fate->class == PL_KAFKA_OK) return POUCH_OK;
    if (fate->ended && fate->class == PL_KAFKA_PERMANENT) return pl_kafka_fail(fate->error, "sending to", p->to->topic);
    pl_kafka_health_text(health, p->topics.settings.brokers, text, sizeof text);
    return pl_fail(POUCH_E_NO_BROKER, "%s; the record may be stored all the same", text);
}

static pouch_err produce(const struct plain *p) {
    const struct pl_settings *s = &p->topics.settings;
    const struct pl_record record = {.topic = p->to->topic,
                                     .key = p->key,
                                     .key_n = p->key ? strlen(p->key) : 0,
                                     .value = p->framed.at,
                                     .value_n = p->framed.len,
                                     .headers = p->to->headers,
                                     .n_headers = p->to->n_headers};
    struct fate fate = {0};
    struct pl_producer *producer;
    struct pl_wake wake;
    struct pl_kafka_health *health = pl_kafka_health_new();
    pouch_err e = health ? pl_wake_init(&wake) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    if (e) goto free_health;
    e = pl_producer_new(&producer, s, s->client_id ? s->client_id : "pouch-cli", health, &wake, delivered, &fate);
    if (e) goto free_wake;
    e = pl_producer_send(producer, &record);
    if (!e) e = wait_for(producer, &wake, health, p, &fate);
    pl_producer_free(producer, 0);
free_wake:
    pl_wake_free(&wake);
free_health:
    pl_kafka_health_free(health);
    return e;
}

/* ---- the command ---- */

/* The schema's id stands in the frame. */
static uint32_t id_of(const struct plain *p) {
    uint32_t id = 0;
    for (size_t i = 0; i < sizeof id; i++) id = id << 8 | (unsigned char)p->framed.at[ID_AT + i];
    return id;
}

static int print(const struct ops_call *call, const struct plain *p) {
    if (call->output != OPS_TABLE)
        return ops_print_json(json_pack("{s:s,s:s,s:I,s:s?}", "topic", p->to->topic, "subject", p->subject, "schema_id",
                                        (json_int_t)id_of(p), "key", p->key));
    printf("%u\n", (unsigned)id_of(p));
    return OPS_EXIT_OK;
}

static void clear(struct plain *p) {
    json_decref(p->value);
    pl_buf_wipe(&p->payload);
    pl_buf_wipe(&p->framed);
    pouch_dest_free(p->to);
    ops_topics_close(&p->topics);
}

static int send_it(const struct ops_call *call, struct plain *p) {
    pouch_err e = make(call, p);
    if (e == POUCH_E_INVALID_PAYLOAD || e == POUCH_E_TOO_LARGE) {
        ops_say("%s: %s", pouch_err_code(e), pouch_why());
        return OPS_EXIT_DATA;
    }
    if (!e) e = produce(p);
    if (e) return ops_error(e);
    int printed = print(call, p), written = ops_done();
    return printed ? printed : written;
}

int ops_send_plain(struct ops_call *call) {
    struct plain p = {0};
    if (ops_has(call, "--publisher"))
        return ops_usage(call,
                         "--plain and --publisher: what is not sealed goes through no command center; name a TOPIC");
    if (call->n_args < 1 || call->n_args > 2)
        return ops_usage(call, "--plain wants a TOPIC, and a payload or the input");
    pl_buf_init(&p.payload, OPS_PAYLOAD_MAX);
    pl_buf_init(&p.framed, OPS_PAYLOAD_MAX);
    int exit_code = send_it(call, &p);
    clear(&p);
    return exit_code;
}
