#include <crypto/keyring.h>
#include <doctor/look.h>
#include <inttypes.h>
#include <stdio.h>

static const char check[] = "keys";

/* NIST SP 800-38D's 2^32 for a key; a rotation takes time. */
static const uint64_t many = UINT64_C(1) << 31;

static void judge(struct doctor *d, const struct pl_key_use *key, bool seals) {
    char where[96];
    snprintf(where, sizeof where, "%.64s%s%.8s", key->kid, *key->kid ? " " : "", key->fingerprint);
    if (seals && key->sealed_ever > many)
        doctor_bad(d, DOCTOR_WARN, check, where, "add a key and activate it: `pouch key add`, docs/key-rotation.md",
                   "it has sealed %" PRIu64 " messages from this host; a key may seal 2^32 over all hosts",
                   key->sealed_ever);
    else
        doctor_good(d, check, where, seals ? "seals and opens" : "opens");
}

void doctor_keys(struct doctor *d) {
    struct pl_key_use keys[PL_KEYS_MAX];
    if (!d->ring) return;
    size_t n = pl_keyring_uses(d->ring, keys, PL_KEYS_MAX), bare = 0;
    for (size_t i = 0; i < n; i++) {
        judge(d, &keys[i], i == 0);
        bare += !*keys[i].kid;
    }
    if (bare > PL_KEYS_TRIED)
        doctor_bad(d, DOCTOR_WARN, check, "key.file", "retire those that open nothing any more: `pouch key retire`",
                   "%zu keys have no kid, and for a message that names none only %d are tried", bare, PL_KEYS_TRIED);
}
