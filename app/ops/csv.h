/* Records of comma-separated values as RFC 4180 has them, in UTF-8. */
#ifndef POUCH_OPS_CSV_H
#define POUCH_OPS_CSV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The nth field of a record, from 0. NULL is an empty field. */
void ops_csv_text(FILE *out, size_t nth, const char *text);
void ops_csv_bytes(FILE *out, size_t nth, const char *text, size_t n);
void ops_csv_number(FILE *out, size_t nth, int64_t number);

void ops_csv_end(FILE *out); /* of a record */

#endif
