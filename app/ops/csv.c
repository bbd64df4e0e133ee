#include <inttypes.h>
#include <ops/csv.h>
#include <stdbool.h>
#include <string.h>

static bool must_be_quoted(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] == '"' || text[i] == ',' || text[i] == '\r' || text[i] == '\n') return true;
    return n && (text[0] == ' ' || text[n - 1] == ' ');
}

void ops_csv_bytes(FILE *out, size_t nth, const char *text, size_t n) {
    if (nth) putc(',', out);
    if (!text || !must_be_quoted(text, n)) {
        if (text) fwrite(text, 1, n, out);
        return;
    }
    putc('"', out);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') putc('"', out);
        putc(text[i], out);
    }
    putc('"', out);
}

void ops_csv_text(FILE *out, size_t nth, const char *text) {
    ops_csv_bytes(out, nth, text, text ? strlen(text) : 0);
}

void ops_csv_number(FILE *out, size_t nth, int64_t number) {
    fprintf(out, "%s%" PRId64, nth ? "," : "", number);
}

void ops_csv_end(FILE *out) {
    fputs("\r\n", out);
}
