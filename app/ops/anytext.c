#include <ops/anytext.h>
#include <ops/common.h>
#include <stdlib.h>

enum { ITEM_MAX = 1 << 30 };

/* Between the tokens of a JSON text a line's end is as good as a space, and an item is one line. */
static void join_lines(struct pl_buf *json) {
    for (size_t i = 0; i < json->len; i++)
        if (json->at[i] == '\n' || json->at[i] == '\r') json->at[i] = ' ';
}

/* The object without its closing brace, then the member. */
static pouch_err splice(struct pl_buf *out, const char *object, size_t n, const char *name, struct pl_span raw) {
    pouch_err e = pl_buf_append(out, object, n - 1);
    if (!e) e = pl_buf_printf(out, "%s\"%s\":", n > 2 ? "," : "", name);
    if (!e) e = pl_buf_append(out, raw.at, raw.n);
    if (!e) e = pl_buf_putc(out, '}');
    join_lines(out);
    return e;
}

/* The one line that both print; to be wiped. Takes object. */
static pouch_err write_line(struct pl_buf *out, json_t *object, const char *name, struct pl_span raw) {
    size_t n = 0;
    char *text = object ? pl_json_text(object, &n) : NULL;
    json_decref(object);
    pl_buf_init(out, ITEM_MAX);
    pouch_err e = !text ? POUCH_E_NO_MEMORY : raw.at ? splice(out, text, n, name, raw) : pl_buf_append(out, text, n);
    free(text);
    if (e) ops_say("out of memory");
    return e;
}

int ops_anytext_print(json_t *object, const char *name, struct pl_span raw) {
    struct pl_buf out;
    pouch_err e = write_line(&out, object, name, raw);
    if (!e) fwrite(out.at, 1, out.len, stdout);
    pl_buf_wipe(&out);
    return e ? pouch_err_exit_code(e) : OPS_EXIT_OK;
}

int ops_anytext_item(const struct ops_call *call, size_t nth, json_t *object, const char *name, struct pl_span raw) {
    struct pl_buf out;
    pouch_err e = write_line(&out, object, name, raw);
    if (!e) ops_print_item(call, nth, out.at, out.len);
    pl_buf_wipe(&out);
    return e ? pouch_err_exit_code(e) : OPS_EXIT_OK;
}
