/* A plan, for people and for programs. */
#include <admin/topics.h>
#include <base/buf.h>
#include <inttypes.h>
#include <ops/common.h>
#include <ops/screen.h>
#include <ops/topics.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 * 1024 };

static int print_lines(const struct pl_plan *p) {
    const struct ops_screen screen = ops_screen_of(stdout);
    for (size_t i = 0; i < p->n; i++) {
        char *text = admin_change_text(&p->changes[i]);
        if (!text) return ops_error(POUCH_E_NO_MEMORY);
        ops_screen_put(stdout, &screen, text, strlen(text), TEXT_MAX);
        putchar('\n');
        free(text);
    }
    return OPS_EXIT_OK;
}

int ops_topics_print(const struct ops_call *call, const struct ops_topics *t, bool applied) {
    const struct pl_plan *p = &t->all.plan;
    if (call->output == OPS_TABLE) return print_lines(p);
    if (call->output == OPS_JSON) return ops_print_json(admin_plan_json(p, applied));
    return ops_print_array(call, admin_changes_of_plan_json(p, applied));
}

/* ---- talk ---- */

static bool ordered(const struct pl_change *c) {
    return c->kind == PL_CHANGE_GROW && !(c->entry->strategy && !strcmp(c->entry->strategy, "random"));
}

/* Whether the broker will delete records that it keeps now. */
static bool shortens(const struct pl_change *c) {
    bool keeps = c->config && (!strcmp(c->config, "retention.ms") || !strcmp(c->config, "retention.bytes"));
    if (c->kind != PL_CHANGE_SET || c->hold || !keeps || !c->before) return false;
    long long before = strtoll(c->before, NULL, 10), after = strtoll(c->after, NULL, 10);
    return after >= 0 && (before < 0 || after < before);
}

void ops_topics_say(const struct ops_topics *t) {
    const struct pl_plan *p = &t->all.plan;
    size_t n[PL_CHANGE_KINDS] = {0}, held = 0, keyed = 0, shorter = 0;
    for (size_t i = 0; i < p->n; i++) {
        held += p->changes[i].hold != PL_HOLD_NONE;
        if (!p->changes[i].hold) n[p->changes[i].kind]++;
        keyed += ordered(&p->changes[i]);
        shorter += shortens(&p->changes[i]);
    }
    if (!p->n) {
        ops_say("nothing differs: %zu topics, of %zu tenants and the platform, are as the catalogue says",
                p->as_they_were, p->tenants);
        return;
    }
    ops_say("to create %zu, to grow %zu, configs to change %zu, to delete %zu; %zu topics are as the catalogue says",
            n[PL_CHANGE_CREATE], n[PL_CHANGE_GROW], n[PL_CHANGE_SET] + n[PL_CHANGE_RESET], n[PL_CHANGE_DELETE],
            p->as_they_were);
    if (n[PL_CHANGE_GRANT] + n[PL_CHANGE_REVOKE])
        ops_say("ACLs to create %zu, to delete %zu", n[PL_CHANGE_GRANT], n[PL_CHANGE_REVOKE]);
    if (held) ops_say("%zu differences, marked !, are told and not made", held);
    if (shorter) ops_say("%zu changes shorten how long records are kept: the brokers delete what is older", shorter);
    if (keyed)
        ops_say("of the topics that grow, %zu have keys: a key's next records may go to another partition than its "
                "earlier ones, so they are in order only among themselves. Let consumers catch up first, where "
                "order matters",
                keyed);
}
