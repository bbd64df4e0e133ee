#include <base/why.h>
#include <conf/settings.h>
#include <conf/value.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether the line fits was seen when a byte is left over. NULL, or why there is none. */
static const char *line_read(int fd, char out[PL_SECRET_MAX]) {
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) return strerror(errno);
    if (!S_ISREG(st.st_mode)) return "it is not a file";
    if (st.st_mode & 077) return "it is open to others than its owner (chmod 600)";
    ssize_t n = read(fd, out, PL_SECRET_MAX - 1);
    if (n < 0) return strerror(errno);
    out[n] = 0;
    out[strcspn(out, "\r\n")] = 0;
    return *out && strlen(out) < PL_SECRET_MAX - 1 ? NULL : "its first line is empty or too long";
}

pouch_err pl_secret_read(const char *path, char out[PL_SECRET_MAX]) {
    char quoted[PL_VALUE_QUOTE_MAX];
    /* A pipe that nobody writes would be waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *why = line_read(fd, out);
    if (fd >= 0) close(fd);
    if (!why) return POUCH_OK;
    explicit_bzero(out, PL_SECRET_MAX);
    return pl_fail(POUCH_E_CONFIG, "%s: %s; name a file of this user alone with the secret in its first line",
                   pl_value_quote(path, quoted), why);
}
