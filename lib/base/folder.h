/* Folders of our own. */
#ifndef POUCH_BASE_FOLDER_H
#define POUCH_BASE_FOLDER_H

#include <pouch/error.h>

/*
 * Where programs of this user keep what outlives them: $XDG_STATE_HOME/pouch or ~/.local/state/pouch; for a system
 * user without a home, /var/lib/pouch. It need not be there. CONFIG: there is no such place. NO_MEMORY. Free *path.
 */
POUCH_MUST_CHECK pouch_err pl_folder_state(char **path);

/* Makes the folder that file is in, for its owner alone, and those above it. CONFIG. */
POUCH_MUST_CHECK pouch_err pl_folder_of(const char *file);

#endif
