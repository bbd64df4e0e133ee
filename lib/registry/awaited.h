/*
 * Publishers whose route was announced newer than it is known here: a sorted list. Inside the room.
 */
#ifndef POUCH_REGISTRY_AWAITED_H
#define POUCH_REGISTRY_AWAITED_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>

struct pl_awaited_list { /* all zero: empty */
    char **at;
    size_t n, cap;
};

/* NO_MEMORY; OVERLOADED: there are as many as there may be routes. After an error the list is as it was. */
POUCH_MUST_CHECK pouch_err pl_awaited_add(struct pl_awaited_list *l, const char *publisher);
POUCH_MUST_CHECK pouch_err pl_awaited_copy(struct pl_awaited_list *to, const struct pl_awaited_list *from);
bool pl_awaited_has(const struct pl_awaited_list *l, const char *publisher, size_t n);
void pl_awaited_clear(struct pl_awaited_list *l);

#endif
