/*
 * What a topic overrides, changed and compared. No I/O. Texts are borrowed from the configs and changes that they
 * came from, which stay as long as these are used.
 */
#ifndef POUCH_CLUSTER_OVERRIDES_H
#define POUCH_CLUSTER_OVERRIDES_H

#include <base/buf.h>
#include <cluster/configs.h>

struct pl_override {
    const char *name, *value;
};

/* In the order of their names, each once. */
struct pl_overrides {
    struct pl_override *at;
    size_t n;
};

/*
 * Those among a topic's configs. CONFIG: one of them has no value that could be written again, or a broker does not
 * tell overrides from defaults.
 */
POUCH_MUST_CHECK pouch_err pl_overrides_of(struct pl_overrides *o, const struct pl_configs *c, const char *topic);

/* now, with n changes made, of which the last of a name counts. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_overrides_change(struct pl_overrides *o, const struct pl_overrides *now,
                                               const struct pl_config_change *changes, size_t n);
void pl_overrides_free(struct pl_overrides *o);

/*
 * Whether both say the same. A broker gives a value back in its own way of writing (" TRUE" as "true", "0.50" as "0.5",
 * "compact, delete" without the space), which is no difference.
 */
bool pl_overrides_same(const struct pl_overrides *a, const struct pl_overrides *b);

/* What differs, for people: "retention.ms is 5, not 6; cleanup.policy is not set, not compact". */
POUCH_MUST_CHECK pouch_err pl_overrides_tell(struct pl_buf *out, const struct pl_overrides *is,
                                             const struct pl_overrides *wanted);

#endif
