/* Which of some names may have been meant where somebody wrote another. */
#ifndef POUCH_BASE_NEAREST_H
#define POUCH_BASE_NEAREST_H

#include <stddef.h>

struct pl_nearest {
    const char *written, *name; /* name: the nearest that was offered; NULL: none is near */
    size_t written_n, name_n;
    size_t most; /* letters that may differ between the two */
};

/*
 * written and whatever is offered stay the caller's, who keeps them. A name counts when no more than most letters must
 * be changed, put in or left out; of several the nearest, of equals the first.
 */
void pl_nearest_begin(struct pl_nearest *nearest, const char *written, size_t n, size_t most);
void pl_nearest_offer(struct pl_nearest *nearest, const char *name, size_t n);

#endif
