#include <cluster/outcome.h>
#include <stdio.h>

void pl_outcome_set(struct pl_outcome *o, pouch_err e) {
    o->error = e;
    snprintf(o->why, sizeof o->why, "%s", e ? pouch_why() : "");
}
