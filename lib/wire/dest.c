#include <base/why.h>
#include <stdlib.h>
#include <string.h>
#include <wire/dest.h>
#include <wire/envelope.h>

static pouch_dest *dest_new(const char *topic, const char *publisher) {
    const char *name = topic ? topic : publisher;
    if (!name || !pl_name_valid(name, strnlen(name, PL_NAME_MAX + 1))) {
        pl_why_set("a %s name is 1 to %d characters of A-Z a-z 0-9 . _ -, and neither . nor ..",
                   topic ? "topic" : "publisher", PL_NAME_MAX);
        return NULL;
    }
    pouch_dest *d = calloc(1, sizeof *d);
    char *copy = strdup(name);
    if (!d || !copy) {
        free(d);
        free(copy);
        pl_why_set("out of memory for a destination");
        return NULL;
    }
    *(topic ? &d->topic : &d->publisher) = copy;
    return d;
}

pouch_dest *pouch_dest_topic(const char *topic) {
    return dest_new(topic ? topic : "", NULL);
}

pouch_dest *pouch_dest_publisher(const char *publisher) {
    return dest_new(NULL, publisher);
}

pouch_err pouch_dest_set_key(pouch_dest *d, const char *key) {
    size_t n = strnlen(key, PL_DEST_KEY_MAX + 1);
    if (n > PL_DEST_KEY_MAX) return pl_fail(POUCH_E_CONFIG, "record key is longer than %d bytes", PL_DEST_KEY_MAX);
    char *copy = strdup(key);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a record key");
    free((char *)d->key);
    d->key = copy;
    d->key_n = n;
    return POUCH_OK;
}

static pouch_err header_check(const pouch_dest *d, const char *name, size_t name_n, size_t n) {
    if (!name_n) return pl_fail(POUCH_E_CONFIG, "a header needs a name");
    if (!strncmp(name, "pouch-", 6))
        return pl_fail(POUCH_E_CONFIG, "header names that begin with pouch- are Pouch's own");
    if (name_n > PL_DEST_HEADER_BYTES_MAX || n > PL_DEST_HEADER_BYTES_MAX)
        return pl_fail(POUCH_E_CONFIG, "a header's name and value may have %d bytes each", PL_DEST_HEADER_BYTES_MAX);
    if (d->n_headers == PL_DEST_HEADERS_MAX)
        return pl_fail(POUCH_E_CONFIG, "a destination takes %d headers at most", PL_DEST_HEADERS_MAX);
    return POUCH_OK;
}

pouch_err pouch_dest_add_header(pouch_dest *d, const char *name, const void *value, size_t n) {
    size_t name_n = strnlen(name, PL_DEST_HEADER_BYTES_MAX + 1);
    if (!value) n = 0;
    pouch_err e = header_check(d, name, name_n, n);
    if (e) return e;
    if (!d->headers) d->headers = calloc(PL_DEST_HEADERS_MAX, sizeof *d->headers);
    /* Name and value share one block, which the name begins. */
    char *block = d->headers ? malloc(name_n + 1 + n) : NULL;
    if (!block) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a header");
    memcpy(block, name, name_n + 1);
    if (n) memcpy(block + name_n + 1, value, n);
    d->headers[d->n_headers++] = (struct pl_header){block, value ? block + name_n + 1 : NULL, n};
    return POUCH_OK;
}

pouch_err pouch_dest_set_iv_bytes(pouch_dest *d, int bytes) {
    if (bytes != 12 && bytes != 16) return pl_fail(POUCH_E_CONFIG, "an IV has 12 or 16 bytes, not %d", bytes);
    d->iv_bytes = bytes;
    return POUCH_OK;
}

pouch_err pouch_dest_set_responders(pouch_dest *d, size_t n) {
    if (n < 1 || n > PL_DEST_RESPONDERS_MAX)
        return pl_fail(POUCH_E_CONFIG, "a destination has 1 to %d responders, not %zu", PL_DEST_RESPONDERS_MAX, n);
    d->responders = n;
    return POUCH_OK;
}

void pouch_dest_free(pouch_dest *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n_headers; i++) free((char *)d->headers[i].name);
    free(d->headers);
    free((char *)d->topic);
    free((char *)d->publisher);
    free((char *)d->key);
    free(d);
}
