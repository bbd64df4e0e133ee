/*
 * How librdkafka's threads share the processor with ours.
 *
 * The first record that a partition gets wakes its broker's thread. Where that takes the processor from the thread that
 * hands a batch over, it sends the few records that are there, and the rest waits for the answer, with that thread
 * polling without a pause (bus/batch.h). SCHED_BATCH (sched(7)) says that a thread which wakes need not have the
 * processor at once: it has its share of it as before, and finds whole batches.
 */
#include <bus/kafka.h>
#include <sched.h>

/* On the new thread. Who set another policy for the process wants that one. What is not allowed is not needed. */
static rd_kafka_resp_err_t on_start(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *opaque) {
    (void)rk, (void)name, (void)opaque;
    const struct sched_param none = {0};
    if (type == RD_KAFKA_THREAD_BROKER && sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t size) {
    (void)conf, (void)opaque, (void)why, (void)size;
    return rd_kafka_interceptor_add_on_thread_start(rk, "pouch", on_start, NULL);
}

rd_kafka_resp_err_t pl_kafka_threads(rd_kafka_conf_t *conf) {
    return rd_kafka_conf_interceptor_add_on_new(conf, "pouch", on_new, NULL);
}
