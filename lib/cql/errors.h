/* What a server's error means to us. */
#ifndef POUCH_CQL_ERRORS_H
#define POUCH_CQL_ERRORS_H

#include <cql/answer.h>

/*
 * What may be done after it:
 *   NEVER    the same again gives the same answer
 *   ANYTIME  the server has done nothing: another host may
 *   DOUBT    it may have been done: again only where that makes no difference
 */
enum pl_cql_again { PL_CQL_AGAIN_NEVER, PL_CQL_AGAIN_ANYTIME, PL_CQL_AGAIN_DOUBT };

enum { PL_CQL_ERROR_CREDENTIALS = 0x0100, PL_CQL_ERROR_INVALID = 0x2200, PL_CQL_ERROR_UNPREPARED = 0x2500 };

enum pl_cql_again pl_cql_error_again(int32_t code);

/* pl_fail() with the host, the server's code and message, and the next step. */
POUCH_MUST_CHECK pouch_err pl_cql_error_fail(const struct pl_cql_answer *a, const char *host);

#endif
