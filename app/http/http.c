#include <base/why.h>
#include <curl/curl.h>
#include <http/http.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CONNECT_MS = 5000, HEADER_MAX = 8192 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t handles; /* a CURL a thread */
static bool ready;

static void set_up(void) {
    ready = !curl_global_init(CURL_GLOBAL_DEFAULT) && !pthread_key_create(&handles, curl_easy_cleanup);
}

/* This thread's handle, with its connections and no option set; NULL: no memory. */
static CURL *take_handle(void) {
    pthread_once(&once, set_up);
    if (!ready) return NULL;
    CURL *curl = pthread_getspecific(handles);
    if (curl) {
        curl_easy_reset(curl);
        return curl;
    }
    curl = curl_easy_init();
    if (curl && pthread_setspecific(handles, curl)) {
        curl_easy_cleanup(curl);
        curl = NULL;
    }
    return curl;
}

/* Where an answer goes, and why it could not. */
struct sink {
    struct pl_buf *body;
    pouch_err error;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
    struct sink *sink = arg;
    sink->error = pl_buf_append(sink->body, bytes, size * n);
    return sink->error ? 0 : size * n;
}

static int on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now) {
    (void)down, (void)down_now, (void)up, (void)up_now;
    const atomic_bool *stop = arg;
    return stop && atomic_load(stop);
}

/* A control character could end the header and begin another. */
static bool is_clean(const char *value) {
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c < ' ' || *c == 0x7f) return false;
    return true;
}

static bool append(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer) *list = longer;
    return longer;
}

static bool make_headers(struct curl_slist **list, const struct http_post *call) {
    char line[HEADER_MAX];
    /* Without an Expect header curl does not wait for the service to ask for a large body. */
    if (!append(list, "Expect:")) return false;
    for (size_t i = 0; i < call->n_headers; i++) {
        const struct http_header *h = &call->headers[i];
        if (!h->value || !*h->value || !is_clean(h->value)) continue;
        if (snprintf(line, sizeof line, "%s: %s", h->name, h->value) >= (int)sizeof line) continue;
        if (!append(list, line)) return false;
    }
    return true;
}

/* A proxy would see what was sealed, so the environment's proxies are not taken. */
static CURLcode set_options(CURL *curl, const struct http_post *call, struct sink *sink) {
    CURLcode c = curl_easy_setopt(curl, CURLOPT_URL, call->url);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!c) c = curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (!c) c = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_USERAGENT, "pouch");
    if (!c) c = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (!c) c = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (!c && call->user) c = curl_easy_setopt(curl, CURLOPT_USERPWD, call->user);
    if (!c && call->ca_file) c = curl_easy_setopt(curl, CURLOPT_CAINFO, call->ca_file);
    return c ? c : curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)call->stop);
}

/* The method, the headers, and the body where there is one. */
static CURLcode set_request(CURL *curl, const struct http_post *call, struct curl_slist *headers) {
    CURLcode c = CURLE_OK;
    if (call->body || !call->method) {
        c = curl_easy_setopt(curl, CURLOPT_POST, 1L);
        if (!c) c = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->n);
        if (!c) c = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    }
    if (!c && call->method) c = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    return c ? c : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

static pouch_err explain(CURLcode c, const struct http_post *call, const struct sink *sink) {
    const char *text = curl_easy_strerror(c);
    if (sink->error == POUCH_E_NO_MEMORY) c = CURLE_OUT_OF_MEMORY;
    switch (c) {
    case CURLE_OUT_OF_MEMORY: return pl_fail(POUCH_E_NO_MEMORY, "%s: out of memory", call->url);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return pl_fail(POUCH_E_CONFIG, "'%s' is not a URL such as http://127.0.0.1:8080/work", call->url);
    case CURLE_COULDNT_RESOLVE_HOST:
        return pl_fail(POUCH_E_NO_RESPONDERS, "%s: %s: is the host's name right?", call->url, text);
    case CURLE_COULDNT_CONNECT:
        return pl_fail(POUCH_E_NO_RESPONDERS, "%s: no connection: is the service running?", call->url);
    case CURLE_OPERATION_TIMEDOUT:
        return pl_fail(POUCH_E_TIMEOUT, "%s: no answer within %d ms: is the service overloaded?", call->url,
                       call->timeout_ms);
    case CURLE_WRITE_ERROR:
        return pl_fail(POUCH_E_TOO_LARGE, "%s: the answer is larger than %zu bytes", call->url, sink->body->max);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return pl_fail(POUCH_E_CONFIG, "%s: its certificate is not trusted (%s): is the CA's file named?", call->url,
                       text);
    case CURLE_ABORTED_BY_CALLBACK:
        return pl_fail(POUCH_E_CLOSED, "%s: stopped while waiting for the answer", call->url);
    default: return pl_fail(POUCH_E_CLOSED, "%s: %s: see the service's own log", call->url, text);
    }
}

pouch_err http_post(const struct http_post *call, long *status, struct pl_buf *body) {
    *status = 0;
    pl_buf_reset(body);
    CURL *curl = take_handle();
    struct curl_slist *headers = NULL;
    struct sink sink = {.body = body};
    CURLcode c = CURLE_OUT_OF_MEMORY;
    if (curl && make_headers(&headers, call)) {
        c = set_options(curl, call, &sink);
        if (!c) c = set_request(curl, call, headers);
        if (!c) c = curl_easy_perform(curl);
        if (!c) c = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    }
    curl_slist_free_all(headers);
    return c ? explain(c, call, &sink) : POUCH_OK;
}

pouch_err http_get(const struct http_get *call, long *status, struct pl_buf *body) {
    const struct http_post request = {
        .method = "GET", .url = call->url, .timeout_ms = call->timeout_ms, .stop = call->stop};
    return http_post(&request, status, body);
}

pouch_err http_check_url(const char *url) {
    CURLU *parts = curl_url();
    if (!parts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    char *scheme = NULL;
    bool good = !curl_url_set(parts, CURLUPART_URL, url, 0) && !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
                (!strcmp(scheme, "http") || !strcmp(scheme, "https"));
    curl_free(scheme);
    curl_url_cleanup(parts);
    if (good) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "'%s' is not a URL such as http://127.0.0.1:8080/work", url);
}
