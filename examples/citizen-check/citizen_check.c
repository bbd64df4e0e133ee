/*
 * Asks four services at once about a citizen, and says what each of them found.
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… POUCH_REQUEST_TIMEOUT=10s ./citizen_check groups|topics < citizen.json
 *
 * groups: one topic, read by four groups; only the asker knows that there are four.
 * topics: a route with four targets; the answers tell how many there are.
 * Exit code 0: all four agree; 1: one does not, or cannot tell; 75: not all have answered, and the missing ones are
 * named.
 */
#include <jansson.h>
#include <pouch/pouch.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVICES = 4, PAPERS_MAX = 65536, REFUSED = 1, USAGE = 64, PARTIAL = 75 };

struct verdict {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_ended;
    int agree, differ, missing;
};

static bool has_passed(const pouch_reply *reply) {
    json_t *answer = json_loads(pouch_reply_payload(reply, NULL), 0, NULL);
    bool passed = json_is_true(json_object_get(answer, "passed"));
    json_decref(answer);
    return passed;
}

/* On the client's thread, as each service answers, fails, or is given up. */
static void one_came(const pouch_part *part, void *arg) {
    struct verdict *v = arg;
    const pouch_reply *reply = pouch_part_reply(part);
    pouch_err e = pouch_part_error(part);
    unsigned of, branch = pouch_part_branch(part, &of);
    if (!e) {
        printf("%s: %s\n", pouch_part_name(part), (const char *)pouch_reply_payload(reply, NULL));
        *(has_passed(reply) ? &v->agree : &v->differ) += 1;
    } else if (reply) {
        printf("%s: %s: %s\n", pouch_part_name(part), pouch_err_code(e), pouch_part_why(part));
        v->differ++;
    } else {
        if (branch)
            fprintf(stderr, "citizen_check: target %u of %u: %s\n", branch, of, pouch_part_why(part));
        else
            fprintf(stderr, "citizen_check: %s\n", pouch_part_why(part));
        v->missing++;
    }
}

static void all_came(const pouch_gather *g, void *arg) {
    struct verdict *v = arg;
    (void)g;
    pthread_mutex_lock(&v->lock);
    v->is_ended = true;
    pthread_cond_signal(&v->ended);
    pthread_mutex_unlock(&v->lock);
}

static pouch_err ask(pouch_client *client, const char *way, const char *papers, struct verdict *v) {
    bool by_groups = !strcmp(way, "groups");
    pouch_dest *to = pouch_dest_publisher(by_groups ? "citizen-by-groups" : "citizen-by-topics");
    pouch_err e = to ? POUCH_OK : POUCH_E_NO_MEMORY;
    if (!e && by_groups) e = pouch_dest_set_responders(to, SERVICES);
    if (!e) e = pouch_client_gather(client, &to, 1, 0, papers, strlen(papers), 0, one_came, all_came, v);
    pouch_dest_free(to);
    if (e) return e;
    pthread_mutex_lock(&v->lock);
    while (!v->is_ended) pthread_cond_wait(&v->ended, &v->lock);
    pthread_mutex_unlock(&v->lock);
    return POUCH_OK;
}

static pouch_err run(pouch_client **client, pouch_options *options, pouch_keyring **ring) {
    pouch_err e = pouch_keyring_load(ring, pouch_options_get(options, "key.file"));
    if (!e) e = pouch_options_set(options, "client.id", "citizen-check");
    return e ? e : pouch_client_new(client, options, *ring);
}

int main(int argc, char **argv) {
    struct verdict v = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    char papers[PAPERS_MAX];
    if (argc != 2 || (strcmp(argv[1], "groups") && strcmp(argv[1], "topics"))) {
        fprintf(stderr, "usage: citizen_check groups|topics < citizen.json\n");
        return USAGE;
    }
    papers[fread(papers, 1, sizeof papers - 1, stdin)] = '\0';
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_client *client = NULL;
    pouch_err e = options ? run(&client, options, &ring) : POUCH_E_NO_MEMORY;
    if (!e) e = ask(client, argv[1], papers, &v);
    if (e) fprintf(stderr, "citizen_check: %s\n", pouch_why());
    pouch_client_close(client, 0);
    pouch_keyring_free(ring);
    pouch_options_free(options);
    if (e) return pouch_err_exit_code(e);
    return v.missing ? PARTIAL : v.differ ? REFUSED : 0;
}
