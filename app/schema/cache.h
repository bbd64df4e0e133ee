/*
 * The schemas that were asked for lately, by subject and by id. One call to the registry for all threads that want the
 * same; what it said is used on for as long as it cannot be asked again; and what could not be had is not asked for
 * again at once. Any number of threads.
 */
#ifndef POUCH_SCHEMA_CACHE_H
#define POUCH_SCHEMA_CACHE_H

#include <base/clock.h>
#include <pouch/error.h>
#include <schema/doc.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CACHE_SUBJECTS = 256,
    CACHE_IDS = 1024
};                                     /* beyond it the one that was wanted last the longest ago is forgotten */
enum { CACHE_AGAIN_MS = 1000 };        /* for so long after a failure nobody asks again, */
enum { CACHE_STALE_AGAIN_MS = 30000 }; /* or for so long where an older schema is at hand; */
enum { CACHE_HURRY_MS = 1000 };        /* and then the answer must come in so much time */

struct cache;

/*
 * Asks the registry: by subject, its newest schema; subject NULL: by id. timeout_ms 0: it may take the time it has.
 * *answered: it gave a schema, which after an error cannot be used; without it nothing is known of the schema.
 */
typedef pouch_err schema_fetch_fn(void *arg, const char *subject, uint32_t id, int timeout_ms, bool *answered,
                                  struct schema_doc **doc);

/* The clock and arg outlive it. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err schema_cache_new(struct cache **cache, schema_fetch_fn *fetch, void *arg, int ttl_ms,
                                            const struct pl_clock *clock);
void schema_cache_free(struct cache *cache); /* no call may be under way */

/*
 * A reference to the schema, for schema_doc_drop(). Errors as fetch's, also those of lately.
 * OVERLOADED: as many others are being fetched as can be kept.
 */
POUCH_MUST_CHECK pouch_err schema_cache_get(struct cache *cache, const char *subject, uint32_t id,
                                            struct schema_doc **doc);

/*
 * The newest schema of a subject, asked for again unless that was done lately; *doc NULL: it is still `than`. Errors as
 * above: the registry cannot be asked, so that nobody can tell.
 */
POUCH_MUST_CHECK pouch_err schema_cache_newer(struct cache *cache, const char *subject, const struct schema_doc *than,
                                              struct schema_doc **doc);

#endif
