/*
 * Read, merge, read, write, read: see cluster/configs.h for what that holds against others who write at the same time.
 */
#include <base/why.h>
#include <bus/kafka.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <cluster/overrides.h>
#include <cluster/until.h>
#include <poll.h>

enum { STEP_MS = 20, TOLD_MAX = 600 };

/* A reading. Overrides point into the configs. */
struct reading {
    struct pl_configs configs;
    struct pl_overrides overrides;
};

struct change {
    rd_kafka_t *rk;
    const char *topic;
    int64_t until_us;
    struct reading before;
    struct pl_overrides wanted;
};

static pouch_err read_again(struct reading *r, const struct change *c) {
    pouch_err e = pl_topic_configs(c->rk, c->topic, &r->configs, pl_left_ms(c->until_us));
    return e ? e : pl_overrides_of(&r->overrides, &r->configs, c->topic);
}

static void forget(struct reading *r) {
    pl_overrides_free(&r->overrides);
    pl_configs_free(&r->configs, 1);
}

static pouch_err lost_race(const struct change *c, const struct pl_overrides *is, const struct pl_overrides *expected) {
    struct pl_buf differs;
    pl_buf_init(&differs, TOLD_MAX);
    pouch_err e = pl_overrides_tell(&differs, is, expected); /* of many differences the first are told */
    e = pl_fail(
        POUCH_E_EXISTS,
        "the configs of %s were changed by somebody else at the same time: %s%s; see `pouch topic describe %s`, "
        "and try again",
        c->topic, differs.at ? differs.at : "", e ? " and more" : "", c->topic);
    pl_buf_free(&differs);
    return e;
}

/* ---- writing ---- */

static pouch_err refused(const struct change *c, const rd_kafka_event_t *event) {
    static const char what[] = "cannot change the configs of";
    size_t n;
    const rd_kafka_ConfigResource_t **r =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result((rd_kafka_event_t *)event), &n);
    rd_kafka_resp_err_t e = n == 1 ? rd_kafka_ConfigResource_error(r[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    const char *why = n == 1 ? rd_kafka_ConfigResource_error_string(r[0]) : NULL;
    if (e == RD_KAFKA_RESP_ERR_INVALID_CONFIG || e == RD_KAFKA_RESP_ERR_POLICY_VIOLATION ||
        e == RD_KAFKA_RESP_ERR_INVALID_REQUEST)
        return pl_fail(POUCH_E_CONFIG, "%s %s: %s; correct the name or the value", what, c->topic,
                       why ? why : rd_kafka_err2str(e));
    return e ? pl_kafka_fail(e, what, c->topic) : POUCH_OK;
}

static pouch_err ask_to_write(const struct change *c, rd_kafka_ConfigResource_t *resource) {
    struct pl_admin a;
    pouch_err e = pl_admin_begin(&a, c->rk, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, pl_left_ms(c->until_us));
    if (e) return e;
    rd_kafka_AlterConfigs(c->rk, &resource, 1, a.options, a.queue);
    e = pl_admin_wait(&a, "cannot change the configs of", c->topic);
    if (!e) e = refused(c, a.event);
    pl_admin_end(&a);
    return e;
}

static pouch_err write_all(const struct change *c) {
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, c->topic);
    if (!resource) return pl_fail(POUCH_E_NO_MEMORY, "no memory to change the configs of %s", c->topic);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < c->wanted.n && !e; i++) {
        const struct pl_override *o = &c->wanted.at[i];
        if (rd_kafka_ConfigResource_set_config(resource, o->name, o->value))
            e = pl_fail(POUCH_E_CONFIG, "%s cannot have a config named '%.64s'", c->topic, o->name);
    }
    if (!e) e = ask_to_write(c, resource);
    rd_kafka_ConfigResource_destroy(resource);
    return e;
}

/* ---- reading again ---- */

/* Just before the write. What others do from here until it is there is lost. */
static pouch_err check(const struct change *c) {
    struct reading now = {0};
    pouch_err e = read_again(&now, c);
    if (!e && !pl_overrides_same(&now.overrides, &c->before.overrides))
        e = lost_race(c, &now.overrides, &c->before.overrides);
    forget(&now);
    return e;
}

/* A broker shows what was before until it has heard of the change; anything else is somebody's. */
static pouch_err confirm(const struct change *c, bool *confirmed) {
    struct reading now = {0};
    pouch_err e = read_again(&now, c);
    *confirmed = !e && pl_overrides_same(&now.overrides, &c->wanted);
    if (!e && !*confirmed && !pl_overrides_same(&now.overrides, &c->before.overrides))
        e = lost_race(c, &now.overrides, &c->wanted);
    forget(&now);
    return e;
}

static pouch_err wait_for_it(const struct change *c, int timeout) {
    for (;;) {
        bool confirmed;
        pouch_err e = confirm(c, &confirmed);
        if (e || confirmed) return e;
        if (pl_is_past(c->until_us))
            return pl_fail(POUCH_E_TIMEOUT,
                           "the configs of %s were changed, but no broker shows it within %d ms; see `pouch topic "
                           "describe %s`",
                           c->topic, timeout, c->topic);
        poll(NULL, 0, STEP_MS);
    }
}

static pouch_err write_and_see(const struct change *c, int timeout) {
    pouch_err e = check(c);
    if (!e) e = write_all(c);
    return e ? e : wait_for_it(c, timeout);
}

pouch_err pl_topic_configs_change(rd_kafka_t *rk, const char *topic, const struct pl_config_change *changes, size_t n,
                                  bool *changed, int timeout) {
    struct change c = {.rk = rk, .topic = topic, .until_us = pl_until_us(timeout)};
    bool mock, needed = false;
    pouch_err e = pl_cluster_mock(rk, &mock, timeout);
    if (!e && mock) e = pl_fail(POUCH_E_NOT_ALLOWED, "the embedded broker has no configs, so %s keeps its own", topic);
    if (!e) e = read_again(&c.before, &c);
    if (!e) e = pl_overrides_change(&c.wanted, &c.before.overrides, changes, n);
    if (!e) needed = !pl_overrides_same(&c.wanted, &c.before.overrides);
    if (needed) e = write_and_see(&c, timeout);
    if (changed) *changed = needed;
    pl_overrides_free(&c.wanted);
    forget(&c.before);
    return e;
}
