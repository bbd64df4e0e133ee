/* Statuses, and problems (RFC 9457) with the members that clients of the first systems read beside them. */
#include <base/clock.h>
#include <base/why.h>
#include <ctype.h>
#include <httpd/state.h>
#include <json/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* detail: when the server itself refuses with that status. */
static const struct {
    int status;
    const char *title, *detail;
} statuses[] = {
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {301, "Moved Permanently", NULL},
    {302, "Found", NULL},
    {303, "See Other", NULL},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", NULL},
    {308, "Permanent Redirect", NULL},
    {400, "Bad Request", "The request is malformed, or leaves a doubt about where it ends."},
    {401, "Unauthorized", NULL},
    {403, "Forbidden", NULL},
    {404, "Not Found", "Nothing is served at this path."},
    {405, "Method Not Allowed", "The field Allow names the methods of this path."},
    {406, "Not Acceptable", NULL},
    {408, "Request Timeout", "The request took too long to come."},
    {409, "Conflict", NULL},
    {410, "Gone", NULL},
    {411, "Length Required", NULL},
    {412, "Precondition Failed", NULL},
    {413, "Content Too Large", "The body is larger than this path takes."},
    {414, "URI Too Long", "The request line may have 8192 bytes."},
    {415, "Unsupported Media Type", NULL},
    {417, "Expectation Failed", "100-continue is the one expectation that is known."},
    {421, "Misdirected Request", NULL},
    {422, "Unprocessable Content", NULL},
    {425, "Too Early", NULL},
    {428, "Precondition Required", NULL},
    {429, "Too Many Requests", NULL},
    {431, "Request Header Fields Too Large", "There may be 100 fields of 16384 bytes in all, and 4096 beside chunks."},
    {500, "Internal Server Error", "The request could not be answered; the log says why."},
    {501, "Not Implemented", "The method, or a transfer coding beside chunked, is not known here."},
    {502, "Bad Gateway", NULL},
    {503, "Service Unavailable", "The server has too much to do; come back later."},
    {504, "Gateway Timeout", NULL},
    {505, "HTTP Version Not Supported", "HTTP/1.1 and HTTP/1.0 are spoken."},
};

const char *httpd_status_title(int status) {
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status) return statuses[i].title;
    return "Unknown";
}

const char *httpd_problem_detail(int status) {
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status && statuses[i].detail) return statuses[i].detail;
    return httpd_status_title(status);
}

/* "2024-01-31T12:00:00.000Z" */
static void write_time(char *out, size_t n) {
    int64_t ms = pl_wall_ms(&pl_clock_system);
    time_t s = ms / 1000;
    struct tm t;
    gmtime_r(&s, &t);
    snprintf(out, n, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
             t.tm_min, t.tm_sec, (int)(ms % 1000));
}

/* One word for programs: "not_found". */
static void write_code(char *out, size_t n, const char *title) {
    size_t i = 0;
    for (; title[i] && i < n - 1; i++) out[i] = title[i] == ' ' ? '_' : (char)tolower((unsigned char)title[i]);
    out[i] = 0;
}

pouch_err httpd_answer_problem(struct httpd_answer *a, int status, const char *detail) {
    char now[64], code[64];
    size_t n;
    write_time(now, sizeof now);
    write_code(code, sizeof code, httpd_status_title(status));
    json_t *all = json_pack("{s:s, s:s, s:i, s:s, s:s, s:b, s:s, s:s}", "type", "about:blank", "title",
                            httpd_status_title(status), "status", status, "detail", detail, "code", code, "success", 0,
                            "message", detail, "timestamp", now);
    char *text = all ? pl_json_text(all, &n) : NULL;
    json_decref(all);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a problem");
    a->status = status;
    a->type = "application/problem+json";
    a->page = (struct httpd_span){0};
    pl_buf_reset(&a->body);
    pouch_err e = pl_buf_append(&a->body, text, n);
    free(text);
    return e ? e : pl_buf_putc(&a->body, '\n');
}
