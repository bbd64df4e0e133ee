/* What a redrive is about to send: the letters, and where each goes. */
#ifndef POUCH_ADMIN_REDRIVE_PLAN_H
#define POUCH_ADMIN_REDRIVE_PLAN_H

#include <admin/letter_filter.h>
#include <admin/scan.h>

enum { ADMIN_REDRIVES_MAX = 3, ADMIN_REDRIVE_TOPICS = 64, ADMIN_REDRIVE_LETTERS = 1000000 };

/* Why a letter that matches is not sent. */
enum admin_redrive_not {
    ADMIN_REDRIVE_SENT,  /* it is */
    ADMIN_REDRIVE_WITH,  /* another of the same record is: a center writes one for each target that failed */
    ADMIN_REDRIVE_AGAIN, /* it was sent again before */
    ADMIN_REDRIVE_DISMISSED,
    ADMIN_REDRIVE_CUT,     /* it is not whole */
    ADMIN_REDRIVE_NOWHERE, /* it does not say where it came from, or that is no topic for requests, or not there */
    ADMIN_REDRIVE_CIRCLES, /* it has come back too often */
    ADMIN_REDRIVE_LATER,   /* there are more letters, or topics, than one run takes */
    ADMIN_REDRIVE_NOTS
};

/* A letter that is sent, or that counts as sent with another one of the same record. */
struct admin_redrive_letter {
    struct pl_position at, with;  /* with: the one that is sent; the same as `at` where that is this one */
    struct admin_redrive_source { /* of the record that both are of */
        bool told;
        uint64_t topic; /* a hash */
        int64_t partition, offset;
        struct pl_uuid request;
    } source;
    size_t topic; /* where it goes: place in topics */
};

struct admin_redrive_plan {
    struct admin_letter_filter filter;
    struct admin_letter_history history;
    const char *to;    /* NULL: where each came from */
    size_t most;       /* letters */
    bool again, force; /* also those that were sent before or dismissed; that circle */
    struct pl_position only;
    bool one; /* only that place */
    struct admin_until until;

    const char *own[3], *inbox;           /* topics that nothing is sent to; the centers' inbox */
    struct admin_redrive_letter *letters; /* once it is made, by `with`, then `at` */
    size_t n, cap;
    size_t nots[ADMIN_REDRIVE_NOTS];
    struct {
        char topic[PL_NAME_MAX + 1];
        size_t n;
        bool missing;
    } topics[ADMIN_REDRIVE_TOPICS];
    size_t n_topics;
    pouch_err error;
};

/*
 * Empty, for all letters; filter, again, force and until are the caller's to set. Borrows. CONFIG: nothing may be sent
 * to that topic (NULL: to where each came from).
 */
POUCH_MUST_CHECK pouch_err admin_redrive_plan_begin(struct admin_redrive_plan *p, const struct pl_settings *s,
                                                    const char *to);

/* Only those of that request, or the one at that place: see admin_letter_which(). After the filter is set. CONFIG. */
POUCH_MUST_CHECK pouch_err admin_redrive_plan_only(struct admin_redrive_plan *p, const char *which);

/* Reads the dead-letter topic for it, and looks up where they go. What admin_scan() says; NO_BROKER, NOT_ALLOWED. */
POUCH_MUST_CHECK pouch_err admin_redrive_plan_make(struct admin_redrive_plan *p, const struct pl_settings *s);

/* Those that count as sent once the one at that place is, itself first. */
const struct admin_redrive_letter *admin_redrive_letters(const struct admin_redrive_plan *p, struct pl_position at,
                                                         size_t *n);

/* Whether the letter at that place is to be sent; where it goes. */
bool admin_redrive_planned(const struct admin_redrive_plan *p, const rd_kafka_message_t *m);
bool admin_redrive_target(const struct admin_redrive_plan *p, const struct admin_letter *l,
                          char topic[PL_NAME_MAX + 1]);

/* "were sent again before; --again sends them once more" */
const char *admin_redrive_not_text(enum admin_redrive_not why);
json_t *admin_redrive_plan_json(const struct admin_redrive_plan *p); /* NULL: no memory */
void admin_redrive_plan_free(struct admin_redrive_plan *p);

#endif
