/* The four pages: what an owner tells becomes their status and their text. */
#include "http_client.h"

#include <base/log.h>
#include <base/why.h>
#include <httpd/health.h>
#include <stdatomic.h>

struct owned {
    atomic_bool dead, unready;
};

static void dead(json_t *reasons, void *arg) {
    const struct owned *o = arg;
    if (o->dead) json_array_append_new(reasons, json_string("it stands still"));
}

static void unready(json_t *reasons, void *arg) {
    const struct owned *o = arg;
    if (!o->unready) return;
    json_array_append_new(reasons, json_string("no \"broker\""));
    json_array_append_new(reasons, json_string("no partitions"));
}

static void notes(json_t *notes, void *arg) {
    const struct owned *o = arg;
    if (o->unready) json_array_append_new(notes, json_string("the store is slow"));
}

static void status(json_t *into, void *arg) {
    (void)arg;
    json_object_set_new(into, "in_flight", json_integer(7));
}

static char text[256 * 1024];

/* The status of a page; its body is then in text. */
static int get(const struct httpd_health *h, const char *path) {
    char request[64];
    int code = 0, fd = client_connect(httpd_health_port(h));
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    client_say(fd, request);
    char *all = client_read_all(fd);
    assert_int_equal(sscanf(all, "HTTP/1.1 %d", &code), 1);
    snprintf(text, sizeof text, "%s", strstr(all, "\r\n\r\n") + 4);
    free(all);
    return code;
}

static struct httpd_health *start(const struct httpd_owner *owner) {
    struct httpd_health *h = NULL;
    if (httpd_health_start(&h, "127.0.0.1:0", owner)) fail_msg("%s", pouch_why());
    assert_non_null(h);
    return h;
}

static void health_is_what_the_owner_says_at_that_moment(void **state) {
    (void)state;
    struct owned o = {0};
    const struct httpd_owner owner = {.role = "test", .dead = dead, .unready = unready, .notes = notes, .arg = &o};
    struct httpd_health *h = start(&owner);
    assert_int_equal(get(h, "/readyz"), 200);
    assert_string_equal(text, "{\"ready\":true,\"reasons\":[],\"notes\":[]}\n");
    o.unready = true;
    assert_int_equal(get(h, "/readyz"), 503);
    assert_string_equal(
        text,
        "{\"ready\":false,\"reasons\":[\"no \\\"broker\\\"\",\"no partitions\"],\"notes\":[\"the store is slow\"]}\n");
    assert_int_equal(get(h, "/livez"), 200);
    assert_string_equal(text, "{\"live\":true,\"reasons\":[]}\n");
    o.dead = true;
    assert_int_equal(get(h, "/livez"), 503);
    assert_string_equal(text, "{\"live\":false,\"reasons\":[\"it stands still\"]}\n");
    o.dead = o.unready = false;
    assert_int_equal(get(h, "/readyz"), 200);
    httpd_health_stop(h);
}

static json_t *status_of(const struct httpd_health *h) {
    json_t *all = NULL;
    assert_int_equal(get(h, "/statusz"), 200);
    if (pl_json_read(&all, "status", text, strlen(text))) fail_msg("%s: %s", pouch_why(), text);
    return all;
}

static void the_status_has_what_the_owner_adds_and_the_last_errors(void **state) {
    (void)state;
    struct owned o = {.unready = true};
    const struct httpd_owner owner = {.role = "test", .unready = unready, .status = status, .arg = &o};
    struct httpd_health *h = start(&owner);
    PL_LOG(PL_LOG_WARN, "something \"odd\"", "n", "1");
    json_t *all = status_of(h);
    assert_string_equal(json_string_value(json_object_get(all, "role")), "test");
    assert_true(json_is_false(json_object_get(all, "ready")));
    assert_int_equal(json_array_size(json_object_get(all, "reasons")), 2);
    assert_int_equal(json_integer_value(json_object_get(all, "in_flight")), 7);
    const json_t *errors = json_object_get(all, "last_errors");
    const json_t *last = json_array_get(errors, json_array_size(errors) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "msg")), "something \"odd\"");
    assert_string_equal(json_string_value(json_object_get(last, "n")), "1");
    json_decref(all);
    httpd_health_stop(h);
}

static void an_owner_may_have_nothing_to_say(void **state) {
    (void)state;
    const struct httpd_owner owner = {.role = "test"};
    struct httpd_health *h = start(&owner);
    assert_int_equal(get(h, "/livez"), 200);
    assert_int_equal(get(h, "/readyz"), 200);
    json_decref(status_of(h));
    assert_int_equal(get(h, "/metrics"), 200);
    assert_non_null(strstr(text, "# TYPE pouch_http_connections gauge\npouch_http_connections 1\n"));
    assert_int_equal(get(h, "/"), 404);
    httpd_health_stop(h);
}

static void nothing_listens_unless_it_is_asked_for(void **state) {
    (void)state;
    const struct httpd_owner owner = {.role = "test"};
    struct httpd_health *h = (struct httpd_health *)&owner;
    assert_int_equal(httpd_health_start(&h, NULL, &owner), POUCH_OK);
    assert_null(h);
    httpd_health_stop(h);
    assert_int_equal(httpd_health_start(&h, "nowhere", &owner), POUCH_E_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_what_the_owner_says_at_that_moment),
        cmocka_unit_test(the_status_has_what_the_owner_adds_and_the_last_errors),
        cmocka_unit_test(an_owner_may_have_nothing_to_say),
        cmocka_unit_test(nothing_listens_unless_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
