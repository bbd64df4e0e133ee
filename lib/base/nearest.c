#include <base/nearest.h>
#include <stdint.h>

/* How many letters must change to make a of b (Levenshtein); a name longer than the row is infinitely far. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
    enum { LONGEST = 63 };
    size_t row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

void pl_nearest_begin(struct pl_nearest *nearest, const char *written, size_t n, size_t most) {
    *nearest = (struct pl_nearest){.written = written, .written_n = n, .most = most};
}

void pl_nearest_offer(struct pl_nearest *nearest, const char *name, size_t n) {
    size_t far = distance(nearest->written, nearest->written_n, name, n);
    if (nearest->name ? far >= nearest->most : far > nearest->most) return;
    nearest->most = far;
    nearest->name = name;
    nearest->name_n = n;
}
