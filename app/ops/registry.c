#include <base/why.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/rows.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

pouch_err ops_registry_open(const struct ops_call *call, struct pl_store **store) {
    char *url = NULL;
    pouch_err e = ops_rows_store(call, store, &url);
    free(url);
    return e;
}

pouch_err ops_route_find(struct pl_store *store, const char *publisher, struct pl_route_row **row) {
    struct pl_route_row *all;
    size_t n, i = 0;
    int64_t version;
    *row = NULL;
    pouch_err e = pl_store_routes(store, &all, &n, &version);
    if (e) return e;
    while (i < n && strcmp(all[i].publisher, publisher)) i++;
    if (i < n) {
        *row = malloc(sizeof **row);
        if (*row) {
            **row = all[i];
            all[i] = (struct pl_route_row){0};
        } else
            e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
    }
    pl_route_free(all, n);
    return e;
}

pouch_err ops_service_find(struct pl_store *store, const char *name, struct pl_service_row **row) {
    struct pl_service_row *all;
    size_t n, i = 0;
    *row = NULL;
    pouch_err e = pl_store_services(store, &all, &n);
    if (e) return e;
    while (i < n && strcmp(all[i].name, name)) i++;
    if (i < n) {
        *row = malloc(sizeof **row);
        if (*row) {
            **row = all[i];
            all[i] = (struct pl_service_row){0};
        } else
            e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a service");
    }
    pl_service_free(all, n);
    return e;
}

pouch_err ops_text_set(char **text, const char *to) {
    if (!to) return POUCH_OK;
    char *copy = strdup(to);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    free(*text);
    *text = copy;
    return POUCH_OK;
}

pouch_err ops_texts_set(char ***texts, size_t *n, const char *const from[], size_t n_from) {
    char **copies = calloc(n_from + 1, sizeof *copies);
    if (!copies) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < *n; i++) free((*texts)[i]);
    free(*texts);
    *texts = copies;
    pouch_err e = POUCH_OK;
    for (*n = 0; !e && *n < n_from; ++*n) e = ops_text_set(&copies[*n], from[*n]);
    return e;
}

json_t *ops_texts_json(char *const *texts, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, json_string(texts[i]))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

void ops_texts_put(FILE *out, char *const *texts, size_t n) {
    for (size_t i = 0; i < n; i++) fprintf(out, "%s%s", i ? ", " : "", texts[i]);
    if (!n) fputc('-', out);
}

json_t *ops_service_json(const struct pl_service_row *s) {
    char created[OPS_WHEN_TEXT], updated[OPS_WHEN_TEXT];
    return json_pack("{s:s,s:s,s:s?,s:s?,s:o,s:s,s:s}", "name", s->name, "version", s->version, "description",
                     s->description, "endpoint", s->endpoint, "tags", ops_texts_json(s->tags, s->n_tags), "created_at",
                     ops_when_text(created, s->created_ms), "updated_at", ops_when_text(updated, s->updated_ms));
}

json_t *ops_json_with(json_t *object, const char *name, json_t *value) {
    if (object && !json_object_set_new(object, name, value)) return object;
    if (!object) json_decref(value);
    json_decref(object);
    return NULL;
}

int ops_print_array(const struct ops_call *call, json_t *array) {
    if (call->output == OPS_JSON || !array) return ops_print_json(array);
    int exit_code = OPS_EXIT_OK;
    for (size_t i = 0; !exit_code && i < json_array_size(array); i++)
        exit_code = ops_print_json(json_incref(json_array_get(array, i)));
    json_decref(array);
    return exit_code;
}
