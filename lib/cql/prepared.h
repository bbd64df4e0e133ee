/* A statement as the server described it when it was prepared. */
#ifndef POUCH_CQL_PREPARED_H
#define POUCH_CQL_PREPARED_H

#include <cql/cql.h>

enum { PL_CQL_ID_MAX = 32 }; /* bytes of a statement's id; Cassandra's have 16 */

struct pl_cql_marker {
    char *name;
    uint16_t type, element; /* element: of a list or set */
};

struct pl_cql_statement {
    char *text;
    char id[PL_CQL_ID_MAX];
    uint8_t id_n;
    size_t n_markers;
    struct pl_cql_marker *markers;
    size_t n_key;                    /* columns of the partition key; 0: not known */
    uint8_t key[PL_CQL_COLUMNS_MAX]; /* their markers, in the key's order */
    struct pl_cql_statement *next;
};

void pl_cql_statement_free(struct pl_cql_statement *statement); /* NULL allowed */

#endif
