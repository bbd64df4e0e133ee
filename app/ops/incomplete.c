#include <inttypes.h>
#include <ops/incomplete.h>
#include <stdio.h>

void ops_incomplete_look(struct ops_incomplete *i, const struct ops_call *call, const char *url, int64_t since_us,
                         int64_t until_us) {
    *i = (struct ops_incomplete){0};
    pl_waiting_count(&i->waiting, url, pouch_options_get(call->options, "trace.spool"), since_us, until_us);
}

pouch_err ops_incomplete_ask(struct ops_incomplete *i, struct pl_store *store, int64_t since_us, int64_t until_us) {
    pouch_err e = pl_store_missing(store, since_us, until_us, &i->missing);
    if (i->waiting.to_us < since_us) i->waiting.rows = i->waiting.missing = 0;
    i->missing += i->waiting.missing;
    return e;
}

void ops_incomplete_free(struct ops_incomplete *i) {
    pl_waiting_free(&i->waiting);
}

bool ops_is_complete(const struct ops_incomplete *i) {
    return !i->missing && !i->waiting.rows;
}

void ops_incomplete_print(const struct ops_incomplete *i, const char *more) {
    if (i->missing)
        printf("*incomplete*: %" PRIu64 " rows are known to be missing from this time%s\n", i->missing, more);
    if (i->waiting.rows)
        printf("*incomplete*: %" PRIu64 " rows wait in the spool of %s%s\n", i->waiting.rows, i->waiting.folder, more);
}

void ops_incomplete_say(const struct ops_incomplete *i) {
    if (i->missing) ops_say("incomplete: %" PRIu64 " rows are known to be missing from this time", i->missing);
    if (i->waiting.rows)
        ops_say("incomplete: %" PRIu64 " rows wait in the spool of %s until the store takes them", i->waiting.rows,
                i->waiting.folder);
}

void ops_incomplete_end(const struct ops_incomplete *i) {
    printf("\"complete\":%s,\"missing\":%" PRIu64 ",\"waiting\":%" PRIu64 "}\n", ops_is_complete(i) ? "true" : "false",
           i->missing, i->waiting.rows);
}
