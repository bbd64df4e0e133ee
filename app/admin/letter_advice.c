/* What each code of a dead letter means to its operator. A row for every error that has a code. */
#include <admin/letter.h>

static const struct admin_advice rows[] = {
    {POUCH_E_TIMEOUT, "Nothing came back in time; whether it was handled is unknown.",
     "Look at `pouch trace` for how far it got; send it again only to a handler that is idempotent."},
    {POUCH_E_CLOSED, "The program that had it was stopping.", "Send it again; nothing is wrong with the record."},
    {POUCH_E_NO_RESPONDERS, "Nobody reads the topic that it was for.",
     "Start a worker on the target (`pouch worker TOPIC …`), then send it again."},
    {POUCH_E_OVERLOADED, "There was no room for it, or its publisher was over its limit.",
     "Send it again at a lower rate; raise the limit when the rate is what you expect."},
    {POUCH_E_NO_ROUTE, "The command center has no route for its publisher.",
     "Add one with `pouch route add PUBLISHER TARGET`, or correct the publisher's name; then send it again."},
    {POUCH_E_ROUTE_DISABLED, "The route of its publisher is switched off.",
     "When it should run: `pouch route enable PUBLISHER`; then send it again."},
    {POUCH_E_TARGET_REFUSED, "Kafka refused the target topic for good: it is unknown, or we may not write it.",
     "Look at the target with `pouch topic describe`, make it or allow WRITE on it; then send it again."},
    {POUCH_E_HOP_LIMIT, "It was passed on more often than is allowed, most likely in a circle.",
     "Follow the hops with `pouch trace`, break the circle in the routes or forwards; do not send it again before."},
    {POUCH_E_EXPIRED, "Its deadline passed before it was handled; the requester has given up.",
     "Look for what was slow or down at that time; the requester asks anew if it still wants to know."},
    {POUCH_E_TOO_LARGE, "It is larger than the broker or the topic accepts.",
     "Raise max.message.bytes of the target and message.max.bytes of the sender, or send less; this copy may be cut."},
    {POUCH_E_BAD_ENVELOPE, "It is not an envelope that Pouch can read.",
     "Find who writes such records to the source topic; the reason says what is wrong and where."},
    {POUCH_E_DECRYPT_FAILED, "No key of the worker opens it, or it was altered on the way.",
     "Compare the key files of sender and worker: the worker may lack the sender's new key."},
    {POUCH_E_INVALID_PAYLOAD, "What was sealed in it is not what the handler accepts.",
     "Correct the sender; the record itself will never do."},
    {POUCH_E_HANDLER_ERROR, "The handler ended it with an error.",
     "Read the reason, repair the handler or what it depends on, then send it again."},
    {POUCH_E_HANDLER_TIMEOUT, "The handler did not end it in time; what it did by then is unknown.",
     "Find what was slow, or raise handler.timeout; send it again only to a handler that is idempotent."},
    {POUCH_E_CONFIG, "A setting did not fit.", "The reason names it; correct it, then send the record again."},
    {POUCH_E_NO_BROKER, "No broker could be reached.", "Send it again when Kafka is back (`pouch topic list`)."},
    {POUCH_E_NOT_ALLOWED, "It asked for what it may not have, such as a reply on a topic that is no reply topic.",
     "Check the settings reply.topics and the broker's ACLs, and who sent it."},
    {POUCH_E_NO_MEMORY, "The program that had it was out of memory.",
     "Give it more memory or let it hold fewer requests; then send the record again."},
    {POUCH_E_STORE, "The store failed.", "The reason says how; repair it, then send the record again."},
    {POUCH_E_EXISTS, "What it was to make is there already.", "Nothing, unless that is not what you expect."},
    {POUCH_E_NOT_FOUND, "What it was about is not there.",
     "The reason says what; make it, then send the record again."},
    {POUCH_E_UNCHECKED, "Its payload could not be checked.",
     "See that the schema registry answers (`pouch schema list`), then send it again."},
    {POUCH_OK, "Another tool wrote this dead letter, so its code is not one of ours.",
     "Read its reason, and that tool's manual."},
};

const struct admin_advice *admin_advice_for(struct pl_span code) {
    pouch_err e = code.at ? pl_error_from_code(code.at, code.n) : POUCH_OK;
    const struct admin_advice *row = rows;
    while (row->code != e && row->code != POUCH_OK) row++;
    return row;
}
