/* A settings file: nested maps and dotted keys give the same names. */
#include <base/why.h>
#include <conf/entries.h>
#include <conf/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml/yaml.h>

enum { NAME_MAX_LENGTH = 255 };

struct reading {
    const char *path;
    struct pl_entries entries;
    size_t n_kafka;
};

/* "PATH:LINE" or "PATH:LINE: NAME", cut where it is too long for any message. */
struct place {
    char text[512];
};

static const char *place_at(struct place *place, const struct reading *r, unsigned line, const char *name) {
    char quoted[PL_VALUE_QUOTE_MAX];
    if (name)
        snprintf(place->text, sizeof place->text, "%.400s:%u: %s", r->path, line, pl_value_quote(name, quoted));
    else
        snprintf(place->text, sizeof place->text, "%.400s:%u", r->path, line);
    return place->text;
}

static pouch_err out_of_memory(const struct reading *r) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory while reading %s", r->path);
}

/* A list as one text, joined by commas; NULL: out of memory, or an item is no scalar (*bad). */
static char *list_join(const struct pl_yaml *list, const struct pl_yaml **bad) {
    size_t length = 1;
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind != PL_YAML_SCALAR) {
            *bad = &list->items[i];
            return NULL;
        }
        length += strlen(list->items[i].text) + 1;
    }
    char *joined = malloc(length), *end = joined;
    if (!joined) return NULL;
    for (size_t i = 0; i < list->n; i++) {
        if (i) *end++ = ',';
        end = stpcpy(end, list->items[i].text);
    }
    *end = 0;
    return joined;
}

/* A relative path in a file is meant from where the file is, not from where the program was started. */
static char *path_join(const char *file, const char *path) {
    const char *slash = strrchr(file, '/');
    char *joined;
    if (*path == '/' || !slash || !*path) return strdup(path);
    return asprintf(&joined, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL : joined;
}

/* The value as text that the caller frees. CONFIG: not of a shape that the option takes. */
static pouch_err value_text(const struct reading *r, const struct pl_option *row, const struct pl_yaml *node,
                            const char *name, char **text) {
    struct place place;
    const struct pl_yaml *bad = node;
    *text = NULL;
    if (node->kind == PL_YAML_SCALAR) {
        bad = NULL;
        *text = row && row->kind == PL_KIND_PATH ? path_join(r->path, node->text) : strdup(node->text);
    } else if (node->kind == PL_YAML_LIST && row && row->kind == PL_KIND_TEXT) {
        bad = NULL;
        *text = list_join(node, &bad);
    }
    if (*text) return POUCH_OK;
    if (!bad) return out_of_memory(r);
    return pl_fail(POUCH_E_CONFIG, "%s: wants a value, not a %s", place_at(&place, r, bad->line, name),
                   bad->kind == PL_YAML_MAP ? "map" : "list");
}

static pouch_err take_value(struct reading *r, const char *name, const struct pl_yaml *node) {
    struct place place;
    char *text;
    pouch_err e = value_text(r, pl_option_find(name), node, name, &text);
    if (e) return e;
    if (pl_entries_find(&r->entries, name))
        e = pl_fail(POUCH_E_CONFIG, "%s: is given twice", place_at(&place, r, node->line, name));
    else if (pl_kafka_is(name) && ++r->n_kafka > PL_KAFKA_MAX)
        e = pl_fail(POUCH_E_CONFIG, "%s: more than %d kafka.* properties", place_at(&place, r, node->line, name),
                    PL_KAFKA_MAX);
    else
        e = pl_entry_check(place_at(&place, r, node->line, name), name, text);
    char origin[sizeof place.text + sizeof "file "];
    if (!e) {
        snprintf(origin, sizeof origin, "file %s", place_at(&place, r, node->line, NULL));
        e = pl_entries_put(&r->entries, name, text, PL_FROM_FILE, origin);
    }
    explicit_bzero(text, strlen(text));
    free(text);
    return e;
}

/* Whether options begin with this word and a dot. */
static bool is_section(const char *name) {
    size_t n = strlen(name);
    if (!strcmp(name, "kafka")) return true;
    for (const struct pl_option *row = pl_options; row->name; row++)
        if (!strncmp(row->name, name, n) && row->name[n] == '.') return true;
    return false;
}

static bool is_empty(const struct pl_yaml *node) {
    return node->kind == PL_YAML_SCALAR ? !*node->text : node->n == 0;
}

static pouch_err take_map(struct reading *r, const char *prefix, const struct pl_yaml *map);

static pouch_err take_item(struct reading *r, const char *prefix, const struct pl_yaml *item) {
    char name[NAME_MAX_LENGTH + 1];
    struct place place;
    int n = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", item->key);
    if (n < 0 || (size_t)n >= sizeof name)
        return pl_fail(POUCH_E_CONFIG, "%s: a name of more than %d bytes", place_at(&place, r, item->line, item->key),
                       NAME_MAX_LENGTH);
    if (pl_option_find(name)) return take_value(r, name, item);
    /* A section whose lines are all commented out is left as an empty value. */
    if (is_section(name) && is_empty(item)) return POUCH_OK;
    if (item->kind == PL_YAML_MAP && item->n) return take_map(r, name, item);
    if (pl_kafka_is(name)) return take_value(r, name, item);
    return pl_entry_unknown(place_at(&place, r, item->line, name), name);
}

static pouch_err take_map(struct reading *r, const char *prefix, const struct pl_yaml *map) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < map->n && !e; i++) e = take_item(r, prefix, &map->items[i]);
    return e;
}

/* Takes all of the tree or nothing, and frees it. */
static pouch_err apply(pouch_options *o, const char *path, struct pl_yaml *tree) {
    struct reading r = {.path = path};
    struct place place;
    pouch_err e = POUCH_OK;
    if (tree->kind == PL_YAML_MAP)
        e = take_map(&r, "", tree);
    else if (!is_empty(tree))
        e = pl_fail(POUCH_E_CONFIG, "%s: wants a map of options", place_at(&place, &r, tree->line, NULL));
    if (!e) e = pl_entries_merge(&o->entries, &r.entries);
    pl_entries_free(&r.entries);
    pl_yaml_free(tree);
    return e;
}

pouch_err pl_options_parse(pouch_options *o, const char *path, const char *text, size_t n) {
    struct pl_yaml *tree;
    pouch_err e = pl_yaml_parse(&tree, path, text, n);
    return e ? e : apply(o, path, tree);
}

pouch_err pouch_options_load(pouch_options *o, const char *path) {
    struct pl_yaml *tree;
    pouch_err e = pl_yaml_read(&tree, path);
    return e ? e : apply(o, path, tree);
}
