/* What an error is in HTTP. */
#include <base/why.h>
#include <gateway/state.h>
#include <stdio.h>
#include <stdlib.h>

enum { SOON_S = 1, LATER_S = 5 };

static const struct {
    pouch_err e;
    int status, retry_after_s;
} rows[] = {
    {POUCH_E_TIMEOUT, 408, 0},         {POUCH_E_CLOSED, 503, SOON_S},     {POUCH_E_NO_RESPONDERS, 503, LATER_S},
    {POUCH_E_OVERLOADED, 503, SOON_S}, {POUCH_E_NO_ROUTE, 404, 0},        {POUCH_E_ROUTE_DISABLED, 409, 0},
    {POUCH_E_TARGET_REFUSED, 404, 0},  {POUCH_E_HOP_LIMIT, 502, 0},       {POUCH_E_EXPIRED, 408, 0},
    {POUCH_E_TOO_LARGE, 413, 0},       {POUCH_E_BAD_ENVELOPE, 502, 0},    {POUCH_E_DECRYPT_FAILED, 502, 0},
    {POUCH_E_INVALID_PAYLOAD, 400, 0}, {POUCH_E_HANDLER_ERROR, 502, 0},   {POUCH_E_HANDLER_TIMEOUT, 504, 0},
    {POUCH_E_CONFIG, 500, 0},          {POUCH_E_NO_BROKER, 503, LATER_S}, {POUCH_E_NOT_ALLOWED, 403, 0},
    {POUCH_E_NO_MEMORY, 503, SOON_S},  {POUCH_E_STORE, 503, LATER_S},     {POUCH_E_EXISTS, 409, 0},
    {POUCH_E_NOT_FOUND, 404, 0},       {POUCH_E_UNCHECKED, 503, LATER_S},
};

enum { INTERNAL = 500, BAD_GATEWAY = 502 };

int gateway_status(pouch_err e) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].e == e) return rows[i].status;
    return INTERNAL;
}

static int retry_after(pouch_err e) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].e == e) return rows[i].retry_after_s;
    return 0;
}

/* The text of a peer may be no UTF-8. */
static json_t *text_of(const char *detail) {
    json_t *text = json_string(detail);
    return text ? text : json_string("why cannot be told: the text for it is no UTF-8");
}

pouch_err gateway_problem_as(struct httpd_answer *a, int status, const char *code, const char *detail) {
    char now[GATEWAY_TIME_MAX];
    json_t *text = text_of(detail);
    json_t *all = json_pack("{s:s, s:s, s:i, s:O, s:s, s:b, s:o, s:s}", "type", "about:blank", "title",
                            httpd_status_title(status), "status", status, "detail", text, "code", code, "success", 0,
                            "message", text, "timestamp", gateway_now(now));
    pouch_err e = gateway_json(a, all);
    if (e) return e;
    a->status = status;
    a->type = "application/problem+json";
    return POUCH_OK;
}

pouch_err gateway_problem_unwritten(struct httpd_answer *a, pouch_err e) {
    char larger[128];
    int mib = HTTPD_ANSWER_MAX >> 20;
    httpd_answer_free(a);
    httpd_answer_init(a);
    if (e != POUCH_E_TOO_LARGE)
        return gateway_problem_as(a, INTERNAL, pouch_err_code(e),
                                  "the answer could not be written; the request has been handled all the same");
    snprintf(larger, sizeof larger, "what was answered is larger than the %d MiB of an answer: ask for less at once",
             mib);
    return gateway_problem_as(a, BAD_GATEWAY, pouch_err_code(e), larger);
}

pouch_err gateway_problem(struct httpd_answer *a, pouch_err e, const char *why) {
    a->retry_after_s = retry_after(e);
    return gateway_problem_as(a, gateway_status(e), pouch_err_code(e), why ? why : pouch_why());
}
