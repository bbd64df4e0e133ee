/* One question to several. The client's thread prints what comes; the main thread waits for the end. */
#include <admin/anytext.h>
#include <errno.h>
#include <json/json.h>
#include <ops/common.h>
#include <ops/gather.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 64 * 1024 * 1024, MISSING_MAX = 4096 };

struct gathering {
    const struct ops_call *call;
    pthread_mutex_t lock; /* for the three below */
    pthread_cond_t ended;
    bool is_ended;
    size_t answered, parts;

    size_t printed;        /* the client's thread's until the end, as all below */
    pouch_err first_error; /* told by somebody, or our own */
    struct pl_buf line;
    struct pl_buf missing; /* names */
};

/* "orders", or "orders (2 of 3)" for one that has no other name than its place in a route. */
static void name_of(const pouch_part *part, char *out, size_t n) {
    unsigned of, branch = pouch_part_branch(part, &of);
    if (branch && !pouch_part_reply(part))
        snprintf(out, n, "%s (%u of %u)", pouch_part_name(part), branch, of);
    else
        snprintf(out, n, "%s", pouch_part_name(part));
}

static bool has_nothing_to_tell(const pouch_part *part) {
    return !pouch_part_reply(part) && pouch_part_error(part) == POUCH_E_TIMEOUT;
}

/* ---- as JSON ---- */

/* {"from","request_id"?,"branch"?: all but the closing brace, into which the payload or the error is put. */
static char *head_of(const pouch_part *part) {
    const pouch_reply *reply = pouch_part_reply(part);
    unsigned of, branch = pouch_part_branch(part, &of);
    json_t *head = json_pack("{s:s}", "from", pouch_part_name(part));
    if (reply) head = admin_json_with(head, "request_id", json_string(pouch_reply_request_id(reply)));
    if (branch) head = admin_json_with(head, "branch", json_pack("[i,i]", (int)branch, (int)of));
    if (pouch_part_error(part)) {
        json_t *error =
            json_pack("{s:s,s:s}", "code", pouch_err_code(pouch_part_error(part)), "message", pouch_part_why(part));
        if (reply) error = admin_json_with(error, "sealed", json_boolean(pouch_reply_sealed(reply)));
        head = admin_json_with(head, "error", error);
    }
    char *text = json_dumps(head, JSON_COMPACT);
    json_decref(head);
    return text;
}

/* The payload is spliced in as it came. */
static pouch_err write_json(struct pl_buf *line, const pouch_part *part) {
    char *head = head_of(part);
    if (!head) return POUCH_E_NO_MEMORY;
    pouch_err e = pl_buf_append(line, head, strlen(head) - 1);
    free(head);
    size_t n;
    if (!e && !pouch_part_error(part)) {
        const char *payload = pouch_reply_payload(pouch_part_reply(part), &n);
        e = pl_buf_puts(line, ",\"payload\":");
        if (!e) e = pl_buf_append(line, payload, n);
    }
    return e ? e : pl_buf_putc(line, '}');
}

static void print_json(struct gathering *g, const pouch_part *part) {
    pl_buf_reset(&g->line);
    if (write_json(&g->line, part))
        ops_say("an answer of %s is not shown: out of memory", pouch_part_name(part));
    else
        ops_print_item(g->call, g->printed++, g->line.at, g->line.len);
}

/* ---- as talk ---- */

static void say_error(const pouch_part *part, const char *name) {
    const pouch_reply *reply = pouch_part_reply(part);
    ops_say("%s: %s: %s%s", name, pouch_err_code(pouch_part_error(part)), pouch_part_why(part),
            reply && !pouch_reply_sealed(reply) ? " (told without the key: anyone who may write the topic could have)"
                                                : "");
}

static void note_missing(struct gathering *g, const char *name) {
    /* What no longer fits is not worth more lines. */
    if (pl_buf_printf(&g->missing, "%s%s", g->missing.len ? ", " : "", name)) return;
}

/* ---- the callbacks ---- */

static void came(const pouch_part *part, void *arg) {
    struct gathering *g = arg;
    char name[320];
    pouch_err e = pouch_part_error(part);
    name_of(part, name, sizeof name);
    if (e && !g->first_error) g->first_error = e;
    if (e) note_missing(g, name);
    if (e && !has_nothing_to_tell(part)) say_error(part, name);
    if (g->call->output != OPS_TABLE)
        print_json(g, part);
    else if (!e)
        printf("%s: %s\n", name, (const char *)pouch_reply_payload(pouch_part_reply(part), NULL));
    fflush(stdout);
}

static void ended(const pouch_gather *all, void *arg) {
    struct gathering *g = arg;
    size_t parts = 0;
    while (pouch_gather_part(all, parts)) parts++;
    pthread_mutex_lock(&g->lock);
    g->answered = pouch_gather_answered(all);
    g->parts = parts;
    g->is_ended = true;
    pthread_cond_signal(&g->ended);
    pthread_mutex_unlock(&g->lock);
}

/* ---- the main thread ---- */

static int conclude(struct gathering *g, size_t enough) {
    if (g->call->output != OPS_TABLE) ops_print_end(g->call, g->printed);
    int written = ops_done();
    if (g->answered >= (enough ? enough : g->parts)) return written;
    ops_say("%zu of %zu answered; without an answer: %s", g->answered, enough ? enough : g->parts,
            g->missing.at ? g->missing.at : "");
    ops_advise(g->first_error);
    return g->answered ? pouch_err_exit_code(POUCH_E_TIMEOUT) : pouch_err_exit_code(g->first_error);
}

static int ask(struct gathering *g, pouch_client *client, pouch_dest *const to[], size_t n, size_t enough,
               const struct pl_buf *json) {
    pouch_err e = pouch_client_gather(client, to, n, enough, json->at, json->len, 0, came, ended, g);
    if (e) {
        bool bad_input = e == POUCH_E_INVALID_PAYLOAD || e == POUCH_E_TOO_LARGE;
        int exit_code = ops_error(e);
        return bad_input ? OPS_EXIT_DATA : exit_code;
    }
    pthread_mutex_lock(&g->lock);
    while (!g->is_ended) pthread_cond_wait(&g->ended, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return conclude(g, enough);
}

int ops_gather(const struct ops_call *call, pouch_client *client, pouch_dest *const to[], size_t n, size_t enough,
               const struct pl_buf *json) {
    struct gathering g = {.call = call, .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    pl_buf_init(&g.line, LINE_MAX_BYTES);
    pl_buf_init(&g.missing, MISSING_MAX);
    int exit_code = ask(&g, client, to, n, enough, json);
    pl_buf_wipe(&g.line);
    pl_buf_free(&g.missing);
    pthread_cond_destroy(&g.ended);
    pthread_mutex_destroy(&g.lock);
    return exit_code;
}
