/*
 * Settings as typed values. conf/table.c holds the one table: name, flag, environment names,
 * type, bounds, default, text. The public pouch_options is text checked against it; rooms take
 * a struct pl_settings, a copy that nobody changes.
 */
#ifndef POUCH_CONF_SETTINGS_H
#define POUCH_CONF_SETTINGS_H

#include <pouch/options.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_start { PL_START_AUTO, PL_START_EARLIEST, PL_START_LATEST };

struct pl_property { /* of librdkafka, from kafka.* in a file or -X */
    char *name, *value;
};

struct pl_settings {
    char *brokers;             /* brokers: host:port,… */
    char *client_id;           /* client.id: NULL = the role's default */
    char *group;               /* group: NULL = the client id */
    char *instance_id;         /* instance.id: static membership; NULL = none */
    char *key_file;            /* key.file: NULL = ENCRYPTION_KEY */
    int iv_bytes;              /* crypto.iv_bytes: 12, 16 */
    bool over_limit_stop;      /* crypto.over_limit: warn, stop */
    char *reply_topic;         /* reply.topic: NULL = <client.id>.replies */
    char *reply_topics;        /* reply.topics: patterns a worker may reply to */
    char *inbox;               /* center.inbox */
    bool thread;               /* client.thread */
    bool plain_errors;         /* client.plain_errors: accept, ignore */
    size_t max_pending;        /* client.max_pending: open calls */
    int connect_timeout_ms;    /* client.connect_timeout */
    int request_timeout_ms;    /* request.timeout */
    int deadline_skew_ms;      /* deadline.skew */
    int concurrency;           /* worker.concurrency: handler threads */
    size_t max_in_flight;      /* worker.max_in_flight: jobs */
    size_t max_in_flight_bytes;/* worker.max_in_flight_bytes */
    int handler_timeout_ms;    /* handler.timeout */
    int retry_attempts;        /* retry.attempts: in all, the first included */
    char *dlq_topic;           /* dlq.topic */
    int drain_ms;              /* drain */
    enum pl_start start;       /* start */
    char *log_level;           /* log.level: error, warn, info, debug */
    struct pl_property *kafka; /* kafka.*, in the order they were set */
    size_t n_kafka;
};

/* Typed copies of all settings in force. CONFIG: a bad value from the environment, named. NO_MEMORY. On failure *s is empty. */
POUCH_MUST_CHECK pouch_err pl_settings_read(struct pl_settings *s, const pouch_options *o);
void pl_settings_free(struct pl_settings *s);

/* The table, for the command line, `config show` and the documents. */
enum pl_option_kind { PL_KIND_TEXT, PL_KIND_NAME, PL_KIND_BOOL, PL_KIND_COUNT, PL_KIND_BYTES, PL_KIND_DURATION, PL_KIND_CHOICE, PL_KIND_PATH };

struct pl_option {
    const char *name;       /* "client.id" */
    const char *flag;       /* "--client-id"; NULL = only in file and environment */
    char letter;            /* 'b' for -b; 0 = none */
    const char *arg;        /* "ID" in --help */
    const char *env;        /* "POUCH_CLIENT_ID" */
    const char *seed_env;   /* "KAFKA_CLIENT_ID" or NULL */
    enum pl_option_kind kind;
    const char *fallback;   /* as text; NULL = unset */
    const char *choices;    /* "warn|stop" for CHOICE */
    int64_t least, most;    /* for COUNT, BYTES, DURATION (ms) */
    bool secret;
    const char *text;       /* one sentence of help */
};
extern const struct pl_option pl_options[]; /* ordered by name, ended by a NULL name */

/* Where the value in force came from: "default", "file PATH:LINE", "environment NAME", "set". For `config show`. Borrowed as pouch_options_get(). */
const char *pl_option_origin(const pouch_options *o, const char *name);

/* kafka.* properties in force: the i-th name and value ("***" for secret ones such as *password*); false past the end. */
bool pl_option_kafka(const pouch_options *o, size_t i, const char **name, const char **value);

/* "30s", "500ms", "5m", "2h", "1d", bare = ms. CONFIG when malformed or out of bounds, the bounds in pouch_why(). */
POUCH_MUST_CHECK pouch_err pl_duration_parse(int64_t *ms, const char *text, int64_t least, int64_t most);

#endif
