/*
 * The publisher of the order chain: asks under the name it is routed by, and knows neither the
 * services behind it nor their topics. The last service of the chain answers.
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… ./publisher [AMOUNT]
 */
#include <jansson.h>
#include <pouch/pouch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 30000, USAGE = 64 };

/* {"orderId","userId","amount","items"} as text, to be freed; NULL: the amount is no number. */
static char *new_order(const char *amount) {
    char id[40];
    snprintf(id, sizeof id, "order-%lld", (long long)time(NULL));
    json_t *number = json_loads(amount, JSON_DECODE_ANY, NULL);
    json_t *order = json_is_number(number) ? json_pack("{s:s,s:s,s:O,s:[s,s]}", "orderId", id, "userId", "ada",
                                                       "amount", number, "items", "tea", "cup")
                                           : NULL;
    char *text = json_dumps(order, JSON_COMPACT);
    json_decref(order);
    json_decref(number);
    return text;
}

static pouch_err ask(pouch_client *client, const char *order) {
    pouch_dest *to = pouch_dest_publisher("initial-publisher");
    pouch_reply *reply = NULL;
    char id[37] = "";
    pouch_err e = to ? pouch_client_call(client, to, order, strlen(order), TIMEOUT_MS, id, &reply) : POUCH_E_NO_MEMORY;
    /* Without a reply nobody answered, and the reason is our own; a timeout does not mean that nothing happened. */
    if (!e)
        printf("%s\n", (const char *)pouch_reply_payload(reply, NULL));
    else
        fprintf(stderr, "publisher: %s: %s\n", pouch_err_code(e), reply ? pouch_reply_error(reply) : pouch_why());
    if (*id) fprintf(stderr, "publisher: see its way: pouch trace %s\n", id);
    pouch_reply_free(reply);
    pouch_dest_free(to);
    return e;
}

static pouch_err run(pouch_client **client, pouch_options *options, pouch_keyring **ring) {
    pouch_err e = pouch_keyring_load(ring, pouch_options_get(options, "key.file"));
    if (!e) e = pouch_options_set(options, "client.id", "initial-publisher");
    return e ? e : pouch_client_new(client, options, *ring);
}

int main(int argc, char **argv) {
    char *order = argc <= 2 ? new_order(argc == 2 ? argv[1] : "150") : NULL;
    if (!order) {
        fprintf(stderr, "usage: publisher [AMOUNT]\n");
        return USAGE;
    }
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_client *client = NULL;
    pouch_err e = options ? run(&client, options, &ring) : POUCH_E_NO_MEMORY;
    if (e)
        fprintf(stderr, "publisher: %s\n", pouch_why());
    else
        e = ask(client, order);
    pouch_client_close(client, 0);
    pouch_keyring_free(ring);
    pouch_options_free(options);
    free(order);
    return pouch_err_exit_code(e);
}
