#include <base/why.h>
#include <bench/part.h>
#include <stdbool.h>
#include <stdio.h>

static void *run(void *arg) {
    struct bench_part *p = arg;
    p->ended_with = p->kind->run(p->it);
    if (p->ended_with) snprintf(p->why, sizeof p->why, "%s", pouch_why());
    atomic_store(&p->has_ended, true);
    return NULL;
}

pouch_err bench_part_start(struct bench_part *p, const struct bench_kind *kind, void *it) {
    p->kind = kind;
    p->it = it;
    if (!pthread_create(&p->thread, NULL, run, p)) return POUCH_OK;
    kind->free(it);
    p->it = NULL;
    return pl_fail(POUCH_E_NO_MEMORY, "no thread for the %s", kind->name);
}

pouch_err bench_part_stop(struct bench_part *p) {
    if (!p->it) return POUCH_OK;
    p->kind->stop(p->it);
    pthread_join(p->thread, NULL);
    p->kind->free(p->it);
    p->it = NULL;
    return p->ended_with ? pl_fail(p->ended_with, "the %s has ended: %s", p->kind->name, p->why) : POUCH_OK;
}
