#include <base/why.h>
#include <registry/awaited.h>
#include <stdlib.h>
#include <store/store.h>
#include <string.h>

/* Of a name that is awaited and n bytes of another. */
static int order(const char *awaited, const char *publisher, size_t n) {
    int o = strncmp(awaited, publisher, n);
    return o ? o : awaited[n] != '\0';
}

/* Where the publisher is, or would be. */
static size_t place_of(const struct pl_awaited_list *l, const char *publisher, size_t n) {
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order(l->at[middle], publisher, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool pl_awaited_has(const struct pl_awaited_list *l, const char *publisher, size_t n) {
    size_t i = place_of(l, publisher, n);
    return i < l->n && !order(l->at[i], publisher, n);
}

static bool has_room(struct pl_awaited_list *l, size_t n) {
    if (n <= l->cap) return true;
    size_t cap = l->cap ? l->cap : 16;
    while (cap < n) cap *= 2;
    char **at = reallocarray(l->at, cap, sizeof *at);
    if (!at) return false;
    l->at = at;
    l->cap = cap;
    return true;
}

pouch_err pl_awaited_add(struct pl_awaited_list *l, const char *publisher) {
    size_t n = strlen(publisher), i = place_of(l, publisher, n);
    if (i < l->n && !order(l->at[i], publisher, n)) return POUCH_OK;
    if (l->n >= PL_ROUTES_MAX)
        return pl_fail(POUCH_E_OVERLOADED, "more than %d routes were announced that are not known here", PL_ROUTES_MAX);
    char *copy = has_room(l, l->n + 1) ? strdup(publisher) : NULL;
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a route that was announced");
    memmove(&l->at[i + 1], &l->at[i], (l->n - i) * sizeof *l->at);
    l->at[i] = copy;
    l->n++;
    return POUCH_OK;
}

pouch_err pl_awaited_copy(struct pl_awaited_list *to, const struct pl_awaited_list *from) {
    *to = (struct pl_awaited_list){0};
    bool done = has_room(to, from->n);
    for (size_t i = 0; done && i < from->n; i++) {
        to->at[i] = strdup(from->at[i]);
        done = to->at[i] != NULL;
        to->n += done;
    }
    if (done) return POUCH_OK;
    pl_awaited_clear(to);
    return pl_fail(POUCH_E_NO_MEMORY, "no memory for the routes that were announced");
}

void pl_awaited_clear(struct pl_awaited_list *l) {
    for (size_t i = 0; i < l->n; i++) free(l->at[i]);
    free(l->at);
    *l = (struct pl_awaited_list){0};
}
