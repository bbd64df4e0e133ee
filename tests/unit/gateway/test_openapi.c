/* The description, which is made from the same tables as the routes. */
#include <support.h>

#include <gateway/openapi.h>
#include <gateway/state.h>
#include <stdio.h>
#include <string.h>

static json_t *made(void) {
    json_t *all = gateway_openapi();
    if (!all) fail_msg("%s", pouch_why());
    return all;
}

static void every_endpoint_is_described_once(void **state) {
    (void)state;
    json_t *all = made(), *ids = json_object(), *paths = json_object_get(all, "paths");
    const struct gateway_endpoint *e;
    for (size_t i = 0; (e = gateway_endpoint_at(i)); i++) {
        char method[16];
        snprintf(method, sizeof method, "%s", e->method);
        for (char *c = method; *c; c++) *c = (char)(*c | 0x20);
        json_t *operation = json_object_get(json_object_get(paths, e->path), method);
        if (!operation) fail_msg("%s %s is not described", e->method, e->path);
        assert_string_equal(json_string_value(json_object_get(operation, "operationId")), e->id);
        if (json_object_get(ids, e->id)) fail_msg("%s is the id of two", e->id);
        json_object_set_new(ids, e->id, json_true());
        assert_true(json_object_size(json_object_get(operation, "responses")) > 0);
    }
    json_decref(ids);
    json_decref(all);
}

/* In either direction. */
static void what_is_in_braces_is_described(void **state) {
    (void)state;
    const struct gateway_endpoint *e;
    for (size_t i = 0; (e = gateway_endpoint_at(i)); i++) {
        size_t braces = 0, described = 0;
        for (const char *c = e->path; *c; c++) braces += *c == '{';
        for (const struct gateway_param *p = e->params; p && p->name; p++) {
            char name[64];
            snprintf(name, sizeof name, "{%s}", p->name);
            if (strcmp(p->in, "path")) continue;
            if (!strstr(e->path, name)) fail_msg("%s is not in %s", name, e->path);
            described++;
        }
        if (braces != described) fail_msg("%s: not every brace is described", e->path);
        const char *of = e->need.param;
        if (of && strcmp(of, AUTH_EACH)) {
            char name[64];
            snprintf(name, sizeof name, "{%s}", of);
            if (!strstr(e->path, name)) fail_msg("%s: what it needs is not in the path", e->path);
        }
    }
}

static void look_for_refs(const json_t *value, const json_t *schemas) {
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach((json_t *)value, name, member) {
        static const char place[] = "#/components/schemas/";
        const char *to = !strcmp(name, "$ref") ? json_string_value(member) : NULL;
        if (to && strncmp(to, place, sizeof place - 1)) fail_msg("%s is elsewhere", to);
        if (to && !json_object_get(schemas, to + sizeof place - 1)) fail_msg("there is no %s", to);
        look_for_refs(member, schemas);
    }
    json_array_foreach((json_t *)value, i, member) look_for_refs(member, schemas);
}

static void what_is_referred_to_is_there(void **state) {
    (void)state;
    json_t *all = made();
    look_for_refs(all, json_object_get(json_object_get(all, "components"), "schemas"));
    json_decref(all);
}

static void no_two_schemas_have_one_name(void **state) {
    (void)state;
    json_t *names = json_object();
    for (const struct gateway_part *const *p = gateway_parts; *p; p++)
        for (size_t i = 0; i < (*p)->n_schemas; i++) {
            if (json_object_get(names, (*p)->schemas[i].name)) fail_msg("%s is there twice", (*p)->schemas[i].name);
            json_object_set_new(names, (*p)->schemas[i].name, json_true());
        }
    json_decref(names);
}

/* acceptance: C35 */
static void the_page_has_every_path_and_loads_nothing(void **state) {
    (void)state;
    struct pl_buf page;
    const struct gateway_endpoint *e;
    json_t *all = made();
    pl_buf_init(&page, (size_t)4 * 1024 * 1024);
    assert_int_equal(gateway_page(&page, all), POUCH_OK);
    for (size_t i = 0; (e = gateway_endpoint_at(i)); i++)
        if (!strstr(page.at, e->path)) fail_msg("%s is not on the page", e->path);
    assert_null(strstr(page.at, "src="));
    assert_null(strstr(page.at, "<script"));
    assert_null(strstr(page.at, "<link"));
    pl_buf_free(&page);
    json_decref(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_endpoint_is_described_once),
        cmocka_unit_test(what_is_in_braces_is_described),
        cmocka_unit_test(what_is_referred_to_is_there),
        cmocka_unit_test(no_two_schemas_have_one_name),
        cmocka_unit_test(the_page_has_every_path_and_loads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
