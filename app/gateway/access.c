/* GET /v1/whoami: what one may do. POST /v1/tickets: what EventSource shows in place of a key. */
#include <auth/auth.h>
#include <gateway/admit.h>

static json_t *scopes_of(const struct auth_who *who) {
    json_t *all = json_array();
    const char *text;
    for (size_t i = 0; (text = auth_who_scope(who, i)); i++)
        if (json_array_append_new(all, json_string(text))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

static pouch_err whoami(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    const struct auth_who *who = gateway_who(c);
    int64_t expires_ms = auth_who_expires(who);
    char now[GATEWAY_TIME_MAX];
    (void)gateway;
    json_t *all = json_pack("{s:s, s:o, s:o?, s:s}", "name", auth_who_name(who), "scopes", scopes_of(who), "expires",
                            expires_ms ? json_integer(expires_ms) : NULL, "timestamp", gateway_now(now));
    return gateway_json(a, all);
}

static pouch_err create_ticket(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    struct pl_buf ticket;
    int64_t expires_ms;
    pl_buf_init(&ticket, AUTH_TICKET_MAX);
    pouch_err e = auth_ticket(gateway_auth(gateway), gateway_who(c), &ticket, &expires_ms);
    if (e)
        e = gateway_problem(a, e, NULL);
    else
        e = gateway_json(a, json_pack("{s:s, s:I}", "ticket", ticket.at, "expires", (json_int_t)expires_ms));
    if (!e && a->status == 200) a->status = 201;
    pl_buf_wipe(&ticket);
    return e;
}

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/v1/whoami",
        .id = "whoAmI",
        .tag = "Access",
        .about = "Who the key or token stands for, and its scopes.",
        .need = {AUTH_KNOWN, NULL},
        .says = (const struct gateway_says[]){{200, "Whom the gateway takes you for.", "Whoami", NULL}, {0}},
        .handle = whoami,
    },
    {
        .method = "POST",
        .path = "/v1/tickets",
        .id = "createTicket",
        .tag = "Access",
        .about = "A ticket for one stream of events, to be shown as ?ticket= by an EventSource, which cannot send a "
                 "key. It is good at every gateway until it expires, also for coming back; a second stream with it "
                 "ends the first.",
        .need = {AUTH_SUBSCRIBE, AUTH_EACH},
        .says = (const struct gateway_says[]){{201, "The ticket.", "Ticket", NULL},
                                              {413, "The token has more scopes than a URL holds.", "Problem", NULL},
                                              {0}},
        .handle = create_ticket,
    },
};

static const struct gateway_schema schemas[] = {
    {"Whoami", "{\"type\":\"object\",\"required\":[\"name\",\"scopes\",\"expires\",\"timestamp\"],\"properties\":{"
               "\"name\":{\"type\":\"string\"},"
               "\"scopes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
               "\"expires\":{\"type\":[\"integer\",\"null\"],\"description\":\"Milliseconds since the epoch.\"},"
               "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
    {"Ticket", "{\"type\":\"object\",\"required\":[\"ticket\",\"expires\"],\"properties\":{"
               "\"ticket\":{\"type\":\"string\"},"
               "\"expires\":{\"type\":\"integer\",\"description\":\"Milliseconds since the epoch.\"}}}"},
};

const struct gateway_part gateway_access = {
    GATEWAY_TABLES(endpoints, schemas),
};
