#include <base/why.h>
#include <pouch/partition.h>
#include <stddef.h>
#include <string.h>

enum { KEY_MAX = 1024, PARTITIONS_LEAST = 4 };

/* How many of what one partition is to have at most; 0: it does not matter. */
static const struct {
    const char *name;
    int64_t rate, keys;
} strategies[] = {
    [POUCH_STRATEGY_RANDOM] = {"random", 500, 0},
    [POUCH_STRATEGY_CONVERSATION_ID] = {"conversation_id", 1000, 0},
    [POUCH_STRATEGY_USER_ID] = {"user_id", 1000, 300},
    [POUCH_STRATEGY_TENANT_ID] = {"tenant_id", 1000, 10},
};

enum { STRATEGIES = sizeof strategies / sizeof strategies[0] };

static pouch_err refuse(void) {
    return pl_fail(POUCH_E_CONFIG, "a partition strategy is one of random, conversation_id, user_id, tenant_id");
}

pouch_err pouch_strategy_read(pouch_strategy *s, const char *name) {
    for (int i = 0; i < STRATEGIES; i++) {
        if (strcmp(strategies[i].name, name)) continue;
        *s = (pouch_strategy)i;
        return POUCH_OK;
    }
    return refuse();
}

const char *pouch_strategy_name(pouch_strategy s) {
    return (size_t)s < STRATEGIES ? strategies[s].name : NULL;
}

pouch_err pouch_partition_key(pouch_strategy s, const char *const fields[], const char **key) {
    const char *name = pouch_strategy_name(s), *value = NULL;
    *key = NULL;
    if (!name) return refuse();
    if (s == POUCH_STRATEGY_RANDOM) return POUCH_OK;
    for (; *fields; fields += 2) {
        if (strcmp(*fields, name)) continue;
        if (value) return pl_fail(POUCH_E_CONFIG, "%s is there twice", name);
        value = fields[1];
    }
    if (!value || !*value)
        return pl_fail(POUCH_E_CONFIG, "the key by %s needs the field %s, which is %s", name, name,
                       value ? "empty" : "missing");
    if (strnlen(value, KEY_MAX + 1) > KEY_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s is longer than a record key of %d bytes", name, KEY_MAX);
    *key = value;
    return POUCH_OK;
}

/* How many parts of `size` hold n, and at least what is needed otherwise. */
static int64_t enough(int64_t least, int64_t n, int64_t size) {
    int64_t parts = size ? n / size + (n % size != 0) : 0;
    return parts > least ? parts : least;
}

pouch_err pouch_partitions_for(pouch_strategy s, int64_t rate, int64_t keys, int64_t consumers, int *partitions) {
    if ((size_t)s >= STRATEGIES) return refuse();
    if (rate < 0 || keys < 0 || consumers < 0)
        return pl_fail(POUCH_E_CONFIG, "records a second, keys and consumers are not negative");
    int64_t n = consumers > PARTITIONS_LEAST ? consumers : PARTITIONS_LEAST;
    n = enough(n, rate, strategies[s].rate);
    n = enough(n, keys, strategies[s].keys);
    if (n > POUCH_PARTITIONS_MAX)
        return pl_fail(POUCH_E_CONFIG, "that would take over %d partitions: spread it over several topics",
                       POUCH_PARTITIONS_MAX);
    *partitions = (int)n;
    return POUCH_OK;
}
