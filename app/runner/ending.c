#include <base/log.h>
#include <runner/ending.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WHY_MAX = 1200 };

/* HANDLER_TIMEOUT: the worker has failed the job already, and now it is gone. */
static bool is_gone(pouch_err e) {
    return !e || e == POUCH_E_HANDLER_TIMEOUT;
}

static void refuse(pouch_job *job, const char *who, const char *what) {
    char text[WHY_MAX];
    snprintf(text, sizeof text, "%s gave %s that cannot be sent: %s", who, what, pouch_why());
    runner_end_fail(job, text);
}

void runner_end_reply(pouch_job *job, const char *who, const void *json, size_t n) {
    if (!n && !pouch_job_wants_reply(job)) {
        json = "null";
        n = strlen(json);
    }
    if (!is_gone(pouch_job_reply(job, json, n))) refuse(job, who, "a reply");
}

void runner_end_forward(pouch_job *job, const char *who, const char *next, const void *json, size_t n) {
    static const char topic[] = "topic:";
    bool to_topic = !strncmp(next, topic, sizeof topic - 1);
    pouch_dest *to = to_topic ? pouch_dest_topic(next + sizeof topic - 1) : pouch_dest_publisher(next);
    if (!to || !is_gone(pouch_job_forward(job, to, json, n))) refuse(job, who, "something to forward");
    pouch_dest_free(to);
}

void runner_end_fail(pouch_job *job, const char *text) {
    if (!is_gone(pouch_job_fail(job, text))) runner_end_retry(job, pouch_why());
}

/* A job that its handler lets go of without an end keeps its place among those in flight for good. */
void runner_end_retry(pouch_job *job, const char *reason) {
    if (is_gone(pouch_job_retry(job, reason)) || is_gone(pouch_job_retry(job, NULL))) return;
    PL_LOG(PL_LOG_ERROR, "a request could not be ended: its handler counts as too slow", "request_id",
           pouch_job_request_id(job), "why", pouch_why());
}
