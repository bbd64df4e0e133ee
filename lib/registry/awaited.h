/*
 * Publishers whose route was announced newer than it is known here: a sorted list. Inside the room.
 */
#ifndef POUCH_REGISTRY_AWAITED_H
#define POUCH_REGISTRY_AWAITED_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_awaited {
    char *publisher;
    int64_t version; /* the highest that was announced */
};

struct pl_awaited_list { /* all zero: empty */
    struct pl_awaited *at;
    size_t n, cap;
};

/* NO_MEMORY; OVERLOADED: there are as many as there may be routes. After an error the list is as it was. */
POUCH_MUST_CHECK pouch_err pl_awaited_add(struct pl_awaited_list *l, const char *publisher, int64_t version);
POUCH_MUST_CHECK pouch_err pl_awaited_copy(struct pl_awaited_list *to, const struct pl_awaited_list *from);
bool pl_awaited_has(const struct pl_awaited_list *l, const char *publisher, size_t n);
void pl_awaited_clear(struct pl_awaited_list *l);

#endif
