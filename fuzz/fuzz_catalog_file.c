/*
 * A catalogue from its bytes; what was taken must expand and plan, and give nothing that Kafka would not take as a
 * name.
 */
#include <catalog/plan.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const tenants[] = {"a", "internal"};
    const struct pl_catalog_defaults d = {.partitions = 3};
    const struct pl_actual none = {.brokers = 3};
    const struct pl_plan_options all = {0}, two = {.tenants = tenants, .n_tenants = 2};
    struct pl_catalog *c;
    struct pl_texts advice = {0};
    if (pl_catalog_parse(&c, "topics.yaml", (const char *)data, n, &d)) return 0;
    for (size_t i = 0; i < 2; i++) {
        struct pl_plan p;
        if (pl_plan_make(&p, c, &none, i ? &two : &all)) continue;
        for (size_t j = 0; j < p.n; j++)
            if (!pl_name_valid(p.changes[j].topic, strlen(p.changes[j].topic))) abort();
        pl_plan_free(&p);
    }
    if (pl_catalog_advice(c, &advice)) abort();
    pl_texts_free(&advice);
    pl_catalog_free(c);
    return 0;
}
