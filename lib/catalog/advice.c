/* What a catalogue may say, and had better not. */
#include <base/buf.h>
#include <base/why.h>
#include <catalog/state.h>
#include <stdio.h>
#include <string.h>

enum { MANY_PARTITIONS = 200, TEXT_MAX = 600 };

static bool has(const struct pl_catalog_entry *e, const char *config, const char *value) {
    const char *said = pl_entry_config(e, config);
    return said && !strcmp(said, value);
}

static bool one_copy(const struct pl_catalog_entry *e) {
    return e->replication == 1;
}

static bool none_may_be_away(const struct pl_catalog_entry *e) {
    char all[16];
    snprintf(all, sizeof all, "%d", e->replication);
    return e->replication > 1 && has(e, "min.insync.replicas", all);
}

static bool one_is_enough(const struct pl_catalog_entry *e) {
    return e->replication > 2 && has(e, "min.insync.replicas", "1");
}

static bool retention_unused(const struct pl_catalog_entry *e) {
    return has(e, "cleanup.policy", "compact") && !has(e, "retention.ms", "-1");
}

static bool compacted_without_keys(const struct pl_catalog_entry *e) {
    const char *cleanup = pl_entry_config(e, "cleanup.policy");
    return cleanup && strstr(cleanup, "compact") && e->strategy && !strcmp(e->strategy, "random");
}

static bool many_partitions(const struct pl_catalog_entry *e) {
    return e->partitions > MANY_PARTITIONS;
}

static const struct {
    bool (*holds)(const struct pl_catalog_entry *e);
    const char *text;
} rules[] = {
    {one_copy, "it has one copy, so that a broker's loss is its loss; with three brokers give replication: 3"},
    {none_may_be_away, "min_insync is all of its copies, so that one broker away stops all writing with acks=all; "
                       "one less lets a broker restart"},
    {one_is_enough, "min_insync is 1, so that what was acknowledged may be on one broker alone; 2 is safer"},
    {retention_unused, "cleanup: compact keeps the last record of each key for ever, whatever its retention; "
                       "compact,delete obeys both"},
    {compacted_without_keys, "compacting needs keys, and strategy: random gives none; choose another strategy, or "
                             "cleanup: delete"},
    {many_partitions, "each partition costs every broker that has it open files and memory, and partitions are never "
                      "taken away again; `pouch topic partitions` counts how many a load needs"},
};

static pouch_err advise(const struct pl_catalog *c, const struct pl_catalog_entry *e, const char *text,
                        struct pl_texts *advice) {
    struct pl_buf line;
    pl_buf_init(&line, TEXT_MAX + 4096);
    pouch_err err = pl_buf_printf(&line, "%s:%u: %s: %s", c->file, e->line, e->name, text);
    if (!err) err = pl_texts_add(advice, line.at);
    pl_buf_free(&line);
    return err;
}

pouch_err pl_catalog_advice(const struct pl_catalog *c, struct pl_texts *advice) {
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < c->n; i++)
        for (size_t j = 0; !err && j < sizeof rules / sizeof rules[0]; j++)
            if (rules[j].holds(&c->entries[i])) err = advise(c, &c->entries[i], rules[j].text, advice);
    return err;
}
