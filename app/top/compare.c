#include <metrics/timing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <top/compare.h>

/*
 * A list in /statusz has at most so many entries, and what a peer says beyond that is not looked at. What is new in one
 * that was full before may have been there.
 */
enum { LIST_FULL = 64 };

/* The two readings of one process, as far as they can be compared. */
struct pair {
    const char *name;
    const json_t *before, *now; /* before: NULL when it was not read, or has been started again */
    double seconds;
};

/* A number of others, small enough that all of them can be added up. */
static int64_t count_of(const json_t *value) {
    const int64_t most = INT64_C(1) << 52;
    int64_t n = (int64_t)json_integer_value(value);
    return n < 0 ? 0 : n < most ? n : most;
}

static int64_t number(const json_t *o, const char *name) {
    return count_of(json_object_get(o, name));
}

static json_t *rate(const struct pair *p, int64_t before, int64_t now) {
    if (!p->before || p->seconds <= 0) return json_null();
    return json_real(now > before ? (double)(now - before) / p->seconds : 0);
}

/* It has not run for as long as lies between the readings; a second is for clocks that differ. */
static bool was_restarted(const struct pair *p, int64_t took_us) {
    enum { UNSURE_MS = 1000 };
    double grown_ms = (double)(number(p->now, "uptime_ms") - number(p->before, "uptime_ms"));
    return grown_ms < 0 || grown_ms + UNSURE_MS + (double)took_us / 1e3 < p->seconds * 1000;
}

static struct pair pair_of(const struct top_process *process) {
    const struct top_reading *before = &process->before, *now = &process->now;
    struct pair p = {process->name, before->status, now->status, (double)(now->at_us - before->at_us) / 1e6};
    if (p.before && was_restarted(&p, now->took_us)) p.before = NULL;
    return p;
}

bool top_is_failure(const char *outcome) {
    static const char *const good[] = {"routed", "replied", "forwarded", "done", "repeated", "retried_later"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!strcmp(outcome, good[i])) return false;
    return true;
}

static void add_outcomes(json_t *out, const struct pair *p) {
    const json_t *was = json_object_get(p->before, "outcomes");
    json_t *all = json_object(), *value;
    int64_t now = 0, before = 0, failed = 0, failed_before = 0;
    const char *name;
    json_object_foreach(json_object_get(p->now, "outcomes"), name, value) {
        int64_t n = count_of(value), n_before = number(was, name);
        now += n;
        before += n_before;
        failed += top_is_failure(name) ? n : 0;
        failed_before += top_is_failure(name) ? n_before : 0;
        json_object_set_new(all, name, json_pack("{s:I, s:o}", "total", (json_int_t)n, "rate", rate(p, n_before, n)));
    }
    json_object_set_new(out, "rate", rate(p, before, now));
    json_object_set_new(out, "failed_rate", rate(p, failed_before, failed));
    json_object_set_new(out, "outcomes", all);
}

static void read_times(struct pl_times *t, const json_t *status) {
    const json_t *buckets = json_object_get(json_object_get(status, "times"), "buckets");
    const json_t *one;
    size_t i;
    *t = (struct pl_times){0};
    json_array_foreach(buckets, i, one) {
        int64_t n = count_of(json_array_get(one, 1));
        t->in[pl_times_bucket(count_of(json_array_get(one, 0)))] += (uint64_t)n;
        t->count += (uint64_t)n;
    }
}

static json_t *quantile(const struct pl_times *t, double q) {
    return t->count ? json_integer((json_int_t)pl_times_quantile(t, q)) : json_null();
}

static void add_times(json_t *out, const struct pair *p) {
    struct pl_times now, before;
    read_times(&now, p->now);
    read_times(&before, p->before);
    pl_times_since(&now, &before);
    if (!p->before) now = (struct pl_times){0};
    json_object_set_new(out, "times",
                        json_pack("{s:I, s:o, s:o}", "count", (json_int_t)now.count, "p50_us", quantile(&now, 0.5),
                                  "p99_us", quantile(&now, 0.99)));
}

static json_t *lag_of(const json_t *partitions) {
    int64_t lag = 0;
    size_t known = 0, i;
    const json_t *one;
    json_array_foreach(partitions, i, one) {
        const json_t *of_one = json_object_get(one, "lag");
        known += json_is_integer(of_one);
        lag += count_of(of_one);
    }
    return known ? json_integer((json_int_t)lag) : json_null();
}

static void copy(json_t *out, const json_t *from, const char *name, const char *as) {
    json_t *value = json_object_get(from, name);
    json_object_set_new(out, as, value ? json_deep_copy(value) : json_null());
}

static void add_work(json_t *out, const struct pair *p) {
    const json_t *work = json_object_get(p->now, "in_flight");
    copy(out, work, "requests", "in_flight");
    copy(out, work, "most", "in_flight_most");
    copy(out, json_object_get(work, "oldest"), "age_ms", "oldest_ms");
    copy(out, work, "paused", "paused");
    copy(out, p->now, "assigned", "partitions");
    json_object_set_new(out, "lag", lag_of(json_object_get(p->now, "partitions")));
}

static json_t *describe(const struct pair *p) {
    static const char *const same[] = {"role", "version", "phase", "ready", "uptime_ms", "reasons", "notes"};
    json_t *out = json_pack("{s:s}", "process", p->name);
    if (!out) return NULL;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) copy(out, p->now, same[i], same[i]);
    json_object_set_new(out, "seconds", p->before && p->seconds > 0 ? json_real(p->seconds) : json_null());
    add_outcomes(out, p);
    add_times(out, p);
    add_work(out, p);
    return out;
}

/* A list whose entries are added up by name over all processes. */
struct list {
    const char *list, *member, *as; /* in /statusz, the name in its entries, and how that is called in the view */
    const char *const *counted;     /* counters of an entry, ended by NULL */
};

static const char *name_of(const json_t *entry, const char *member) {
    const char *name = json_string_value(json_object_get(entry, member));
    return name ? name : "(others)";
}

static const json_t *find(const json_t *list, const char *member, const char *name) {
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (i < LIST_FULL && !strcmp(name_of(one, member), name)) return one;
    }
    return NULL;
}

static void add_to(json_t *sums, const char *name, double n) {
    json_object_set_new(sums, name, json_real(json_number_value(json_object_get(sums, name)) + n));
}

static void add_total(json_t *sums, const char *name, int64_t n) {
    json_object_set_new(sums, name, json_integer((json_int_t)(number(sums, name) + n)));
}

/* How much of each counter came in between; nothing where that cannot be told. */
static void add_entry(json_t *sums, const struct list *l, const struct pair *p, const json_t *now) {
    const json_t *list_before = json_object_get(p->before, l->list);
    const json_t *before = find(list_before, l->member, name_of(now, l->member));
    bool comparable = before || (p->before && json_array_size(list_before) < LIST_FULL);
    double all = 0;
    for (const char *const *c = l->counted; *c; c++) {
        int64_t n = number(now, *c), came = n - number(before, *c);
        double a_second = comparable && came > 0 && p->seconds > 0 ? (double)came / p->seconds : 0;
        char name[32];
        snprintf(name, sizeof name, "%s_rate", *c);
        add_total(sums, *c, n);
        add_to(sums, name, a_second);
        if (strcmp(*c, "limited") != 0) all += a_second; /* those have failed, too */
    }
    add_to(sums, "rate", all);
}

static void add_list(json_t *by_name, const struct list *l, const struct pair *p) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(p->now, l->list), i, one) {
        if (i == LIST_FULL) break;
        const char *name = name_of(one, l->member);
        json_t *sums = json_object_get(by_name, name);
        if (!sums && !json_object_set_new(by_name, name, json_pack("{s:s}", l->as, name)))
            sums = json_object_get(by_name, name);
        if (!sums) continue;
        add_entry(sums, l, p, one);
        if (!json_object_get(one, "stalled")) continue;
        add_total(sums, "in_flight", number(one, "in_flight"));
        bool stalled = json_is_true(json_object_get(one, "stalled")) || json_is_true(json_object_get(sums, "stalled"));
        json_object_set_new(sums, "stalled", json_boolean(stalled));
    }
}

/* Takes by_name. */
static json_t *values(json_t *by_name) {
    json_t *all = json_array(), *value;
    const char *name;
    json_object_foreach(by_name, name, value) json_array_append(all, value);
    json_decref(by_name);
    return all;
}

static void add_breakers(json_t *all, const struct pair *p) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(p->now, "breakers"), i, one) {
        json_t *breaker = json_pack("{s:s}", "process", p->name);
        if (breaker) json_object_update(breaker, (json_t *)one);
        json_array_append_new(all, breaker);
    }
}

static const struct list publishers = {"publishers", "publisher", "publisher",
                                       (const char *const[]){"routed", "failed", "limited", NULL}};
static const struct list targets = {"targets", "topic", "target", (const char *const[]){"routed", "failed", NULL}};

json_t *top_compare(const struct top_process *processes, size_t n, int64_t at_ms) {
    json_t *described = json_array(), *by_publisher = json_object(), *by_target = json_object();
    json_t *breakers = json_array();
    double seconds = 0;
    for (size_t i = 0; i < n; i++) {
        if (!processes[i].now.status) {
            json_array_append_new(
                described, json_pack("{s:s, s:s}", "process", processes[i].name, "error", processes[i].now.error));
            continue;
        }
        const struct pair p = pair_of(&processes[i]);
        json_array_append_new(described, describe(&p));
        add_list(by_publisher, &publishers, &p);
        add_list(by_target, &targets, &p);
        add_breakers(breakers, &p);
        if (p.before && p.seconds > seconds) seconds = p.seconds;
    }
    json_t *view =
        json_pack("{s:I, s:f, s:o, s:o, s:o, s:o}", "at_ms", (json_int_t)at_ms, "seconds", seconds, "processes",
                  described, "publishers", values(by_publisher), "targets", values(by_target), "breakers", breakers);
    if (view) top_sort(view, TOP_BY_RATE);
    return view;
}
