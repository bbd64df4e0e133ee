/* pouch gateway. */
#include <base/why.h>
#include <errno.h>
#include <gateway/gateway.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <ops/notify.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* For the signal handlers; there is one gateway in a process. */
static struct gateway *running;

static void stop(void *gateway) {
    gateway_stop(gateway);
}

static void on_hup(int number) {
    (void)number;
    gateway_reload(running);
}

static pouch_err on_reload(struct gateway *g) {
    struct sigaction act = {.sa_handler = on_hup, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    running = g;
    if (!sigaction(SIGHUP, &act, NULL)) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "signals cannot be handled: %s", strerror(errno));
}

/*
 * Instances of one client id share what is under way, so it has a name of its own; nobody who asks should wait for
 * nobody.
 */
static pouch_err set_defaults(pouch_options *o) {
    pouch_err e = POUCH_OK;
    if (!pouch_options_get(o, "client.id")) e = pouch_options_set(o, "client.id", "pouch-gateway");
    if (!e && !pouch_options_get(o, "client.no_responders")) e = pouch_options_set(o, "client.no_responders", "on");
    return e;
}

/* It serves all the same where the service manager cannot be told. */
static void serving(const struct httpd_owner *pages, void *notify) {
    if (ops_notify_start(notify, pages)) ops_say("%s", pouch_why());
}

static void ending(void *notify) {
    ops_notify_stop(*(struct ops_notify **)notify);
}

static int gateway(struct ops_call *call) {
    struct gateway *g = NULL;
    struct ops_notify *notify = NULL;
    pouch_keyring *ring = NULL;
    signal(SIGHUP, SIG_IGN);
    pouch_err e = set_defaults(call->options);
    if (!e) e = ops_keyring(call, &ring);
    if (!e) e = gateway_new(&g, call->options, ring);
    if (!e) gateway_hook(g, &(struct gateway_hooks){serving, ending, &notify});
    if (!e) e = on_reload(g);
    if (!e) e = ops_on_stop(stop, g);
    if (!e) e = gateway_run(g);
    int exit_code = e ? ops_error(e) : OPS_EXIT_OK;
    if (g && gateway_is_stuck(g)) _exit(exit_code);
    ops_no_stop();
    signal(SIGHUP, SIG_IGN);
    gateway_free(g);
    pouch_keyring_free(ring);
    return exit_code;
}

const struct ops_command ops_gateway = {
    .name = "gateway",
    .args = "",
    .summary = "Serve requests, events and a console over HTTP",
    .about = "Any program that speaks HTTP can send, ask and listen through it. Requests are sealed here and\n"
             "replies opened, as any client does. /docs describes every path, /openapi.json the same for\n"
             "programs.\n\n"
             "  pouch gateway --listen 127.0.0.1:3000 &\n"
             "  curl -H 'Content-Type: application/json' -d '{\"value\":{\"n\":1}}' \\\n"
             "       http://127.0.0.1:3000/kafka/request/echo\n\n"
             "Any number of gateways with one --client-id stand behind one address; each reads its replies.\n\n"
             "SIGTERM and Ctrl-C take nothing new; what waits for a reply gets it, at most for the time of\n"
             "--drain, and is told then that the gateway stops. SIGHUP reads keys and certificates again.\n",
    .settings = (const char *const[]){"listen", "gateway.access", "gateway.redis", "drain", "request.timeout",
                                      "reply.topic", "store", NULL},
    .run = gateway,
};
