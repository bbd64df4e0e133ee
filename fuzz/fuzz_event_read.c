/* Events: what is taken for one is written as one with the same fields, and what is set is what may be read. */
#include <event/fields.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void require_same(const pouch_event *a, const pouch_event *b) {
    for (int i = 0; i < PL_EVENT_FIELDS; i++) {
        size_t n, m;
        const char *x = pouch_event_get(a, (pouch_event_field)i, &n), *y = pouch_event_get(b, (pouch_event_field)i, &m);
        require(!x == !y && n == m && (!x || !memcmp(x, y, n)));
    }
}

static void round_trip(const pouch_event *e, pouch_event *back) {
    size_t n, again;
    require(pouch_event_write(e, NULL, 0, &n) == POUCH_E_TOO_LARGE);
    char *out = malloc(n + 1);
    require(out && pouch_event_write(e, out, n + 1, &again) == POUCH_OK && n == again);
    require(pl_json_valid(out, n));
    require(pouch_event_read(back, out, n) == POUCH_OK);
    require_same(e, back);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static pouch_event *e, *back;
    if (!e) e = pouch_event_new();
    if (!back) back = pouch_event_new();
    pouch_err err = pouch_event_read(e, data, n);
    require(err == POUCH_OK || err == POUCH_E_BAD_ENVELOPE || err == POUCH_E_TOO_LARGE);
    for (int i = 0; err && i < PL_EVENT_FIELDS; i++) require(!pouch_event_get(e, (pouch_event_field)i, NULL));
    if (err) {
        require(pouch_event_begin(e) == POUCH_OK && pouch_event_set(e, POUCH_EVENT_TYPE, "a", 1) == POUCH_OK);
        require(pouch_event_set(e, POUCH_EVENT_TENANT_ID, "t", 1) == POUCH_OK);
        require(pouch_event_set(e, POUCH_EVENT_SOURCE, "s", 1) == POUCH_OK);
        require(pouch_event_set(e, POUCH_EVENT_PAYLOAD, "{}", 2) == POUCH_OK);
        err = n ? pouch_event_set(e, (pouch_event_field)(data[0] % PL_EVENT_FIELDS), data + 1, n - 1) : POUCH_OK;
        require(err == POUCH_OK || err == POUCH_E_CONFIG || err == POUCH_E_TOO_LARGE);
        if (n == 1) return 0; /* a field that is needed may have gone */
    }
    round_trip(e, back);
    return 0;
}
