#include <admin/when.h>
#include <base/why.h>
#include <conf/settings.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEARS_100 (INT64_C(36525) * 24 * 3600 * 1000)
#define YEAR_9999 INT64_C(253402300799999)

/* Two digits at *at, and what must follow them; moves on. -1: something else. */
static int two_digits(const char **at, char then) {
    const char *c = *at;
    if (!isdigit((unsigned char)c[0]) || !isdigit((unsigned char)c[1]) || (then && c[2] != then)) return -1;
    *at += then ? 3 : 2;
    return (c[0] - '0') * 10 + c[1] - '0';
}

static bool read_date(const char **at, struct tm *t) {
    int century = two_digits(at, 0), year = century < 0 ? -1 : two_digits(at, '-');
    int month = year < 0 ? -1 : two_digits(at, '-'), day = month < 0 ? -1 : two_digits(at, 0);
    if (day < 1 || month < 1 || month > 12) return false;
    *t = (struct tm){.tm_year = century * 100 + year - 1900, .tm_mon = month - 1, .tm_mday = day};
    struct tm same = *t;
    (void)timegm(&same); /* makes the 31st of April the 1st of May */
    return same.tm_mon == t->tm_mon;
}

static bool read_time(const char **at, struct tm *t) {
    t->tm_hour = two_digits(at, ':');
    t->tm_min = t->tm_hour < 0 ? -1 : two_digits(at, ':');
    t->tm_sec = t->tm_min < 0 ? -1 : two_digits(at, 0);
    return t->tm_sec >= 0 && t->tm_hour < 24 && t->tm_min < 60 && t->tm_sec <= 60;
}

/* ".25" and the like, or nothing. */
static bool read_fraction(const char **at, int64_t *ms) {
    int64_t unit = 100;
    *ms = 0;
    if (**at != '.') return true;
    if (!isdigit((unsigned char)*++*at)) return false;
    for (; isdigit((unsigned char)**at); ++*at, unit /= 10) *ms += (**at - '0') * unit;
    return true;
}

/* "Z" or "+02:00", to the end of the text. */
static bool read_zone(const char *at, int64_t *ms) {
    *ms = 0;
    if (*at == 'Z' || *at == 'z') return at[1] == 0;
    if (*at != '+' && *at != '-') return false;
    int sign = *at++ == '-' ? -1 : 1, hours = two_digits(&at, ':');
    int minutes = hours < 0 ? -1 : two_digits(&at, 0);
    if (minutes < 0 || hours > 23 || minutes > 59 || *at) return false;
    *ms = (int64_t)sign * (hours * 60 + minutes) * 60000;
    return true;
}

static bool read_rfc3339(const char *text, int64_t *ms) {
    struct tm t;
    int64_t fraction, zone;
    if (!read_date(&text, &t) || (*text != 'T' && *text != 't' && *text != ' ')) return false;
    text++;
    if (!read_time(&text, &t) || !read_fraction(&text, &fraction) || !read_zone(text, &zone)) return false;
    *ms = (int64_t)timegm(&t) * 1000 + fraction - zone;
    return *ms >= 0;
}

pouch_err admin_when_parse(const char *flag, const char *text, int64_t now_ms, int64_t *ms) {
    int64_t ago;
    if (read_rfc3339(text, ms)) return POUCH_OK;
    if (!strchr(text, '-') && !pl_duration_parse(&ago, text, 0, YEARS_100)) {
        *ms = ago < now_ms ? now_ms - ago : 0;
        return POUCH_OK;
    }
    return pl_fail(POUCH_E_CONFIG,
                   "%s: '%.64s' is no time; say how long ago, such as 10m, 2h or 1d, or when, such as "
                   "2026-01-31T09:00:00Z",
                   flag, text);
}

const char *admin_when_text(char out[ADMIN_WHEN_TEXT], int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    if (ms < 0 || ms > YEAR_9999 || !gmtime_r(&seconds, &t)) return strcpy(out, "-");
    size_t n = strftime(out, ADMIN_WHEN_TEXT, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, ADMIN_WHEN_TEXT - n, ".%03dZ", (int)(ms % 1000));
    return out;
}
