/* A stored histogram: whatever is taken can be stored again and is the same then. */
#include <metrics/sketch.h>
#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct pl_sketch taken = {0}, again = {0};
    struct pl_buf stored;
    pl_buf_init(&stored, 1 << 22);
    if (!pl_sketch_merge(&taken, data, n)) {
        int64_t before = 0;
        require(pl_sketch_encode(&taken, &stored) == POUCH_OK);
        require(pl_sketch_merge(&again, stored.at, stored.len) == POUCH_OK);
        require(again.count == taken.count && again.used == taken.used);
        for (double q = 0; q <= 1; q += 0.25) {
            int64_t value = pl_sketch_quantile(&taken, q);
            require(value >= before && value == pl_sketch_quantile(&again, q));
            before = value;
        }
    }
    pl_sketch_free(&taken);
    pl_sketch_free(&again);
    pl_buf_free(&stored);
    return 0;
}
