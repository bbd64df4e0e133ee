/* Which topics' records become events: the setting gateway.events_map, and what is sent of a record. */
#ifndef POUCH_EVENTS_MAPS_H
#define POUCH_EVENTS_MAPS_H

#include <events/record.h>

enum { EVENTS_MAPS_MAX = 64 };

struct events_map {
    char topic[PL_NAME_MAX + 1];
    char channel[EVENTS_CHANNEL_MAX + 1], name[EVENTS_CHANNEL_MAX + 1];
    char *message;
};

struct events_maps {
    struct events_map at[EVENTS_MAPS_MAX];
    size_t n;
};

/*
 * "TOPIC=CHANNEL", "TOPIC=CHANNEL:EVENT" or "TOPIC=CHANNEL:EVENT:MESSAGE", joined by commas; text NULL: none. CONFIG
 * says which one cannot be. NO_MEMORY. In any case *m is to be freed.
 */
POUCH_MUST_CHECK pouch_err events_maps_read(struct events_maps *m, const char *text);
void events_maps_free(struct events_maps *m);

const struct events_map *events_maps_find(const struct events_maps *m, const char *topic); /* NULL: none */

/*
 * The data of the event: {"message","topic","key"?,"value"?,"timestamp"}. A key or value that is no text (UTF-8
 * without NUL) stays out of it, and so does a value with which the event would be larger than one may be, or that is a
 * sealed envelope (of that "request_id" is there). NULL: no memory.
 */
json_t *events_map_data(const struct events_map *m, struct httpd_span key, struct httpd_span value, int64_t at_ms);

#endif
