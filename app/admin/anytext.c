#include <admin/anytext.h>
#include <stdlib.h>
#include <string.h>

json_t *admin_anytext(struct pl_span text) {
    if (!text.at) return json_null();
    json_t *string = json_stringn(text.at, text.n);
    char *clean = string ? NULL : malloc(6 * text.n + 1);
    if (!clean) return string;
    size_t n = pl_json_escape(clean, text.at, text.n);
    n = pl_json_unescape(clean, clean, n);
    string = json_stringn(clean, n);
    free(clean);
    return string;
}

json_t *admin_anytext_of(const char *text) {
    return admin_anytext((struct pl_span){text, text ? strlen(text) : 0});
}

json_t *admin_texts_json(char *const *texts, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++) list = admin_array_with(list, admin_anytext_of(texts[i]));
    return list;
}

json_t *admin_array_with(json_t *array, json_t *item) {
    if (!json_array_append_new(array, item)) return array;
    json_decref(array);
    return NULL;
}

json_t *admin_json_with(json_t *object, const char *name, json_t *value) {
    if (!json_object_set_new(object, name, value)) return object;
    json_decref(object);
    return NULL;
}
