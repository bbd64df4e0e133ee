/* Other processes: what they say of themselves, and whether they agree with each other and with us. */
#include <base/clock.h>
#include <base/why.h>
#include <crypto/keyring.h>
#include <doctor/look.h>
#include <peer/peer.h>
#include <pouch/version.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 5000 };

static const char check[] = "peer";

static const char *text_of(const json_t *o, const char *name) {
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static void texts(struct doctor *d, enum doctor_level level, const char *name, const json_t *all, const char *advice) {
    const json_t *one;
    size_t i;
    json_array_foreach(all, i, one) {
        if (json_is_string(one)) doctor_bad(d, level, check, name, advice, "%s", json_string_value(one));
    }
}

static void clock_of(struct doctor *d, const char *name, const json_t *status, int64_t now_ms, int64_t took_ms) {
    const json_t *theirs = json_object_get(status, "now_ms");
    int64_t skew = d->settings->deadline_skew_ms, unsure = took_ms / 2 + 1;
    if (!json_is_integer(theirs) || json_integer_value(theirs) < 0) return;
    int64_t ahead = (int64_t)json_integer_value(theirs) - now_ms, apart = (ahead < 0 ? -ahead : ahead) - unsure;
    static const char advice[] = "synchronize the clocks of both hosts (chrony, systemd-timesyncd)";
    if (apart > skew)
        doctor_bad(d, DOCTOR_FAIL, "clock", name, advice,
                   "%lld ms apart from this host, more than deadline.skew (%lld ms): deadlines are not kept",
                   (long long)apart, (long long)skew);
    else if (2 * apart > skew)
        doctor_bad(d, DOCTOR_WARN, "clock", name, advice, "%lld ms apart from this host; deadline.skew is %lld ms",
                   (long long)apart, (long long)skew);
}

static void store_of(struct doctor *d, const char *name, const json_t *status) {
    const json_t *store = json_object_get(status, "store");
    if (json_is_true(json_object_get(store, "spooling")))
        doctor_bad(d, DOCTOR_WARN, check, name, "see that the store runs and is fast enough",
                   "its trace rows go into the spool, because the store does not take them");
    long long missing = json_integer_value(json_object_get(store, "missing"));
    if (missing)
        doctor_bad(d, DOCTOR_WARN, check, name, "give trace.queue_bytes and trace.spool_bytes more room",
                   "%lld of its trace rows were never written", missing);
}

static void breakers_of(struct doctor *d, const char *name, const json_t *status) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(status, "breakers"), i, one) {
        const char *state = text_of(one, "state");
        if (*state && strcmp(state, "closed") != 0)
            doctor_bad(d, DOCTOR_WARN, check, name,
                       "find out why that handler or target fails; the log names the errors", "the breaker of %s is %s",
                       text_of(one, "name"), state);
    }
}

void doctor_judge_peer(struct doctor *d, const char *name, const json_t *status, int64_t now_ms, int64_t took_ms) {
    size_t before = json_array_size(d->findings);
    texts(d, json_is_true(json_object_get(status, "ready")) ? DOCTOR_WARN : DOCTOR_FAIL, name,
          json_object_get(status, "reasons"), "see its log and its /readyz");
    texts(d, DOCTOR_WARN, name, json_object_get(status, "notes"), "see its log and its /statusz");
    clock_of(d, name, status, now_ms, took_ms);
    store_of(d, name, status);
    breakers_of(d, name, status);
    if (strcmp(text_of(status, "version"), POUCH_VERSION) != 0)
        doctor_bad(d, DOCTOR_WARN, "version", name, "bring all processes to one version",
                   "it is version %s, and this is %s", text_of(status, "version"), POUCH_VERSION);
    if (json_array_size(d->findings) == before)
        doctor_good(d, check, name, "%s, version %s, ready", text_of(status, "role"), text_of(status, "version"));
}

/* ---- keys: whatever one seals, every other must be able to open ---- */

static bool has_key(const json_t *keys, const char *fingerprint) {
    const json_t *one;
    size_t i;
    json_array_foreach(keys, i, one) {
        if (!strcmp(text_of(one, "fingerprint"), fingerprint)) return true;
    }
    return false;
}

static const char *sealing_key(const json_t *keys) {
    const json_t *one;
    size_t i;
    json_array_foreach(keys, i, one) {
        if (json_is_true(json_object_get(one, "seals"))) return text_of(one, "fingerprint");
    }
    return "";
}

static json_t *own_keys(pouch_keyring *ring) {
    struct pl_key_use keys[PL_KEYS_MAX];
    size_t n = pl_keyring_uses(ring, keys, PL_KEYS_MAX);
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++)
        json_array_append_new(all, json_pack("{s:s, s:b}", "fingerprint", keys[i].fingerprint, "seals", i == 0));
    return all;
}

/* holders: [{"name","keys"}…] */
static void compare_keys(struct doctor *d, const json_t *holders) {
    const json_t *a, *b;
    size_t i, k;
    bool agreed = true;
    json_array_foreach(holders, i, a) {
        json_array_foreach(holders, k, b) {
            const char *seals = sealing_key(json_object_get(a, "keys"));
            if (i == k || !*seals || has_key(json_object_get(b, "keys"), seals)) continue;
            agreed = false;
            doctor_bad(d, DOCTOR_FAIL, "keys", text_of(b, "name"),
                       "`pouch key add` that key there before it is activated anywhere: docs/key-rotation.md",
                       "it has no key %s, which %s seals with: what that sends it does not open", seals,
                       text_of(a, "name"));
        }
    }
    if (agreed && json_array_size(holders) > 1)
        doctor_good(d, "keys", "all", "what one of %zu seals, all others open", json_array_size(holders));
}

static void read_peer(struct doctor *d, const char *name, json_t *holders) {
    char *url = NULL;
    json_t *status = NULL;
    int64_t began_ms = pl_wall_ms(&pl_clock_system);
    pouch_err e = peer_url(&url, name);
    if (!e) e = peer_status(&status, url, TIMEOUT_MS, NULL);
    int64_t took_ms = pl_wall_ms(&pl_clock_system) - began_ms;
    free(url);
    if (e) {
        doctor_bad(d, DOCTOR_FAIL, check, name, "see that it runs, and was started with --listen at that address", "%s",
                   pouch_why());
        return;
    }
    doctor_judge_peer(d, name, status, began_ms + took_ms / 2, took_ms);
    json_t *keys = json_object_get(status, "keys");
    if (json_array_size(keys)) json_array_append_new(holders, json_pack("{s:s, s:O}", "name", name, "keys", keys));
    json_decref(status);
}

void doctor_peers(struct doctor *d) {
    json_t *holders = json_array();
    if (!holders) {
        d->no_memory = true;
        return;
    }
    if (d->ring)
        json_array_append_new(holders, json_pack("{s:s, s:o}", "name", "this host", "keys", own_keys(d->ring)));
    for (size_t i = 0; i < d->n_peers; i++) read_peer(d, d->peers[i], holders);
    compare_keys(d, holders);
    json_decref(holders);
}
