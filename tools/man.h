#ifndef POUCH_TOOLS_MAN_H
#define POUCH_TOOLS_MAN_H

#include <stdio.h>

/* Writes pouch.yaml(5). */
void man_settings(FILE *out);

#endif
