/* What a kind of store is: the calls of store.h with their arguments checked, and the writing side of a tracer. Inside the room. */
#ifndef POUCH_STORE_BACKEND_H
#define POUCH_STORE_BACKEND_H

#include <store/store.h>

struct pl_store_kind {
    const char *scheme;                                        /* what its URLs begin with: "sqlite://" */
    pouch_err (*open)(struct pl_store **s, const char *where); /* where: the URL behind the scheme */
    void (*close)(struct pl_store *s);
    pouch_err (*version)(struct pl_store *s, int64_t *version);
    pouch_err (*routes)(struct pl_store *s, struct pl_route_row **routes, size_t *n, int64_t *version);
    pouch_err (*route_put)(struct pl_store *s, struct pl_route_row *r, int64_t expected);
    pouch_err (*route_remove)(struct pl_store *s, const char *publisher, int64_t *version);
    pouch_err (*services)(struct pl_store *s, struct pl_service_row **services, size_t *n);
    pouch_err (*service_put)(struct pl_store *s, struct pl_service_row *r, bool replace);
    pouch_err (*service_remove)(struct pl_store *s, const char *name);
};

struct pl_store {
    const struct pl_store_kind *kind;
};

extern const struct pl_store_kind pl_store_sqlite;

#endif
