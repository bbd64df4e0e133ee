#include <base/log_line.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name, *colour;
} levels[] = {
    [PL_LOG_ERROR] = {"error", "\033[31m"},
    [PL_LOG_WARN] = {"warn", "\033[33m"},
    [PL_LOG_INFO] = {"info", "\033[32m"},
    [PL_LOG_DEBUG] = {"debug", "\033[2m"},
};

/* The last bytes are kept for what closes a cut line: a quote and then one of the ends below. */
enum { CLOSE_MAX = 16, ROOM = PL_LOG_LINE_MAX - CLOSE_MAX };

/* Appends all of the n bytes or none. Nothing follows what did not fit. */
static bool put(struct pl_log_line *line, const char *bytes, size_t n) {
    if (line->cut || line->len + n > ROOM) {
        line->cut = true;
        return false;
    }
    memcpy(line->at + line->len, bytes, n);
    line->len += n;
    return true;
}

static bool put_text(struct pl_log_line *line, const char *text) {
    return put(line, text, strlen(text));
}

/* Appends into the bytes kept for closing. */
static void close_with(struct pl_log_line *line, const char *text) {
    size_t n = strlen(text);
    memcpy(line->at + line->len, text, n);
    line->len += n;
}

/* The length of the UTF-8 sequence at s (RFC 3629), 0 when it is none. s ends in a NUL. */
static size_t sequence_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f;
    bool beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

/*
 * Appends text as the inside of a JSON string; as much as fits, whole characters only. All
 * control characters are escaped, C1 and DEL too, since a terminal would obey them.
 */
static void put_escaped(struct pl_log_line *line, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    bool fitted = true;
    while (*s && fitted) {
        size_t n = sequence_length(s);
        unsigned c1 = n == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? s[1] : 0;
        char escape[8];
        if (n == 0) {
            fitted = put_text(line, "\xef\xbf\xbd"); /* U+FFFD for a byte that is not UTF-8 */
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            fitted = put(line, (char[]){'\\', (char)*s}, 2);
        } else if (*s < 0x20 || *s == 0x7f || c1) {
            snprintf(escape, sizeof escape, "\\u%04x", c1 ? c1 : *s);
            fitted = put_text(line, escape);
        } else {
            fitted = put(line, (const char *)s, n);
        }
        s += n;
    }
}

/* Appends before, name, between; all or nothing. */
static bool put_name(struct pl_log_line *line, const char *before, const char *name, const char *between) {
    size_t n = strlen(before) + strlen(name) + strlen(between);
    if (line->len + n > ROOM) {
        line->cut = true;
        return false;
    }
    return put_text(line, before) && put_text(line, name) && put_text(line, between);
}

void pl_log_line_json(struct pl_log_line *line, const struct pl_log_event *event) {
    line->len = 0;
    line->cut = false;
    time_t seconds = (time_t)(event->wall_ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    char head[96];
    size_t n = strftime(head, sizeof head, "{\"ts\":\"%Y-%m-%dT%H:%M:%S", &t);
    snprintf(head + n, sizeof head - n, ".%03dZ\",\"level\":\"%s\",\"msg\":\"", (int)(event->wall_ms % 1000),
             levels[event->level].name);
    put_text(line, head);
    put_escaped(line, event->msg);
    close_with(line, "\"");
    for (const char *const *f = event->fields; f[0]; f += 2) {
        if (!f[1]) continue;
        if (!put_name(line, ",\"", f[0], "\":\"")) break;
        put_escaped(line, f[1]);
        close_with(line, "\"");
    }
    close_with(line, line->cut ? ",\"cut\":true}\n" : "}\n");
}

void pl_log_line_text(struct pl_log_line *line, const struct pl_log_event *event, const char *program, bool colour) {
    line->len = 0;
    line->cut = false;
    time_t seconds = (time_t)(event->wall_ms / 1000);
    struct tm t;
    localtime_r(&seconds, &t);
    char clock[16];
    strftime(clock, sizeof clock, "%H:%M:%S ", &t);
    if (program) put_name(line, "", program, ": ");
    put_text(line, clock);
    put_name(line, colour ? levels[event->level].colour : "", levels[event->level].name, colour ? "\033[0m: " : ": ");
    put_escaped(line, event->msg);
    for (const char *const *f = event->fields; f[0]; f += 2) {
        if (!f[1]) continue;
        bool quoted = f[1][strcspn(f[1], " =\"")] || !*f[1];
        if (!put_name(line, " ", f[0], quoted ? "=\"" : "=")) break;
        put_escaped(line, f[1]);
        if (quoted) close_with(line, "\"");
    }
    close_with(line, line->cut ? " [cut]\n" : "\n");
}
