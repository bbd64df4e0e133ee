#include <httpd/head.h>
#include <string.h>
#include <strings.h>

enum {
    OK = 200,
    BAD = 400,
    LINE_TOO_LONG = 414,
    EXPECTATION = 417,
    FIELDS_TOO_LARGE = 431,
    UNKNOWN_CODING = 501,
    VERSION = 505
};

/* The line from s->line on has `length` bytes, or at least so many. */
static int over_limit(const struct httpd_search *s, size_t length) {
    if (s->line == s->start) return length > HTTPD_LINE_MAX ? LINE_TOO_LONG : 0;
    return s->fields + length > HTTPD_FIELDS_BYTES_MAX ? FIELDS_TOO_LARGE : 0;
}

/* A client that speaks TLS, for one, is told at once. */
static bool may_begin(char c) {
    return c == '\r' || (c > ' ' && c <= '~');
}

/* A line that ends with the LF at `lf`. */
static int take_line(struct httpd_search *s, const char *at, size_t lf) {
    if (lf == s->line || at[lf - 1] != '\r') return BAD;
    size_t length = lf - 1 - s->line;
    bool first = s->line == s->start;
    if (first && !may_begin(at[s->line])) return BAD;
    int status = over_limit(s, first || !length ? length : length + 2);
    if (status) return status;
    if (!first) s->fields += length + 2;
    s->line = lf + 1;
    if (length) return 0;
    if (!first) {
        s->end = lf + 1;
        return OK;
    }
    s->start = s->line;
    return s->start > 4 ? BAD : 0;
}

int httpd_search(struct httpd_search *s, const char *at, size_t n) {
    const char *lf;
    while ((lf = memchr(at + s->seen, '\n', n - s->seen))) {
        s->seen = (size_t)(lf - at) + 1;
        int status = take_line(s, at, s->seen - 1);
        if (status) return status;
    }
    s->seen = n;
    if (s->line == s->start && n > s->start && !may_begin(at[s->start])) return BAD;
    return n > s->line ? over_limit(s, n - s->line - 1) : 0; /* the last byte may be the CR */
}

bool httpd_span_is(struct httpd_span s, const char *text) {
    return s.n == strlen(text) && !memcmp(s.at, text, s.n);
}

static bool same_word(struct httpd_span s, const char *text) {
    return s.n == strlen(text) && !strncasecmp(s.at, text, s.n);
}

static bool letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool digit(char c) {
    return c >= '0' && c <= '9';
}

bool httpd_is_token_char(char c) {
    return letter_or_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct httpd_span s) {
    for (size_t i = 0; i < s.n; i++)
        if (!httpd_is_token_char(s.at[i])) return false;
    return s.n > 0;
}

static size_t length_of(struct httpd_span s, const char *also) {
    size_t n = 0;
    while (n < s.n && (letter_or_digit(s.at[n]) || (s.at[n] && strchr(also, s.at[n])))) n++;
    return n;
}

/*
 * A name, an address, or one of IPv6 in brackets, and a port or none. An http URI has a host (RFC 9110, section 4.2.1).
 * No comma, though a name might have one: it is where a proxy joins two fields.
 */
static bool is_host(struct httpd_span s) {
    size_t bracket = s.n && *s.at == '[' ? 1 : 0;
    struct httpd_span inner = {s.at + bracket, s.n - bracket};
    size_t n = length_of(inner, bracket ? "-._~!$&'()*+,;=:%" : "-._~!$&'()*+;=%") + bracket;
    if (n == bracket || (bracket && (n == s.n || s.at[n++] != ']'))) return false;
    if (n < s.n && s.at[n++] != ':') return false;
    while (n < s.n && digit(s.at[n])) n++;
    return n == s.n;
}

/* Printable ASCII without the space: what a target may consist of before it is understood. */
static bool is_visible(struct httpd_span s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~') return false;
    return s.n > 0;
}

static bool is_value(struct httpd_span s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.at[i] < ' ' ? s.at[i] != '\t' : s.at[i] == 0x7f) return false;
    return true;
}

/* What stands before the first c, which *rest then begins behind. False: there is none. */
static bool cut(struct httpd_span *rest, char c, struct httpd_span *before) {
    const char *found = rest->n ? memchr(rest->at, c, rest->n) : NULL;
    if (!found) return false;
    *before = (struct httpd_span){rest->at, (size_t)(found - rest->at)};
    *rest = (struct httpd_span){found + 1, rest->n - before->n - 1};
    return true;
}

static struct httpd_span trim(struct httpd_span s) {
    while (s.n && (*s.at == ' ' || *s.at == '\t')) s.at++, s.n--;
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t')) s.n--;
    return s;
}

/* The line up to its CR LF, which is there. */
static struct httpd_span next_line(struct httpd_span *rest) {
    struct httpd_span line = {0};
    cut(rest, '\n', &line);
    line.n--;
    return line;
}

static int read_version(struct httpd_head *h, struct httpd_span version) {
    if (version.n != 8 || memcmp(version.at, "HTTP/", 5) || !digit(version.at[5]) || version.at[6] != '.' ||
        !digit(version.at[7]))
        return BAD;
    if (version.at[5] != '1') return VERSION;
    h->old = h->last = version.at[7] == '0';
    return OK;
}

/* The bytes of "http://" or "https://" that the target begins with. */
static size_t scheme_of(struct httpd_span target) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]);
        if (target.n > n && !strncasecmp(target.at, schemes[i], n)) return n;
    }
    return 0;
}

/* Takes the scheme and the host off a whole URL. False: there is no host in it. */
static bool cut_host(struct httpd_span *target, size_t scheme, struct httpd_span *host) {
    struct httpd_span rest = {target->at + scheme, target->n - scheme};
    size_t length = 0;
    while (length < rest.n && !strchr("/?#", rest.at[length])) length++;
    *target = (struct httpd_span){rest.at + length, rest.n - length};
    *host = (struct httpd_span){rest.at, length};
    return is_host(*host);
}

/* A path, a whole URL, or "*" with OPTIONS. */
static int read_target(struct httpd_head *h, struct httpd_span target) {
    if (!is_visible(target) || memchr(target.at, '#', target.n)) return BAD;
    size_t scheme = scheme_of(target);
    if (scheme && !cut_host(&target, scheme, &h->host)) return BAD;
    h->query = target;
    if (!cut(&h->query, '?', &h->path)) {
        h->path = target;
        h->query = (struct httpd_span){0};
    }
    if (h->path.n && memchr(h->path.at, '\\', h->path.n)) return BAD; /* which a proxy may take for a slash */
    if (scheme && !h->path.n) h->path = (struct httpd_span){"/", 1};
    if (httpd_span_is(h->path, "*")) return httpd_span_is(h->method, "OPTIONS") && !h->query.at ? OK : BAD;
    return h->path.n && h->path.at[0] == '/' ? OK : BAD;
}

static int read_request_line(struct httpd_head *h, struct httpd_span line) {
    struct httpd_span target;
    if (!cut(&line, ' ', &h->method) || !cut(&line, ' ', &target) || !is_token(h->method)) return BAD;
    int status = read_version(h, line);
    return status == OK ? read_target(h, target) : status;
}

static int read_field(struct httpd_head *h, struct httpd_span line) {
    if (h->n_fields == HTTPD_FIELDS_MAX) return FIELDS_TOO_LARGE;
    struct httpd_field *f = &h->fields[h->n_fields++];
    if (!cut(&line, ':', &f->name) || !is_token(f->name) || !is_value(line)) return BAD;
    f->value = trim(line);
    return OK;
}

/* The one field of that name, or NULL; *more: there are several. */
static const struct httpd_span *only(const struct httpd_head *h, const char *name, bool *more) {
    const struct httpd_span *found = NULL;
    *more = false;
    for (size_t i = 0; i < h->n_fields; i++) {
        if (!same_word(h->fields[i].name, name)) continue;
        *more = found != NULL;
        if (*more) return NULL;
        found = &h->fields[i].value;
    }
    return found;
}

const struct httpd_span *httpd_head_field(const struct httpd_head *h, const char *name) {
    for (size_t i = 0; i < h->n_fields; i++)
        if (same_word(h->fields[i].name, name)) return &h->fields[i].value;
    return NULL;
}

/* As many digits as can overflow nothing. *length is 0. */
static bool read_length(struct httpd_span s, uint64_t *length) {
    if (!s.n || s.n > 18) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!digit(s.at[i])) return false;
        *length = *length * 10 + (uint64_t)(s.at[i] - '0');
    }
    return true;
}

/*
 * A list whose end is not chunked, or that has it twice, leaves the end of the body in doubt (RFC 9112, section 6.3),
 * whether or not its codings are known.
 */
static int read_codings(struct httpd_span list) {
    struct httpd_span coding;
    bool others = false;
    while (cut(&list, ',', &coding)) {
        if (!is_token(trim(coding)) || same_word(trim(coding), "chunked")) return BAD;
        others = true;
    }
    if (!same_word(trim(list), "chunked")) return BAD;
    return others ? UNKNOWN_CODING : OK;
}

/* Whatever leaves a doubt about where the request ends is refused. */
static int read_framing(struct httpd_head *h) {
    bool lengths, codings;
    const struct httpd_span *length = only(h, "Content-Length", &lengths);
    const struct httpd_span *coding = only(h, "Transfer-Encoding", &codings);
    if (lengths || codings || (length && coding) || (coding && h->old)) return BAD;
    if (length && !read_length(*length, &h->length)) return BAD;
    h->chunked = coding != NULL;
    h->content = h->chunked || h->length;
    return coding ? read_codings(*coding) : OK;
}

/* HTTP/1.0 has no expectations: what looks like one is passed over. */
static int read_expectation(struct httpd_head *h) {
    bool several;
    const struct httpd_span *expected = only(h, "Expect", &several);
    if (h->old || (!several && !expected)) return OK;
    h->expects = h->content;
    return several || !same_word(*expected, "100-continue") ? EXPECTATION : OK;
}

/* The host of the target comes before the field (RFC 9112, section 3.2.2), which must be well formed all the same. */
static int read_host(struct httpd_head *h) {
    bool several;
    const struct httpd_span *host = only(h, "Host", &several);
    if (several || (host && !is_host(*host))) return BAD;
    if (host && !h->host.n) h->host = *host;
    return host || h->old ? OK : BAD;
}

/* Fields that have one value: with several, a proxy may go by another one than we do (RFC 9110, section 5.3). */
static int check_singles(const struct httpd_head *h) {
    static const char *const names[] = {"Authorization", "Content-Type", "Origin"};
    bool several = false;
    for (size_t i = 0; !several && i < sizeof names / sizeof names[0]; i++) (void)only(h, names[i], &several);
    return several ? BAD : OK;
}

/* "Connection: close", alone or in a list, in any of the fields. */
static bool closes(const struct httpd_head *h) {
    for (size_t i = 0; i < h->n_fields; i++) {
        if (!same_word(h->fields[i].name, "Connection")) continue;
        struct httpd_span list = h->fields[i].value, word;
        while (cut(&list, ',', &word))
            if (same_word(trim(word), "close")) return true;
        if (same_word(trim(list), "close")) return true;
    }
    return false;
}

int httpd_head_read(struct httpd_head *h, const char *at, size_t n) {
    struct httpd_span rest = {at, n}, line;
    h->n_fields = 0;
    h->length = 0;
    h->host = (struct httpd_span){0};
    h->content = h->chunked = h->expects = false;
    int status = read_request_line(h, next_line(&rest));
    while (status == OK && (line = next_line(&rest)).n) status = read_field(h, line);
    if (status == OK) status = read_host(h);
    if (status == OK) status = check_singles(h);
    if (status == OK) status = read_framing(h);
    if (status == OK) status = read_expectation(h);
    if (status == OK && closes(h)) h->last = true;
    return status;
}
