# What scripts/gen-docs runs to write docs/configuration.md.
add_executable(options_doc EXCLUDE_FROM_ALL tools/options_doc.c tools/settings_text.c)
pouch_link_room(options_doc conf)
