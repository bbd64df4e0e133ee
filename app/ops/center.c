/* pouch center. */
#include <center/center.h>
#include <ops/commands.h>
#include <ops/common.h>

static void stop(void *center) {
    center_stop(center);
}

static int center(struct ops_call *call) {
    struct center *c = NULL;
    pouch_err e = center_new(&c, call->options);
    if (!e) e = ops_on_stop(stop, c);
    if (!e) e = center_run(c);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    center_free(c);
    return exit_code;
}

const struct ops_command ops_center = {
    .name = "center",
    .args = "",
    .summary = "Route requests to services by publisher",
    .about = "Takes envelopes from the inbox and writes each to the targets of its publisher's route. It needs\n"
             "no key and opens nothing. A request that cannot be routed is answered with why, and becomes a\n"
             "dead letter; nothing that was accepted is lost. Every record leaves a trace: who, where,\n"
             "when, how long, never what.\n\n"
             "  pouch route add billing billing-topic\n"
             "  pouch center &\n"
             "  echo '{\"amount\":5}' | pouch request --publisher billing\n\n"
             "Any number of centers share the inbox by its group. SIGTERM and Ctrl-C finish what is in\n"
             "hand, at most for the time of --drain.\n",
    .settings = (const char *const[]){"center.inbox", "group", "instance.id", "start", "store", "drain", NULL},
    .run = center,
};
