# What scripts/gen-docs runs to write docs/configuration.md and docs/metrics.md.
add_executable(options_doc EXCLUDE_FROM_ALL tools/options_doc.c tools/settings_text.c)
pouch_link_room(options_doc conf)
add_executable(metrics_doc EXCLUDE_FROM_ALL tools/metrics_doc.c)
pouch_link_room(metrics_doc metrics)
