/*
 * X(ID, counter|gauge, "name", "labels" or "", "help"). Lines of one name stand together; the
 * help of the first is printed. Base units; no ids as labels.
 */
#ifndef POUCH_METRICS_LIST_H
#define POUCH_METRICS_LIST_H

/* clang-format off */
#define PL_METRICS(X)                                                                              \
    X(REQUESTS, counter, "pouch_client_requests_total", "", "Requests handed to the producer.")    \
    X(PENDING, gauge, "pouch_client_pending", "", "Open calls.")                                   \
    X(SHED, counter, "pouch_client_overloaded_total", "", "Calls refused because a bound was reached.") \
    X(REPLY_OK, counter, "pouch_client_replies_total", "outcome=\"success\"", "Replies matched to an open call, by outcome.") \
    X(REPLY_ERROR, counter, "pouch_client_replies_total", "outcome=\"error\"", "")                 \
    X(REPLY_PLAIN, counter, "pouch_client_replies_total", "outcome=\"plain_error\"", "")           \
    X(REPLY_OTHER, counter, "pouch_client_ignored_total", "reason=\"not_ours\"", "Records on the reply topic that ended no call, by reason: late, duplicate and other instances' replies are not_ours.") \
    X(REPLY_MISMATCH, counter, "pouch_client_ignored_total", "reason=\"mismatch\"", "")            \
    X(REPLY_UNREADABLE, counter, "pouch_client_ignored_total", "reason=\"unreadable\"", "")        \
    X(REPLY_FORGED, counter, "pouch_client_ignored_total", "reason=\"plain_ignored\"", "")         \
    X(REPLY_BRANCH, counter, "pouch_client_ignored_total", "reason=\"branch_failed\"", "")       \
    X(TIMEOUTS, counter, "pouch_client_timeouts_total", "", "Calls ended by their deadline.")      \
    X(NO_RESPONDERS, counter, "pouch_client_no_responders_total", "", "Calls ended, or refused, because nobody reads their topic.") \
    X(LANE_MOVES, counter, "pouch_client_lane_moves_total", "", "Times the reply lane was positioned anew.") \
    X(JOBS, counter, "pouch_worker_jobs_total", "outcome=\"replied\"", "Jobs ended, by outcome.")  \
    X(JOBS_FAILED, counter, "pouch_worker_jobs_total", "outcome=\"failed\"", "")                   \
    X(JOBS_FORWARDED, counter, "pouch_worker_jobs_total", "outcome=\"forwarded\"", "")             \
    X(JOBS_EXPIRED, counter, "pouch_worker_jobs_total", "outcome=\"expired\"", "")                 \
    X(JOBS_TIMED_OUT, counter, "pouch_worker_jobs_total", "outcome=\"handler_timeout\"", "")       \
    X(JOBS_DONE, counter, "pouch_worker_jobs_total", "outcome=\"done\"", "")                       \
    X(JOBS_REJECTED, counter, "pouch_worker_jobs_total", "outcome=\"rejected\"", "")               \
    X(JOBS_REPEATED, counter, "pouch_worker_jobs_total", "outcome=\"repeated\"", "")               \
    X(JOBS_LATER, counter, "pouch_worker_jobs_total", "outcome=\"retried_later\"", "")             \
    X(JOBS_SHED, counter, "pouch_worker_jobs_total", "outcome=\"overloaded\"", "")                \
    X(INVALID_REQUEST, counter, "pouch_payloads_invalid_total", "kind=\"request\"", "Payloads that the validator of the client or worker refused, before they were sent or after they came.") \
    X(INVALID_REPLY, counter, "pouch_payloads_invalid_total", "kind=\"reply\"", "") \
    X(UNCHECKED, counter, "pouch_payloads_unchecked_total", "", "Times that the validator could not tell about a payload, as when a schema registry does not answer.") \
    X(CHECK_WAITING, gauge, "pouch_worker_unchecked", "", "Requests that wait because they, or their replies, cannot be checked at present.") \
    X(RETRIES, counter, "pouch_worker_retries_total", "", "Further attempts of a job.")            \
    X(IN_FLIGHT, gauge, "pouch_worker_in_flight", "", "Jobs taken and not yet ended.")             \
    X(IN_FLIGHT_LIMIT, gauge, "pouch_worker_in_flight_limit", "", "How many there may be: worker.max_in_flight.") \
    X(DEDUPE_ENTRIES, gauge, "pouch_worker_dedupe_entries", "", "Requests in the dedupe window that have ended.") \
    X(DEDUPE_UNSAVED, gauge, "pouch_worker_dedupe_unsaved", "", "Those of them that are not in dedupe.file: what a kill would forget.") \
    X(DEDUPE_FORGOTTEN, counter, "pouch_worker_dedupe_forgotten_total", "", "Requests that left the dedupe window before their time, or found no room in it.") \
    X(DEDUPE_FAILURES, counter, "pouch_worker_dedupe_failures_total", "", "Times that dedupe.file could not be used.") \
    X(BREAKERS_CLOSED, gauge, "pouch_worker_breakers", "state=\"closed\"", "Circuit breakers of handlers, by state; while one is not closed its handler is not called, but for a probe.") \
    X(BREAKERS_OPEN, gauge, "pouch_worker_breakers", "state=\"open\"", "") \
    X(BREAKERS_HALF_OPEN, gauge, "pouch_worker_breakers", "state=\"half_open\"", "") \
    X(HELD, gauge, "pouch_worker_held", "", "Requests that wait because the breaker of their handler is not closed.") \
    X(BREAKER_OPENED, counter, "pouch_breaker_openings_total", "kind=\"handler\"", "Times that a circuit breaker has opened; that of a target, when it takes nothing.") \
    X(TARGET_STALLED, counter, "pouch_breaker_openings_total", "kind=\"target\"", "") \
    X(TARGETS_OPEN, gauge, "pouch_target_breakers", "state=\"open\"", "Topics that records are sent to and that take nothing: what is for them is refused; half_open: one record tries.") \
    X(TARGETS_HALF_OPEN, gauge, "pouch_target_breakers", "state=\"half_open\"", "") \
    X(DEAD_LETTERS, counter, "pouch_dead_letters_total", "kind=\"permanent\"", "Records written to the dead-letter topic; retriable: sending them again may help.") \
    X(DEAD_LETTERS_RETRIABLE, counter, "pouch_dead_letters_total", "kind=\"retriable\"", "") \
    X(REDELIVERED, counter, "pouch_retry_redelivered_total", "", "Records that came back from a retry topic when they were due.") \
    X(POSTPONED, counter, "pouch_retry_postponed_total", "", "Records that waited for a delay once more because their topic could not be written to.") \
    X(RETRY_WORKING, gauge, "pouch_retry_working", "", "1 while this process brings back what waits in the retry topics.") \
    X(RETRY_WAITING, gauge, "pouch_retry_waiting_partitions", "", "Partitions of retry topics whose next record is not due yet.") \
    X(RETRY_BLOCKED, gauge, "pouch_retry_blocked", "", "Records of retry topics whose dead letter cannot be stored; their partitions wait.") \
    X(BLOCKED, gauge, "pouch_worker_blocked_partitions", "", "Partitions that wait because an outcome cannot be stored, or a payload cannot be checked.") \
    X(CENTER_ROUTED, counter, "pouch_center_records_total", "outcome=\"routed\"", "Records by how they ended, once for each target.") \
    X(CENTER_NO_ROUTE, counter, "pouch_center_records_total", "outcome=\"no_route\"", "") \
    X(CENTER_DISABLED, counter, "pouch_center_records_total", "outcome=\"route_disabled\"", "") \
    X(CENTER_HOP_LIMIT, counter, "pouch_center_records_total", "outcome=\"hop_limit\"", "") \
    X(CENTER_BAD_ENVELOPE, counter, "pouch_center_records_total", "outcome=\"bad_envelope\"", "") \
    X(CENTER_EXPIRED, counter, "pouch_center_records_total", "outcome=\"expired\"", "") \
    X(CENTER_TOO_LARGE, counter, "pouch_center_records_total", "outcome=\"too_large\"", "") \
    X(CENTER_REFUSED, counter, "pouch_center_records_total", "outcome=\"target_refused\"", "") \
    X(CENTER_SHED, counter, "pouch_center_records_total", "outcome=\"overloaded\"", "") \
    X(CENTER_LATER, counter, "pouch_center_records_total", "outcome=\"retried_later\"", "") \
    X(CENTER_LIMITED, counter, "pouch_center_limited_total", "", "Records refused as overloaded because their publisher sent more than center.publisher_rate allows.") \
    X(CENTER_IN_FLIGHT, gauge, "pouch_center_in_flight", "", "Records taken whose offset may not be committed yet.") \
    X(CENTER_IN_FLIGHT_LIMIT, gauge, "pouch_center_in_flight_limit", "", "How many there may be: center.max_in_flight.") \
    X(CENTER_RESENT, counter, "pouch_center_resent_total", "", "Further attempts to write a record to a target.") \
    X(CENTER_UNTOLD, counter, "pouch_center_untold_total", "", "Errors that could not be told to their requester.") \
    X(CENTER_BLOCKED, gauge, "pouch_center_blocked_partitions", "", "Inbox partitions that wait because a dead letter cannot be stored.") \
    X(CENTER_AWAITING, gauge, "pouch_center_awaiting_requests", "", "Requests that wait because their route has changed and the store that says how cannot be read.") \
    X(CENTER_STALLED, gauge, "pouch_center_stalled_targets", "", "Targets that take nothing while others do; what is for them is refused.") \
    X(CENTER_UNTRACED, counter, "pouch_center_untraced_total", "", "Records whose offset did not wait for their trace row because the store stood still.") \
    X(DELIVERY_ERRORS, counter, "pouch_delivery_errors_total", "", "Records the broker did not take.") \
    X(PRODUCER_REBUILDS, counter, "pouch_producer_rebuilds_total", "", "Producers made anew after a fatal error.") \
    X(OFFSET_RESETS, counter, "pouch_offset_resets_total", "", "Times a position was out of the log's range.") \
    X(DECRYPT_FAILURES, counter, "pouch_decrypt_failures_total", "reason=\"not_opened\"", "Envelopes that did not open; unknown_kid: they name a key that the ring does not have, which during a rotation is a step taken too early.") \
    X(DECRYPT_UNKNOWN_KID, counter, "pouch_decrypt_failures_total", "reason=\"unknown_kid\"", "") \
    X(KEY_RELOADS, counter, "pouch_key_reloads_total", "outcome=\"taken\"", "Readings of the key file after the first, by outcome; refused: the keys stayed as they were.") \
    X(KEY_RELOADS_REFUSED, counter, "pouch_key_reloads_total", "outcome=\"refused\"", "") \
    X(PLAIN_REQUESTS, counter, "pouch_plain_requests_total", "", "Tasks that were handed to the producer for plain workers.") \
    X(PLAIN_OK, counter, "pouch_plain_replies_total", "outcome=\"success\"", "Replies of plain workers to an open task, by outcome.") \
    X(PLAIN_ERROR, counter, "pouch_plain_replies_total", "outcome=\"error\"", "") \
    X(PLAIN_OTHER, counter, "pouch_plain_ignored_total", "reason=\"not_ours\"", "Records on the topic of plain replies that ended no task, by reason; late: the task had timed out; duplicate: it had been answered.") \
    X(PLAIN_LATE, counter, "pouch_plain_ignored_total", "reason=\"late\"", "") \
    X(PLAIN_DUPLICATE, counter, "pouch_plain_ignored_total", "reason=\"duplicate\"", "") \
    X(PLAIN_UNREADABLE, counter, "pouch_plain_ignored_total", "reason=\"unreadable\"", "") \
    X(ADMIT_MISSING, counter, "pouch_gateway_refused_total", "reason=\"missing\"", "Calls of a gateway that were not let in, by reason: missing, without a key or token; place, from elsewhere while there are no keys; origin, from a page that may not; rate, over that of the key; slowed, from an address that has failed too often; scope, let in but not to that.") \
    X(ADMIT_WRONG, counter, "pouch_gateway_refused_total", "reason=\"wrong\"", "") \
    X(ADMIT_EXPIRED, counter, "pouch_gateway_refused_total", "reason=\"expired\"", "") \
    X(ADMIT_PLACE, counter, "pouch_gateway_refused_total", "reason=\"place\"", "") \
    X(ADMIT_ORIGIN, counter, "pouch_gateway_refused_total", "reason=\"origin\"", "") \
    X(ADMIT_RATE, counter, "pouch_gateway_refused_total", "reason=\"rate\"", "") \
    X(ADMIT_SLOWED, counter, "pouch_gateway_refused_total", "reason=\"slowed\"", "") \
    X(ADMIT_SCOPE, counter, "pouch_gateway_refused_total", "reason=\"scope\"", "") \
    X(ADMIT_FAILED, counter, "pouch_gateway_refused_total", "reason=\"no_memory\"", "") \
    X(ACCESS_RELOADS, counter, "pouch_access_reloads_total", "outcome=\"taken\"", "Readings of the access file after the first, by outcome; refused: who may use the gateway stayed as it was.") \
    X(ACCESS_RELOADS_REFUSED, counter, "pouch_access_reloads_total", "outcome=\"refused\"", "") \
    X(ACCESS_STALE, gauge, "pouch_access_stale", "", "1 while the access file is missing or not usable, and what it said before holds.") \
    X(AUDIT_LOST, counter, "pouch_audit_lost_total", "", "Lines that are missing in the audit log: too many waited, or the file could not be written.") \
    X(EVENTS_CLIENTS, gauge, "pouch_events_clients", "", "Streams of live events that are open.") \
    X(EVENTS_SENT, counter, "pouch_events_sent_total", "", "Live events queued for a client; once for each client.") \
    X(EVENTS_PUBLISHED, counter, "pouch_events_published_total", "", "Live events handed over to be stored on the log.") \
    X(EVENTS_COPIED, counter, "pouch_events_copied_total", "", "Records of mapped topics that this process copied to the log of live events.") \
    X(EVENTS_NOT_STORED, counter, "pouch_events_not_stored_total", "", "Live events, and records for other gateways, that the broker did not take.") \
    X(EVENTS_UNREADABLE, counter, "pouch_events_unreadable_total", "", "Records on the log of live events that are no events.") \
    X(EVENTS_SLOW, counter, "pouch_events_slow_total", "", "Clients of live events that were dropped because they did not take what was sent.") \
    X(EVENTS_RESETS, counter, "pouch_events_resets_total", "", "Times a client was told that the log does not have the events after its last one.") \
    X(EVENTS_TURNED_AWAY, counter, "pouch_events_turned_away_total", "", "Streams of live events that were not begun and told to come again: too many, a stop, or the log not there.") \
    X(HTTP_CONNECTIONS, gauge, "pouch_http_connections", "", "Open connections to the HTTP server.") \
    X(HTTP_2XX, counter, "pouch_http_answers_total", "class=\"2xx\"", "HTTP answers, by class of status.") \
    X(HTTP_3XX, counter, "pouch_http_answers_total", "class=\"3xx\"", "") \
    X(HTTP_4XX, counter, "pouch_http_answers_total", "class=\"4xx\"", "") \
    X(HTTP_5XX, counter, "pouch_http_answers_total", "class=\"5xx\"", "") \
    X(HTTP_MALFORMED, counter, "pouch_http_rejects_total", "reason=\"malformed\"", "HTTP requests and connections turned away, by reason; connections, address, calls, body_bytes: more than may be had at a time, address: by one client address.") \
    X(HTTP_LINE_TOO_LONG, counter, "pouch_http_rejects_total", "reason=\"line_too_long\"", "") \
    X(HTTP_FIELDS_TOO_LARGE, counter, "pouch_http_rejects_total", "reason=\"fields_too_large\"", "") \
    X(HTTP_HEAD_TIMEOUT, counter, "pouch_http_rejects_total", "reason=\"head_timeout\"", "") \
    X(HTTP_ANSWER_TIMEOUT, counter, "pouch_http_rejects_total", "reason=\"answer_timeout\"", "") \
    X(HTTP_FULL, counter, "pouch_http_rejects_total", "reason=\"connections\"", "") \
    X(HTTP_ADDRESS, counter, "pouch_http_rejects_total", "reason=\"address\"", "") \
    X(HTTP_CALLS, counter, "pouch_http_rejects_total", "reason=\"calls\"", "") \
    X(HTTP_CALL_TIMEOUT, counter, "pouch_http_rejects_total", "reason=\"call_timeout\"", "") \
    X(HTTP_BODY_TOO_LARGE, counter, "pouch_http_rejects_total", "reason=\"body_too_large\"", "") \
    X(HTTP_BODY_BYTES, counter, "pouch_http_rejects_total", "reason=\"body_bytes\"", "") \
    X(HTTP_BODY_TIMEOUT, counter, "pouch_http_rejects_total", "reason=\"body_timeout\"", "") \
    X(HTTP_STREAM_SLOW, counter, "pouch_http_rejects_total", "reason=\"slow_stream\"", "") \
    X(HTTP_TLS, counter, "pouch_http_rejects_total", "reason=\"tls\"", "") \
    X(HTTP_STREAMS, gauge, "pouch_http_streams", "", "Open streams of the HTTP server.") \
    X(TRACE_ROWS, counter, "pouch_trace_rows_total", "", "Trace rows written to the store.")       \
    X(GATEWAY_OPEN, gauge, "pouch_gateway_open_requests", "", "Calls of a gateway that wait for Kafka's answer.") \
    X(GATEWAY_WORK, gauge, "pouch_gateway_waiting_work", "kind=\"short\"", "Calls of a gateway that wait for a thread to look something up; long: in the dead-letter topic.") \
    X(GATEWAY_WORK_LONG, gauge, "pouch_gateway_waiting_work", "kind=\"long\"", "") \
    X(GATEWAY_STORE_OPENS, counter, "pouch_gateway_store_opens_total", "", "Times that a gateway has opened a store: some at first, and again when one has failed.") \
    X(SHARE_UP, gauge, "pouch_redis_up", "", "1 while a gateway's Redis is connected.") \
    X(SHARE_WAITING, gauge, "pouch_redis_waiting", "", "Commands that Redis has not answered yet.") \
    X(SHARE_COMMANDS, counter, "pouch_redis_commands_total", "", "Commands given to Redis.") \
    X(SHARE_UNSENT, counter, "pouch_redis_unsent_total", "", "Commands that were not given because Redis was away or too many waited.") \
    X(SHARE_REFUSED, counter, "pouch_redis_errors_total", "", "Commands that Redis answered with an error.") \
    X(SHARE_CONNECTS, counter, "pouch_redis_connects_total", "", "Times that Redis was connected.") \
    X(ASYNC_OPEN, gauge, "pouch_async_open", "", "Asynchronous requests that are not stored yet.") \
    X(ASYNC_REQUESTS, counter, "pouch_async_requests_total", "", "Asynchronous requests that were stored, or had been before under the same idempotency key.") \
    X(ASYNC_RESENT, counter, "pouch_async_sent_again_total", "", "Asynchronous requests that another gateway had noted and was not known to have sent, sent when their idempotency key came again.") \
    X(ASYNC_UNREADABLE, counter, "pouch_async_ignored_total", "", "Records on the topic of asynchronous replies that are none to a request of ours.") \
    X(ASYNC_FORGOTTEN, counter, "pouch_async_forgotten_total", "", "Asynchronous requests that a gateway without Redis forgot before their time because gateway.async_memory was full.") \
    X(ASYNC_SCANS, counter, "pouch_async_scans_total", "", "Times that the topic of asynchronous replies was read again to fill the index.") \
    X(TRACE_MISSING, counter, "pouch_trace_missing_total", "", "Trace rows that were not written: the queue was full, or neither the store nor the spool took them.") \
    X(TRACE_SPOOLED, counter, "pouch_trace_spooled_total", "", "Trace rows that went into the spool because the store did not take them.") \
    X(TRACE_REPLAYED, counter, "pouch_trace_replayed_total", "", "Trace rows that came to the store from the spool.") \
    X(TRACE_SPOOL_BYTES, gauge, "pouch_trace_spool_bytes", "", "Bytes in the spool that are not in the store yet.") \
    X(TRACE_SPOOLING, gauge, "pouch_trace_spooling", "", "1 while trace rows go into the spool.") \
    X(TRACE_EXPIRED, counter, "pouch_trace_expired_files_total", "", "Trace files removed because all their rows were older than trace.ttl, or for trace.max_bytes. A Cassandra drops rows by itself.") \
    X(TRACE_QUEUE_BYTES, gauge, "pouch_trace_queue_bytes", "", "Bytes of trace rows that wait for the store.") \
    X(CQL_LOST, counter, "pouch_cassandra_connections_lost_total", "", "Connections to Cassandra that were lost or could not be made.") \
    X(CQL_RETRIES, counter, "pouch_cassandra_retries_total", "", "Requests to Cassandra that were tried on a further host.") \
    X(CQL_TIMEOUTS, counter, "pouch_cassandra_timeouts_total", "", "Requests to Cassandra that were not answered in time.") \
    X(SCHEMA_HITS, counter, "pouch_schema_lookups_total", "outcome=\"hit\"", "Schemas that were wanted, by where they came from: hit, they were at hand; miss, from the registry; stale, at hand and older than schema.ttl, because the registry could not be asked; error, from nowhere.") \
    X(SCHEMA_MISSES, counter, "pouch_schema_lookups_total", "outcome=\"miss\"", "") \
    X(SCHEMA_STALE, counter, "pouch_schema_lookups_total", "outcome=\"stale\"", "") \
    X(SCHEMA_ERRORS, counter, "pouch_schema_lookups_total", "outcome=\"error\"", "") \
    X(LOG_LEFT_OUT, counter, "pouch_log_left_out_total", "", "Log lines left out by the rate limit.")

/* X(ID, "name", "help"): histograms of seconds. */
#define PL_TIMINGS(X)                                                                              \
    X(CENTER, "pouch_center_seconds", "Time from taking a record from the inbox until a target has it, or its dead letter is stored; once for each target.") \
    X(HANDLER, "pouch_worker_handler_seconds", "Time from calling a handler until it ended the request, or its time was over.")

/* X(what, counter|gauge, "name", "help"): for each key, with labels kid and key; lib/crypto counts these. */
#define PL_KEY_METRICS(X)                                                                          \
    X(sealed, counter, "pouch_seals_total", "Messages that this process sealed with each key; key tells keys without a kid apart.") \
    X(opened, counter, "pouch_opens_total", "Messages that this process opened with each key; a key that opens none anywhere may be retired.") \
    X(sealed_ever, gauge, "pouch_key_seals", "Messages sealed with each key by all processes of the host that keep their counts in one file, over restarts. Over all hosts a key may seal 2^32.") \
    X(last_used, gauge, "pouch_key_last_used_seconds", "Unix time at which this process last sealed or opened with each key; 0: never.")

/*
 * X(what, gauge, "name", "help"): for each partition that a member of a group has, with labels topic and partition;
 * lib/bus shows it.
 */
#define PL_MEMBER_METRICS(X)                                                                       \
    X(lag, gauge, "pouch_consumer_lag", "Records of a partition of this process that are not done: not taken yet, or in flight.")

/*
 * X(what, gauge, "name", "help"): how a cluster stands, of `pouch health --listen`, which shows these;
 * app/ops/health_metrics.c has the values.
 */
#define PL_CLUSTER_METRICS(X)                                                                      \
    X(up, gauge, "pouch_cluster_up", "1 if a broker answered when `pouch health --listen` last looked; the other pouch_cluster_ metrics are there only then.") \
    X(status, gauge, "pouch_cluster_status", "0: healthy, 1: degraded, 2: unhealthy, as `pouch health` says it, lag included.") \
    X(looked, gauge, "pouch_cluster_looked_seconds", "Unix time at which it last looked.")         \
    X(ping, gauge, "pouch_cluster_ping_seconds", "How long a request and its answer took.")        \
    X(brokers, gauge, "pouch_cluster_brokers", "Brokers in the cluster.")                          \
    X(answering, gauge, "pouch_cluster_brokers_answering", "Brokers that answered, each one asked.") \
    X(topics, gauge, "pouch_cluster_topics", "Topics, without those of Kafka's own.")              \
    X(partitions, gauge, "pouch_cluster_partitions", "Partitions of all topics.")                  \
    X(under_replicated, gauge, "pouch_cluster_under_replicated_partitions", "Partitions with fewer replicas in sync than they have.") \
    X(offline, gauge, "pouch_cluster_offline_partitions", "Partitions without a leader.")          \
    X(under_min_insync, gauge, "pouch_cluster_under_min_insync_partitions", "Partitions with fewer replicas in sync than min.insync.replicas, which take nothing; not there where that may not be read.") \
    X(groups, gauge, "pouch_cluster_groups", "Consumer groups that were looked at.")               \
    X(left_out, gauge, "pouch_cluster_lag_left_out", "Groups and topics that have no pouch_group_lag because there are more than 1,000; the furthest behind have one.")

/* X(what, gauge, "name", "help"): the same, with label broker. */
#define PL_BROKER_METRICS(X)                                                                       \
    X(broker_up, gauge, "pouch_broker_up", "1 if the broker answered; 0 also for one that has replicas and is not in the cluster.") \
    X(broker_ping, gauge, "pouch_broker_ping_seconds", "How long its answer took.")

/* X(what, gauge, "name", "help"): the same, with labels group and topic. */
#define PL_GROUP_METRICS(X)                                                                        \
    X(group_lag, gauge, "pouch_group_lag", "Records that the group has not committed, of all partitions of the topic whose lag is known.") \
    X(group_lag_most, gauge, "pouch_group_lag_max", "The same of the partition that is furthest behind.")
/* clang-format on */

#endif
