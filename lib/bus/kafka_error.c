/* What librdkafka's and the brokers' errors mean for a record, for a call and for the user. */
#include <base/why.h>
#include <bus/kafka.h>

struct meaning {
    rd_kafka_resp_err_t error;
    enum pl_kafka_class class;
    pouch_err ours;
};

/*
 * Every error that is not simply "this broker cannot do it now, try again" (TRANSIENT, NO_BROKER).
 * Refused credentials are transient for a record: it stays where it is until they are mended, and
 * does not become a dead letter because our own password was wrong.
 */
static const struct meaning meanings[] = {
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, PL_KAFKA_PERMANENT, POUCH_E_TOO_LARGE},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, PL_KAFKA_PERMANENT, POUCH_E_TOO_LARGE},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, PL_KAFKA_PERMANENT, POUCH_E_TOO_LARGE},

    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_INVALID_REQUEST, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},
    {RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, PL_KAFKA_PERMANENT, POUCH_E_TARGET_REFUSED},

    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, PL_KAFKA_PERMANENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, PL_KAFKA_PERMANENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, PL_KAFKA_PERMANENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, PL_KAFKA_PERMANENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, PL_KAFKA_PERMANENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, PL_KAFKA_TRANSIENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR__SSL, PL_KAFKA_TRANSIENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, PL_KAFKA_TRANSIENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, PL_KAFKA_TRANSIENT, POUCH_E_NOT_ALLOWED},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, PL_KAFKA_TRANSIENT, POUCH_E_NOT_ALLOWED},

    {RD_KAFKA_RESP_ERR__INVALID_ARG, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICA_ASSIGNMENT, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, PL_KAFKA_PERMANENT, POUCH_E_CONFIG},

    {RD_KAFKA_RESP_ERR__FATAL, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR__FENCED, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, PL_KAFKA_FATAL, POUCH_E_NO_BROKER},

    {RD_KAFKA_RESP_ERR__QUEUE_FULL, PL_KAFKA_TRANSIENT, POUCH_E_OVERLOADED},
    {RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, PL_KAFKA_TRANSIENT, POUCH_E_OVERLOADED},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, PL_KAFKA_TRANSIENT, POUCH_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, PL_KAFKA_TRANSIENT, POUCH_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, PL_KAFKA_TRANSIENT, POUCH_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, PL_KAFKA_TRANSIENT, POUCH_E_TIMEOUT},
};

static const struct meaning *meaning_of(rd_kafka_resp_err_t e) {
    static const struct meaning fine = {RD_KAFKA_RESP_ERR_NO_ERROR, PL_KAFKA_OK, POUCH_OK};
    static const struct meaning unknown = {RD_KAFKA_RESP_ERR_UNKNOWN, PL_KAFKA_TRANSIENT, POUCH_E_NO_BROKER};
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR) return &fine;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].error == e) return &meanings[i];
    return &unknown;
}

enum pl_kafka_class pl_kafka_class(rd_kafka_resp_err_t e) {
    return meaning_of(e)->class;
}

pouch_err pl_kafka_err(rd_kafka_resp_err_t e) {
    return meaning_of(e)->ours;
}

/* The broker does not say which right it wanted; docs/security.md says who needs which. */
static const char *missing_right(rd_kafka_resp_err_t e) {
    switch (e) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "give this user the ACL: WRITE to send, READ to receive, CREATE, DELETE, ALTER (partitions), "
               "DESCRIBE_CONFIGS or ALTER_CONFIGS";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return "give this user the ACL on the group: READ to be a member, DESCRIBE to look at it";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "give this user the ACL WRITE on a topic to send; on the cluster CREATE to make topics, DESCRIBE to see "
               "groups and ACLs, ALTER to change them";
    default: return "check kafka.security.protocol, kafka.sasl.* and kafka.ssl.*, and this user's ACLs";
    }
}

static const char *next_step(rd_kafka_resp_err_t e, pouch_err ours) {
    switch (ours) {
    case POUCH_E_TOO_LARGE: return "send less, or raise the topic's max.message.bytes and kafka.message.max.bytes";
    case POUCH_E_TARGET_REFUSED:
        if (e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) return "the topic has fewer partitions than that";
        if (e == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            return "check the name, or make it with `pouch topic create`";
        return "see the broker's log and the topic's settings";
    case POUCH_E_NOT_ALLOWED: return missing_right(e);
    case POUCH_E_OVERLOADED: return "send slower, or raise the bound or quota";
    case POUCH_E_TIMEOUT: return "check that the brokers are reachable and not overloaded, then try again";
    case POUCH_E_CONFIG: return "correct the value";
    default: return "check `brokers` and that Kafka runs there, then try again";
    }
}

pouch_err pl_kafka_fail(rd_kafka_resp_err_t e, const char *what, const char *topic) {
    pouch_err ours = pl_kafka_err(e);
    return pl_fail(ours, "%s%s%s: %s (%s): %s", what, topic ? " " : "", topic ? topic : "", rd_kafka_err2str(e),
                   rd_kafka_err2name(e), next_step(e, ours));
}

const char *pl_kafka_refusal(rd_kafka_resp_err_t e) {
    if (e != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return rd_kafka_err2str(e);
    return "this user lacks the ACL WRITE on it";
}
