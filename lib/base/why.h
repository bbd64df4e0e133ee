/* This thread's text for its last failure: what, where, what to do. Never a payload, never a key. */
#ifndef POUCH_BASE_WHY_H
#define POUCH_BASE_WHY_H

#include <pouch/error.h>

/* Keeps the text (cut at 1,023 bytes) for pouch_why() and returns e, so that `return pl_fail(…)` reads as one thing. */
POUCH_MUST_CHECK pouch_err pl_fail(pouch_err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same where the error itself travels another way (a callback, a NULL). */
void pl_why_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
