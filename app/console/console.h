/* The web console (console/) as it was built: every file of it is in the program. */
#ifndef POUCH_CONSOLE_CONSOLE_H
#define POUCH_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

struct console_file {
    const char *name; /* "index.html" */
    const char *type; /* of its content, as HTTP says it */
    const char *etag; /* with its quotes */
    bool fixed;       /* what is in it never changes under this name */
    const unsigned char *whole;
    size_t n_whole;
    const unsigned char *gzip; /* the same, compressed */
    size_t n_gzip;
};

/* NULL: there is no such file, or the program was built without a console. */
const struct console_file *console_find(const char *name);

/* Whether a client that sends this takes gzip: the value of Accept-Encoding, NULL when there is none. */
bool console_takes_gzip(const char *accepted, size_t n);

/* Whether one of the tags in If-None-Match is that of the file. */
bool console_is_known(const struct console_file *f, const char *tags, size_t n);

#endif
