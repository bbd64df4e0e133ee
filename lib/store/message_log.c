#include <base/log.h>
#include <base/why.h>
#include <store/backend.h>
#include <store/message_log.h>

pouch_err pl_message_log_open(struct pl_tracer **t, const struct pl_settings *s) {
    const struct pl_tracer_settings settings = {.url = s->store,
                                                .max_bytes = s->trace_queue_bytes,
                                                .ttl_ms = s->trace_ttl_ms,
                                                .keep_bytes = s->trace_max_bytes,
                                                .spool = s->trace_spool,
                                                .spool_bytes = s->trace_spool_bytes};
    const struct pl_store_kind *kind;
    const char *where;
    *t = NULL;
    if (!s->store) return POUCH_OK;
    pouch_err e = pl_store_kind_of(&kind, &where, s->store);
    if (!e && kind->is_folder && *where != '/')
        e = pl_fail(POUCH_E_CONFIG,
                    "store %s: the folder must begin with a slash, as in "
                    "sqlite:///var/lib/pouch",
                    s->store);
    if (e) return e;
    e = pl_tracer_new(t, &settings);
    if (!e) return POUCH_OK;
    *t = NULL;
    if (e == POUCH_E_CONFIG && !kind->is_folder)
        return e; /* the URL itself is wrong, and it may have a password in it */
    PL_LOG(PL_LOG_WARN, "messages are not logged: the store cannot be opened", "store", s->store, "why", pouch_why());
    return POUCH_OK;
}
