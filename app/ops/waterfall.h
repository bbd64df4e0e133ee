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

#include <admin/hops.h>
#include <ops/screen.h>

/*
 * Draws hops, at least one. No line but those with an error's text is wider than the screen, which is not wider than
 * 300.
 */
void ops_waterfall(FILE *out, const struct ops_screen *s, const struct admin_hop *hops, size_t n);

/* "850 us", "1.23 ms", "12.4 ms", "340 ms", "1.23 s", "340 s"; "-" below zero. */
enum { OPS_SPAN_TEXT = 24 };
const char *ops_span_text(char out[OPS_SPAN_TEXT], int64_t us);

#endif
