/* What metadata says of brokers and partitions. */
#include <support.h>

#include <cluster/shape_parts.h>
#include <stdio.h>
#include <stdlib.h>

/* replicas and in_sync are digits, each a broker. */
struct part {
    int leader;
    const char *replicas, *in_sync;
};

struct cluster {
    rd_kafka_metadata_broker_t brokers[3];
    rd_kafka_metadata_partition_t partitions[8];
    int32_t ids[64];
    size_t n_ids, n_partitions;
    rd_kafka_metadata_topic_t topics[4];
    rd_kafka_metadata_t md;
};

static int32_t *ids_of(struct cluster *c, const char *digits, int *n) {
    int32_t *at = &c->ids[c->n_ids];
    for (*n = 0; digits[*n]; (*n)++) c->ids[c->n_ids++] = digits[*n] - '0';
    return at;
}

static void add_topic(struct cluster *c, const char *name, const struct part *parts, int n) {
    rd_kafka_metadata_partition_t *first = &c->partitions[c->n_partitions];
    for (int i = 0; i < n; i++) {
        rd_kafka_metadata_partition_t *p = &c->partitions[c->n_partitions++];
        *p = (rd_kafka_metadata_partition_t){.id = i, .leader = parts[i].leader};
        p->replicas = ids_of(c, parts[i].replicas, &p->replica_cnt);
        p->isrs = ids_of(c, parts[i].in_sync, &p->isr_cnt);
    }
    c->topics[c->md.topic_cnt++] =
        (rd_kafka_metadata_topic_t){.topic = (char *)name, .partition_cnt = n, .partitions = first};
}

static void set_brokers(struct cluster *c, const char *digits) {
    *c = (struct cluster){.md = {.brokers = c->brokers, .topics = c->topics}};
    for (; digits[c->md.broker_cnt]; c->md.broker_cnt++)
        c->brokers[c->md.broker_cnt] =
            (rd_kafka_metadata_broker_t){.id = digits[c->md.broker_cnt] - '0', .host = "host", .port = 9092};
}

/* silent: brokers that do not answer. */
static struct pl_shape *shape_with(const struct cluster *c, const char *silent) {
    struct pl_shape *s;
    assert_int_equal(pl_shape_take_brokers(&s, &c->md), POUCH_OK);
    for (size_t i = 0; i < s->n_brokers; i++) s->brokers[i].answers = !strchr(silent, '0' + s->brokers[i].id);
    assert_int_equal(pl_shape_take_topics(s, &c->md), POUCH_OK);
    return s;
}

static struct pl_shape *shape_of(const struct cluster *c) {
    return shape_with(c, "");
}

static void a_whole_cluster_is_healthy(void **state) {
    (void)state;
    struct cluster c;
    const struct part parts[] = {{1, "123", "123"}, {2, "231", "123"}};
    set_brokers(&c, "312");
    add_topic(&c, "__consumer_offsets", parts, 1);
    add_topic(&c, "orders", parts, 2);
    struct pl_shape *s = shape_of(&c);
    assert_int_equal(s->n_brokers, 3);
    assert_int_equal(s->n_registered, 3);
    assert_int_equal(s->brokers[0].id, 1);
    assert_int_equal(s->brokers[0].leads, 2);
    assert_int_equal(s->brokers[0].replicas, 3);
    assert_int_equal(s->n_topics, 2);
    assert_int_equal(s->n_internal, 1);
    assert_int_equal(s->partitions, 3);
    assert_int_equal(s->under_replicated + s->offline + s->n_troubles, 0);
    assert_int_equal(pl_shape_status(s), PL_SHAPE_HEALTHY);
    pl_shape_free(s);
}

static void a_broker_that_does_not_answer_degrades_it(void **state) {
    (void)state;
    struct cluster c;
    const struct part parts[] = {{1, "12", "12"}, {1, "13", "13"}};
    set_brokers(&c, "123");
    struct pl_shape *s = shape_with(&c, "3");
    assert_int_equal(s->under_replicated, 0);
    assert_int_equal(pl_shape_status(s), PL_SHAPE_DEGRADED);
    pl_shape_free(s);
    add_topic(&c, "orders", parts, 2);
    s = shape_with(&c, "3"); /* the metadata has not heard of it yet */
    assert_int_equal(s->under_replicated, 1);
    assert_int_equal(s->troubles[0].partition, 1);
    assert_int_equal(s->troubles[0].in_sync, 1);
    assert_int_equal(s->brokers[2].lagging, 1);
    pl_shape_free(s);
}

static void a_broker_that_is_gone_is_known_by_its_replicas(void **state) {
    (void)state;
    struct cluster c;
    const struct part parts[] = {{1, "123", "12"}, {2, "23", "2"}, {1, "12", "12"}};
    set_brokers(&c, "12");
    add_topic(&c, "orders", parts, 3);
    struct pl_shape *s = shape_of(&c);
    assert_int_equal(s->n_registered, 2);
    assert_int_equal(s->n_brokers, 3);
    assert_int_equal(s->brokers[2].id, 3);
    assert_null(s->brokers[2].host);
    assert_int_equal(s->brokers[2].replicas, 2);
    assert_int_equal(s->brokers[2].lagging, 2);
    assert_int_equal(s->under_replicated, 2);
    assert_int_equal(s->topics[0].under_replicated, 2);
    assert_int_equal(pl_shape_status(s), PL_SHAPE_DEGRADED);
    pl_shape_free(s);
}

static void partitions_without_a_leader_or_too_few_in_sync_make_it_unhealthy(void **state) {
    (void)state;
    struct cluster c;
    const struct part parts[] = {{1, "123", "12"}, {1, "123", "1"}, {-1, "23", "3"}}, alone[] = {{-1, "3", "3"}};
    set_brokers(&c, "12");
    add_topic(&c, "orders", parts, 3);
    add_topic(&c, "alone", alone, 1);
    struct pl_shape *s = shape_of(&c);
    assert_int_equal(s->offline, 2);
    assert_int_equal(s->n_troubles, 4);
    assert_int_equal(pl_shape_set_min_insync(s, 0, 2), 3);
    assert_int_equal(pl_shape_set_min_insync(s, 3, 2), 4);
    assert_int_equal(s->under_min_insync, 3);
    assert_int_equal(s->troubles[3].min_in_sync, 1); /* of one replica no more than one is asked for */
    assert_int_equal(pl_shape_topic(s, "orders")->under_min_insync, 2);
    pl_shape_sort_troubles(s);
    const enum pl_shape_trouble_kind kinds[] = {PL_TROUBLE_OFFLINE, PL_TROUBLE_OFFLINE, PL_TROUBLE_UNDER_MIN_INSYNC,
                                                PL_TROUBLE_UNDER_REPLICATED};
    for (size_t i = 0; i < 4; i++) assert_int_equal(s->troubles[i].kind, kinds[i]);
    assert_string_equal(s->troubles[0].topic, "alone");
    assert_int_equal(s->troubles[2].partition, 1);
    assert_int_equal(pl_shape_status(s), PL_SHAPE_UNHEALTHY);
    pl_shape_free(s);
}

static void what_min_insync_is_may_be_unknown(void **state) {
    (void)state;
    struct cluster c;
    const struct part parts[] = {{1, "123", "1"}};
    set_brokers(&c, "1");
    add_topic(&c, "orders", parts, 1);
    struct pl_shape *s = shape_of(&c);
    assert_int_equal(pl_shape_set_min_insync(s, 0, 0), 1);
    assert_int_equal(s->under_min_insync, 0);
    assert_int_equal(s->troubles[0].kind, PL_TROUBLE_UNDER_REPLICATED);
    pl_shape_free(s);
}

static void of_many_troubles_the_worst_are_kept(void **state) {
    (void)state;
    enum { MANY = PL_SHAPE_TROUBLES_MAX + 500 };
    struct cluster c;
    rd_kafka_metadata_partition_t *parts = calloc(MANY, sizeof *parts);
    int32_t ids[] = {1, 2};
    assert_non_null(parts);
    set_brokers(&c, "12");
    for (int i = 0; i < MANY; i++)
        parts[i] = (rd_kafka_metadata_partition_t){
            .id = i, .leader = i == MANY - 1 ? -1 : 1, .replica_cnt = 2, .replicas = ids, .isr_cnt = 1, .isrs = ids};
    c.topics[0] = (rd_kafka_metadata_topic_t){.topic = (char *)"t", .partition_cnt = MANY, .partitions = parts};
    c.md.topic_cnt = 1;
    struct pl_shape *s = shape_of(&c);
    pl_shape_sort_troubles(s);
    assert_int_equal(s->under_replicated, MANY);
    assert_int_equal(s->n_troubles, PL_SHAPE_TROUBLES_MAX);
    assert_int_equal(s->troubles[0].partition, MANY - 1);
    pl_shape_free(s);
    free(parts);
}

static void every_status_and_trouble_has_a_name(void **state) {
    (void)state;
    assert_string_equal(pl_shape_status_name(PL_SHAPE_HEALTHY), "healthy");
    assert_string_equal(pl_shape_status_name(PL_SHAPE_DEGRADED), "degraded");
    assert_string_equal(pl_shape_status_name(PL_SHAPE_UNHEALTHY), "unhealthy");
    assert_string_equal(pl_shape_trouble_name(PL_TROUBLE_OFFLINE), "offline");
    assert_string_equal(pl_shape_trouble_name(PL_TROUBLE_UNDER_MIN_INSYNC), "under_min_insync");
    assert_string_equal(pl_shape_trouble_name(PL_TROUBLE_UNDER_REPLICATED), "under_replicated");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_cluster_is_healthy),
        cmocka_unit_test(a_broker_that_does_not_answer_degrades_it),
        cmocka_unit_test(a_broker_that_is_gone_is_known_by_its_replicas),
        cmocka_unit_test(partitions_without_a_leader_or_too_few_in_sync_make_it_unhealthy),
        cmocka_unit_test(what_min_insync_is_may_be_unknown),
        cmocka_unit_test(of_many_troubles_the_worst_are_kept),
        cmocka_unit_test(every_status_and_trouble_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
