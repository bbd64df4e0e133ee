#include <base/folder.h>
#include <base/why.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A system user's home is often "/", "/nonexistent" or not its own. */
static const char *usable_home(void) {
    const char *home = getenv("HOME");
    if (!home || !*home) {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    return home && home[0] == '/' && home[1] && !access(home, W_OK | X_OK) ? home : NULL;
}

pouch_err pl_folder_state(char **path) {
    const char *state = getenv("XDG_STATE_HOME"), *home = usable_home();
    int n;
    if (state && state[0] == '/')
        n = asprintf(path, "%s/pouch", state);
    else if (home)
        n = asprintf(path, "%s/.local/state/pouch", home);
    else if (!access("/var/lib/pouch", W_OK | X_OK))
        n = asprintf(path, "/var/lib/pouch");
    else
        return pl_fail(POUCH_E_CONFIG, "there is no home and no /var/lib/pouch to write to: set XDG_STATE_HOME");
    return n < 0 ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a path") : POUCH_OK;
}

pouch_err pl_folder_of(const char *file) {
    char path[PATH_MAX];
    if (!*file) return pl_fail(POUCH_E_CONFIG, "a path is empty");
    if (strlen(file) >= sizeof path) return pl_fail(POUCH_E_CONFIG, "%.100s… is too long a path", file);
    strcpy(path, file);
    for (char *slash = path; (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = '\0';
        /* One that may not be made may be there, with what is below it; else the next one tells. */
        if (mkdir(path, 0700) && errno != EEXIST && errno != EROFS && errno != EACCES)
            return pl_fail(POUCH_E_CONFIG, "folder %s cannot be made: %s", path, strerror(errno));
    }
    return POUCH_OK;
}
