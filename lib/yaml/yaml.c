#include <base/why.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>
#include <yaml/yaml.h>

enum { DEPTH_MAX = 16, FILE_MAX = 1 << 20 };

struct reader {
    yaml_parser_t parser;
    const char *name; /* of the file, for messages */
    const char *text;
    size_t n;
};

static pouch_err out_of_memory(const struct reader *r) {
    return pl_fail(POUCH_E_NO_MEMORY, "%s: out of memory", r->name);
}

static pouch_err refuse(const struct reader *r, size_t line, const char *what) {
    return pl_fail(POUCH_E_CONFIG, "%s:%zu: %s", r->name, line, what);
}

static size_t line_of(const yaml_event_t *event) {
    return event->start_mark.line + 1;
}

/* What libyaml found wrong. Its reader, below the scanner, knows only the offset. */
static pouch_err malformed(const struct reader *r) {
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return out_of_memory(r);
    size_t line = p->problem_mark.line + 1;
    if (p->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < p->problem_offset && i < r->n; i++) line += r->text[i] == '\n';
    }
    return refuse(r, line, p->problem ? p->problem : "not YAML");
}

/* The next event, to be deleted by the caller after POUCH_OK. */
static pouch_err next(struct reader *r, yaml_event_t *event) {
    return yaml_parser_parse(&r->parser, event) ? POUCH_OK : malformed(r);
}

static bool is_null(const yaml_event_t *event) {
    static const char *const words[] = {"~", "null", "Null", "NULL"};
    const char *text = (const char *)event->data.scalar.value;
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(text, words[i])) return true;
    return false;
}

static pouch_err scalar_text(const struct reader *r, const yaml_event_t *event, char **text) {
    const char *value = (const char *)event->data.scalar.value;
    if (memchr(value, 0, event->data.scalar.length)) return refuse(r, line_of(event), "a text with a NUL in it");
    *text = strdup(value);
    return *text ? POUCH_OK : out_of_memory(r);
}

/* One more item, zeroed; NULL: out of memory. The capacity is the next power of two. */
static struct pl_yaml *add_item(struct pl_yaml *node) {
    if ((node->n & (node->n - 1)) == 0) {
        struct pl_yaml *items = reallocarray(node->items, node->n ? 2 * node->n : 1, sizeof *items);
        if (!items) return NULL;
        node->items = items;
    }
    struct pl_yaml *item = &node->items[node->n++];
    *item = (struct pl_yaml){0};
    return item;
}

static int by_key(const void *a, const void *b) {
    const struct pl_yaml *x = *(const struct pl_yaml *const *)a, *y = *(const struct pl_yaml *const *)b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x > y) - (x < y);
}

/* Sorted, because a file within the limit has room for some hundred thousand keys. */
static pouch_err check_duplicates(const struct reader *r, const struct pl_yaml *map) {
    if (map->n < 2) return POUCH_OK;
    const struct pl_yaml **sorted = calloc(map->n, sizeof *sorted);
    if (!sorted) return out_of_memory(r);
    for (size_t i = 0; i < map->n; i++) sorted[i] = &map->items[i];
    qsort(sorted, map->n, sizeof *sorted, by_key);
    pouch_err e = POUCH_OK;
    for (size_t i = 1; i < map->n && !e; i++)
        if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
            e = pl_fail(POUCH_E_CONFIG, "%s:%u: %.64s is given twice, first in line %u", r->name, sorted[i]->line,
                        sorted[i]->key, sorted[i - 1]->line);
    free(sorted);
    return e;
}

/* Anchors, aliases and tags let one line change the meaning of another; settings do without. */
static pouch_err check_plain(const struct reader *r, const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT) return refuse(r, line_of(event), "aliases are not taken");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor) return refuse(r, line_of(event), "anchors are not taken");
    if (tag) return refuse(r, line_of(event), "tags are not taken");
    return POUCH_OK;
}

static pouch_err read_list(struct reader *r, struct pl_yaml *list, int depth);
static pouch_err read_map(struct reader *r, struct pl_yaml *map, int depth);

/* The node that begins with the event. depth: how many lists and maps it is in. */
static pouch_err read_node(struct reader *r, const yaml_event_t *event, struct pl_yaml *node, int depth) {
    pouch_err e = check_plain(r, event);
    if (e) return e;
    if (!node->line) node->line = (unsigned)line_of(event);
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = PL_YAML_SCALAR;
        if (!is_null(event)) return scalar_text(r, event, &node->text);
        node->text = strdup("");
        return node->text ? POUCH_OK : out_of_memory(r);
    }
    if (depth == DEPTH_MAX) return refuse(r, line_of(event), "nested too deep (16 levels are taken)");
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    node->kind = is_map ? PL_YAML_MAP : PL_YAML_LIST;
    return is_map ? read_map(r, node, depth + 1) : read_list(r, node, depth + 1);
}

static pouch_err read_list(struct reader *r, struct pl_yaml *list, int depth) {
    for (;;) {
        yaml_event_t event;
        pouch_err e = next(r, &event);
        if (e) return e;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end) {
            struct pl_yaml *item = add_item(list);
            e = item ? read_node(r, &event, item, depth) : out_of_memory(r);
        }
        yaml_event_delete(&event);
        if (e || end) return e;
    }
}

/* The item's line is its key's, which is where a reader of the file looks for it. */
static pouch_err read_key(const struct reader *r, const yaml_event_t *event, struct pl_yaml *item) {
    pouch_err e = check_plain(r, event);
    if (e) return e;
    item->line = (unsigned)line_of(event);
    if (event->type != YAML_SCALAR_EVENT) return refuse(r, item->line, "a key must be a word");
    return scalar_text(r, event, &item->key);
}

static pouch_err read_value(struct reader *r, struct pl_yaml *node, int depth) {
    yaml_event_t event;
    pouch_err e = next(r, &event);
    if (e) return e;
    e = read_node(r, &event, node, depth);
    yaml_event_delete(&event);
    return e;
}

static pouch_err read_map(struct reader *r, struct pl_yaml *map, int depth) {
    for (;;) {
        yaml_event_t event;
        pouch_err e = next(r, &event);
        if (e) return e;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        struct pl_yaml *item = NULL;
        if (!end) {
            item = add_item(map);
            e = item ? read_key(r, &event, item) : out_of_memory(r);
        }
        yaml_event_delete(&event);
        if (end) return check_duplicates(r, map);
        if (!e) e = read_value(r, item, depth);
        if (e) return e;
    }
}

/* Reads one event and gives only its kind and line. */
static pouch_err next_kind(struct reader *r, yaml_event_type_t *kind, size_t *line) {
    yaml_event_t event;
    pouch_err e = next(r, &event);
    if (e) return e;
    *kind = event.type;
    *line = line_of(&event);
    yaml_event_delete(&event);
    return POUCH_OK;
}

static pouch_err read_stream(struct reader *r, struct pl_yaml *root) {
    yaml_event_type_t kind;
    size_t line;
    pouch_err e = next_kind(r, &kind, &line);
    if (!e) e = next_kind(r, &kind, &line);
    if (e) return e;
    if (kind == YAML_STREAM_END_EVENT) {
        *root = (struct pl_yaml){.kind = PL_YAML_MAP, .line = 1};
        return POUCH_OK;
    }
    e = read_value(r, root, 0);
    if (!e) e = next_kind(r, &kind, &line);
    if (!e) e = next_kind(r, &kind, &line);
    if (!e && kind != YAML_STREAM_END_EVENT) e = refuse(r, line, "a second document");
    return e;
}

/* libyaml counts a byte order mark as the first column, and the keys of a map must all stand in one. */
static void skip_mark(const char **text, size_t *n) {
    static const char mark[] = "\xef\xbb\xbf";
    if (*n < sizeof mark - 1 || memcmp(*text, mark, sizeof mark - 1)) return;
    *text += sizeof mark - 1;
    *n -= sizeof mark - 1;
}

pouch_err pl_yaml_parse(struct pl_yaml **tree, const char *name, const char *text, size_t n) {
    skip_mark(&text, &n);
    struct reader r = {.name = name, .text = text, .n = n};
    *tree = NULL;
    if (n > FILE_MAX) return pl_fail(POUCH_E_CONFIG, "%s: larger than %d bytes", name, FILE_MAX);
    if (!yaml_parser_initialize(&r.parser)) return out_of_memory(&r);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    struct pl_yaml *root = calloc(1, sizeof *root);
    pouch_err e = root ? read_stream(&r, root) : out_of_memory(&r);
    yaml_parser_delete(&r.parser);
    if (e)
        pl_yaml_free(root);
    else
        *tree = root;
    return e;
}

/* Until the end or the limit and one byte more, so that pipes can be read as well as files. */
static pouch_err read_all(int fd, const char *path, char *text, size_t *n) {
    *n = 0;
    while (*n <= FILE_MAX) {
        ssize_t got = read(fd, text + *n, FILE_MAX + 1 - *n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return pl_fail(POUCH_E_CONFIG, "%s cannot be read: %s", path, strerror(errno));
        if (got == 0) break;
        *n += (size_t)got;
    }
    return POUCH_OK;
}

pouch_err pl_yaml_read(struct pl_yaml **tree, const char *path) {
    *tree = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return pl_fail(POUCH_E_CONFIG, "%s cannot be opened: %s", path, strerror(errno));
    char *text = malloc(FILE_MAX + 1);
    size_t n = 0;
    pouch_err e = text ? read_all(fd, path, text, &n) : pl_fail(POUCH_E_NO_MEMORY, "%s: out of memory", path);
    close(fd);
    if (!e) e = pl_yaml_parse(tree, path, text, n);
    if (text) explicit_bzero(text, n);
    free(text);
    return e;
}

static void node_clear(struct pl_yaml *node) {
    for (size_t i = 0; i < node->n; i++) node_clear(&node->items[i]);
    if (node->text) explicit_bzero(node->text, strlen(node->text));
    free(node->items);
    free(node->text);
    free(node->key);
}

void pl_yaml_free(struct pl_yaml *tree) {
    if (!tree) return;
    node_clear(tree);
    free(tree);
}

const struct pl_yaml *pl_yaml_get(const struct pl_yaml *tree, const char *key) {
    if (tree->kind != PL_YAML_MAP) return NULL;
    for (size_t i = 0; i < tree->n; i++)
        if (!strcmp(tree->items[i].key, key)) return &tree->items[i];
    return NULL;
}
