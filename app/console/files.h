/* The files that cmake/console makes. Inside the room. */
#ifndef POUCH_CONSOLE_FILES_H
#define POUCH_CONSOLE_FILES_H

#include <console/console.h>

extern const struct console_file console_files[];
extern const size_t console_n_files; /* 0: built without a console */

#endif
