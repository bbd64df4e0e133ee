#include <base/why.h>
#include <cluster/cluster.h>
#include <doctor/look.h>
#include <stdlib.h>

/* A property that would break a promise is refused here, with the reason. */
static void look_at_kafka(struct doctor *d, const struct pl_route_row *routes, size_t n) {
    struct pl_cluster *c;
    const char *client = d->settings->client_id ? d->settings->client_id : "pouch-cli";
    if (pl_cluster_open(&c, d->settings, client)) {
        doctor_bad(d, DOCTOR_FAIL, "settings", "kafka.*",
                   "do what the reason says; no process of Pouch starts like this", "%s", pouch_why());
        return;
    }
    if (doctor_brokers(d, pl_cluster_handle(c))) doctor_topics(d, pl_cluster_handle(c), routes, n);
    pl_cluster_close(c);
}

pouch_err doctor_look(struct doctor *d) {
    char *standard = NULL;
    struct pl_route_row *routes = NULL;
    size_t n = 0;
    if (!d->settings->store && pl_store_default_url(&standard))
        doctor_bad(d, DOCTOR_WARN, "store", "default", "name one: --store", "%s", pouch_why());
    const char *url = d->settings->store ? d->settings->store : standard;
    doctor_settings(d);
    doctor_keys(d);
    if (url) doctor_store(d, url, &routes, &n);
    doctor_host(d, url ? url : "");
    look_at_kafka(d, routes, n);
    doctor_peers(d);
    pl_route_free(routes, n);
    free(standard);
    return d->no_memory ? pl_fail(POUCH_E_NO_MEMORY, "out of memory: findings are missing") : POUCH_OK;
}
