/* Bodies of requests: what is read lies inside and is one JSON text, and all of it can be freed. */
#include <gateway/state.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void read_as(const char *topic, const uint8_t *data, size_t n) {
    struct gateway_ask ask = {.body = n ? malloc(n) : NULL, .body_n = n, .timeout_ms = 1000};
    if (n && !ask.body) return;
    if (n) memcpy(ask.body, data, n);
    pouch_err e = gateway_ask_read(&ask, topic);
    require(!e || e == POUCH_E_INVALID_PAYLOAD || e == POUCH_E_TOO_LARGE);
    if (!e) {
        require(ask.dest && !ask.topic != !ask.publisher && ask.timeout_ms > 0);
        require(ask.value.at >= ask.body && ask.value.at + ask.value.n <= ask.body + n);
        require(pl_json_valid(ask.value.at, ask.value.n));
    }
    gateway_ask_free(&ask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    read_as("topic", data, n);
    read_as(NULL, data, n);
    return 0;
}
