#include <admin/anytext.h>
#include <admin/registry.h>
#include <base/why.h>
#include <ops/common.h>
#include <ops/dlq_filter.h>

static const char *flag(void *call, const char *name) {
    return ops_flag(call, name, 0);
}

struct admin_asked ops_letter_asked(const struct ops_call *call) {
    return (struct admin_asked){"--", flag, (void *)call};
}

pouch_err ops_letter_filter_read(const struct ops_call *call, struct admin_letter_filter *f) {
    const struct admin_asked asked = ops_letter_asked(call);
    return admin_letter_filter_read(f, &asked);
}

json_t *ops_letter_filter_json(const struct ops_call *call) {
    const struct admin_asked asked = ops_letter_asked(call);
    json_t *o = admin_letter_filter_json(&asked);
    return o && call->n_args ? admin_json_with(o, "which", admin_anytext_of(call->args[0])) : o;
}

pouch_err ops_letter_history_read(const struct ops_call *call, const char *dlq_topic, bool to_write,
                                  struct admin_letter_history *h) {
    const char *named = pouch_options_get(call->options, "store");
    struct pl_store *store;
    *h = (struct admin_letter_history){0};
    pouch_err e = to_write ? admin_store_open(&store, named) : admin_store_look(&store, named);
    if (!e) e = admin_letter_history_read(h, store, dlq_topic);
    pl_store_close(store);
    if (e) ops_say("which of them were sent again or dismissed before is not known: %s", pouch_why());
    return e;
}
