/*
 * What is wrong, or will be, with a Kafka, its topics, a store, the settings, this host and other processes, and what
 * to do about it. Nothing is made, and nothing is changed but that a store of an older version is brought to ours, as
 * by everything that opens one.
 */
#ifndef POUCH_DOCTOR_DOCTOR_H
#define POUCH_DOCTOR_DOCTOR_H

#include <conf/settings.h>
#include <json/json.h>
#include <pouch/key.h>

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    const struct pl_settings *settings;
    pouch_keyring *ring;      /* NULL: this host has none */
    const char *const *peers; /* as peer_url() takes them */
    size_t n_peers;
    int brokers; /* how many there are, once they have been asked; 0: not known */

    json_t *findings; /* [{"level","check","where","what","advice"}…] */
    enum doctor_level worst;
    bool no_memory; /* a finding was lost */
};

/* NO_MEMORY. The rest of d is the caller's to fill, and to free but for the findings. */
POUCH_MUST_CHECK pouch_err doctor_init(struct doctor *d, const struct pl_settings *s);
void doctor_free(struct doctor *d);

/* All that there is to look at. NO_MEMORY: findings are missing. */
POUCH_MUST_CHECK pouch_err doctor_look(struct doctor *d);

const char *doctor_word(enum doctor_level level); /* "ok", "warn", "fail" */

#endif
