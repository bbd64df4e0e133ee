/* What was read of a catalogue's access list. Inside the room. */
#ifndef POUCH_CATALOG_ACCESS_STATE_H
#define POUCH_CATALOG_ACCESS_STATE_H

#include <catalog/access.h>

enum pl_role {
    PL_ROLE_NONE,
    PL_ROLE_CLIENT,
    PL_ROLE_WORKER,
    PL_ROLE_CENTER,
    PL_ROLE_GATEWAY,
    PL_ROLE_REDELIVER,
    PL_ROLE_OPERATOR
};

struct pl_names {
    char **at;
    size_t n;
};

struct pl_access_entry {
    unsigned line;
    enum pl_role role;
    char *principal; /* with its type: "User:billing" */
    char *host;      /* "*": from everywhere */
    char *client_id; /* NULL: the principal's name; of a gateway pouch-gateway */
    char *group;     /* NULL: the role's own */
    struct pl_names topics, produce, consume;
};

struct pl_access {
    struct pl_access_entry *entries;
    size_t n;
};

#endif
