/* Records on their way to the broker: reports, and sending again what was not stored. */
#include <center/state.h>
#include <stdlib.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MOST_MS = 1000 };

static void wait_ms(struct center_post *p, int64_t ms, center_send_fn *send) {
    struct center *c = p->leg->center;
    p->send = send;
    if (pl_heap_add(&c->waiting, &p->timer, pl_mono_us(c->clock) + ms * 1000)) abort(); /* room was reserved for all */
}

void center_post_full(struct center_post *p, center_send_fn *send) {
    p->leg->center->producer_full = true;
    wait_ms(p, 0, send);
}

void center_post_later(struct center_post *p, center_send_fn *send) {
    if (center_leg_is_anothers(p->leg)) {
        center_post_dropped(p);
        return;
    }
    int64_t ms = p->backoff_ms ? 2 * p->backoff_ms : BACKOFF_FIRST_MS;
    p->backoff_ms = ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS;
    wait_ms(p, p->backoff_ms, send);
}

void center_post_over(struct center_post *p) {
    struct center_leg *leg = p->leg;
    p->open = false;
    if (p->stuck) center_letter_let_go(p);
    if (!leg->forward.open && !leg->answer.open && !leg->letter.open) center_leg_over(leg);
}

void center_post_dropped(struct center_post *p) {
    p->leg->item->dropped = true;
    center_post_over(p);
}

void center_posts_due(struct center *c) {
    int64_t now = pl_mono_us(c->clock);
    struct pl_heap_node *node;
    c->producer_full = false;
    while (!c->producer_full && (node = pl_heap_first(&c->waiting)) && node->due <= now) {
        pl_heap_remove(&c->waiting, node);
        struct center_post *p = (struct center_post *)node;
        p->send(p);
    }
}

static void drop_all(struct center_leg **legs) {
    while (*legs) {
        struct center_leg *leg = *legs;
        *legs = leg->next;
        center_post_dropped(&leg->forward);
    }
}

void center_posts_drop(struct center *c) {
    struct pl_heap_node *node;
    while ((node = pl_heap_first(&c->waiting))) {
        pl_heap_remove(&c->waiting, node);
        center_post_dropped((struct center_post *)node);
    }
    drop_all(&c->parked);
    c->parked_end = &c->parked;
    drop_all(&c->awaited);
    c->awaited_end = &c->awaited;
}

void center_delivered(const struct pl_delivery *d, void *center) {
    struct center *c = center;
    struct center_post *p = d->arg;
    struct center_leg *leg = p->leg;
    p->sent = false;
    if (d->class == PL_KAFKA_OK) center_alive(c, c->now_us);
    if (p == &leg->forward)
        center_forward_reported(leg, d);
    else if (p == &leg->answer)
        center_answer_reported(leg, d);
    else
        center_letter_reported(leg, d);
}
