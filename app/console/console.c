#include <console/files.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct console_file *console_find(const char *name) {
    for (size_t i = 0; i < console_n_files; i++)
        if (!strcmp(console_files[i].name, name)) return &console_files[i];
    return NULL;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* Takes the next element of a list with commas off its front, without the spaces around it. */
static bool next(const char **at, size_t *n, const char **element, size_t *length) {
    if (!*n) return false;
    const char *comma = memchr(*at, ',', *n);
    size_t taken = comma ? (size_t)(comma - *at) + 1 : *n;
    const char *begin = *at, *end = comma ? comma : *at + *n;
    while (begin < end && is_space(*begin)) begin++;
    while (begin < end && is_space(end[-1])) end--;
    *element = begin;
    *length = (size_t)(end - begin);
    *at += taken;
    *n -= taken;
    return true;
}

/* "q=0", "q=0.0" … refuse what stands before. */
static bool is_refused(const char *weight, const char *end) {
    while (weight < end && (is_space(*weight) || *weight == ';')) weight++;
    if (end - weight < 3 || strncasecmp(weight, "q=0", 3) != 0) return false;
    for (weight += 3; weight < end; weight++)
        if (*weight >= '1' && *weight <= '9') return false;
    return true;
}

bool console_takes_gzip(const char *accepted, size_t n) {
    static const char gzip[] = "gzip";
    const char *element;
    size_t length;
    while (accepted && next(&accepted, &n, &element, &length)) {
        const char *semicolon = memchr(element, ';', length), *end = element + length;
        size_t name = semicolon ? (size_t)(semicolon - element) : length;
        while (name && is_space(element[name - 1])) name--;
        if (name == sizeof gzip - 1 && !strncasecmp(element, gzip, name))
            return !semicolon || !is_refused(semicolon, end);
    }
    return false;
}

/* Weak ones are compared too, as RFC 9110 wants it for If-None-Match. */
bool console_is_known(const struct console_file *f, const char *tags, size_t n) {
    const char *element;
    size_t length;
    while (tags && next(&tags, &n, &element, &length)) {
        if (length > 2 && !strncmp(element, "W/", 2)) {
            element += 2;
            length -= 2;
        }
        if (length == 1 && *element == '*') return true;
        if (length == strlen(f->etag) && !memcmp(element, f->etag, length)) return true;
    }
    return false;
}
