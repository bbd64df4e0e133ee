/* Items and legs are kept and used again: a record in flight costs no allocation. */
#include <center/state.h>

/* As many as fit, those that come being as large as those that came. */
static size_t room_for_bytes(const struct center *c) {
    return (CENTER_BYTES_MOST - c->bytes) / (c->usual_bytes + 1) + 1;
}

size_t center_room(const struct center *c) {
    size_t most = c->settings.center_in_flight;
    if (c->parked || c->producer_full || c->bytes >= CENTER_BYTES_MOST) return 0;
    if (c->items_used >= most || c->legs_used >= c->legs_room || center_awaits_many(c)) return 0;
    size_t n = most - c->items_used, legs = c->legs_room - c->legs_used, fitting = room_for_bytes(c);
    if (legs < n) n = legs;
    if (fitting < n) n = fitting;
    return n < CENTER_BATCH ? n : CENTER_BATCH;
}

struct center_item *center_item_new(struct center *c, const struct pl_taken *t) {
    struct center_item *item = c->free_items;
    if (item)
        c->free_items = item->next;
    else
        item = &c->items[c->items_touched++];
    c->items_used++;
    item->center = c;
    item->taken = *t;
    item->bytes = t->bytes;
    item->view = NULL;
    item->route = NULL;
    item->publisher = NULL;
    item->open = 0;
    item->trace = 0;
    item->dropped = false;
    c->bytes += item->bytes;
    c->usual_bytes = (7 * c->usual_bytes + item->bytes) / 8;
    return item;
}

void center_item_recycle(struct center_item *item) {
    struct center *c = item->center;
    item->taken.partition = NULL;
    item->next = c->free_items;
    c->free_items = item;
    c->items_used--;
}

static void post_init(struct center_post *p, struct center_leg *leg) {
    *p = (struct center_post){.leg = leg};
}

static struct center_leg *untouched_leg(struct center *c) {
    size_t i = c->legs_touched++;
    c->legs[i].reason = c->reasons[i];
    return &c->legs[i];
}

struct center_leg *center_leg_new(struct center_item *item, struct pl_target *target, size_t index) {
    struct center *c = item->center;
    struct center_leg *leg = c->free_legs;
    if (leg)
        c->free_legs = leg->next;
    else
        leg = untouched_leg(c);
    c->legs_used++;
    leg->center = c;
    leg->item = item;
    leg->target = target;
    leg->index = index;
    leg->code = POUCH_OK;
    leg->attempts = 0;
    leg->later = NULL;
    leg->awaits = false;
    leg->letter_most = 0;
    leg->give_up_us = 0;
    post_init(&leg->forward, leg);
    post_init(&leg->answer, leg);
    post_init(&leg->letter, leg);
    return leg;
}

void center_leg_recycle(struct center_leg *leg) {
    struct center *c = leg->center;
    leg->item = NULL;
    leg->next = c->free_legs;
    c->free_legs = leg;
    c->legs_used--;
}

void center_leg_let_go(struct center_leg *leg) {
    leg->item = NULL;
    if (!leg->forward.sent && !leg->answer.sent) center_leg_recycle(leg);
}
