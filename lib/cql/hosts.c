#include <arpa/inet.h>
#include <base/clock.h>
#include <base/why.h>
#include <cql/session.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char pl_cql_ask_local[] = "SELECT data_center, host_id, tokens FROM system.local WHERE key = 'local'";
const char pl_cql_ask_peers_v2[] =
    "SELECT native_address AS address, native_port AS port, data_center, host_id, tokens FROM system.peers_v2";
const char pl_cql_ask_peers[] = "SELECT rpc_address AS address, data_center, host_id, tokens FROM system.peers";

/* ---- the table ---- */

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the hosts of a cluster");
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
    if (a->ss_family != b->ss_family) return false;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;
        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;
    return x->sin6_port == y->sin6_port && !memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr);
}

static void write_name(struct pl_cql_host *h) {
    char address[INET6_ADDRSTRLEN] = "";
    if (h->address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&h->address;
        inet_ntop(AF_INET, &in->sin_addr, address, sizeof address);
        snprintf(h->name, sizeof h->name, "%s:%u", address, ntohs(in->sin_port));
    } else {
        const struct sockaddr_in6 *in = (const void *)&h->address;
        inet_ntop(AF_INET6, &in->sin6_addr, address, sizeof address);
        snprintf(h->name, sizeof h->name, "[%s]:%u", address, ntohs(in->sin6_port));
    }
}

/* The host of that address, made when it is not there. NULL: no memory, or the table is full. */
static struct pl_cql_host *host_at(struct pl_cql *s, const struct sockaddr_storage *address, socklen_t n) {
    for (size_t i = 0; i < s->n_hosts; i++)
        if (same_address(&s->hosts[i]->address, address)) return s->hosts[i];
    struct pl_cql_host *h = s->n_hosts < PL_CQL_HOSTS_MAX ? calloc(1, sizeof *h) : NULL;
    if (!h) return NULL;
    h->address = *address;
    h->address_n = n;
    write_name(h);
    snprintf(h->why, sizeof h->why, "not yet tried");
    s->hosts[s->n_hosts++] = h;
    return h;
}

static struct pl_cql_host *host_of_id(struct pl_cql *s, const struct pl_uuid *id) {
    for (size_t i = 0; i < s->n_hosts; i++)
        if (s->hosts[i]->described && !memcmp(&s->hosts[i]->id, id, sizeof *id)) return s->hosts[i];
    return NULL;
}

void pl_cql_hosts_free(struct pl_cql *s) {
    for (size_t i = 0; i < s->n_hosts; i++) {
        for (size_t j = 0; j < PL_CQL_CONNECTIONS_MAX; j++) pl_cql_conn_free(s->hosts[i]->conns[j]);
        free(s->hosts[i]->given);
        free(s->hosts[i]->tokens);
        free(s->hosts[i]);
    }
    s->n_hosts = 0;
    pl_cql_ring_free(&s->ring);
}

static pouch_err add_addresses(struct pl_cql *s, const struct addrinfo *list, const char *given) {
    for (; list; list = list->ai_next) {
        if (list->ai_addrlen > sizeof(struct sockaddr_storage)) continue;
        struct sockaddr_storage address = {0};
        memcpy(&address, list->ai_addr, list->ai_addrlen);
        struct pl_cql_host *h = host_at(s, &address, list->ai_addrlen);
        if (!h) return out_of_memory();
        h->contact = true;
        if (!h->given && !(h->given = strdup(given))) return out_of_memory();
    }
    return POUCH_OK;
}

static bool is_of(const struct pl_cql_host *h, const struct pl_cql_contact *contact) {
    const struct sockaddr_in *in = (const void *)&h->address; /* the port has its place in both kinds */
    return h->given && !strcmp(h->given, contact->host) && ntohs(in->sin_port) == contact->port;
}

/* What a contact point leads to now, and no more to where it led before. */
static pouch_err lead_to(struct pl_cql *s, const struct pl_cql_contact *contact, const struct addrinfo *list) {
    for (size_t i = 0; i < s->n_hosts; i++)
        if (is_of(s->hosts[i], contact)) s->hosts[i]->contact = false;
    return add_addresses(s, list, contact->host);
}

/* Waits for the resolver, which is why it is done when a session is opened and while no host is up. */
pouch_err pl_cql_hosts_resolve(struct pl_cql *s) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const char *failed = NULL, *why = NULL;
    bool later = false;
    s->resolve_us = pl_mono_us(&pl_clock_system) + 2 * s->config.connect_us;
    for (size_t i = 0; i < s->config.n_contacts; i++) {
        const struct pl_cql_contact *contact = &s->config.contacts[i];
        char port[6];
        struct addrinfo *list;
        snprintf(port, sizeof port, "%u", contact->port);
        int error = getaddrinfo(contact->host, port, &hints, &list);
        if (error) {
            failed = contact->host;
            later |= error == EAI_AGAIN;
            why = error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error);
            continue;
        }
        pouch_err e = lead_to(s, contact, list);
        freeaddrinfo(list);
        if (e) return e;
    }
    if (!s->n_hosts && !later) return pl_fail(POUCH_E_CONFIG, "Cassandra host %s has no address: %s", failed, why);
    return POUCH_OK;
}

/* ---- what the cluster says of itself ---- */

struct tokens {
    int64_t *at;
    size_t n, cap;
    bool no_memory;
};

static void add_token(const char *at, size_t n, void *arg) {
    struct tokens *t = arg;
    char text[32], *end;
    if (t->no_memory || !n || n >= sizeof text || t->n == PL_CQL_RING_MAX) return;
    memcpy(text, at, n);
    text[n] = 0;
    long long token = strtoll(text, &end, 10);
    if (*end) return; /* another partitioner's: requests then go to the hosts in turn */
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        int64_t *more = realloc(t->at, cap * sizeof *more);
        t->no_memory = !more;
        if (!more) return;
        t->at = more;
        t->cap = cap;
    }
    t->at[t->n++] = token;
}

static pouch_err take_description(struct pl_cql_host *h, const struct pl_cql_rows *row) {
    size_t n;
    const char *dc = pl_cql_cell_text(row, pl_cql_column(row, "data_center"), &n);
    if (n >= sizeof h->dc) n = sizeof h->dc - 1;
    struct tokens t = {0};
    pl_cql_cell_texts(row, pl_cql_column(row, "tokens"), add_token, &t);
    if (t.no_memory) {
        free(t.at);
        return out_of_memory();
    }
    memcpy(h->dc, dc, n);
    h->dc[n] = 0;
    free(h->tokens);
    h->tokens = t.at;
    h->n_tokens = t.n;
    h->described = pl_cql_cell_uuid(row, pl_cql_column(row, "host_id"), &h->id);
    return POUCH_OK;
}

bool pl_cql_host_local(const struct pl_cql *s, const struct pl_cql_host *h) {
    return h->listed && !strcmp(h->dc, s->dc);
}

/* Contact points are kept to only until one of the data center's hosts is there. */
bool pl_cql_host_wanted(const struct pl_cql *s, const struct pl_cql_host *h) {
    size_t known;
    return pl_cql_host_local(s, h) || (h->contact && !pl_cql_hosts_up(s, &known));
}

static pouch_err make_ring(struct pl_cql *s) {
    pl_cql_ring_clear(&s->ring);
    for (size_t i = 0; i < s->n_hosts; i++) {
        const struct pl_cql_host *h = s->hosts[i];
        if (!pl_cql_host_local(s, h)) continue;
        for (size_t j = 0; j < h->n_tokens; j++) {
            pouch_err e = pl_cql_ring_add(&s->ring, h->tokens[j], (uint16_t)i);
            if (e) return e;
        }
    }
    pl_cql_ring_sort(&s->ring);
    return POUCH_OK;
}

/* Another address of a host that is known already: it is the same host, and stays under the address that works. */
static bool is_another_name(struct pl_cql *s, const struct pl_cql_host *h) {
    for (size_t i = 0; i < s->n_hosts; i++) {
        const struct pl_cql_host *other = s->hosts[i];
        if (other != h && other->listed && other->described && !memcmp(&other->id, &h->id, sizeof h->id)) return true;
    }
    return false;
}

pouch_err pl_cql_host_describe(struct pl_cql *s, struct pl_cql_host *h, struct pl_cql_rows *local) {
    if (!pl_cql_rows_next(local))
        return pl_fail(POUCH_E_STORE, "Cassandra at %s does not describe itself in system.local", h->name);
    pouch_err e = take_description(h, local);
    if (e) return e;
    if (!s->dc[0]) snprintf(s->dc, sizeof s->dc, "%s", s->config.dc ? s->config.dc : h->dc);
    h->listed = !h->described || !is_another_name(s, h);
    return make_ring(s);
}

/* The address of a row, with the teller's port where the row has none. */
static bool read_address(const struct pl_cql_rows *row, const struct pl_cql_host *teller, struct sockaddr_storage *out,
                         socklen_t *n) {
    struct pl_cql_cell c = pl_cql_cell_bytes(row, pl_cql_column(row, "address"));
    const struct sockaddr_in *in = (const void *)&teller->address; /* the port has its place in both kinds */
    int64_t given = pl_cql_cell_number(row, pl_cql_column(row, "port"), 0);
    in_port_t port = given > 0 && given <= UINT16_MAX ? htons((uint16_t)given) : in->sin_port;
    *out = (struct sockaddr_storage){0};
    if (c.n == 4) {
        struct sockaddr_in *to = (void *)out;
        to->sin_family = AF_INET;
        to->sin_port = port;
        memcpy(&to->sin_addr, c.at, 4);
        *n = sizeof *to;
        return to->sin_addr.s_addr != INADDR_ANY;
    }
    if (c.n == 16) {
        struct sockaddr_in6 *to = (void *)out;
        to->sin6_family = AF_INET6;
        to->sin6_port = port;
        memcpy(&to->sin6_addr, c.at, 16);
        *n = sizeof *to;
        return true;
    }
    return false;
}

/* It stays where it was reached, and is looked for in the other place when it is not there any more. */
static void note_other(struct pl_cql_host *h, const struct sockaddr_storage *address, socklen_t n) {
    h->other = *address;
    h->other_n = same_address(&h->address, address) ? 0 : n;
}

void pl_cql_host_turn(struct pl_cql_host *h) {
    for (size_t i = 0; i < PL_CQL_CONNECTIONS_MAX; i++)
        if (h->conns[i] && h->conns[i]->state != PL_CQL_CLOSED) return;
    if (!h->other_n) return;
    const struct sockaddr_storage address = h->address;
    const socklen_t n = h->address_n;
    h->address = h->other;
    h->address_n = h->other_n;
    h->other = address;
    h->other_n = n;
    write_name(h);
}

static pouch_err take_peer(struct pl_cql *s, struct pl_cql_host *teller, const struct pl_cql_rows *row) {
    struct sockaddr_storage address;
    socklen_t n = 0;
    struct pl_uuid id;
    if (!pl_cql_cell_uuid(row, pl_cql_column(row, "host_id"), &id))
        return POUCH_OK; /* half a row: it is just joining */
    bool told = read_address(row, teller, &address, &n);
    struct pl_cql_host *h = host_of_id(s, &id);
    if (h && told) note_other(h, &address, n);
    if (!h && told) {
        h = host_at(s, &address, n);
        if (!h && s->n_hosts < PL_CQL_HOSTS_MAX) return out_of_memory();
    }
    if (!h) return POUCH_OK;
    pouch_err e = take_description(h, row);
    h->listed = true;
    return e;
}

pouch_err pl_cql_hosts_peers(struct pl_cql *s, struct pl_cql_host *teller, struct pl_cql_rows *peers) {
    for (size_t i = 0; i < s->n_hosts; i++) s->hosts[i]->listed = s->hosts[i] == teller;
    while (pl_cql_rows_next(peers)) {
        pouch_err e = take_peer(s, teller, peers);
        if (e) return e;
    }
    return make_ring(s);
}

/* ---- choosing ---- */

static struct pl_cql_conn *ready_conn(const struct pl_cql *s, const struct pl_cql_host *h) {
    struct pl_cql_conn *best = NULL;
    for (size_t i = 0; i < s->config.connections; i++) {
        struct pl_cql_conn *c = h->conns[i];
        if (c && c->state == PL_CQL_READY && !c->broken && (!best || c->load < best->load)) best = c;
    }
    return best;
}

size_t pl_cql_hosts_up(const struct pl_cql *s, size_t *known) {
    size_t up = 0;
    *known = 0;
    for (size_t i = 0; i < s->n_hosts; i++) {
        if (!pl_cql_host_local(s, s->hosts[i])) continue;
        ++*known;
        up += ready_conn(s, s->hosts[i]) != NULL;
    }
    return up;
}

static struct pl_cql_conn *candidate(const struct pl_cql *s, size_t host, const struct pl_cql_slot *slot) {
    const struct pl_cql_host *h = s->hosts[host];
    for (size_t i = 0; i < slot->attempts; i++)
        if (slot->tried[i] == h) return NULL;
    return pl_cql_host_local(s, h) ? ready_conn(s, h) : NULL;
}

/*
 * The first host of the data center on the ring from the token on is a replica, whatever the replication; those that
 * follow mostly are, and any other host passes the request on.
 */
struct pl_cql_conn *pl_cql_choose(struct pl_cql *s, const struct pl_cql_slot *slot) {
    enum { LOOK = 64 }; /* entries of the ring: with the owner and its next ones down, any host will do */
    struct pl_cql_conn *c = NULL;
    size_t n = s->ring.n, at = slot->routed && n ? pl_cql_ring_find(&s->ring, slot->token) : 0;
    for (size_t i = 0; slot->routed && i < n && i < LOOK; i++)
        if ((c = candidate(s, s->ring.entries[(at + i) % n].host, slot))) return c;
    for (size_t i = 0; i < s->n_hosts; i++)
        if ((c = candidate(s, s->turn++ % s->n_hosts, slot))) return c;
    return NULL;
}

pouch_err pl_cql_no_host(const struct pl_cql *s) {
    char hosts[700] = "the names in its URL have no address yet";
    size_t n = 0, n_foreign = 0;
    pouch_err e = POUCH_E_STORE;
    for (size_t i = 0; i < s->n_hosts && n < sizeof hosts; i++) {
        const struct pl_cql_host *h = s->hosts[i];
        if (h->error == POUCH_E_NOT_ALLOWED || h->error == POUCH_E_CONFIG) e = h->error;
        bool foreign = h->described && strcmp(h->dc, s->dc);
        n_foreign += foreign;
        n += (size_t)snprintf(hosts + n, sizeof hosts - n, "%s%s%s: %s%s", n ? "; " : "", h->name,
                              foreign ? " in " : "", foreign ? h->dc : h->why, foreign ? ", another data center" : "");
    }
    if (s->n_hosts && n_foreign == s->n_hosts) e = POUCH_E_CONFIG; /* dc= names none that there is */
    return pl_fail(e, "no Cassandra host%s%s takes requests (%s)", s->dc[0] ? " of data center " : "", s->dc, hosts);
}
