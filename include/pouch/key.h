/*
 * Keys. A ring file has one key a line, `kid:64hex` or bare `64hex`; blank lines and lines
 * that start with # are skipped. The first key seals, all open. A kid is 1-64 characters of
 * [A-Za-z0-9._-]. Keys are held outside swap where the system allows, and wiped.
 */
#ifndef POUCH_KEY_H
#define POUCH_KEY_H

#include <pouch/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_keyring pouch_keyring;

/*
 * Loads a ring. path NULL: the environment variable ENCRYPTION_KEY, a ring of one.
 * On success *ring is a reference of the caller's; clients and workers take their own.
 * CONFIG: no key, unreadable, open to others (readable by more than owner and group, writable
 * by more than the owner), a malformed or repeated line (named by number, never quoted). NO_MEMORY.
 * There is no start without a key: no random key is ever made up.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_keyring_load(pouch_keyring **ring, const char *path);

/*
 * Reads the ring's file again; every user of the ring sees the new keys with its next message,
 * and what is being sealed or opened meanwhile ends with the keys it began with. A failed reload
 * keeps the old keys. CONFIG, NO_MEMORY as above; for a ring from the environment it does
 * nothing. Any thread.
 *
 * Where the ring is followed, as by a client or a running worker, this happens by itself, within about a
 * second of a change of the file; a change that is refused is logged. Thus it is for those that do not want
 * to wait (on SIGHUP, say; the library handles no signals).
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_keyring_reload(pouch_keyring *ring);

/*
 * From now on a changed file is taken by itself, within about a second, and what the keys seal is added up in the file
 * seal_counts (NULL: "seals" in the state directory), so that the limit of a key holds over restarts and for all
 * processes of the host. A thread of the ring's does both, until the ring is freed, which writes the rest. Clients
 * and running workers call it for their ring; programs that only seal and open call it themselves, or their
 * seals count for the process alone. A further call does nothing; the first one decides for the process which file it
 * is. A file of counts that cannot be used is logged, and sealing goes on. NO_MEMORY: the system gives no thread. Any
 * thread.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_keyring_follow(pouch_keyring *ring, const char *seal_counts);

/* Gives back a reference; the keys are wiped with the last. NULL is allowed. */
POUCH_API void pouch_keyring_free(pouch_keyring *ring);

/* 64 lower-case hex characters of a fresh random key and a NUL. NO_MEMORY: the system gave no random bytes. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_key_generate(char hex[65]);

#ifdef __cplusplus
}
#endif
#endif
