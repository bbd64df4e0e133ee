/*
 * Writing man pages. Text comes as it stands in the tables: UTF-8, `words` in backticks are what one
 * types, and lines that begin with two spaces are an example.
 */
#ifndef POUCH_TOOLS_ROFF_H
#define POUCH_TOOLS_ROFF_H

#include <stdio.h>

/* The page's first lines: its title and section, and its name with what it is for. */
void roff_title(FILE *out, const char *title, const char *section, const char *name, const char *summary);

void roff_section(FILE *out, const char *title);

/* Text within a line. */
void roff_text(FILE *out, const char *text);
void roff_bold(FILE *out, const char *text);
void roff_italic(FILE *out, const char *text);

/* Paragraphs and examples. */
void roff_paragraphs(FILE *out, const char *text);

/* Lines that stay as they are. */
void roff_example(FILE *out, const char *text);

#endif
