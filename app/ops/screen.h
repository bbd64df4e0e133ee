/*
 * What the terminal can show, and text from others made fit for it: a control character in a header or a name must
 * not move the cursor, change colours or hide what follows.
 */
#ifndef POUCH_OPS_SCREEN_H
#define POUCH_OPS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct ops_screen {
    size_t columns; /* 40 to 300 */
    bool utf8;      /* else ASCII only */
    bool colour;
};

/*
 * As the environment and the terminal behind out say: LANG, COLUMNS, NO_COLOR, TERM. No terminal: 80 columns, no
 * colour.
 */
struct ops_screen ops_screen_of(FILE *out);

/*
 * Writes n bytes of text in at most `most` columns, cut with an ellipsis, and returns the columns that it took.
 * Control characters, those that turn the direction of writing, bytes that are no UTF-8, and
 * without utf8 all that is not ASCII, are written as \xHH. A character counts one column.
 */
size_t ops_screen_put(FILE *out, const struct ops_screen *s, const char *text, size_t n, size_t most);

/* The whole text, never cut, then spaces where it takes less than `width` columns. */
void ops_screen_column(FILE *out, const struct ops_screen *s, const char *text, size_t width);

/* A text in exactly `width` columns: cut, or with spaces behind it. */
void ops_screen_cell(FILE *out, const struct ops_screen *s, const char *text, size_t width);

#endif
