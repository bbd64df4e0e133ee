/* What a redrive is about to send: the letters, and where each goes. */
#ifndef POUCH_OPS_DLQ_PLAN_H
#define POUCH_OPS_DLQ_PLAN_H

#include <ops/dlq_filter.h>
#include <ops/dlq_history.h>

enum { OPS_REDRIVES_MAX = 3, OPS_REDRIVE_TOPICS = 64, OPS_REDRIVE_LETTERS = 1000000 };

/* Why a letter that matches is not sent. */
enum ops_redrive_not {
    OPS_REDRIVE_SENT,    /* it is */
    OPS_REDRIVE_AGAIN,   /* it was sent again before */
    OPS_REDRIVE_CUT,     /* it is not whole */
    OPS_REDRIVE_NOWHERE, /* it does not say where it came from, or that is no topic for requests */
    OPS_REDRIVE_CIRCLES, /* it has come back too often */
    OPS_REDRIVE_LATER,   /* there are more letters, or topics, than one run takes */
    OPS_REDRIVE_NOTS
};

struct ops_redrive_plan {
    struct ops_letter_filter filter;
    struct ops_letter_history history;
    const char *to;    /* NULL: where each came from */
    bool again, force; /* also those that were sent before; that circle */
    struct pl_position only;
    bool one; /* only that place */

    struct pl_position *places; /* in order, once it is made */
    size_t n, cap;
    size_t nots[OPS_REDRIVE_NOTS];
    struct {
        char topic[PL_NAME_MAX + 1];
        size_t n;
    } topics[OPS_REDRIVE_TOPICS];
    size_t n_topics;
    pouch_err error;
};

/* CONFIG: what a flag says. */
POUCH_MUST_CHECK pouch_err ops_redrive_plan_read(const struct ops_call *call, struct ops_redrive_plan *p);

/* Reads the dead-letter topic for it. What ops_scan() says. */
POUCH_MUST_CHECK pouch_err ops_redrive_plan_make(struct ops_redrive_plan *p, const struct pl_settings *s);

/* Whether the letter at that place is to be sent; where it goes. */
bool ops_redrive_planned(const struct ops_redrive_plan *p, const rd_kafka_message_t *m);
bool ops_redrive_target(const struct ops_redrive_plan *p, const struct ops_letter *l, char topic[PL_NAME_MAX + 1]);

void ops_redrive_plan_print(const struct ops_redrive_plan *p);   /* on stderr */
json_t *ops_redrive_plan_json(const struct ops_redrive_plan *p); /* NULL: no memory */
void ops_redrive_plan_free(struct ops_redrive_plan *p);

#endif
