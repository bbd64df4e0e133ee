/* Deleting old dead letters for good: from the front of each partition, which is all that Kafka can. */
#ifndef POUCH_ADMIN_PURGE_H
#define POUCH_ADMIN_PURGE_H

#include <admin/scan.h>
#include <conf/settings.h>
#include <json/json.h>
#include <store/store.h>

enum { ADMIN_PURGE_PARTITIONS = 1024 };

/* What is to be deleted of a partition: what stands before the first letter that stays. */
struct admin_purge_part {
    int64_t end;        /* offset of the first that stays, or behind the last */
    size_t letters;     /* before it */
    size_t behind;      /* old ones behind it, which stay as well */
    bool seen, stopped; /* anything; a letter that stays */
};

/* Down to `until` the caller's, borrowed; all else zero at first. */
struct admin_purge {
    const struct pl_settings *settings;
    int64_t until_ms; /* letters that failed before then */
    struct admin_until until;

    struct admin_purge_part *parts;
    size_t letters, behind;
    size_t beyond; /* in partitions that this does not see to */
    size_t deleted;
};

/* Which there are: letters. TARGET_REFUSED: there is no dead-letter topic. What admin_scan() says. */
POUCH_MUST_CHECK pouch_err admin_purge_find(struct admin_purge *p);

/*
 * Writes down that they are deleted, in the name of the store's author, and deletes them. The store's errors;
 * TARGET_REFUSED, NOT_ALLOWED, NO_BROKER, TIMEOUT.
 */
POUCH_MUST_CHECK pouch_err admin_purge_do(struct admin_purge *p, struct pl_store *store);
void admin_purge_free(struct admin_purge *p);

/* {"matching","behind_newer","deleted","dry_run"}. NULL: no memory. */
json_t *admin_purge_json(const struct admin_purge *p, bool dry);

#endif
