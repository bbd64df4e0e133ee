#include <base/folder.h>
#include <base/log.h>
#include <base/thread.h>
#include <base/wake.h>
#include <base/why.h>
#include <ctype.h>
#include <metrics/metrics.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/seen.h>
#include <string.h>
#include <worker/dedupe_file.h>

enum { SYNC_US = 20000, TRY_AGAIN_US = 1000000, BATCH = 512, GROUP_MAX = 200 };

_Static_assert((int)PL_DEDUPE_TAG == (int)PL_SEEN_TAG, "one tag");

struct pl_dedupe_file {
    struct pl_dedupe *window;
    const struct pl_route *routes;
    size_t n_routes;
    struct pl_wake wake;
    atomic_bool stopping;
    pthread_t thread;

    /* The thread's from its start to its end. */
    char *path;
    struct pl_seen *seen;
    bool failing;
};

/*
 * A file's name has room for less than a group's, and not for every character: two groups of one name are told apart by
 * the file.
 */
static pouch_err default_path(char **path, const char *group) {
    char name[GROUP_MAX + 1], *folder;
    snprintf(name, sizeof name, "%s", group);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-') *c = '_';
    pouch_err e = pl_folder_state(&folder);
    if (e) return e;
    int n = asprintf(path, "%s/seen-%s.db", folder, name);
    free(folder);
    if (n >= 0) return POUCH_OK;
    *path = NULL;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a path");
}

static void learn(const struct pl_seen_row *row, void *arg) {
    struct pl_dedupe_file *f = arg;
    size_t i = 0;
    while (i < f->n_routes && strcmp(f->routes[i].topic, row->topic) != 0) i++;
    if (i == f->n_routes) return;
    struct pl_dedupe_key key = {.topic = f->routes[i].topic, .id = row->id};
    memcpy(key.tag, row->tag, sizeof key.tag);
    pl_dedupe_learn(f->window, &key, row->at_ms, row->number, row->reply, row->reply_n);
}

static struct pl_seen_row row_of(const struct pl_dedupe_entry *entry) {
    const struct pl_dedupe_key *key = pl_dedupe_key_of(entry);
    struct pl_seen_row row = {.topic = key->topic, .id = key->id, .at_ms = pl_dedupe_ended_ms(entry)};
    memcpy(row.tag, key->tag, sizeof row.tag);
    row.reply = pl_dedupe_reply(entry, &row.reply_n);
    return row;
}

static void note(struct pl_dedupe_file *f, pouch_err e) {
    if (e) pl_metric_add(PL_M_DEDUPE_FAILURES, 1);
    if (e && !f->failing)
        PL_LOG(PL_LOG_ERROR, "requests that were answered are remembered in memory alone: dedupe.file cannot be used",
               "file", f->path, "why", pouch_why());
    if (!e && f->failing)
        PL_LOG(PL_LOG_INFO, "requests that were answered are kept in dedupe.file again", "file", f->path);
    f->failing = e != POUCH_OK;
}

/* One transaction; *n: how many were to be written. */
static pouch_err sync_some(struct pl_dedupe_file *f, size_t *n) {
    struct pl_dedupe_entry *entries[BATCH];
    struct pl_seen_row rows[BATCH];
    int64_t numbers[BATCH], forget = pl_dedupe_expire(f->window);
    *n = pl_dedupe_unsaved(f->window, entries, BATCH);
    for (size_t i = 0; i < *n; i++) rows[i] = row_of(entries[i]);
    pouch_err e = pl_seen_sync(f->seen, rows, *n, forget, learn, f);
    for (size_t i = 0; i < *n && !e; i++) numbers[i] = rows[i].number;
    pl_dedupe_saved(f->window, entries, *n, e ? NULL : numbers);
    return e;
}

static void sync_all(struct pl_dedupe_file *f) {
    size_t n = BATCH;
    pouch_err e = POUCH_OK;
    while (!e && n == BATCH) e = sync_some(f, &n);
    note(f, e);
}

static void *thread_main(void *arg) {
    struct pl_dedupe_file *f = arg;
    bool last;
    do {
        pl_wake_wait(&f->wake, f->failing ? TRY_AGAIN_US : SYNC_US);
        last = atomic_load(&f->stopping);
        sync_all(f);
    } while (!last);
    return NULL;
}

static void unmake(struct pl_dedupe_file *f) {
    pl_seen_close(f->seen);
    pl_wake_free(&f->wake);
    free(f->path);
    free(f);
}

static pouch_err make(struct pl_dedupe_file *f, const char *path, const char *group) {
    pouch_err e = POUCH_OK;
    size_t none;
    if (!path)
        e = default_path(&f->path, group);
    else if (!(f->path = strdup(path)))
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a path");
    if (!e) e = pl_seen_open(&f->seen, f->path, group);
    if (!e) e = sync_some(f, &none);
    return e ? e : pl_thread_start(&f->thread, "pouch-dedupe", thread_main, f);
}

struct pl_dedupe_file *pl_dedupe_file_start(struct pl_dedupe *d, const char *path, const char *group,
                                            const struct pl_route routes[], size_t n_routes) {
    struct pl_dedupe_file *f = calloc(1, sizeof *f);
    pouch_err e = f ? pl_wake_init(&f->wake) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a dedupe file");
    if (e) {
        free(f);
        f = NULL;
    } else {
        f->window = d;
        f->routes = routes;
        f->n_routes = n_routes;
        atomic_init(&f->stopping, false);
        e = make(f, path, group);
    }
    if (!e) return f;
    pl_metric_add(PL_M_DEDUPE_FAILURES, 1);
    PL_LOG(PL_LOG_ERROR, "requests that were answered are remembered in memory alone, until this worker ends", "why",
           pouch_why());
    if (f) unmake(f);
    return NULL;
}

void pl_dedupe_file_stop(struct pl_dedupe_file *f) {
    if (!f) return;
    atomic_store(&f->stopping, true);
    pl_wake_signal(&f->wake);
    pthread_join(f->thread, NULL);
    unmake(f);
}
