#include <inttypes.h>
#include <ops/common.h>
#include <ops/incomplete.h>
#include <stdio.h>

void ops_incomplete_look(struct admin_incomplete *i, const struct ops_call *call, const char *url, int64_t since_us,
                         int64_t until_us) {
    admin_incomplete_look(i, url, pouch_options_get(call->options, "trace.spool"), since_us, until_us);
}

void ops_incomplete_print(const struct admin_incomplete *i, const char *more) {
    if (i->missing)
        printf("*incomplete*: %" PRIu64 " rows are known to be missing from this time%s\n", i->missing, more);
    if (i->waiting.rows)
        printf("*incomplete*: %" PRIu64 " rows wait in the spool of %s%s\n", i->waiting.rows, i->waiting.folder, more);
}

void ops_incomplete_say(const struct admin_incomplete *i) {
    if (i->missing) ops_say("incomplete: %" PRIu64 " rows are known to be missing from this time", i->missing);
    if (i->waiting.rows)
        ops_say("incomplete: %" PRIu64 " rows wait in the spool of %s until the store takes them", i->waiting.rows,
                i->waiting.folder);
}

void ops_incomplete_end(const struct admin_incomplete *i) {
    printf("\"complete\":%s,\"missing\":%" PRIu64 ",\"waiting\":%" PRIu64 "}\n",
           admin_is_complete(i) ? "true" : "false", i->missing, i->waiting.rows);
}
