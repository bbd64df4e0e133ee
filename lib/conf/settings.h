/*
 * Settings as typed values. conf/table.c holds the one table: name, flag, environment names,
 * type, bounds, default, text. The public pouch_options is text checked against it; rooms take
 * a struct pl_settings, a copy that nobody changes.
 */
#ifndef POUCH_CONF_SETTINGS_H
#define POUCH_CONF_SETTINGS_H

#include <pouch/options.h>
#include <pouch/validate.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_start { PL_START_AUTO, PL_START_EARLIEST, PL_START_LATEST };

struct pl_property { /* of librdkafka, from kafka.* in a file or -X */
    char *name, *value;
};

struct pl_settings {
    char *brokers;              /* brokers: host:port,… */
    size_t breaker_failures;    /* breaker.failures: 0 = no breaker */
    int breaker_period_ms;      /* breaker.period */
    int breaker_recovery_ms;    /* breaker.recovery */
    size_t breaker_max_held;    /* breaker.max_held: requests for each handler */
    char *client_id;            /* client.id: NULL = the role's default */
    char *gateway_access;       /* gateway.access: NULL = this host alone */
    size_t async_memory;        /* gateway.async_memory */
    int async_retention_ms;     /* gateway.async_retention */
    char *gateway_audit;        /* gateway.audit: NULL = none */
    size_t gateway_body_max;    /* gateway.body_max */
    size_t gateway_connections; /* gateway.connections */
    size_t gateway_per_address; /* gateway.connections_per_address: 0 = all */
    char *gateway_events_map;   /* gateway.events_map: NULL = none */
    char *gateway_events_topic; /* gateway.events_topic */
    char *gateway_instance;     /* gateway.instance: NULL = host and process */
    size_t gateway_loops;       /* gateway.loops: 0 = as many as cores */
    size_t gateway_streams;     /* gateway.streams */
    char *gateway_tls_cert;     /* gateway.tls_cert: NULL = plain HTTP */
    char *gateway_tls_key;      /* gateway.tls_key */
    bool gateway_open;          /* gateway.open */
    char *gateway_origins;      /* gateway.origins: NULL = its own alone */
    char *gateway_processes;    /* gateway.processes: HOST:PORT,…; NULL = none */
    char *gateway_redis;        /* gateway.redis: NULL = none */
    char *gateway_topics;       /* gateway.topics: patterns that may be sent to */
    char *group;                /* group: NULL = the client id */
    char *instance_id;          /* instance.id: static membership; NULL = none */
    char *key_file;             /* key.file: NULL = ENCRYPTION_KEY */
    char *compat;               /* compat: none, caas, task-executor */
    int iv_bytes;               /* crypto.iv_bytes: 12, 16 */
    bool over_limit_stop;       /* crypto.over_limit: warn, stop */
    char *seal_counts;          /* crypto.seal_counts: NULL = in the state directory */
    size_t lag_alert;           /* health.lag_alert: records; 0 = any number is well */
    char *reply_topic;          /* reply.topic: NULL = <client.id>.replies */
    char *reply_topics;         /* reply.topics: patterns a worker may reply to */
    char *inbox;                /* center.inbox */
    size_t center_in_flight;    /* center.max_in_flight: requests */
    size_t publisher_rate;      /* center.publisher_rate: requests a second; 0 = no limit */
    size_t publisher_burst;     /* center.publisher_burst: 0 = a second's */
    char *routes_topic;         /* center.routes_topic */
    char *listen;               /* listen: NULL = nowhere */
    char *store;                /* store: NULL = the role's default */
    bool trace_center_off;      /* trace.center: on, off */
    size_t trace_max_bytes;     /* trace.max_bytes: 0 = no bound */
    bool trace_sealed;          /* trace.payload: none, sealed */
    size_t trace_queue_bytes;   /* trace.queue_bytes */
    char *trace_spool;          /* trace.spool: NULL = beside the store */
    size_t trace_spool_bytes;   /* trace.spool_bytes */
    size_t trace_spool_reserve; /* trace.spool_reserve: of a center */
    int trace_ttl_ms;           /* trace.ttl */
    char *topic_catalog;        /* topic.catalog: NULL = the built-in one */
    int topic_partitions;       /* topic.partitions: 0 = the broker's */
    int topic_replication;      /* topic.replication: 0 = the broker's */
    size_t topic_retention_ms;  /* topic.retention: 0 = the broker's */
    bool thread;                /* client.thread */
    bool no_responders;         /* client.no_responders: unset = off */
    bool plain_errors;          /* client.plain_errors: accept, ignore */
    size_t max_pending;         /* client.max_pending: open calls */
    int connect_timeout_ms;     /* client.connect_timeout */
    int request_timeout_ms;     /* request.timeout */
    int deadline_skew_ms;       /* deadline.skew */
    char *dedupe_file;          /* dedupe.file: NULL = in the state directory */
    size_t dedupe_max;          /* dedupe.max: requests */
    size_t dedupe_max_bytes;    /* dedupe.max_bytes */
    int dedupe_window_ms;       /* dedupe.window: 0 = off */
    int concurrency;            /* worker.concurrency: handler threads */
    size_t max_in_flight;       /* worker.max_in_flight: jobs */
    size_t max_in_flight_bytes; /* worker.max_in_flight_bytes */
    int handler_timeout_ms;     /* handler.timeout */
    int retry_attempts;         /* retry.attempts: in all, the first included; 0 = the profile's */
    int retry_delay_ms;         /* retry.delay: 0 = the profile's */
    int retry_max_delay_ms;     /* retry.max_delay: 0 = the profile's */
    char *retry_profile;        /* retry.profile: fast, standard, slow */
    bool retry_redeliver;       /* retry.redeliver */
    char *retry_tiers;          /* retry.tiers: off, or names of delays */
    char *dlq_topic;            /* dlq.topic */
    int drain_ms;               /* drain */
    char *plain_replies;        /* gateway.plain_replies */
    char *plain_topics;         /* gateway.plain_topics: NULL = none */
    enum pl_start start;        /* start */
    char *schema_ca_file;       /* schema.ca_file: NULL = the system's */
    char *schema_compatibility; /* schema.compatibility: NULL = the registry's */
    char *schema_registry;      /* schema.registry: NULL = none */
    int schema_timeout_ms;      /* schema.timeout */
    int schema_ttl_ms;          /* schema.ttl */
    char *log_level;            /* log.level: error, warn, info, debug */
    char *password_file;        /* of SASL, read again when brokers refuse us: KAFKA_SASL_PASSWORD_FILE; NULL = none */
    struct pl_property *kafka;  /* kafka.*, from weaker sources first */
    size_t n_kafka;
    pouch_validate_fn *validate; /* pouch_options_set_validator(); NULL: payloads are not checked */
    void *validate_arg;
};

/*
 * Typed copies of all settings in force. CONFIG: a bad value from the environment, named. NO_MEMORY. On failure *s is
 * empty.
 */
POUCH_MUST_CHECK pouch_err pl_settings_read(struct pl_settings *s, const pouch_options *o);
void pl_settings_free(struct pl_settings *s);

/*
 * A room's own choice of a property of librdkafka, unless the user has made one: it stands before the user's own, and
 * librdkafka takes what it is told last. NO_MEMORY: s is as it was.
 */
POUCH_MUST_CHECK pouch_err pl_settings_suggest(struct pl_settings *s, const char *name, const char *value);

/*
 * Makes *out a view of s in which `own` prevail over what the user has set. It borrows everything of s and of own,
 * except its array of properties, which the caller frees: free(out->kafka). NO_MEMORY: out->kafka is NULL.
 */
POUCH_MUST_CHECK pouch_err pl_settings_insist(struct pl_settings *out, const struct pl_settings *s,
                                              const struct pl_property own[], size_t n);

/* The table, for the command line, `config show` and the documents. */
enum pl_option_kind {
    PL_KIND_TEXT,     /* without control characters; in a file also a list, joined by commas */
    PL_KIND_NAME,     /* of a topic or client: A-Z a-z 0-9 . _ - */
    PL_KIND_PATH,     /* in a file: relative to that file's folder */
    PL_KIND_BOOL,     /* on, off, true, false, yes, no, 1, 0 in any case */
    PL_KIND_COUNT,    /* digits */
    PL_KIND_BYTES,    /* digits, and B, KiB, MiB or GiB */
    PL_KIND_DURATION, /* see pl_duration_parse() */
    PL_KIND_CHOICE,   /* one of the words in choices */
};

/*
 * The C type of a setting. A choice becomes the index of its word in a bool or an enum, the
 * number that it spells in an int.
 */
enum pl_field { PL_FIELD_TEXT, PL_FIELD_BOOL, PL_FIELD_INT, PL_FIELD_ENUM, PL_FIELD_SIZE };

struct pl_option {
    const char *name;     /* "client.id" */
    const char *flag;     /* "--client-id"; NULL = only in file and environment */
    char letter;          /* 'b' for -b; 0 = none */
    const char *arg;      /* "ID" in --help; NULL without a flag */
    const char *seed_env; /* "KAFKA_CLIENT_ID" or NULL (see conf/seed.h); the name of its own is pl_option_env() */
    enum pl_option_kind kind;
    const char *fallback; /* as text; NULL = unset */
    const char *choices;  /* "warn|stop" for CHOICE */
    int64_t least, most;  /* COUNT, BYTES, DURATION (ms); for TEXT, NAME and PATH the length in bytes */
    size_t at;            /* the place in struct pl_settings */
    enum pl_field field;  /* and the type there */
    const char *text;     /* one sentence of help */
};
extern const struct pl_option pl_options[]; /* ordered by name, ended by a NULL name */

/* The row of that name, NULL when there is none. */
const struct pl_option *pl_option_find(const char *name);

/* The option's environment name: POUCH_, then the name in upper case with _ for each dot. */
enum { PL_OPTION_ENV_MAX = 64 };
const char *pl_option_env(const struct pl_option *row, char out[PL_OPTION_ENV_MAX]);

/* The type and bounds in words: "count (1 to 1024)", for the documents. Gives out. */
enum { PL_OPTION_ALLOWED_MAX = 128 };
const char *pl_option_allowed(const struct pl_option *row, char out[PL_OPTION_ALLOWED_MAX]);

/*
 * Where the value in force came from: "default", "file PATH:LINE", "environment NAME", "set".
 * For `config show`; also for "kafka.NAME". Borrowed as pouch_options_get(); NULL for an unknown name.
 */
const char *pl_option_origin(const pouch_options *o, const char *name);

/*
 * The i-th kafka.* property that is set: its name with "kafka." in front, as for
 * pl_option_origin(), and its value, "***" when it is secret. false past the end.
 */
bool pl_option_kafka(const pouch_options *o, size_t i, const char **name, const char **value);

/*
 * The first line of a file that only its owner may read. CONFIG: the reason, and what to do; out is empty then. The
 * caller wipes it.
 */
enum { PL_SECRET_MAX = 4096 };
POUCH_MUST_CHECK pouch_err pl_secret_read(const char *path, char out[PL_SECRET_MAX]);

/* "30s", "500ms", "5m", "2h", "1d", bare = ms. CONFIG when malformed or out of bounds, the bounds in pouch_why(). */
POUCH_MUST_CHECK pouch_err pl_duration_parse(int64_t *ms, const char *text, int64_t least, int64_t most);

#endif
