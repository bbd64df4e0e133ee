#include <base/why.h>
#include <runner/open.h>
#include <stdlib.h>
#include <string.h>

pouch_err runner_open_init(struct runner_open *o, size_t max) {
    *o = (struct runner_open){.max = max, .slots = calloc(max, sizeof *o->slots)};
    if (!o->slots) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu open requests", max);
    for (size_t i = max; i-- > 0;) {
        o->slots[i].newer = o->free;
        o->free = &o->slots[i];
    }
    return POUCH_OK;
}

void runner_open_free(struct runner_open *o) {
    free(o->slots);
    o->slots = NULL;
}

void runner_open_add(struct runner_open *o, const struct pl_uuid *id, pouch_job *job, int64_t now_us) {
    struct runner_open_job *j = o->free;
    o->free = j->newer;
    *j = (struct runner_open_job){.job = job, .id = *id, .since_us = now_us, .older = o->newest};
    if (o->newest)
        o->newest->newer = j;
    else
        o->oldest = j;
    o->newest = j;
    o->count++;
}

static pouch_job *take(struct runner_open *o, struct runner_open_job *j) {
    if (j->older)
        j->older->newer = j->newer;
    else
        o->oldest = j->newer;
    if (j->newer)
        j->newer->older = j->older;
    else
        o->newest = j->older;
    j->newer = o->free;
    o->free = j;
    o->count--;
    return j->job;
}

pouch_job *runner_open_take(struct runner_open *o, const struct pl_uuid *id) {
    for (struct runner_open_job *j = o->oldest; j; j = j->newer)
        if (!memcmp(j->id.b, id->b, sizeof id->b)) return take(o, j);
    return NULL;
}

pouch_job *runner_open_take_oldest(struct runner_open *o, int64_t until_us) {
    return o->oldest && o->oldest->since_us <= until_us ? take(o, o->oldest) : NULL;
}

int64_t runner_open_since(const struct runner_open *o) {
    return o->oldest ? o->oldest->since_us : INT64_MAX;
}
