#include <cluster/admin.h>
#include <cluster/cluster.h>

static pouch_err read_answer(const struct pl_admin *a, const char *what, const char *topic) {
    const rd_kafka_topic_partition_list_t *parts =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(a->event));
    for (int i = 0; i < parts->cnt; i++)
        if (parts->elems[i].err) return pl_kafka_fail(parts->elems[i].err, what, topic);
    return POUCH_OK;
}

pouch_err pl_topic_cut(rd_kafka_t *rk, const char *topic, const struct pl_topic_cut *cuts, size_t n, int timeout) {
    static const char what[] = "deleting records of";
    struct pl_admin a;
    pouch_err e = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_DELETERECORDS, timeout);
    if (e) return e;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, cuts[i].partition)->offset = cuts[i].before;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &request, 1, a.options, a.queue);
    e = pl_admin_wait(&a, what, topic);
    if (!e) e = read_answer(&a, what, topic);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    pl_admin_end(&a);
    return e;
}
