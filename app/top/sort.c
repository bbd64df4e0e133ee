#include <stdlib.h>
#include <string.h>
#include <top/top.h>

struct entry {
    json_t *value;
    double weight; /* the heavier comes first */
    const char *name;
};

static int compare(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return strcmp(x->name, y->name);
}

static double weight_of(const json_t *value, enum top_order order) {
    if (order == TOP_BY_NAME) return 0;
    return json_number_value(json_object_get(value, order == TOP_BY_FAILED ? "failed_rate" : "rate"));
}

/* Without memory it stays as it is. */
static void sort(json_t *array, const char *name, enum top_order order) {
    size_t n = json_array_size(array);
    struct entry *all = calloc(n + 1, sizeof *all);
    if (!all) return;
    for (size_t i = 0; i < n; i++) {
        json_t *value = json_array_get(array, i);
        const char *text = json_string_value(json_object_get(value, name));
        all[i] = (struct entry){json_incref(value), weight_of(value, order), text ? text : ""};
    }
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 0; i < n; i++) json_array_set_new(array, i, all[i].value);
    free(all);
}

void top_sort(json_t *view, enum top_order order) {
    sort(json_object_get(view, "publishers"), "publisher", order);
    sort(json_object_get(view, "targets"), "target", order);
}
