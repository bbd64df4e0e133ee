/*
 * YAML 1.1 as a tree with line marks, so that errors can name file, line and key. Kept to what
 * settings need: one document, words as keys, no anchors, aliases or tags, no NUL in a text. A
 * plain null (~, null) is the same as an empty value: its text is "". So is a file with nothing
 * in it the same as an empty map.
 */
#ifndef POUCH_YAML_YAML_H
#define POUCH_YAML_YAML_H

#include <pouch/error.h>
#include <stddef.h>

enum pl_yaml_kind { PL_YAML_SCALAR, PL_YAML_LIST, PL_YAML_MAP };

struct pl_yaml {
    enum pl_yaml_kind kind;
    unsigned line;         /* from 1 */
    char *key;             /* in a map; NULL elsewhere */
    char *text;            /* of a scalar */
    struct pl_yaml *items; /* of a list or map, in order */
    size_t n;
};

/*
 * Reads a file of at most 1 MiB. CONFIG: unreadable, malformed, a duplicate key, depth > 16 or one of the above; file
 * and line in pouch_why(). NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_yaml_read(struct pl_yaml **tree, const char *path);

/* The same from memory; name stands for the file in messages. */
POUCH_MUST_CHECK pouch_err pl_yaml_parse(struct pl_yaml **tree, const char *name, const char *text, size_t n);
void pl_yaml_free(struct pl_yaml *tree); /* wipes the texts: a setting may be a secret; NULL is allowed */

/* The item of a map, NULL when absent or when tree is no map. */
const struct pl_yaml *pl_yaml_get(const struct pl_yaml *tree, const char *key);

#endif
