/* Prefer: respond-async, and Idempotency-Key: requests that are known by their id. */
#include <async/async.h>
#include <auth/auth.h>
#include <base/why.h>
#include <ctype.h>
#include <gateway/admit.h>
#include <gateway/later.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_MAX = 255, ACCEPTED = 202, UNPROCESSABLE = 422 };

/* ---- Prefer (RFC 7240) ---- */

/* The next preference of a list: "name[=value][;…]", without the blanks around it. */
static struct httpd_span next_preference(struct httpd_span *rest) {
    while (rest->n && (isblank((unsigned char)*rest->at) || *rest->at == ',')) rest->at++, rest->n--;
    const char *end = memchr(rest->at, ',', rest->n);
    struct httpd_span one = {rest->at, end ? (size_t)(end - rest->at) : rest->n};
    rest->at += one.n;
    rest->n -= one.n;
    return one;
}

/* The name's preference: what stands behind it in `value`, without the "=". False: it is not among them. */
static bool prefers(const struct httpd_call *c, const char *name, struct httpd_span *value) {
    size_t n = strlen(name);
    const struct httpd_head *head = httpd_call_head(c);
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct httpd_field *f = &head->fields[i];
        if (f->name.n != 6 || strncasecmp(f->name.at, "Prefer", 6)) continue;
        struct httpd_span rest = f->value, one;
        while ((one = next_preference(&rest)).n) {
            if (one.n < n || strncasecmp(one.at, name, n)) continue;
            if (one.n > n && one.at[n] != '=' && one.at[n] != ';' && !isblank((unsigned char)one.at[n])) continue;
            size_t skip = one.n > n && one.at[n] == '=' ? n + 1 : n;
            *value = (struct httpd_span){one.at + skip, one.n - skip};
            return true;
        }
    }
    return false;
}

static bool wants_later(const struct httpd_call *c) {
    struct httpd_span value;
    return prefers(c, "respond-async", &value);
}

int gateway_prefers_wait(const struct httpd_call *c, int most_s) {
    struct httpd_span value;
    int seconds = 0;
    if (!prefers(c, "wait", &value)) return 0;
    for (size_t i = 0; i < value.n && isdigit((unsigned char)value.at[i]) && seconds <= most_s; i++)
        seconds = seconds * 10 + (value.at[i] - '0');
    return seconds < most_s ? seconds : most_s;
}

/* ---- a request ---- */

/* A call whose request is being stored. */
struct later {
    struct gateway *g;
    struct gateway_wait *wait;
    bool answers_later;
    int timeout_ms;
    char owner[];
};

static void end(struct later *l, struct httpd_answer *a, pouch_err failed) {
    gateway_wait_end(l->wait, a, failed);
    free(l);
}

static void fail(struct later *l, pouch_err e, const char *why) {
    gateway_wait_fail(l->wait, e, why);
    free(l);
}

static void answered(pouch_err e, const struct async_answer *answer, void *arg) {
    struct later *l = arg;
    struct httpd_answer a;
    char now[GATEWAY_TIME_MAX];
    if (e) {
        fail(l, e, NULL);
        return;
    }
    if (answer->state == ASYNC_FAILED) {
        fail(l, answer->code, answer->error);
        return;
    }
    if (answer->state != ASYNC_DONE) {
        fail(l, POUCH_E_TIMEOUT,
             "nobody has answered in time; the reply may still come: ask for it at /v1/requests/ID, "
             "or again with the same key");
        return;
    }
    httpd_answer_init(&a);
    e = pl_buf_puts(&a.body, "{\"success\":true,\"response\":");
    if (!e) e = pl_buf_append(&a.body, answer->payload, answer->payload_n);
    if (!e) e = pl_buf_printf(&a.body, ",\"timestamp\":\"%s\"}\n", gateway_now(now));
    end(l, &a, e);
}

static void accept_later(struct later *l) {
    struct httpd_answer a;
    char now[GATEWAY_TIME_MAX], location[PLAIN_ID_MAX + 16];
    const char *id = l->wait->id;
    snprintf(location, sizeof location, "/v1/requests/%s", id);
    httpd_answer_init(&a);
    pouch_err e = gateway_json(&a, json_pack("{s:b, s:s, s:s, s:s, s:s}", "success", 1, "requestId", id, "status",
                                             "pending", "location", location, "timestamp", gateway_now(now)));
    if (!e) e = httpd_answer_field(&a, "Location", location);
    if (!e) e = httpd_answer_field(&a, "Preference-Applied", "respond-async");
    a.status = ACCEPTED;
    end(l, &a, e);
}

static void reused(struct later *l) {
    struct httpd_answer a;
    httpd_answer_init(&a);
    end(l, &a, gateway_problem_as(&a, UNPROCESSABLE, "key_reused", pouch_why()));
}

static void stored(pouch_err e, const char *id, bool before, void *arg) {
    struct later *l = arg;
    (void)before;
    if (e == POUCH_E_EXISTS) {
        reused(l);
        return;
    }
    if (e) {
        fail(l, e, NULL);
        return;
    }
    snprintf(l->wait->id, sizeof l->wait->id, "%s", id);
    if (l->answers_later) {
        accept_later(l);
        return;
    }
    e = async_await(l->g->async, id, l->owner, l->timeout_ms, answered, l);
    if (e) fail(l, e, NULL);
}

/* NULL: there is none. INVALID_PAYLOAD: it is empty, too long, or has other characters than visible ones. */
static pouch_err read_key(const struct httpd_call *c, char out[KEY_MAX + 1], const char **key) {
    const struct httpd_span *field = httpd_call_field(c, "Idempotency-Key");
    *key = NULL;
    if (!field) return POUCH_OK;
    for (size_t i = 0; i < field->n; i++)
        if (!isgraph((unsigned char)field->at[i]))
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "the Idempotency-Key has a character that is not visible ASCII");
    if (!field->n || field->n > KEY_MAX)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the Idempotency-Key has no character, or more than %d", KEY_MAX);
    memcpy(out, field->at, field->n);
    out[field->n] = '\0';
    *key = out;
    return POUCH_OK;
}

static pouch_err ask_later(struct gateway *g, struct gateway_wait *w, const struct gateway_ask *ask) {
    const struct auth_who *who = gateway_who(w->call);
    const char *owner = who ? auth_who_name(who) : "";
    char text[KEY_MAX + 1];
    struct async_ask what = {
        .to = ask->dest, .json = ask->value.at, .n = ask->value.n, .timeout_ms = ask->timeout_ms, .owner = owner};
    if (ask->topic && plain_takes(g->plain, ask->topic))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "requests of gateway.plain_topics have no Prefer: respond-async and no "
                                                "Idempotency-Key: their workers seal nothing");
    pouch_err e = read_key(w->call, text, &what.key);
    if (e) return e;
    struct later *l = malloc(sizeof *l + strlen(owner) + 1);
    if (!l) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a call");
    *l = (struct later){.g = g, .wait = w, .answers_later = wants_later(w->call), .timeout_ms = ask->timeout_ms};
    strcpy(l->owner, owner);
    e = async_request(g->async, &what, stored, l);
    if (e) free(l);
    return e;
}

pouch_err gateway_ask_once(struct gateway *g, struct httpd_call *c, struct httpd_answer *a,
                           const struct gateway_ask *ask) {
    bool by_id = wants_later(c) || httpd_call_field(c, "Idempotency-Key");
    return gateway_hand_on(g, c, a, ask, by_id ? ask_later : gateway_ask_on);
}
