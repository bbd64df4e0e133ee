/* GET /console/: the web console, to anybody; what it shows it asks for itself, with the key of who looks at it. */
#include <console/console.h>
#include <gateway/gateway.h>

enum { NOT_FOUND = 404, NOT_MODIFIED = 304, ELSEWHERE = 307, MOVED = 308 };

/* Scripts and styles only from here, connections only to here, and no other page may frame it. */
static const char *const fields[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Vary", "Accept-Encoding"},
};

static pouch_err add_fields(struct httpd_answer *a, const struct console_file *f) {
    pouch_err e = httpd_answer_field(a, "ETag", f->etag);
    if (!e) e = httpd_answer_field(a, "Cache-Control", f->fixed ? "public, max-age=31536000, immutable" : "no-cache");
    for (size_t i = 0; !e && i < sizeof fields / sizeof fields[0]; i++)
        e = httpd_answer_field(a, fields[i][0], fields[i][1]);
    a->cached = true;
    return e;
}

static pouch_err serve(struct httpd_call *c, struct httpd_answer *a, const char *name) {
    const struct httpd_span *tags = httpd_call_field(c, "If-None-Match");
    const struct httpd_span *codings = httpd_call_field(c, "Accept-Encoding");
    const struct console_file *f = console_find(name);
    if (!f) return gateway_problem_as(a, NOT_FOUND, "not_found", "the console has no such file");
    pouch_err e = add_fields(a, f);
    if (!e && tags && console_is_known(f, tags->at, tags->n)) {
        a->status = NOT_MODIFIED;
        return POUCH_OK;
    }
    bool small = codings && console_takes_gzip(codings->at, codings->n);
    if (!e && small) e = httpd_answer_field(a, "Content-Encoding", "gzip");
    a->type = f->type;
    a->page = small ? (struct httpd_span){(const char *)f->gzip, f->n_gzip}
                    : (struct httpd_span){(const char *)f->whole, f->n_whole};
    return e;
}

static pouch_err page(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    (void)gateway;
    return serve(c, a, "index.html");
}

static pouch_err file(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    (void)gateway;
    return serve(c, a, httpd_call_param(c, "file"));
}

/* Names in the page are relative to its own, which must end with the slash. */
static pouch_err without_slash(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    (void)c, (void)gateway;
    a->status = MOVED;
    a->type = NULL;
    return httpd_answer_field(a, "Location", "console/");
}

/* For who knows the address alone. */
static pouch_err root(struct httpd_call *c, struct httpd_answer *a, void *gateway) {
    (void)c, (void)gateway;
    a->status = ELSEWHERE;
    a->type = NULL;
    return httpd_answer_field(a, "Location", console_find("index.html") ? "console/" : "docs");
}

static const struct gateway_param params[] = {
    {"file", "path", "{\"type\":\"string\"}", "The name of a file of the console", true},
    {0},
};

static const struct gateway_endpoint endpoints[] = {
    {
        .method = "GET",
        .path = "/",
        .id = "findPages",
        .tag = "Console",
        .about = "Where the pages for people are.",
        .need = {AUTH_OPEN, NULL},
        .says =
            (const struct gateway_says[]){
                {307, "At /console/, or at /docs of a program that was built without it", NULL, NULL}, {0}},
        .handle = root,
    },
    {
        .method = "GET",
        .path = "/console/",
        .id = "getConsole",
        .tag = "Console",
        .about = "The web console. It is a page for browsers.",
        .need = {AUTH_OPEN, NULL},
        .says = (const struct gateway_says[]){{200, "The page", NULL, "text/html"},
                                              {304, "As the client has it", NULL, NULL},
                                              {404, "Built without the console", NULL, NULL},
                                              {0}},
        .handle = page,
    },
    {
        .method = "GET",
        .path = "/console",
        .id = "findConsole",
        .tag = "Console",
        .about = "Where the web console is.",
        .need = {AUTH_OPEN, NULL},
        .says = (const struct gateway_says[]){{308, "At /console/", NULL, NULL}, {0}},
        .handle = without_slash,
    },
    {
        .method = "GET",
        .path = "/console/{file}",
        .id = "getConsoleFile",
        .tag = "Console",
        .about = "A file of the web console. Those with a hash in their names may be kept for ever.",
        .need = {AUTH_OPEN, NULL},
        .params = params,
        .says = (const struct gateway_says[]){{200, "The file", NULL, "application/octet-stream"},
                                              {304, "As the client has it", NULL, NULL},
                                              {404, "No such file", NULL, NULL},
                                              {0}},
        .handle = file,
    },
};

const struct gateway_part gateway_console = {.endpoints = endpoints, .n = sizeof endpoints / sizeof endpoints[0]};
