#include <base/why.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char why[1024];

static void keep(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void keep(const char *format, va_list args) {
    char text[sizeof why]; /* since args may have the last reason in them */
    vsnprintf(text, sizeof text, format, args);
    strcpy(why, text);
}

pouch_err pl_fail(pouch_err e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    keep(format, args);
    va_end(args);
    return e;
}

void pl_why_set(const char *format, ...) {
    va_list args;
    va_start(args, format);
    keep(format, args);
    va_end(args);
}

const char *pouch_why(void) {
    return why;
}
