/*
 * health_calls BROKERS GROUP
 *
 * The calls of pouch/health.h alone: how the cluster stands, and how far a group is behind, as lines "name value …" on
 * stdout.
 */
#include <pouch/pouch.h>
#include <stdio.h>
#include <tsan.h>

enum { ASK_MS = 30000 };

static pouch_err tell_health(pouch_cluster *c) {
    pouch_health *h;
    int64_t took_us;
    pouch_err e = pouch_cluster_ping(c, ASK_MS, &took_us);
    if (!e) e = pouch_cluster_health(c, ASK_MS, &h);
    if (e) return e;
    printf("ping %d\nhealthy %d\nstatus %s\ncluster %s\ncontroller %d\n", took_us > 0, pouch_health_is_healthy(h),
           pouch_health_status(h), pouch_health_cluster_id(h), pouch_health_controller(h));
    printf("topics %zu\npartitions %zu\nunder_replicated %zu\noffline %zu\nunder_min_insync %lld\n",
           pouch_health_topics(h), pouch_health_partitions(h), pouch_health_under_replicated(h),
           pouch_health_offline(h), (long long)pouch_health_under_min_insync(h));
    printf("measured %d\n", pouch_health_time_ms(h) > 0 && pouch_health_latency_us(h) > 0);
    for (size_t i = 0; i < pouch_health_brokers(h); i++)
        printf("broker %d %d %d %s\n", pouch_health_broker_id(h, i), pouch_health_broker_answers(h, i),
               pouch_health_broker_latency_us(h, i) > 0, pouch_health_broker_why(h, i));
    pouch_health_free(h);
    return POUCH_OK;
}

static pouch_err tell_lag(pouch_cluster *c, const char *group) {
    pouch_lag *lag;
    pouch_err e = pouch_cluster_lag(c, &group, 1, ASK_MS, &lag);
    if (e) return e;
    printf("complete %d\n", pouch_lag_is_complete(lag));
    for (size_t g = 0; g < pouch_lag_groups(lag); g++) {
        printf("group %s %s %zu %lld %s\n", pouch_lag_group(lag, g), pouch_lag_state(lag, g), pouch_lag_members(lag, g),
               (long long)pouch_lag_total(lag, g), pouch_err_code(pouch_lag_error(lag, g)));
        for (size_t i = 0; i < pouch_lag_rows(lag, g); i++)
            printf("lag %s %d %lld %lld %lld\n", pouch_lag_topic(lag, g, i), pouch_lag_partition(lag, g, i),
                   (long long)pouch_lag_committed(lag, g, i), (long long)pouch_lag_end(lag, g, i),
                   (long long)pouch_lag_behind(lag, g, i));
    }
    pouch_lag_free(lag);
    return POUCH_OK;
}

int main(int argc, char **argv) {
    pouch_cluster *c = NULL;
    pouch_options *o = pouch_options_new();
    if (argc != 3 || !o) return 64;
    pouch_err e = pouch_options_set(o, "brokers", argv[1]);
    if (!e) e = pouch_cluster_open(&c, o);
    if (!e) e = tell_health(c);
    if (!e) e = tell_lag(c, argv[2]);
    if (e) fprintf(stderr, "health_calls: %s\n", pouch_why());
    pouch_cluster_close(c);
    pouch_options_free(o);
    return pouch_err_exit_code(e);
}
