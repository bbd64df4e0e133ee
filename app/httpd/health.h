/*
 * The pages that every long-running command serves with `--listen`: /livez, /readyz, /health, /metrics and
 * /statusz. What they say comes from their owner.
 */
#ifndef POUCH_HTTPD_HEALTH_H
#define POUCH_HTTPD_HEALTH_H

#include <httpd/httpd.h>
#include <json/json.h>

/* Called on the server's thread, so from sources that are safe to read there; must not wait. */
struct httpd_owner {
    const char *role; /* "worker" */
    /*
     * Adds a text for each reason why it can only be restarted (_dead) or why it does not work at the moment
     * (_unready). NULL: never.
     */
    void (*dead)(json_t *reasons, void *arg);
    void (*unready)(json_t *reasons, void *arg);
    /* Adds a text for each thing that is not as it should be, though it works. NULL: never. */
    void (*notes)(json_t *notes, void *arg);
    /* Adds a text for each reason why /health says that it is degraded. NULL: as _unready. */
    void (*unhealthy)(json_t *reasons, void *arg);
    void (*health)(json_t *into, void *arg); /* adds members to /health; NULL: none */
    void (*status)(json_t *into, void *arg); /* adds members to /statusz; NULL: none */
    void *arg;
};

struct httpd_health;

/*
 * As httpd_start(), with the pages; listen NULL: nothing is started and *h is NULL. The owner is borrowed until _stop.
 */
POUCH_MUST_CHECK pouch_err httpd_health_start(struct httpd_health **h, const char *listen,
                                              const struct httpd_owner *owner);

/* The pages alone, for an owner with a server of its own: _page writes the one of that path into a. NOT_FOUND: none. */
POUCH_MUST_CHECK pouch_err httpd_health_new(struct httpd_health **h, const struct httpd_owner *owner);
POUCH_MUST_CHECK pouch_err httpd_health_page(const struct httpd_health *h, const char *path, struct httpd_answer *a);

int httpd_health_port(const struct httpd_health *h);
void httpd_health_stop(struct httpd_health *h); /* NULL allowed */

#endif
