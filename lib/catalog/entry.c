/* What a catalogue says of one topic. */
#include <base/why.h>
#include <catalog/state.h>
#include <conf/settings.h>
#include <errno.h>
#include <inttypes.h>
#include <pouch/partition.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

enum { PARTITIONS_MAX = 100000, COPIES_MAX = 100, WORDS_MAX = 1000, CONFIG_NAME_MAX = 100, CONFIG_VALUE_MAX = 4096 };
static const int64_t retention_max_ms = INT64_C(100) * 365 * 24 * 3600 * 1000;

/* A member of an entry. */
struct member {
    struct pl_catalog_reader *reader;
    const struct pl_yaml *entry, *node;
};

static pouch_err bad(const struct member *m, const char *what) {
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %s of %.249s: %s", m->reader->file, m->node->line, m->node->key,
                   m->entry->key, what);
}

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a catalogue");
}

/* ---- configs ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_catalog_config *)a)->name, ((const struct pl_catalog_config *)b)->name);
}

static struct pl_catalog_config *find(const struct pl_catalog_entry *e, const char *name) {
    for (size_t i = 0; i < e->n_configs; i++)
        if (!strcmp(e->configs[i].name, name)) return &e->configs[i];
    return NULL;
}

const char *pl_entry_config(const struct pl_catalog_entry *e, const char *name) {
    const struct pl_catalog_config *c = find(e, name);
    return c ? c->value : NULL;
}

static pouch_err add(struct pl_catalog_entry *e, const char *name, const char *value) {
    struct pl_catalog_config made = {strdup(name), strdup(value)};
    struct pl_catalog_config *all = reallocarray(e->configs, e->n_configs + 1, sizeof *all);
    if (all) e->configs = all;
    if (!all || !made.name || !made.value) {
        free(made.name);
        free(made.value);
        return no_memory();
    }
    e->configs[e->n_configs++] = made;
    return POUCH_OK;
}

/* Over what defaults: said. */
static pouch_err put(struct pl_catalog_entry *e, const char *name, const char *value) {
    struct pl_catalog_config *c = find(e, name);
    if (!c) return add(e, name, value);
    char *copy = strdup(value);
    if (!copy) return no_memory();
    free(c->value);
    c->value = copy;
    return POUCH_OK;
}

/* ---- members ---- */

/* Digits alone: what else strtoll() takes is no number here. */
static pouch_err read_number(const struct member *m, int least, int most, int *number) {
    const char *text = m->node->kind == PL_YAML_SCALAR ? m->node->text : "";
    char what[64];
    if (text[0] && strspn(text, "0123456789") == strlen(text)) {
        errno = 0;
        long long value = strtoll(text, NULL, 10);
        if (!errno && value >= least && value <= most) {
            *number = (int)value;
            return POUCH_OK;
        }
    }
    snprintf(what, sizeof what, "give a number from %d to %d", least, most);
    return bad(m, what);
}

static bool printable(const char *text, size_t most) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127) return false;
    return n <= most;
}

/* An empty value is none. */
static pouch_err read_words(const struct member *m, size_t most, char **words) {
    if (m->node->kind != PL_YAML_SCALAR || !printable(m->node->text, most))
        return bad(m, "give one text, without control characters and not longer than the place it is for");
    char *copy = m->node->text[0] ? strdup(m->node->text) : NULL;
    if (m->node->text[0] && !copy) return no_memory();
    free(*words);
    *words = copy;
    return POUCH_OK;
}

static pouch_err read_retention(const struct member *m, struct pl_catalog_entry *e) {
    int64_t ms;
    char value[32];
    if (!strcmp(m->node->text, "forever")) return put(e, "retention.ms", "-1");
    if (pl_duration_parse(&ms, m->node->text, 1, retention_max_ms))
        return bad(m, "give a time such as 7d or 12h, or forever");
    snprintf(value, sizeof value, "%" PRId64, ms);
    return put(e, "retention.ms", value);
}

static pouch_err read_cleanup(const struct member *m, struct pl_catalog_entry *e) {
    static const char *const words[] = {"delete", "compact", "compact,delete"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(m->node->text, words[i])) return put(e, "cleanup.policy", words[i]);
    return bad(m, "give delete, compact, or compact,delete");
}

static pouch_err read_compression(const struct member *m, struct pl_catalog_entry *e) {
    static const char *const words[][2] = {{"producer", "producer"}, {"none", "uncompressed"}, {"gzip", "gzip"},
                                           {"snappy", "snappy"},     {"lz4", "lz4"},           {"zstd", "zstd"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(m->node->text, words[i][0])) return put(e, "compression.type", words[i][1]);
    return bad(m, "give producer, none, gzip, snappy, lz4 or zstd");
}

static pouch_err read_min_insync(const struct member *m, struct pl_catalog_entry *e) {
    int number;
    char value[16];
    pouch_err err = read_number(m, 1, COPIES_MAX, &number);
    if (err) return err;
    snprintf(value, sizeof value, "%d", number);
    return put(e, "min.insync.replicas", value);
}

static pouch_err read_strategy(const struct member *m, struct pl_catalog_entry *e) {
    pouch_strategy strategy;
    bool one = m->node->kind == PL_YAML_SCALAR;
    if (!one || (m->node->text[0] && pouch_strategy_read(&strategy, m->node->text)))
        return bad(m, "give conversation_id, user_id, tenant_id or random");
    return read_words(m, WORDS_MAX, &e->strategy);
}

/* Members that are a config of Kafka's by another name. Empty: there is to be none, whatever defaults: says. */
static const struct {
    const char *name, *config;
    pouch_err (*read)(const struct member *m, struct pl_catalog_entry *e);
} short_names[] = {{"retention", "retention.ms", read_retention},
                   {"cleanup", "cleanup.policy", read_cleanup},
                   {"min_insync", "min.insync.replicas", read_min_insync},
                   {"compression", "compression.type", read_compression}};
enum { SHORT_NAMES = sizeof short_names / sizeof short_names[0] };

static pouch_err read_short(const struct member *m, struct pl_catalog_entry *e, size_t i) {
    if (m->node->kind != PL_YAML_SCALAR) return bad(m, "give one value, not a list or map");
    return m->node->text[0] ? short_names[i].read(m, e) : put(e, short_names[i].config, "");
}

/* One of config:. */
static pouch_err read_config(const struct member *m, struct pl_catalog_entry *e) {
    const char *name = m->node->key;
    size_t n = strlen(name);
    char what[128];
    for (size_t i = 0; i < SHORT_NAMES; i++) {
        if (strcmp(name, short_names[i].config)) continue;
        snprintf(what, sizeof what, "write %s: beside config:, not in it", short_names[i].name);
        return bad(m, what);
    }
    if (n < 1 || n > CONFIG_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.") != n)
        return bad(m, "no name of a topic's config; they look like max.message.bytes");
    if (m->node->kind != PL_YAML_SCALAR || !printable(m->node->text, CONFIG_VALUE_MAX))
        return bad(m, "give one value of at most 4096 bytes, not a list or map");
    if (!find(e, name) && e->n_configs == PL_CATALOG_CONFIGS_MAX) return bad(m, "too many configs: at most 64");
    return put(e, name, m->node->text);
}

static pouch_err read_configs(const struct member *m, struct pl_catalog_entry *e) {
    bool none = m->node->kind == PL_YAML_SCALAR && !m->node->text[0];
    if (m->node->kind != PL_YAML_MAP && !none) return bad(m, "give Kafka's names and values, one a line");
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < m->node->n; i++)
        err = pl_catalog_issue(m->reader, read_config(&(struct member){m->reader, m->entry, &m->node->items[i]}, e));
    return err;
}

static pouch_err read_member(const struct member *m, struct pl_catalog_entry *e) {
    const char *key = m->node->key;
    for (size_t i = 0; i < SHORT_NAMES; i++)
        if (!strcmp(key, short_names[i].name)) return read_short(m, e, i);
    if (!strcmp(key, "partitions")) return read_number(m, 1, PARTITIONS_MAX, &e->partitions);
    if (!strcmp(key, "replication")) return read_number(m, 1, COPIES_MAX, &e->replication);
    if (!strcmp(key, "config")) return read_configs(m, e);
    if (!strcmp(key, "strategy")) return read_strategy(m, e);
    if (!strcmp(key, "schema")) return read_words(m, PL_NAME_MAX, &e->schema);
    if (!strcmp(key, "owner")) return read_words(m, WORDS_MAX, &e->owner);
    if (!strcmp(key, "description")) return read_words(m, WORDS_MAX, &e->description);
    return bad(m, "a topic has partitions, replication, retention, cleanup, min_insync, compression, config, strategy, "
                  "schema, owner and description, and nothing else");
}

/* ---- names ---- */

/*
 * The tenant is one whole part between dots and never the first, so that no tenant's topics get among the platform's.
 */
static bool pattern_valid(const char *name, const char *mark) {
    struct pl_catalog_entry e = {.name = (char *)name, .pattern = true};
    char longest[PL_TENANT_MAX + 1] = {0}, made[PL_TOPIC_NAME_SIZE];
    const char *after = mark + sizeof PL_TENANT_MARK - 1;
    if (mark == name || mark[-1] != '.' || (*after && *after != '.')) return false;
    if (strlen(name) - (sizeof PL_TENANT_MARK - 1) + PL_TENANT_MAX > PL_NAME_MAX) return false;
    memset(longest, 'x', PL_TENANT_MAX);
    pl_catalog_topic(made, &e, longest);
    return pl_name_valid(made, strlen(made));
}

static pouch_err read_name(const struct pl_catalog_reader *r, struct pl_catalog_entry *e, const struct pl_yaml *node) {
    const char *mark = strstr(node->key, PL_TENANT_MARK);
    if (!strncmp(node->key, "__", 2))
        return pl_catalog_bad(r, node, "names that begin with __ are Kafka's own; choose another");
    if (mark && (!strncmp(node->key, "internal.", 9) || !strncmp(node->key, "platform.", 9)))
        return pl_catalog_bad(r, node,
                              "internal.* and platform.* are no tenant's; choose another name for the pattern");
    if (mark && !pattern_valid(node->key, mark))
        return pl_catalog_bad(r, node,
                              "in a pattern {tenant} stands once, as a whole part between dots, not as the first, and "
                              "with a tenant of 64 characters the name is a topic's: at most 249 of letters, digits, "
                              "'.', '_' and '-'");
    if (!mark && !pl_name_valid(node->key, strlen(node->key)))
        return pl_catalog_bad(r, node,
                              "no topic's name: 1 to 249 characters of letters, digits, '.', '_' and '-'; in a pattern "
                              "{tenant} stands for the tenant");
    e->pattern = mark != NULL;
    e->line = node->line;
    e->name = strdup(node->key);
    return e->name ? POUCH_OK : no_memory();
}

/* ---- the whole ---- */

pouch_err pl_entry_begin(struct pl_catalog_entry *e, const struct pl_catalog_entry *base) {
    *e = (struct pl_catalog_entry){.partitions = base->partitions, .replication = base->replication};
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < base->n_configs; i++) err = add(e, base->configs[i].name, base->configs[i].value);
    const struct {
        const char *from;
        char **to;
    } words[] = {{base->strategy, &e->strategy}, {base->schema, &e->schema}, {base->owner, &e->owner}};
    for (size_t i = 0; !err && i < sizeof words / sizeof words[0]; i++)
        if (words[i].from && !(*words[i].to = strdup(words[i].from))) err = no_memory();
    return err;
}

pouch_err pl_entry_read(struct pl_catalog_reader *r, struct pl_catalog_entry *e, const struct pl_yaml *node,
                        bool name) {
    bool none = node->kind == PL_YAML_SCALAR && !node->text[0];
    if (node->kind != PL_YAML_MAP && !none) return pl_catalog_bad(r, node, "give its members, one a line");
    pouch_err err = name ? read_name(r, e, node) : POUCH_OK;
    for (size_t i = 0; !err && i < node->n; i++)
        err = pl_catalog_issue(r, read_member(&(struct member){r, node, &node->items[i]}, e));
    return err;
}

/* One copy may be away without anything standing still, where there are two or more. */
static pouch_err fill_min_insync(struct pl_catalog_entry *e, bool lowered) {
    int number = e->replication > 1 ? e->replication - 1 : 1;
    const char *said = pl_entry_config(e, "min.insync.replicas");
    char value[16];
    if (said && (!lowered || strtol(said, NULL, 10) <= number)) return POUCH_OK;
    snprintf(value, sizeof value, "%d", number);
    return put(e, "min.insync.replicas", value);
}

static pouch_err fill_retention(struct pl_catalog_entry *e, int64_t ms) {
    char value[32];
    if (!ms || find(e, "retention.ms")) return POUCH_OK;
    snprintf(value, sizeof value, "%" PRId64, ms);
    return put(e, "retention.ms", value);
}

pouch_err pl_entry_end(struct pl_catalog_reader *r, struct pl_catalog_entry *e, const struct pl_yaml *node) {
    const struct pl_catalog_defaults *d = r->settings;
    if (!e->partitions) e->partitions = d->partitions;
    if (!e->replication) e->replication = d->replication ? d->replication : PL_CATALOG_REPLICATION;
    const char *insync = pl_entry_config(e, "min.insync.replicas");
    if (insync && strtol(insync, NULL, 10) > e->replication)
        return pl_catalog_bad(r, node,
                              "min_insync is more than there are copies (replication), so that nothing could be "
                              "written; lower it or leave it out");
    bool lowered = d->copies_most && e->replication > d->copies_most;
    if (lowered) e->replication = d->copies_most;
    pouch_err err = fill_min_insync(e, lowered);
    if (!err) err = fill_retention(e, d->retention_ms);
    if (e->n_configs) qsort(e->configs, e->n_configs, sizeof *e->configs, by_name);
    return err;
}

void pl_entry_free(struct pl_catalog_entry *e) {
    for (size_t i = 0; i < e->n_configs; i++) {
        free(e->configs[i].name);
        free(e->configs[i].value);
    }
    free(e->configs);
    free(e->name);
    free(e->strategy);
    free(e->schema);
    free(e->owner);
    free(e->description);
    *e = (struct pl_catalog_entry){0};
}
