/*
 * How far each partition of a mapped topic has been copied to the log. After a crash the last records of one are copied
 * once more: such a copy is known by its source, which is not behind those before it in the log, and is passed over by
 * all who read. A topic that was deleted and made anew begins at 0 again; its records are later than all before.
 */
#ifndef POUCH_EVENTS_SOURCES_H
#define POUCH_EVENTS_SOURCES_H

#include <events/record.h>

enum { EVENTS_SOURCES_MAX = 1024 }; /* partitions; copies from further ones are all taken for new */

struct events_sources {
    struct events_source *at;
    size_t n, cap;
};

void events_sources_free(struct events_sources *s); /* ready for use again */

/* Whether a copy that comes next in the log has been there before. */
bool events_sources_has(struct events_sources *s, const struct events_source *source);

#endif
