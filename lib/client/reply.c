#include <client/reply.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

const void *pouch_reply_payload(const pouch_reply *r, size_t *n) {
    if (n) *n = r->payload_n;
    return r->payload;
}

const char *pouch_reply_error(const pouch_reply *r) {
    return r->error;
}

const char *pouch_reply_request_id(const pouch_reply *r) {
    return r->request_id;
}

int pouch_reply_sealed(const pouch_reply *r) {
    return r->sealed;
}

/* librdkafka parses headers on demand and allocates for it, so this is done only for those who ask. */
static void read_target(const pouch_reply *r) {
    static const char *const names[] = {PL_H_TARGET, PL_H_RESPONDER};
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(r->message, &headers)) return;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !*r->target; i++) {
        if (rd_kafka_header_get_last(headers, names[i], &value, &n) || !value || !pl_name_valid(value, n)) continue;
        memcpy(r->target, value, n);
        r->target[n] = '\0';
    }
}

const char *pouch_reply_target(const pouch_reply *r) {
    if (r->message && !*r->target) read_target(r);
    return r->target;
}

pouch_reply *pl_reply_copy(const pouch_reply *r) {
    size_t error_n = strlen(r->error) + 1;
    size_t block_n = sizeof *r + PL_NAME_MAX + 1 + error_n + r->payload_n + 1;
    pouch_reply *copy = malloc(block_n);
    if (!copy) return NULL;
    *copy = *r;
    copy->message = NULL;
    copy->block_n = block_n;
    copy->target = (char *)(copy + 1);
    strcpy(copy->target, pouch_reply_target(r));
    char *error = copy->target + PL_NAME_MAX + 1, *payload = error + error_n;
    copy->error = memcpy(error, r->error, error_n);
    copy->payload = memcpy(payload, r->payload, r->payload_n + 1);
    return copy;
}

void pouch_reply_free(pouch_reply *r) {
    if (!r) return;
    explicit_bzero(r, r->block_n);
    free(r);
}
