/* The one table of options. A new setting is a field in struct pl_settings and a row here. */
#include <base/breaker.h>
#include <conf/settings.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { KIB = 1024 };
#define GIB (INT64_C(1) << 30)

/* The longest name of a topic, and of a client whose reply topic is NAME.replies. */
enum { TOPIC_MAX = 249, CLIENT_MAX = TOPIC_MAX - (int)sizeof ".replies" + 1 };
enum { TEXT_MAX = 8192 };

/* The type comes from the field itself, so that row and field cannot disagree. */
#define FIELD(f) \
    .at = offsetof(struct pl_settings, f), .field = _Generic(((struct pl_settings *)0)->f, char *                      \
                                                             : PL_FIELD_TEXT, bool                                     \
                                                             : PL_FIELD_BOOL, int                                      \
                                                             : PL_FIELD_INT, enum pl_start                             \
                                                             : PL_FIELD_ENUM, size_t                                   \
                                                             : PL_FIELD_SIZE)
#define FLAG(long_name, word) .flag = (long_name), .arg = (word)
#define BOUNDS(low, high)     .least = (low), .most = (high)

/* clang-format off */
const struct pl_option pl_options[] = {
    {.name = "breaker.failures", FIELD(breaker_failures),
     .kind = PL_KIND_COUNT, BOUNDS(0, PL_BREAKER_FAILURES_MOST), .fallback = "20",
     .text = "How often in a row a handler retries or takes too long until it is not called for a while; 0: it is always called"},
    {.name = "breaker.max_held", FIELD(breaker_max_held),
     .kind = PL_KIND_COUNT, BOUNDS(0, 1000000), .fallback = "1000",
     .text = "Requests that wait for each handler that is not called, at most; what comes beyond is answered overloaded"},
    {.name = "breaker.period", FIELD(breaker_period_ms),
     .kind = PL_KIND_DURATION, BOUNDS(1, DAY), .fallback = "1m",
     .text = "How close together the failures of breaker.failures are"},
    {.name = "breaker.recovery", FIELD(breaker_recovery_ms),
     .kind = PL_KIND_DURATION, BOUNDS(1, HOUR), .fallback = "5s",
     .text = "How long a handler that keeps failing is not called before one request tries it"},
    {.name = "brokers", FIELD(brokers), .letter = 'b', FLAG("--brokers", "HOST:PORT,…"), .seed_env = "KAFKA_BROKERS",
     .kind = PL_KIND_TEXT, BOUNDS(1, TEXT_MAX), .fallback = "localhost:9092",
     .text = "Kafka brokers to begin with; the rest are learned from them"},
    {.name = "center.inbox", FIELD(inbox), FLAG("--inbox", "TOPIC"),
     .kind = PL_KIND_NAME, BOUNDS(1, TOPIC_MAX), .fallback = "command-center-inbox",
     .text = "Topic of the command center that routes by publisher"},
    {.name = "center.max_in_flight", FIELD(center_in_flight),
     .kind = PL_KIND_COUNT, BOUNDS(16, 1000000), .fallback = "10000",
     .text = "Requests that a center holds until they are routed and traced, before it stops fetching"},
    {.name = "center.publisher_burst", FIELD(publisher_burst),
     .kind = PL_KIND_COUNT, BOUNDS(0, 10000000), .fallback = "0",
     .text = "Requests that a publisher which was quiet may send at once, whatever center.publisher_rate; 0: as many as in a second"},
    {.name = "center.publisher_rate", FIELD(publisher_rate),
     .kind = PL_KIND_COUNT, BOUNDS(0, 10000000), .fallback = "0",
     .text = "Requests a second that each center routes for each publisher; what comes beyond is answered overloaded and becomes a dead letter; 0: no limit"},
    {.name = "center.routes_topic", FIELD(routes_topic),
     .kind = PL_KIND_NAME, BOUNDS(1, TOPIC_MAX), .fallback = "pouch.routes",
     .text = "Compacted topic on which changed routes are announced to every center"},
    {.name = "client.connect_timeout", FIELD(connect_timeout_ms),
     .kind = PL_KIND_DURATION, BOUNDS(1, 10 * MINUTE), .fallback = "10s",
     .text = "How long to wait for the first broker before requests end with no_broker"},
    {.name = "client.id", FIELD(client_id), FLAG("--client-id", "ID"), .seed_env = "KAFKA_CLIENT_ID",
     .kind = PL_KIND_NAME, BOUNDS(1, CLIENT_MAX),
     .text = "Name of this client to Kafka and in its topics; unset, the role's own"},
    {.name = "client.max_pending", FIELD(max_pending),
     .kind = PL_KIND_COUNT, BOUNDS(1, 10000000), .fallback = "65536",
     .text = "Requests that may be open at once; one more is refused as overloaded"},
    {.name = "client.no_responders", FIELD(no_responders), FLAG("--no-responders", "on|off"),
     .kind = PL_KIND_BOOL,
     .text = "Whether a request to a topic that no consumer group reads ends at once with no_responders; unset, on for pouch request and off for others"},
    {.name = "client.plain_errors", FIELD(plain_errors),
     .kind = PL_KIND_CHOICE, .choices = "ignore|accept", .fallback = "accept",
     .text = "What to do with errors told without the key, which anyone who may write the reply topic can forge"},
    {.name = "client.thread", FIELD(thread),
     .kind = PL_KIND_BOOL, .fallback = "on",
     .text = "Whether the client has a thread of its own; off, the program's loop drives it"},
    {.name = "crypto.iv_bytes", FIELD(iv_bytes), FLAG("--iv-bytes", "12|16"),
     .kind = PL_KIND_CHOICE, .choices = "12|16", .fallback = "16",
     .text = "Length of the IV of what is sealed; some peers refuse one of the two"},
    {.name = "crypto.over_limit", FIELD(over_limit_stop),
     .kind = PL_KIND_CHOICE, .choices = "warn|stop", .fallback = "warn",
     .text = "What to do when a key has sealed as many messages as NIST SP 800-38D allows"},
    {.name = "crypto.seal_counts", FIELD(seal_counts),
     .kind = PL_KIND_PATH, BOUNDS(1, 4095),
     .text = "File that keeps how many messages each key has sealed, for all processes that name it; unset, `seals` in the state directory"},
    {.name = "deadline.skew", FIELD(deadline_skew_ms),
     .kind = PL_KIND_DURATION, BOUNDS(0, 5 * MINUTE), .fallback = "2s",
     .text = "How far the clocks of requester and worker may differ before a deadline counts as passed"},
    {.name = "dedupe.file", FIELD(dedupe_file),
     .kind = PL_KIND_PATH, BOUNDS(1, 4095),
     .text = "File that keeps a worker's dedupe window over restarts, for all workers of its group on this host; unset, seen-GROUP.db in the state directory"},
    {.name = "dedupe.max", FIELD(dedupe_max),
     .kind = PL_KIND_COUNT, BOUNDS(1, 10000000), .fallback = "100000",
     .text = "Requests that a worker's dedupe window holds; beyond that the oldest are forgotten before their time"},
    {.name = "dedupe.max_bytes", FIELD(dedupe_max_bytes),
     .kind = PL_KIND_BYTES, BOUNDS(64 * KIB, 64 * GIB), .fallback = "64MiB",
     .text = "Bytes of the answers in it; beyond that the oldest are forgotten before their time"},
    {.name = "dedupe.window", FIELD(dedupe_window_ms),
     .kind = PL_KIND_DURATION, BOUNDS(0, DAY), .fallback = "0",
     .text = "For how long a worker answers a request that it has handled, when the same envelope comes again, without calling its handler; 0: each one is handled"},
    {.name = "dlq.topic", FIELD(dlq_topic),
     .kind = PL_KIND_NAME, BOUNDS(1, TOPIC_MAX), .fallback = "internal.dlq",
     .text = "Topic for records that cannot be delivered or handled"},
    {.name = "drain", FIELD(drain_ms), FLAG("--drain", "TIME"),
     .kind = PL_KIND_DURATION, BOUNDS(0, HOUR), .fallback = "10s",
     .text = "How long to finish what is in flight when stopping or losing a partition"},
    {.name = "group", FIELD(group), FLAG("--group", "G"), .seed_env = "KAFKA_GROUP_ID",
     .kind = PL_KIND_TEXT, BOUNDS(1, TOPIC_MAX),
     .text = "Consumer group of a worker or center; unset, the client id"},
    {.name = "handler.timeout", FIELD(handler_timeout_ms), FLAG("--handler-timeout", "TIME"),
     .kind = PL_KIND_DURATION, BOUNDS(1, DAY), .fallback = "30s",
     .text = "How long a handler may take for one request"},
    {.name = "instance.id", FIELD(instance_id), FLAG("--instance-id", "ID"),
     .kind = PL_KIND_NAME, BOUNDS(1, TOPIC_MAX),
     .text = "Static member of the group, unique in it; unset, members are dynamic"},
    {.name = "key.file", FIELD(key_file), FLAG("--key-file", "FILE"),
     .kind = PL_KIND_PATH, BOUNDS(1, 4095),
     .text = "File of the key ring; unset, the one key in ENCRYPTION_KEY"},
    {.name = "listen", FIELD(listen), FLAG("--listen", "HOST:PORT"),
     .kind = PL_KIND_TEXT, BOUNDS(1, 255),
     .text = "Address to serve health, metrics and status on over HTTP; unset, nothing listens"},
    {.name = "log.level", FIELD(log_level), FLAG("--log-level", "LEVEL"),
     .kind = PL_KIND_CHOICE, .choices = "error|warn|info|debug", .fallback = "info",
     .text = "The least important lines to log"},
    {.name = "reply.topic", FIELD(reply_topic), FLAG("--reply-topic", "TOPIC"),
     .kind = PL_KIND_NAME, BOUNDS(1, TOPIC_MAX),
     .text = "Topic that a client reads replies from; unset, <client.id>.replies"},
    {.name = "reply.topics", FIELD(reply_topics),
     .kind = PL_KIND_TEXT, BOUNDS(1, TEXT_MAX), .fallback = "*.replies,*-reply",
     .text = "Patterns of the topics that requests may ask a worker to reply to"},
    {.name = "request.timeout", FIELD(request_timeout_ms), FLAG("--timeout", "TIME"),
     .kind = PL_KIND_DURATION, BOUNDS(1, DAY), .fallback = "30s",
     .text = "How long a request waits for its reply"},
    {.name = "retry.attempts", FIELD(retry_attempts),
     .kind = PL_KIND_COUNT, BOUNDS(1, 100),
     .text = "How often a request is tried in its worker, the first time included; unset, as retry.profile says"},
    {.name = "retry.delay", FIELD(retry_delay_ms),
     .kind = PL_KIND_DURATION, BOUNDS(1, HOUR),
     .text = "How long a worker waits before the second try; each further wait is twice as long; unset, as retry.profile says"},
    {.name = "retry.max_delay", FIELD(retry_max_delay_ms),
     .kind = PL_KIND_DURATION, BOUNDS(1, HOUR),
     .text = "The longest wait between two tries in a worker; unset, as retry.profile says"},
    {.name = "retry.profile", FIELD(retry_profile),
     .kind = PL_KIND_CHOICE, .choices = "fast|standard|slow", .fallback = "fast",
     .text = "How a worker tries again: fast, 3 times from 100 ms to 1 s; standard, 5 times from 500 ms to 5 s; slow, 3 times from 2 s to 10 s"},
    {.name = "retry.redeliver", FIELD(retry_redeliver),
     .kind = PL_KIND_BOOL, .fallback = "on",
     .text = "Whether this worker or center helps to bring back what waits in the retry topics; some process must"},
    {.name = "retry.tiers", FIELD(retry_tiers),
     .kind = PL_KIND_TEXT, BOUNDS(1, 255), .fallback = "1min,5min,30min",
     .text = "Delays of the retry topics, internal.retry.1min and so on, that a request goes through when its tries in the worker are used up and its deadline allows; off: none"},
    {.name = "start", FIELD(start), FLAG("--start", "WHERE"),
     .kind = PL_KIND_CHOICE, .choices = "auto|earliest|latest", .fallback = "auto",
     .text = "Where a group without offsets begins; auto refuses to replay old requests"},
    {.name = "store", FIELD(store), FLAG("--store", "URL"), .seed_env = "CASSANDRA_CONTACT_POINTS",
     .kind = PL_KIND_TEXT, BOUNDS(1, TEXT_MAX),
     .text = "Where routes, services and traces are kept, such as sqlite:///var/lib/pouch or cassandra://host1,host2/pouch; CASSANDRA_CONTACT_POINTS makes one with CASSANDRA_PORT (9042), CASSANDRA_LOCAL_DATACENTER or CASSANDRA_DATACENTER, and CASSANDRA_KEYSPACE (messaging); unset, a center and the commands use the state directory, and clients and workers log nothing"},
    {.name = "trace.center", FIELD(trace_center_off),
     .kind = PL_KIND_CHOICE, .choices = "on|off", .fallback = "on",
     .text = "Whether a center writes a trace row for each record that it routes"},
    {.name = "trace.max_bytes", FIELD(trace_max_bytes),
     .kind = PL_KIND_BYTES, BOUNDS(0, 1024 * GIB), .fallback = "0",
     .text = "About how many bytes the trace files of a SQLite store may have; beyond that the oldest go before their time; 0: no bound"},
    {.name = "trace.payload", FIELD(trace_sealed),
     .kind = PL_KIND_CHOICE, .choices = "none|sealed", .fallback = "none",
     .text = "Whether the message log of clients and workers keeps the sealed envelope"},
    {.name = "trace.queue_bytes", FIELD(trace_queue_bytes),
     .kind = PL_KIND_BYTES, BOUNDS(64 * KIB, GIB), .fallback = "16MiB",
     .text = "Bytes of trace rows that may wait for the store; what comes beyond is counted as missing"},
    {.name = "trace.spool", FIELD(trace_spool),
     .kind = PL_KIND_PATH, BOUNDS(1, TEXT_MAX),
     .text = "Folder for trace rows that wait on disk while the store is away or slow; unset, that of a store on this host, else the state directory"},
    {.name = "trace.spool_bytes", FIELD(trace_spool_bytes),
     .kind = PL_KIND_BYTES, BOUNDS(1024 * KIB, 64 * GIB), .fallback = "256MiB",
     .text = "Bytes of trace rows that each process may keep there; what comes beyond is counted as missing"},
    {.name = "trace.spool_reserve", FIELD(trace_spool_reserve),
     .kind = PL_KIND_BYTES, BOUNDS(0, 64 * GIB), .fallback = "64MiB",
     .text = "Bytes of these that a center takes from the disk at its start, for when the disk is full"},
    {.name = "trace.ttl", FIELD(trace_ttl_ms),
     .kind = PL_KIND_DURATION, BOUNDS(MINUTE, 24 * DAY), .fallback = "7d",
     .text = "How long traces are kept"},
    {.name = "worker.concurrency", FIELD(concurrency), FLAG("--concurrency", "N"),
     .kind = PL_KIND_COUNT, BOUNDS(1, 1024), .fallback = "4",
     .text = "Handlers that run at once"},
    {.name = "worker.max_in_flight", FIELD(max_in_flight),
     .kind = PL_KIND_COUNT, BOUNDS(1, 1000000), .fallback = "10000",
     .text = "Requests that a worker holds before it stops fetching"},
    {.name = "worker.max_in_flight_bytes", FIELD(max_in_flight_bytes),
     .kind = PL_KIND_BYTES, BOUNDS(4 * KIB, 64 * GIB), .fallback = "32MiB",
     .text = "Bytes of requests that a worker holds before it stops fetching"},
    {.name = NULL},
};
/* clang-format on */

const struct pl_option *pl_option_find(const char *name) {
    for (const struct pl_option *row = pl_options; row->name; row++)
        if (!strcmp(row->name, name)) return row;
    return NULL;
}

const char *pl_option_env(const struct pl_option *row, char out[PL_OPTION_ENV_MAX]) {
    static const char prefix[] = "POUCH_";
    memcpy(out, prefix, sizeof prefix);
    size_t n = sizeof prefix - 1;
    for (const char *c = row->name; *c && n < PL_OPTION_ENV_MAX - 1; c++)
        out[n++] = *c == '.' || *c == '-' ? '_' : (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    out[n] = 0;
    return out;
}
