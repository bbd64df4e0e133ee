#include <base/why.h>
#include <letter/fields.h>
#include <stdlib.h>
#include <string.h>

pouch_err pl_fields_of(struct pl_fields *f, const rd_kafka_message_t *m, size_t more, pl_field_keep_fn *keep,
                       const void *arg) {
    rd_kafka_headers_t *from = NULL;
    size_t n = rd_kafka_message_headers(m, &from) ? 0 : rd_kafka_header_cnt(from);
    *f = (struct pl_fields){.at = calloc(n + more + 1, sizeof *f->at), .cap = n + more};
    if (!f->at) return pl_fail(POUCH_E_NO_MEMORY, "no memory for %zu headers of a record", n + more);
    for (size_t i = 0; i < n; i++) {
        struct pl_header h;
        rd_kafka_header_get_all(from, i, &h.name, &h.value, &h.n);
        if (!keep || keep(h.name, arg)) f->at[f->n++] = h;
    }
    return POUCH_OK;
}

void pl_fields_add(struct pl_fields *f, const char *name, const void *value, size_t n) {
    if (value && f->n < f->cap) f->at[f->n++] = (struct pl_header){name, value, n};
}

void pl_fields_text(struct pl_fields *f, const char *name, const char *text) {
    pl_fields_add(f, name, text, text ? strlen(text) : 0);
}

size_t pl_text_fit(const char *text, size_t most) {
    size_t n = strnlen(text, most + 1);
    if (n <= most) return n;
    n = most;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    return n;
}

struct pl_record pl_fields_record(const struct pl_fields *f, const rd_kafka_message_t *m, const char *topic,
                                  void *arg) {
    return (struct pl_record){.topic = topic,
                              .key = m->key,
                              .key_n = m->key_len,
                              .value = m->payload,
                              .value_n = m->len,
                              .headers = f->at,
                              .n_headers = f->n,
                              .arg = arg};
}
