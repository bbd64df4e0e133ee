#include <base/thread.h>
#include <base/why.h>
#include <bus/offsets.h>
#include <client/lane.h>
#include <cluster/cluster.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CALL_MS = 1000, /* one question to the cluster; a stop waits for no more than the one under way */
    CREATE_MS = 5000,
    CLOCKS_MS = 600000, /* by which the clocks of those who answer may differ from ours */
    LOOK_EVERY_MS = 10000,
    MOVE_EVERY_MS = 1000, /* the reader starts anew no more often, and is heard no more often */
    RETRY_FIRST_MS = 10,
    RETRY_MOST_MS = 500,
};

/* Between two questions. CLOSED: nobody wants the answer any more. */
static pouch_err go_on(struct pl_lane *l) {
    pthread_mutex_lock(&l->lock);
    bool stop = l->stop;
    pthread_mutex_unlock(&l->lock);
    return stop ? pl_fail(POUCH_E_CLOSED, "the client is closing") : POUCH_OK;
}

static pouch_err create_topic(struct pl_lane *l, rd_kafka_t *rk, bool *existed) {
    static const char *const configs[] = {"retention.ms", "3600000", NULL};
    const struct pl_topic_spec spec = {.name = l->topic, .partitions = 1, .replication = -1, .configs = configs};
    pouch_err e = go_on(l);
    return e ? e : pl_topic_create(rk, &spec, existed, CREATE_MS);
}

/*
 * Makes the topic when there is none; other instances may be doing so at this moment. Where it turns out to be
 * there, another instance may have made it, or a broker was asked that has not heard of the one we know.
 */
static pouch_err find_topic(struct pl_lane *l, rd_kafka_t *rk, int *partitions, bool *made) {
    bool existed = true;
    pouch_err e = pl_topic_partitions(rk, l->topic, partitions, CALL_MS);
    if (e == POUCH_E_TARGET_REFUSED) {
        l->doubted = true;
        e = create_topic(l, rk, &existed);
        if (!e) e = go_on(l);
        if (!e) e = pl_topic_partitions(rk, l->topic, partitions, CALL_MS);
    }
    *made = !existed;
    if (!e && *partitions < 1) e = pl_fail(POUCH_E_NO_BROKER, "the reply topic %s has no partitions yet", l->topic);
    return e;
}

/* What a look tells of the topic. */
struct sight {
    bool is_ours;     /* it has what it had before it came in doubt */
    bool is_replaced; /* it lacks what it had */
};

/*
 * Whether partition i shows that the topic, which is in doubt, is the one we know. Another one would have been made
 * since the last look: it would begin at 0, and have no record from before that. A topic as young cannot be told from
 * it.
 */
static pouch_err recognize(struct pl_lane *l, rd_kafka_t *rk, int i, int64_t low, int64_t high, struct sight *seen) {
    int64_t first_since; /* RD_KAFKA_OFFSET_END: none */
    seen->is_ours = low > 0;
    if (low > 0 || low == high || l->mock) return POUCH_OK; /* the mock finds nothing by its time */
    rd_kafka_resp_err_t e = pl_offset_ask(rk, l->topic, i, l->looked_ms - CLOCKS_MS, CALL_MS, &first_since);
    if (e) return pl_kafka_fail(e, "asking for the age of", l->topic);
    seen->is_ours = first_since != low;
    return POUCH_OK;
}

/*
 * Where partition i is to be read from. The first time that is its end, as nothing has been asked
 * yet; a partition that is new since then is read from its beginning, or a reply that came before
 * we saw it would be lost. An end before the start that we know belongs to another topic of that name.
 */
static pouch_err find_start(struct pl_lane *l, rd_kafka_t *rk, int i, int64_t *start, struct sight *seen) {
    int64_t low, high;
    *start = RD_KAFKA_OFFSET_BEGINNING;
    if (l->n_starts && i >= l->n_starts) return POUCH_OK;
    pouch_err e = go_on(l);
    if (!e) e = pl_topic_offsets(rk, l->topic, i, &low, &high, CALL_MS);
    if (e) return e;
    *start = l->n_starts ? l->starts[i] : high;
    seen->is_replaced = seen->is_replaced || high < *start;
    return l->n_starts && l->doubted && !seen->is_ours ? recognize(l, rk, i, low, high, seen) : POUCH_OK;
}

static void post(struct pl_lane *l, struct pl_position *p, int n, bool from_start) {
    pthread_mutex_lock(&l->lock);
    free(l->news.positions);
    l->news.positions = p;
    l->news.n = (size_t)n;
    l->news.from_start = l->news.from_start || from_start;
    pthread_mutex_unlock(&l->lock);
}

/* Keeps starts as what is known, and has the client's thread read from there. */
static pouch_err settle(struct pl_lane *l, int64_t *starts, int n, bool from_start) {
    struct pl_position *p = calloc((size_t)n, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the partitions of %s", l->topic);
    for (int i = 0; i < n; i++) {
        if (from_start) starts[i] = RD_KAFKA_OFFSET_BEGINNING;
        p[i] = (struct pl_position){i, starts[i]};
    }
    memcpy(l->starts, starts, (size_t)n * sizeof *starts);
    l->tended = from_start && l->n_starts;
    l->n_starts = n;
    post(l, p, n, from_start);
    return POUCH_OK;
}

static pouch_err look_at_topic(struct pl_lane *l, rd_kafka_t *rk) {
    int n;
    bool made;
    struct sight seen = {0};
    pouch_err e = find_topic(l, rk, &n, &made);
    if (e) return e;
    int64_t *known = realloc(l->starts, (size_t)n * sizeof *known);
    int64_t *starts = calloc((size_t)n, sizeof *starts);
    if (known) l->starts = known;
    if (!known || !starts) {
        free(starts);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the partitions of %s", l->topic);
    }
    bool another = made || l->lost || n < l->n_starts;
    for (int i = 0; !e && !another && i < n; i++) e = find_start(l, rk, i, &starts[i], &seen);
    another = another || seen.is_replaced || (l->n_starts && l->doubted && !seen.is_ours);
    if (!e && (another || n != l->n_starts)) e = settle(l, starts, n, another);
    free(starts);
    return e;
}

static pouch_err make_reader(struct pl_lane *l) {
    struct pl_reader *r;
    pouch_err e = pl_reader_new(&r, l->settings, l->client_id, l->mock, l->health, l->wake);
    if (e) return e;
    l->has_reader = true;
    pthread_mutex_lock(&l->lock);
    l->news.reader = r;
    pthread_mutex_unlock(&l->lock);
    return POUCH_OK;
}

static pouch_err look(struct pl_lane *l, rd_kafka_t *rk) {
    pouch_err e = l->connected ? POUCH_OK : pl_cluster_mock(rk, &l->mock, CALL_MS);
    if (e) return e;
    l->connected = true;
    if (!l->has_reader) e = make_reader(l);
    if (!e) e = go_on(l);
    if (!e) e = look_at_topic(l, rk);
    if (e) return e;
    l->tended = l->tended || (l->doubted && l->looked_ms);
    l->doubted = l->lost = false;
    l->looked_ms = pl_wall_us(&pl_clock_system) / 1000;
    return POUCH_OK;
}

/* Signals only when something changed, so that an idle client stays asleep. */
static void report(struct pl_lane *l, pouch_err e) {
    pthread_mutex_lock(&l->lock);
    bool changed = l->news.connected != l->connected || l->news.positions || l->news.trouble != e;
    l->news.connected = l->connected;
    l->news.trouble = e;
    strcpy(l->news.why, "");
    if (e) strncat(l->news.why, pouch_why(), sizeof l->news.why - 1);
    l->fresh = l->fresh || changed;
    pthread_mutex_unlock(&l->lock);
    if (changed) pl_wake_signal(l->wake);
}

static int64_t now_ms(void) {
    return pl_mono_us(&pl_clock_system) / 1000;
}

/*
 * Until then, or there is something to look at (unless news is NULL): the reader's trouble, or topics are asked. False:
 * the end.
 */
static bool rest(struct pl_lane *l, int64_t until_ms, bool *news) {
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&l->lock);
    int timed_out = 0;
    while (!l->stop && !(news && (l->gone || l->unread || l->asked)) && !timed_out)
        timed_out = pthread_cond_timedwait(&l->told, &l->lock, &until);
    bool stop = l->stop;
    if (news) {
        *news = l->gone || l->unread;
        l->doubted = l->doubted || l->gone;
        l->lost = l->lost || l->unread;
        l->gone = l->unread = l->asked = false;
    }
    pthread_mutex_unlock(&l->lock);
    return !stop;
}

struct eye {
    rd_kafka_t *rk;
    bool mock;
};

static enum pl_audience look_at_readers(void *arg, const char *topic) {
    const struct eye *eye = arg;
    enum pl_audience audience = PL_AUDIENCE_UNKNOWN;
    if (eye->mock || pl_topic_audience(eye->rk, topic, &audience, CALL_MS)) return PL_AUDIENCE_UNKNOWN;
    return audience;
}

/* Looks who reads what is asked. When to do so again; INT64_MAX: when told. */
static int64_t watch(struct pl_lane *l, rd_kafka_t *rk) {
    struct eye eye = {rk, l->mock};
    bool tell;
    if (!l->watch || !l->connected || go_on(l)) return INT64_MAX;
    int wait = pl_watch_tick(l->watch, look_at_readers, &eye, &tell);
    if (tell) pl_wake_signal(l->wake);
    return wait < 0 ? INT64_MAX : now_ms() + wait;
}

/* Looks at the reply topic. When to do so again. */
static int64_t tend(struct pl_lane *l, rd_kafka_t *rk) {
    pouch_err e = look(l, rk);
    report(l, e);
    int wait = e ? l->retry_ms : LOOK_EVERY_MS;
    l->retry_ms = !e ? RETRY_FIRST_MS : l->retry_ms < RETRY_MOST_MS / 2 ? l->retry_ms * 2 : RETRY_MOST_MS;
    return now_ms() + wait;
}

static void *keep(void *arg) {
    struct pl_lane *l = arg;
    int64_t tend_at = 0, watch_at = INT64_MAX;
    bool news = false;
    while (rest(l, tend_at < watch_at ? tend_at : watch_at, &news)) {
        rd_kafka_t *rk = pl_producer_take(l->producer);
        if (news || now_ms() >= tend_at) tend_at = tend(l, rk);
        watch_at = watch(l, rk);
        pl_producer_give(rk);
        if (l->tended && !rest(l, now_ms() + MOVE_EVERY_MS, NULL)) break;
        l->tended = false;
    }
    return NULL;
}

/* The condition waits on the monotonic clock, which nobody sets. */
static int init_condition(pthread_cond_t *c) {
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr)) return -1;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
    return failed;
}

pouch_err pl_lane_start(struct pl_lane *l, const struct pl_settings *s, const char *client_id, const char *topic,
                        struct pl_kafka_health *health, struct pl_producer *producer, struct pl_watch *watch,
                        struct pl_wake *wake) {
    *l = (struct pl_lane){.settings = s,
                          .client_id = client_id,
                          .topic = topic,
                          .health = health,
                          .producer = producer,
                          .watch = watch,
                          .wake = wake,
                          .retry_ms = RETRY_FIRST_MS};
    pouch_err e = pl_fail(POUCH_E_NO_MEMORY, "no memory for the reply lane");
    if (pthread_mutex_init(&l->lock, NULL)) goto fail_lock;
    if (init_condition(&l->told)) goto fail_condition;
    e = pl_thread_start(&l->thread, "pouch-lane", keep, l);
    if (e) goto fail_thread;
    return POUCH_OK;

fail_thread:
    pthread_cond_destroy(&l->told);
fail_condition:
    pthread_mutex_destroy(&l->lock);
fail_lock:
    return e;
}

bool pl_lane_take(struct pl_lane *l, struct pl_lane_news *news) {
    pthread_mutex_lock(&l->lock);
    bool fresh = l->fresh;
    if (fresh) {
        *news = l->news;
        l->news.reader = NULL;
        l->news.positions = NULL;
        l->news.from_start = l->fresh = false;
    }
    pthread_mutex_unlock(&l->lock);
    return fresh;
}

static void tell(struct pl_lane *l, bool *what) {
    pthread_mutex_lock(&l->lock);
    *what = true;
    pthread_cond_signal(&l->told);
    pthread_mutex_unlock(&l->lock);
}

void pl_lane_gone(struct pl_lane *l) {
    tell(l, &l->gone);
}

void pl_lane_unread(struct pl_lane *l) {
    tell(l, &l->unread);
}

void pl_lane_watch(struct pl_lane *l) {
    tell(l, &l->asked);
}

void pl_lane_stop(struct pl_lane *l) {
    tell(l, &l->stop);
    pthread_join(l->thread, NULL);
    pl_reader_free(l->news.reader);
    free(l->news.positions);
    free(l->starts);
    pthread_cond_destroy(&l->told);
    pthread_mutex_destroy(&l->lock);
}
