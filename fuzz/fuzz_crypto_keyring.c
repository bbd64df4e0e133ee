/* Ring files: any text is a ring of 1 to 16 distinct keys, or refused with a message that begins with its place. */
#include <crypto/keyfile.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void require_distinct(const struct pl_keyset *set) {
    for (size_t i = 0; i < set->n; i++) {
        const struct pl_key *key = &set->keys[i];
        require(strlen(key->kid) == key->kid_n && key->kid_n <= PL_KID_MAX);
        require(!key->kid_n || pl_keyset_find(set, key->kid, key->kid_n) == key);
        for (size_t j = 0; j < i; j++) require(memcmp(set->keys[j].secret, key->secret, PL_KEY_BYTES) != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct pl_keyset *set;
    require(pl_keyset_new(&set) == POUCH_OK);
    pouch_err e = pl_keyfile_parse(set, "RING", (const char *)data, n);
    require(e == POUCH_OK || e == POUCH_E_CONFIG);
    if (e) {
        require(!strncmp(pouch_why(), "line ", 5) || !strncmp(pouch_why(), "RING ", 5));
    } else {
        require(set->n >= 1 && set->n <= PL_KEYS_MAX);
        require_distinct(set);
    }
    pl_keyset_unref(set);
    return 0;
}
