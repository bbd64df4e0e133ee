/* Reads a topic without a group, from its beginning to where it ended when the reading began. */
#ifndef POUCH_ADMIN_SCAN_H
#define POUCH_ADMIN_SCAN_H

#include <bus/reader.h>

/* The record is borrowed during the call. false ends the scan. */
typedef bool admin_scan_fn(const rd_kafka_message_t *m, void *arg);

/*
 * only: that one record in place of all. TARGET_REFUSED: there is no such topic. NOT_FOUND: that record is
 * not there (any more). TIMEOUT, NO_BROKER: a partition did not come to its end within reasonable time; what
 * could be read was given to fn. NOT_ALLOWED.
 */
POUCH_MUST_CHECK pouch_err admin_scan(const struct pl_settings *s, const char *topic, const struct pl_position *only,
                                      admin_scan_fn *fn, void *arg);

#endif
