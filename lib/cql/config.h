/* Where a cluster is and how to talk to it, from a URL. No I/O but for the password file. */
#ifndef POUCH_CQL_CONFIG_H
#define POUCH_CQL_CONFIG_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PL_CQL_CONTACTS_MAX = 16,  /* hosts in the URL */
    PL_CQL_PARAMETERS_MAX = 32 /* name=value pairs in the URL */
};

struct pl_cql_contact {
    char *host; /* a name or an address, without brackets */
    uint16_t port;
};

struct pl_cql_parameter {
    char *name, *value; /* percent-decoded */
    bool taken;         /* somebody knows this name */
};

/*
 * All that a session needs. Made by pl_cql_config_parse(), which sets the defaults; numbers may be changed
 * afterwards. Texts belong to it. The password is wiped by pl_cql_config_free() and is in no message.
 */
struct pl_cql_config {
    struct pl_cql_contact contacts[PL_CQL_CONTACTS_MAX];
    size_t n_contacts;
    char *keyspace; /* for the caller: statements name their keyspace themselves */
    char *dc;       /* dc=NAME: only hosts of this data center; NULL: that of the first host that answers */
    char *user;     /* user=NAME */
    char *password; /* the first line of password_file=PATH, or POUCH_CASSANDRA_PASSWORD */

    bool tls;       /* tls=on|off; on by itself when one of the next four is given */
    char *ca;       /* ca=PATH: certificates that are trusted; NULL: the system's */
    char *cert;     /* cert=PATH, key=PATH: this client's own, for servers that want one */
    char *key;      /* PEM; the two come together */
    char *tls_name; /* tls_name=NAME: what every host's certificate must name; NULL: the host itself */

    int64_t connect_us; /* connect_timeout=5s: TCP, TLS and log-in of one connection */
    int64_t request_us; /* request_timeout=5s: the default of a request, retries included */
    size_t in_flight;   /* in_flight=2048: requests under way in a session, 1 to 32767 */
    size_t bytes;       /* their bytes in all: 32 MiB */
    size_t connections; /* connections=1: to each host, 1 to 8 */
    size_t frame_max;   /* a longer answer ends its connection: 16 MiB */

    struct pl_cql_parameter parameters[PL_CQL_PARAMETERS_MAX];
    size_t n_parameters;
};

/*
 * url: "host1[:port],host2,[::1]:9042/keyspace?dc=…&user=…", with or without "cassandra://" in front. Port 9042
 * unless given. CONFIG names what is wrong; NO_MEMORY. Parameters this room does not know are left for the caller's
 * pl_cql_config_take(). After an error *c is empty; otherwise pl_cql_config_free() is due.
 */
POUCH_MUST_CHECK pouch_err pl_cql_config_parse(struct pl_cql_config *c, const char *url);
void pl_cql_config_free(struct pl_cql_config *c);

/* The value of a parameter, which counts as known from then on; NULL: not given. */
const char *pl_cql_config_take(struct pl_cql_config *c, const char *name);

/* After everybody took theirs. CONFIG: a parameter nobody knows, named. */
POUCH_MUST_CHECK pouch_err pl_cql_config_check(const struct pl_cql_config *c);

#endif
