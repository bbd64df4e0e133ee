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
    X(RETRIES, counter, "pouch_worker_retries_total", "", "Further attempts of a job.")            \
    X(IN_FLIGHT, gauge, "pouch_worker_in_flight", "", "Jobs taken and not yet ended.")             \
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
    X(RETRY_WAITING, gauge, "pouch_retry_waiting_partitions", "", "Partitions of retry topics whose next record is not due yet.") \
    X(RETRY_BLOCKED, gauge, "pouch_retry_blocked", "", "Records of retry topics whose dead letter cannot be stored; their partitions wait.") \
    X(BLOCKED, gauge, "pouch_worker_blocked_partitions", "", "Partitions that wait because an outcome cannot be stored.") \
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
    X(HTTP_CONNECTIONS, gauge, "pouch_http_connections", "", "Open connections to the HTTP server.") \
    X(HTTP_2XX, counter, "pouch_http_answers_total", "class=\"2xx\"", "HTTP answers, by class of status.") \
    X(HTTP_4XX, counter, "pouch_http_answers_total", "class=\"4xx\"", "") \
    X(HTTP_5XX, counter, "pouch_http_answers_total", "class=\"5xx\"", "") \
    X(HTTP_MALFORMED, counter, "pouch_http_rejects_total", "reason=\"malformed\"", "HTTP requests and connections turned away, by reason; connections: more than may be open.") \
    X(HTTP_LINE_TOO_LONG, counter, "pouch_http_rejects_total", "reason=\"line_too_long\"", "") \
    X(HTTP_FIELDS_TOO_LARGE, counter, "pouch_http_rejects_total", "reason=\"fields_too_large\"", "") \
    X(HTTP_HEAD_TIMEOUT, counter, "pouch_http_rejects_total", "reason=\"head_timeout\"", "") \
    X(HTTP_ANSWER_TIMEOUT, counter, "pouch_http_rejects_total", "reason=\"answer_timeout\"", "") \
    X(HTTP_FULL, counter, "pouch_http_rejects_total", "reason=\"connections\"", "") \
    X(TRACE_ROWS, counter, "pouch_trace_rows_total", "", "Trace rows written to the store.")       \
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

/* X(what, gauge, "name", "help"): for each partition that a member of a group has, with labels topic and partition; lib/bus shows it. */
#define PL_MEMBER_METRICS(X)                                                                       \
    X(lag, gauge, "pouch_consumer_lag", "Records of a partition of this process that are not done: not taken yet, or in flight.")
/* clang-format on */

#endif
