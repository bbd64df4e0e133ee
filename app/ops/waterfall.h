/*
 * The way of one request as a picture: a line a hop, with a bar for the time that it took, all bars on one scale.
 *
 *   WHO    FROM -> TO                        START  |                |     TOOK  END
 *   client -> command-center-inbox            0 us  |################|  8.31 ms  ok
 *   center command-center-inbox -> billing 1.20 ms  |  #             |   410 us  ok
 *   worker billing -> shop.replies         2.90 ms  |     ########   |  4.12 ms  ok
 */
#ifndef POUCH_OPS_WATERFALL_H
#define POUCH_OPS_WATERFALL_H

#include <ops/screen.h>
#include <pouch/error.h>
#include <store/trace.h>

enum ops_hop_end { OPS_HOP_OK, OPS_HOP_FAILED, OPS_HOP_OPEN };

/* Who had the request for a while. Texts are borrowed from the rows. */
struct ops_hop {
    enum pl_trace_by by;
    const char *from, *to;     /* topics; NULL: none */
    int64_t start_us, took_us; /* took -1: has not ended, as far as the rows tell */
    enum ops_hop_end end;
    const char *code, *error;        /* of a failure; may be NULL */
    const struct pl_trace *ended_by; /* the row that tells of the end, where it is not the one of the beginning */
};

/*
 * Makes hops of the rows of one request: what a client or worker says at the beginning and at the end is one
 * hop. In the order of their beginnings, at equal times in the order of the way: client, center, worker.
 * hops has room for n. How many there are.
 */
size_t ops_hops_of(struct ops_hop *hops, const struct pl_trace *rows, size_t n);

/* Draws hops, at least one. No line but those with an error's text is wider than the screen, which is not wider than 300. */
void ops_waterfall(FILE *out, const struct ops_screen *s, const struct ops_hop *hops, size_t n);

/* From the first beginning to the last end. */
int64_t ops_hops_span_us(const struct ops_hop *hops, size_t n);

/* "client", "center", "worker" */
const char *ops_by_text(enum pl_trace_by by);

/* "850 us", "1.23 ms", "12.4 ms", "340 ms", "1.23 s", "340 s"; "-" below zero. */
enum { OPS_SPAN_TEXT = 24 };
const char *ops_span_text(char out[OPS_SPAN_TEXT], int64_t us);

#endif
