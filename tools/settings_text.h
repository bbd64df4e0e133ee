/*
 * What docs/configuration.md and pouch.yaml(5) both say of settings, beside the table of them. Words in
 * backticks are what one types.
 */
#ifndef POUCH_TOOLS_SETTINGS_TEXT_H
#define POUCH_TOOLS_SETTINGS_TEXT_H

extern const char settings_before[], settings_after[]; /* around the places */
extern const char *const settings_places[];            /* where a setting can be given; ended by NULL */
extern const char settings_file[], settings_file_example[], settings_kafka[], settings_key[];

/* How the values of a type are written; ended by a NULL type. */
struct settings_kind {
    const char *type, *written;
};
extern const struct settings_kind settings_kinds[];

/* For docs/configuration.md: variables of other systems, and those among them that say nothing to us. */
extern const char settings_seeds[], settings_security[];
extern const struct settings_kind settings_no_seeds[], settings_security_variables[];

#endif
