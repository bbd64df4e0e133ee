/*
 * Slots of a folder: a number that a lock file makes its holder's own for as long as that lives. The lock falls with
 * the process, so the next one goes on where a dead one stopped. Inside the room.
 */
#ifndef POUCH_STORE_SLOT_H
#define POUCH_STORE_SLOT_H

#include <pouch/error.h>
#include <stdbool.h>

/*
 * FOLDER/NAME-SLOT.lock. *fd holds it until it is closed; negative: another has it. CONFIG: the folder does not take
 * the file.
 */
POUCH_MUST_CHECK pouch_err pl_slot_try(int *fd, const char *folder, const char *name, int slot);

/* Takes the lowest free slot. CONFIG: there is none, or the folder does not take the file. */
POUCH_MUST_CHECK pouch_err pl_slot_take(int *slot, int *fd, const char *folder, const char *name);

/* Whether the file is there still: a lock on one that was deleted keeps nobody away. */
bool pl_slot_holds(int fd);

#endif
