/* What a redrive is about to send: the letters, and where each goes. */
#ifndef POUCH_OPS_DLQ_PLAN_H
#define POUCH_OPS_DLQ_PLAN_H

#include <ops/dlq_filter.h>
#include <ops/dlq_history.h>

enum { OPS_REDRIVES_MAX = 3, OPS_REDRIVE_TOPICS = 64, OPS_REDRIVE_LETTERS = 1000000 };

/* Why a letter that matches is not sent. */
enum ops_redrive_not {
    OPS_REDRIVE_SENT,    /* it is */
    OPS_REDRIVE_WITH,    /* another of the same record is: a center writes one for each target that failed */
    OPS_REDRIVE_AGAIN,   /* it was sent again before */
    OPS_REDRIVE_CUT,     /* it is not whole */
    OPS_REDRIVE_NOWHERE, /* it does not say where it came from, or that is no topic for requests, or not there */
    OPS_REDRIVE_CIRCLES, /* it has come back too often */
    OPS_REDRIVE_LATER,   /* there are more letters, or topics, than one run takes */
    OPS_REDRIVE_NOTS
};

/* A letter that is sent, or that counts as sent with another one of the same record. */
struct ops_redrive_letter {
    struct pl_position at, with; /* with: the one that is sent; the same as `at` where that is this one */
    struct ops_redrive_source {  /* of the record that both are of */
        bool told;
        uint64_t topic; /* a hash */
        int64_t partition, offset;
        struct pl_uuid request;
    } source;
    size_t topic; /* where it goes: place in topics */
};

struct ops_redrive_plan {
    struct ops_letter_filter filter;
    struct ops_letter_history history;
    const char *to;    /* NULL: where each came from */
    bool again, force; /* also those that were sent before; that circle */
    struct pl_position only;
    bool one; /* only that place */

    const char *own[3], *inbox;         /* topics that nothing is sent to; the centers' inbox */
    struct ops_redrive_letter *letters; /* once it is made, by `with`, then `at` */
    size_t n, cap;
    size_t nots[OPS_REDRIVE_NOTS];
    struct {
        char topic[PL_NAME_MAX + 1];
        size_t n;
        bool missing;
    } topics[OPS_REDRIVE_TOPICS];
    size_t n_topics;
    pouch_err error;
};

/* Borrows from both. CONFIG: what a flag says. */
POUCH_MUST_CHECK pouch_err ops_redrive_plan_read(const struct ops_call *call, const struct pl_settings *s,
                                                 struct ops_redrive_plan *p);

/* Reads the dead-letter topic for it, and looks up where they go. What ops_scan() says; NO_BROKER, NOT_ALLOWED. */
POUCH_MUST_CHECK pouch_err ops_redrive_plan_make(struct ops_redrive_plan *p, const struct pl_settings *s);

/* Those that count as sent once the one at that place is, itself first. */
const struct ops_redrive_letter *ops_redrive_letters(const struct ops_redrive_plan *p, struct pl_position at,
                                                     size_t *n);

/* Whether the letter at that place is to be sent; where it goes. */
bool ops_redrive_planned(const struct ops_redrive_plan *p, const rd_kafka_message_t *m);
bool ops_redrive_target(const struct ops_redrive_plan *p, const struct ops_letter *l, char topic[PL_NAME_MAX + 1]);

void ops_redrive_plan_print(const struct ops_redrive_plan *p);   /* on stderr */
json_t *ops_redrive_plan_json(const struct ops_redrive_plan *p); /* NULL: no memory */
void ops_redrive_plan_free(struct ops_redrive_plan *p);

#endif
